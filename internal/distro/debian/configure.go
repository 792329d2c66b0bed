package debian

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dram/internal/distro"
	"dram/internal/fsutil"
	"dram/internal/problem"
)

// policyFile keeps packages from starting services while they are configured.
const policyFile = "usr/sbin/policy-rc.d"

// configure runs the maintainer scripts as an installation from scratch does:
// preinst of each package in the order of dependencies, then one run of the
// root's own dpkg, which orders postinst and runs each trigger once.
func (c *Client) configure(ctx context.Context, run distro.Configurer, dir string, packages []*installed) error {
	c.progress("configuring %d packages", len(packages))
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // nothing is written through it
	if err := putFile(root, policyFile, []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
		return err
	}
	env := scriptEnv(epoch(packages))
	steps := [][]string{
		{"dpkg", "--configure", "-a", "--force-depends", "--force-unsafe-io", "--force-confold", "--force-bad-path", "--log=/dev/null"},
	}
	if script := preinsts(packages); script != "" {
		steps = append([][]string{{"/bin/sh", "-c", script}}, steps...)
	}
	for _, argv := range steps {
		out := &distro.Tail{Max: 64 << 10}
		if err := run.Run(ctx, dir, argv, env, out); err != nil {
			return failed(ctx, argv[0], out, err)
		}
	}
	return root.Remove(policyFile)
}

// scriptEnv is the environment of packages' scripts in a root of that date.
func scriptEnv(date time.Time) []string {
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "TMPDIR=/tmp", "LC_ALL=C.UTF-8", "LANG=C.UTF-8", "TZ=UTC", "TERM=dumb",
		"DEBIAN_FRONTEND=noninteractive", "DEBCONF_NONINTERACTIVE_SEEN=true", "DEBCONF_NOWARNINGS=yes",
		"DPKG_FRONTEND_LOCKED=1",
		"SOURCE_DATE_EPOCH=" + strconv.FormatInt(date.Unix(), 10),
	}
}

func failed(ctx context.Context, what string, out *distro.Tail, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, ok := errors.AsType[*problem.Error](err); ok {
		return err // the sandbox says itself what is wrong
	}
	if out.String() == "" {
		return fmt.Errorf("running %s: %w", path.Base(what), err)
	}
	return problem.New(problem.Failure, "a package's own script failed: leave that package out, or use another suite",
		"running %s: %w; its last lines:\n%s", path.Base(what), err, out.Last(20))
}

// preinsts is the shell script that runs every preinst, each with what dpkg
// gives it.
func preinsts(packages []*installed) string {
	var b strings.Builder
	b.WriteString("set -e\nexport DPKG_MAINTSCRIPT_NAME=preinst DPKG_RUNNING_VERSION=1.20.0 DPKG_ADMINDIR=/" + admin + " DPKG_ROOT=\n")
	n := 0
	for _, p := range order(packages) {
		if p.control["preinst"] == nil {
			continue
		}
		n++
		fmt.Fprintf(&b, "export DPKG_MAINTSCRIPT_PACKAGE=%s DPKG_MAINTSCRIPT_ARCH=%s\n", p.Name, p.Arch)
		fmt.Fprintf(&b, "/%s/info/%s.preinst install || { echo preinst of %s failed; exit 1; }\n", admin, p.infoName(), p.Name)
	}
	if n == 0 {
		return ""
	}
	return b.String()
}

// volatile is what configuring leaves behind that differs from one run to the
// next or that the next one makes anew. A pattern that ends in / empties the
// directory's files and keeps its directories.
var volatile = []string{
	"var/log/", "var/cache/", "tmp/", "run/", "var/tmp/",
	"var/lib/dpkg/*-old", "var/lib/dpkg/lock*", "var/lib/dpkg/triggers/Lock", "var/lib/dpkg/updates/",
	"etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/subuid-", "etc/subgid-", "etc/.pwd.lock",
	"var/lib/systemd/", "root/.*",
}

// tidy removes what is volatile, empties the machine's identity, and gives
// everything that configuring made the root's own date.
func tidy(root *os.Root, dir string, date time.Time) error {
	for _, pattern := range volatile {
		if err := remove(root, pattern); err != nil {
			return fmt.Errorf("tidying root: %w", err)
		}
	}
	if _, err := root.Lstat("etc/machine-id"); err == nil {
		if err := putFile(root, "etc/machine-id", nil, 0o444); err != nil {
			return fmt.Errorf("tidying root: %w", err)
		}
	}
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || !info.ModTime().After(date) {
			return err
		}
		return fsutil.SetLinkTime(p, date)
	})
}

func remove(root *os.Root, pattern string) error {
	if dir, ok := strings.CutSuffix(pattern, "/"); ok {
		return fs.WalkDir(root.FS(), dir, func(p string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || d.IsDir() {
				return err
			}
			return root.Remove(p)
		})
	}
	names, err := fs.Glob(root.FS(), pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		info, err := root.Lstat(name)
		if err != nil || info.IsDir() || strings.HasSuffix(name, "rc") || strings.HasSuffix(name, "profile") {
			continue
		}
		if err := root.Remove(name); err != nil {
			return err
		}
	}
	return nil
}
