package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"dram/internal/distro"
	"dram/internal/fsutil"
	"dram/internal/problem"
	"dram/internal/store"
)

// incoming is where packages lie while dpkg installs them.
const incoming = "var/cache/dram"

// install adds the packages of the set to the system in dir: fetches and verifies
// them, and has the system's own dpkg unpack and configure them.
func (c *Client) install(ctx context.Context, set *Set, dir string, configure distro.Configurer) error {
	if err := c.fetchAll(ctx, set); err != nil {
		return fmt.Errorf("fetching packages of %s: %w", set.Suite, err)
	}
	dir, err := filepath.Abs(dir) // a sandbox wants it so
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return problem.New(problem.Environment, "", "opening root %q: %w", dir, err)
	}
	defer func() { _ = root.Close() }() // nothing is written through it
	begun := time.Now()
	packages, err := c.lay(ctx, set, root)
	if err != nil {
		return diskFull(fmt.Errorf("laying packages into the root: %w", err))
	}
	run := func(argv []string, out io.Writer) error {
		return configure.Run(ctx, dir, argv, scriptEnv(epoch(packages)), out)
	}
	if err := c.dpkg(ctx, run, root, len(packages)); err != nil {
		return diskFull(fmt.Errorf("adding packages of %s: %w", set.Suite, err))
	}
	if err := root.RemoveAll(incoming); err != nil {
		return err
	}
	if err := came(root, set); err != nil {
		return err
	}
	return diskFull(settle(root, dir, begun, epoch(packages)))
}

// fetchAll brings the packages into the cache.
func (c *Client) fetchAll(ctx context.Context, set *Set) error {
	c.progress("fetching %d packages (%d MB)", len(set.Packages), set.Size()>>20)
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(downloads)
	for _, p := range set.Packages {
		g.Go(func() error {
			if err := c.fetch.blob(each, digest(p), p.Size, p.Base+"/"+escape(p.Filename)); err != nil {
				return fmt.Errorf("package %s %s: %w", p.Name, p.Version, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// lay writes the packages into the root, each where what it depends on comes first.
func (c *Client) lay(ctx context.Context, set *Set, root *os.Root) ([]*installed, error) {
	if err := root.MkdirAll(incoming, 0o755); err != nil {
		return nil, err
	}
	var packages []*installed
	for _, p := range set.Packages {
		rec, err := c.control(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("package %s %s: %w", p.Name, p.Version, err)
		}
		packages = append(packages, rec)
	}
	packages = order(packages)
	for i, p := range packages {
		if err := c.copyTo(root, laid(i), p.Package); err != nil {
			return nil, err
		}
	}
	return packages, nil
}

// laid is where a package lies, by its place.
func laid(i int) string { return path.Join(incoming, fmt.Sprintf("%04d.deb", i)) }

// control reads a package's control files, and when it was made.
func (c *Client) control(ctx context.Context, p Package) (*installed, error) {
	blob, err := c.store.OpenBlob(digest(p))
	if err != nil {
		return nil, err
	}
	defer func() { _ = blob.Close() }() // only read
	d, err := openDeb(store.WithContext(ctx, blob))
	if err != nil {
		return nil, err
	}
	rec, err := newInstalled(p, d)
	if err != nil {
		return nil, err
	}
	rec.newest = d.ar.made
	return rec, nil
}

func (c *Client) copyTo(root *os.Root, name string, p Package) error {
	blob, err := c.store.OpenBlob(digest(p))
	if err != nil {
		return err
	}
	defer func() { _ = blob.Close() }() // only read
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, blob)
	return errors.Join(err, f.Close())
}

// dpkg unpacks the packages and configures them. What they depend on was chosen as
// apt does, but for what toolchains leave out: so dependencies are not dpkg's matter.
func (c *Client) dpkg(ctx context.Context, run func(argv []string, out io.Writer) error, root *os.Root, packages int) error {
	if _, err := root.Lstat(policyFile); err != nil { // services are not started; an image may have one of its own
		if err := errors.Join(root.MkdirAll(path.Dir(policyFile), 0o755), putFile(root, policyFile, []byte("#!/bin/sh\nexit 101\n"), 0o755)); err != nil {
			return err
		}
		defer func() { _ = root.Remove(policyFile) }() // the root is thrown away if it stays
	}
	forced := []string{"dpkg", "--force-depends", "--force-unsafe-io", "--force-confold", "--force-bad-path", "--log=/dev/null"}
	for _, row := range notUnpacked { // dpkg goes by the last that matches
		if pattern, ok := strings.CutSuffix(row.pattern, "/"); ok && !row.keep {
			forced = append(forced, "--path-exclude=/"+pattern+"/*")
		}
	}
	forced = append(forced, "--path-include=/usr/share/doc/*/copyright", "--path-include=/usr/share/locale/locale.alias")
	unpack := []string{"--unpack"}
	for i := range packages {
		unpack = append(unpack, "/"+laid(i))
	}
	for _, step := range [][]string{unpack, {"--configure", "-a"}} {
		c.progress("%s %d packages", strings.TrimPrefix(step[0], "--"), packages)
		out := &distro.Tail{Max: 64 << 10}
		if err := run(slices.Concat(forced, step), out); err != nil {
			return failed(ctx, "dpkg", out, err)
		}
	}
	return nil
}

// came sees that dpkg itself counts the packages as installed, in these versions.
func came(root *os.Root, set *Set) error {
	raw, err := fsutil.ReadIn(root, admin+"/status", maxIndex)
	if err != nil {
		return err
	}
	there, err := readInstalled(&distro.Snapshot{Files: map[string][]byte{admin + "/status": raw}}, set.Arch)
	if err != nil {
		return fmt.Errorf("after packages were added, %w", err)
	}
	for _, p := range set.Packages {
		if e := there[p.Name]; e == nil || e.Version != p.Version {
			return problem.New(problem.Failure, "choose another image: its dpkg keeps packages out", "dpkg did not install %s %s", p.Name, p.Version)
		}
	}
	return nil
}

// settle removes what dpkg leaves beside its files and what differs from one run to
// the next, and gives everything that was made the packages' own date.
func settle(root *os.Root, dir string, begun, date time.Time) error {
	for _, pattern := range []string{"var/lib/dpkg/*-old", "var/lib/dpkg/lock*", "var/lib/dpkg/triggers/Lock", "var/lib/dpkg/updates/", "etc/*-", "etc/.pwd.lock"} {
		if err := remove(root, pattern); err != nil {
			return fmt.Errorf("tidying root: %w", err)
		}
	}
	since := begun.Add(-time.Second) // a file's time may be a tick behind the clock
	return errors.Join(distro.RemoveLitter(root, dir, since),
		distro.ChangedSince(dir, since, func(p string, _ fs.FileInfo) error { return fsutil.SetLinkTime(p, date) }))
}
