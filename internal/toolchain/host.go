package toolchain

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/rootfs"
	"dram/internal/store"
)

// openHost is this machine as it is. There is no digest of all that it has, so
// its ID is of what package managers wrote down and of the names, sizes and
// times of Erlang's and Elixir's files: what was installed, and when.
func (p *Provider) openHost(ctx context.Context, r ref.Ref) (*Toolchain, error) {
	if p.Arch != runtime.GOARCH {
		return nil, problem.New(problem.Usage, "choose another engine, or leave --platform out",
			"toolchain %s is for %s, not %s", r, runtime.GOARCH, p.Arch)
	}
	root, err := rootfs.Dir("/")
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // only read
	sum := sha256.New()
	addFile(sum, root, "etc/os-release")
	for _, db := range distro.Databases() {
		addFile(sum, root, db.File)
	}
	for _, dir := range append(erlangRoots, elixirRoots[:len(elixirRoots)-1]...) {
		if err := addNames(ctx, sum, root, dir); err != nil {
			return nil, fmt.Errorf("opening toolchain %s: %w", r, err)
		}
	}
	env := []string{"PATH=" + os.Getenv("PATH")}
	_, _ = fmt.Fprintln(sum, env[0]) // a hash takes all
	return &Toolchain{
		Ref: r, ID: store.SumDigest(sum), Name: "this machine, " + osName(root), Config: v1.Config{Env: env},
		store: p.Store, warn: p.Warn, arch: p.Arch, dir: "/",
		look: sync.OnceValue(func() store.Digest { return lookAround(store.SumDigest(sum)) }),
	}, nil
}

// hostDirs are where an image's files come from that Erlang and Elixir do not
// bring: programs, libraries, certificates, the locale.
var hostDirs = []string{
	"bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "lib", "lib64", "usr/lib", "usr/lib64", "usr/local/lib",
	"lib/*-linux-*", "usr/lib/*-linux-*", "etc/ssl/certs", "etc/pki/tls/certs", "etc/ld.so.conf.d", "usr/lib/locale/C.*",
}

// lookAround names what there is on this machine to make an image of, by names,
// sizes and times: package managers do not write down all that changes.
func lookAround(id store.Digest) store.Digest {
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, id) // a hash takes all
	for _, pattern := range hostDirs {
		dirs, _ := filepath.Glob("/" + pattern) // the patterns are sound
		for _, dir := range dirs {
			addDir(sum, dir)
		}
	}
	return store.SumDigest(sum)
}

// addDir adds the names, sizes and times of what lies in a directory itself.
func addDir(sum io.Writer, dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && !info.IsDir() {
			_, _ = fmt.Fprintln(sum, dir, e.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
}

// addFile adds what a file holds, if it is there.
func addFile(sum io.Writer, root rootfs.FS, name string) {
	f, err := root.Open(name)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }() // only read
	_, _ = fmt.Fprintln(sum, name)
	_, _ = io.Copy(sum, io.LimitReader(f, 256<<20))
}

// addNames adds the names, sizes and times of all files below dir.
func addNames(ctx context.Context, sum io.Writer, root rootfs.FS, dir string) error {
	if _, err := root.Stat(dir); err != nil {
		return nil //nolint:nilerr // not installed there
	}
	return fs.WalkDir(root, dir, func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || strings.HasSuffix(name, "/src") {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // gone in this moment
		}
		_, err = fmt.Fprintln(sum, name, info.Size(), info.ModTime().UnixNano())
		return err
	})
}
