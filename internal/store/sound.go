package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"dram/internal/manifest"
)

// A tree's marker, KEY.ok beside it, is its manifest: what the tree held when it
// was made. Whoever uses a tree asks SoundTree, which compares the two by what
// files look like; whoever must know reads all of it with VerifyTree. A marker
// that is no manifest, as that of an older dram, says nothing of the tree, which
// is then made anew.

// maxMarker bounds a manifest, in bytes: some two million files.
const maxMarker = 256 << 20

// Damage is a tree that is not, or no longer, what was made.
type Damage struct {
	Kind, Key   string
	Path        string
	Differences []manifest.Difference // none if its manifest is at fault
	Older       bool                  // an older dram made it, without a manifest
	// Hidden says that the tree looks as it did and only reading it shows the
	// damage: what was made with it meanwhile is in doubt.
	Hidden bool
}

func (d *Damage) Error() string {
	return fmt.Sprintf("the tree trees/%s/%s in the cache is not what was unpacked: %s", d.Kind, short(d.Key), d.what())
}

// what differs, in a few words.
func (d *Damage) what() string {
	what := "its manifest is missing or damaged"
	switch more := len(d.Differences) - 1; {
	case d.Older:
		what = "an older version of dram made it, without a manifest"
	case more == 0:
		what = d.Differences[0].String()
	case more > 0:
		what = fmt.Sprintf("%s, and %d more", d.Differences[0], more)
	}
	return what
}

func short(key string) string { return key[:min(len(key), 12)] }

// Tend says what is in the way of a tree's use, and what becomes of it.
type Tend struct {
	// Fill makes the content of a tree that is not there, as Tree has it.
	Fill func(ctx context.Context, dir string) error
	// Tell, if not nil, is told of a tree that is damaged before it is made anew.
	Tell func(*Damage)
}

// SoundTree is Tree for a tree that looks as it did when it was made: one that
// does not is made anew. It gives the tree's manifest as well.
func (s *Store) SoundTree(ctx context.Context, kind, key string, t Tend) (string, *manifest.Manifest, error) {
	for try := 0; ; try++ {
		if m, err := s.CheckTree(ctx, kind, key); m != nil || err != nil {
			var damage *Damage
			if !errors.As(err, &damage) {
				return s.TreePath(kind, key), m, err
			}
			dropped, err := s.DropTree(ctx, damage)
			if err != nil {
				return "", nil, err
			}
			if dropped && t.Tell != nil {
				t.Tell(damage)
			}
		}
		path, err := s.Tree(ctx, kind, key, t.Fill)
		if err != nil {
			return "", nil, err
		}
		m, err := s.manifestOf(kind, key)
		if err == nil || try > 0 {
			return path, m, err
		}
	}
}

// CheckTree compares a tree with its manifest without reading more than what was
// touched. It gives nil if there is no tree, and a *Damage if it differs.
func (s *Store) CheckTree(ctx context.Context, kind, key string) (*manifest.Manifest, error) {
	return s.examine(kind, key, func(m *manifest.Manifest, path string) ([]manifest.Difference, *manifest.Manifest, error) {
		diffs, err := m.Compare(ctx, path)
		if err != nil {
			return nil, nil, err
		}
		return m.Settle(ctx, path, diffs)
	})
}

// VerifyTree is CheckTree, but reads everything.
func (s *Store) VerifyTree(ctx context.Context, kind, key string) (*manifest.Manifest, error) {
	m, err := s.examine(kind, key, func(m *manifest.Manifest, path string) ([]manifest.Difference, *manifest.Manifest, error) {
		return m.Verify(ctx, path)
	})
	var damage *Damage
	if errors.As(err, &damage) && len(damage.Differences) > 0 {
		if m, err := s.manifestOf(kind, key); err == nil {
			seen, err := m.Compare(ctx, damage.Path)
			damage.Hidden = err == nil && len(seen) == 0
		}
	}
	return m, err
}

// look compares a tree with its manifest, as Settle and Verify do.
type look func(m *manifest.Manifest, path string) (bad []manifest.Difference, now *manifest.Manifest, err error)

func (s *Store) examine(kind, key string, look look) (*manifest.Manifest, error) {
	path := s.TreePath(kind, key)
	if !s.HasTree(kind, key) {
		return nil, s.remains(kind, key)
	}
	m, err := s.manifestOf(kind, key)
	if err != nil {
		return nil, err
	}
	bad, now, err := look(m, path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("looking for damage in the cache: %w", err)
	case len(bad) > 0:
		return nil, &Damage{Kind: kind, Key: key, Path: path, Differences: bad}
	case now != m:
		_ = s.keepManifest(kind, key, now) // at worst the same is done next time
	default:
		_ = s.noteDigest(kind, key, m) // it may have been lost
	}
	return now, nil
}

// remains is what is left of a tree where HasTree finds none: a marker without
// a tree, or a tree without a marker.
func (s *Store) remains(kind, key string) error {
	path := s.TreePath(kind, key)
	_, noMarker := os.Lstat(path + ".ok")
	info, noTree := os.Lstat(path)
	d := &Damage{Kind: kind, Key: key, Path: path}
	switch {
	case noMarker != nil && noTree != nil:
		return nil //nolint:nilerr // nothing is left
	case noTree != nil:
		d.Differences = []manifest.Difference{{Path: ".", Kind: manifest.Missing}}
	case !info.IsDir():
		d.Differences = []manifest.Difference{{Path: ".", Kind: manifest.Type}}
	}
	return d
}

// manifestOf reads a tree's manifest; its error is a *Damage.
func (s *Store) manifestOf(kind, key string) (*manifest.Manifest, error) {
	path := s.TreePath(kind, key)
	raw, err := readRegular(path+".ok", maxMarker)
	if err == nil {
		var m *manifest.Manifest
		if m, err = manifest.Parse(raw); err == nil {
			return m, nil
		}
	}
	return nil, &Damage{Kind: kind, Key: key, Path: path, Older: len(raw) == 0 && !errors.Is(err, errIrregular)}
}

// seal marks a tree that was just made as whole, by its manifest.
func (s *Store) seal(ctx context.Context, kind, key string) error {
	m, err := manifest.Take(ctx, s.TreePath(kind, key))
	if err != nil {
		return err
	}
	return s.keepManifest(kind, key, m)
}

func (s *Store) keepManifest(kind, key string, m *manifest.Manifest) error {
	if err := s.WriteSynced(s.TreePath(kind, key)+".ok", m.Bytes(), 0o600); err != nil {
		return err
	}
	return s.noteDigest(kind, key, m)
}

// noteDigest writes down what TreeDigest tells.
func (s *Store) noteDigest(kind, key string, m *manifest.Manifest) error {
	if s.TreeDigest(kind, key) == Digest(m.Digest()) {
		return nil
	}
	return s.Put("tree", kind+" "+key, m.Digest())
}

// TreeDigest names what the tree kind/key held when it was last made, whether or
// not it is there now; "" if that is not known. A tree that is made anew has
// the same if its content is the same.
func (s *Store) TreeDigest(kind, key string) Digest {
	var d Digest
	if !s.Get("tree", kind+" "+key, &d) || !d.Valid() {
		return ""
	}
	return d
}

// DropTree takes a damaged tree out of the way, so that the next Tree makes it
// anew. It does nothing and says so if another process did that already. Who
// uses the tree this moment keeps its files until this process ends.
func (s *Store) DropTree(ctx context.Context, d *Damage) (dropped bool, err error) {
	unlock, err := s.Lock(ctx, treeName(d.Kind, d.Key), nil)
	if err != nil {
		return false, err
	}
	defer unlock()
	again := s.CheckTree
	if d.Hidden {
		again = s.VerifyTree
	}
	var still *Damage
	if _, err := again(ctx, d.Kind, d.Key); !errors.As(err, &still) {
		return false, err
	}
	if err := removeAny(d.Path + ".ok"); err != nil {
		return false, fmt.Errorf("removing a damaged tree: %w", err)
	}
	doomed, _, err := s.TempDir("damaged")
	if err == nil {
		err = os.Rename(d.Path, filepath.Join(doomed, "tree"))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = RemoveAll(d.Path)
	} else {
		err = nil
	}
	if err != nil {
		return false, fmt.Errorf("removing a damaged tree: %w", err)
	}
	return true, nil
}

// Derived names what is made with a tree and kept.
type Derived struct{ Records, Trees, Work []string } // kinds

// Doubt drops what may have been made with a tree that was damaged meanwhile.
// What another dram works on stays.
func (s *Store) Doubt(ctx context.Context, d Derived) error {
	var errs []error
	for _, kind := range d.Records {
		errs = append(errs, RemoveAll(filepath.Join(s.dir, "records", kind)))
	}
	for _, kind := range d.Trees {
		markers, _ := filepath.Glob(filepath.Join(s.dir, "trees", kind, "*.ok")) // the pattern is sound
		for _, m := range markers {
			errs = append(errs, removeAny(m))
		}
	}
	for _, kind := range d.Work {
		dirs, _ := os.ReadDir(filepath.Join(s.dir, "projects", kind)) // else nothing is kept
		for _, e := range dirs {
			errs = append(errs, s.dropWork(ctx, kind, e.Name()))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("dropping what is in doubt: %w", err)
	}
	return nil
}

func (s *Store) dropWork(ctx context.Context, kind, key string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	unlock, err := s.Lock(ctx, kind+"-"+key, nil)
	if err != nil {
		return nil //nolint:nilerr // another dram works there
	}
	defer unlock()
	return RemoveAll(filepath.Join(s.dir, "projects", kind, key))
}
