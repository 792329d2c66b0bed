package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"dram/internal/distro"
	"dram/internal/distro/debian"
)

// toolchain measures how long a toolchain's root takes from nothing.
func (b *bench) toolchain(ctx context.Context) ([]row, error) {
	r := row{what: "empty cache to toolchain root", rival: "mmdebstrap", ratio: 0.5}
	for _, tool := range []string{"mmdebstrap", "dpkg-deb"} {
		if program(tool) == "" {
			r.skipped = tool + " is not installed"
			return []row{r}, nil
		}
	}
	if os.Geteuid() != 0 {
		r.skipped = "mmdebstrap leaves a plain directory only as root"
		return []row{r}, nil
	}
	mirror := debian.MirrorOf(os.DirFS("/etc"), distro.Mirror{})
	var status string
	root := func(n int) (float64, error) {
		cache := b.cache
		if exists(cache) {
			cache = filepath.Join(b.work, fmt.Sprintf("cache-%d", n))
		}
		settle()
		start := time.Now()
		dir, err := b.runDram(ctx, cache, "toolchain", "root", suite, "--mirror", mirror.Archive, "--security-mirror", mirror.Security)
		took := time.Since(start).Seconds()
		if err == nil && status == "" {
			status, err = readStatus(dir)
		}
		return took, err
	}
	if b.settings.cache != "" { // the package set must be known before mmdebstrap's turn
		if _, err := root(-1); err != nil {
			return nil, err
		}
	}
	var err error
	r.ours, r.theirs, err = alternate(min(b.runs, 3), root,
		func(n int) (float64, error) { return b.mmdebstrap(ctx, mirror, status, n) })
	if err == nil {
		r.what += fmt.Sprintf(" (%d packages)", len(packagesOf(status).names))
	}
	return []row{r}, err
}

// mmdebstrap makes a root of the packages that a dpkg status lists, and gives
// the seconds that it took.
func (b *bench) mmdebstrap(ctx context.Context, mirror distro.Mirror, status string, n int) (float64, error) {
	set := packagesOf(status)
	local, err := b.absentRepository(ctx, set.absent())
	if err != nil {
		return 0, err
	}
	dir := filepath.Join(b.work, fmt.Sprintf("mmdebstrap-%d", n))
	settle()
	start := time.Now()
	_, err = b.output(ctx, []string{"LC_ALL=C.UTF-8"}, "mmdebstrap", "--quiet", "--variant=custom", "--format=directory",
		"--include="+strings.Join(append(set.names, absentName), ","), "trixie", dir,
		"deb "+mirror.Archive+" trixie main",
		"deb "+mirror.Archive+" trixie-updates main",
		"deb "+mirror.Security+" trixie-security main",
		"deb [trusted=yes] copy:"+local+" ./")
	took := time.Since(start).Seconds()
	if err != nil {
		return 0, err
	}
	got, err := readStatus(dir)
	if err != nil {
		return 0, err
	}
	if names := without(packagesOf(got).names, absentName); !slices.Equal(names, set.names) {
		return 0, fmt.Errorf("mmdebstrap installed %d packages where dram has %d: the comparison would not be fair",
			len(names), len(set.names))
	}
	return took, nil
}

// settle waits until what was written before is on the disk, so that no run
// pays for another's writes. Roots stay until the end for the same reason: ext4
// looks long for an inode that was not deleted just now.
func settle() { syscall.Sync() }

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

func readStatus(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "var/lib/dpkg/status"))
	return string(text), err
}

// absentName is a package without files that provides what dram leaves out of
// a root on purpose (graphical libraries that Erlang's packages depend on).
// Without it apt would install all of those and mmdebstrap do far more work.
const absentName = "dram-bench-absent"

// absentRepository makes a local package archive that holds that one package.
func (b *bench) absentRepository(ctx context.Context, provides []string) (string, error) {
	dir := filepath.Join(b.work, "absent")
	tree := filepath.Join(b.work, "absent-tree", "DEBIAN")
	if err := os.MkdirAll(tree, 0o755); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.Chmod(b.work, 0o755); err != nil { // apt reads it as a user of its own
		return "", err
	}
	// Only a package of an architecture that allows it provides "name:any" too.
	control := "Package: " + absentName + "\nVersion: 1\nArchitecture: " + runtime.GOARCH + "\nMulti-Arch: allowed\n" +
		"Maintainer: nobody <nobody@localhost>\n" +
		"Description: stands for packages that are left out\n"
	if len(provides) > 0 {
		control += "Provides: " + strings.Join(provides, ", ") + "\n"
	}
	if err := os.WriteFile(filepath.Join(tree, "control"), []byte(control), 0o644); err != nil {
		return "", err
	}
	deb := filepath.Join(dir, "absent.deb")
	if _, err := b.output(ctx, nil, "dpkg-deb", "--root-owner-group", "--build", filepath.Dir(tree), deb); err != nil {
		return "", err
	}
	content, err := os.ReadFile(deb)
	if err != nil {
		return "", err
	}
	index := fmt.Sprintf("%sFilename: ./absent.deb\nSize: %d\nSHA256: %x\n", control, len(content), sha256.Sum256(content))
	return dir, os.WriteFile(filepath.Join(dir, "Packages"), []byte(index), 0o644)
}
