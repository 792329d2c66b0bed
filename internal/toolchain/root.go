package toolchain

import (
	"context"
	"errors"
	"fmt"

	"dram/internal/manifest"
	"dram/internal/rootfs"
	"dram/internal/store"
)

// treeKind is where roots are kept in the cache.
const treeKind = "root"

// Unpacked says whether the root is already in the cache.
func (t *Toolchain) Unpacked() bool { return t.dir != "" || t.store.HasTree(treeKind, t.ID.Hex()) }

// Fresh says whether Root unpacked it.
func (t *Toolchain) Fresh() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fresh
}

// Root is Unpack, with nobody told of it.
func (t *Toolchain) Root(ctx context.Context) (string, error) { return t.Unpack(ctx, nil) }

// Unpack gives the unpacked root's directory, which nobody writes to. It looks as
// it did when it was unpacked: one that does not is unpacked anew.
func (t *Toolchain) Unpack(ctx context.Context, tell Progress) (string, error) {
	if t.dir != "" {
		return t.dir, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m != nil {
		return t.store.TreePath(treeKind, t.ID.Hex()), nil
	}
	fill := func(ctx context.Context, dir string) error {
		t.fresh = true
		return t.fill(ctx, dir, tell)
	}
	dir, m, err := t.store.SoundTree(ctx, treeKind, t.ID.Hex(), store.Tend{Fill: fill, Tell: t.tell})
	if err != nil {
		return "", fmt.Errorf("unpacking toolchain %s: %w", t.Ref, err)
	}
	t.m = m
	return dir, nil
}

func (t *Toolchain) tell(d *store.Damage) {
	if t.warn != nil {
		t.warn("toolchain %s is unpacked anew: %v", t.Ref, d)
	}
}

// Content names what the root holds, by what was seen of it and not by what it
// was made from, so that whatever is kept by it was made of just that. It is ""
// if the root was never unpacked here.
func (t *Toolchain) Content() store.Digest {
	if t.dir != "" {
		return t.look()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m != nil {
		return store.Digest(t.m.Digest())
	}
	return t.store.TreeDigest(treeKind, t.ID.Hex())
}

// RootFS is a root to read from.
type RootFS interface {
	rootfs.FS
	Close() error
	// Err is damage that was found while reading, whatever became of the error
	// then.
	Err() error
}

// Open gives the root's files, unpacking it if need be. Each is compared by
// content with what was unpacked; the error of one that differs is a
// *store.Damage.
func (t *Toolchain) Open(ctx context.Context) (RootFS, error) {
	dir, err := t.Root(ctx)
	if err != nil {
		return nil, err
	}
	if t.dir != "" {
		d, err := rootfs.Dir(dir)
		return machine{d}, err
	}
	return rootfs.Sealed(dir, t.m, func(d manifest.Difference) error {
		return &store.Damage{
			Kind: treeKind, Key: t.ID.Hex(), Path: dir, Differences: []manifest.Difference{d}, Hidden: true,
		}
	})
}

// machine is this machine's root, which nothing says of what it should be.
type machine struct{ *rootfs.DirFS }

func (machine) Err() error { return nil }

// Verify reads all of the root. It gives a *store.Damage if it is not what was
// unpacked.
func (t *Toolchain) Verify(ctx context.Context) error {
	if t.dir != "" {
		return nil
	}
	m, err := t.store.VerifyTree(ctx, treeKind, t.ID.Hex())
	if m == nil && err == nil {
		return fmt.Errorf("toolchain %s: its root is gone", t.Ref)
	}
	return err
}

// Facts reads what the toolchain has, unpacking it if need be; the answer is
// kept by the root's content.
func (t *Toolchain) Facts(ctx context.Context) (Facts, error) {
	root, err := t.Open(ctx)
	if err != nil {
		return Facts{}, err
	}
	defer func() { _ = root.Close() }() // only read
	var f Facts
	key := t.Content().Hex() + "-" + t.ID.Hex() + factsVersion // the environment is part of the ID
	if t.store.Get("facts", key, &f) {
		return f, nil
	}
	f = readFacts(root, t.Config.Env)
	if err := root.Err(); err != nil {
		return Facts{}, err
	}
	return f, t.store.Put("facts", key, f)
}

// Damaged is the damage of a root that err tells of, nil if it tells of none.
func Damaged(err error) *store.Damage {
	d, _ := errors.AsType[*store.Damage](err)
	return d
}
