package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dram/internal/manifest"
)

// Verified is what Verify looked at, and what it removed.
type Verified struct {
	Blobs   int      `json:"blobs"`
	Records int      `json:"records"`
	Trees   int      `json:"trees"`
	Files   int      `json:"files"`  // in trees
	Places  int      `json:"places"` // what builds kept
	Bytes   int64    `json:"bytes"`  // read
	Mended  []Mended `json:"mended"`
}

// Mended is something damaged that was removed, so that it is made anew.
type Mended struct {
	Path string `json:"path"` // in the cache
	Why  string `json:"why"`
}

// Verify reads all of the cache: blobs by their names, records by the digest
// they carry, trees by their manifests. What is damaged, or does not belong
// there, is removed, and with a tree whose damage did not show before, what may
// have been made with it. What other drams do meanwhile is not disturbed.
func (s *Store) Verify(ctx context.Context, d Derived) (*Verified, error) {
	v := verifier{s: s, out: &Verified{Mended: []Mended{}}, derived: d}
	for _, part := range []func(context.Context) error{v.records, v.blobs, v.trees, v.locks} {
		if err := part(ctx); err != nil {
			return nil, fmt.Errorf("verifying the cache: %w", err)
		}
	}
	return v.out, nil
}

type verifier struct {
	s       *Store
	out     *Verified
	derived Derived
}

func (v *verifier) mended(path, why string) {
	rel, err := filepath.Rel(v.s.dir, path)
	if err != nil {
		rel = path
	}
	v.out.Mended = append(v.out.Mended, Mended{filepath.ToSlash(rel), why})
}

// remove removes what is at path, whatever it is.
func (v *verifier) remove(path, why string) error {
	if err := removeAny(path); err != nil {
		return err
	}
	v.mended(path, why)
	return nil
}

// each calls do for what lies in a directory of the cache; one that is none is
// removed.
func (v *verifier) each(ctx context.Context, dir string, do func(path string, d fs.DirEntry) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return v.remove(dir, "is not a directory")
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := do(filepath.Join(dir, e.Name()), e); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) trees(ctx context.Context) error {
	return v.each(ctx, filepath.Join(v.s.dir, "trees"), func(dir string, _ fs.DirEntry) error {
		kind := filepath.Base(dir)
		return v.each(ctx, dir, func(path string, d fs.DirEntry) error {
			key, marker := strings.CutSuffix(d.Name(), ".ok")
			if marker {
				if _, err := os.Lstat(strings.TrimSuffix(path, ".ok")); err == nil {
					return nil // with its tree
				}
			}
			return v.tree(ctx, kind, key)
		})
	})
}

func (v *verifier) tree(ctx context.Context, kind, key string) error {
	m, err := v.s.VerifyTree(ctx, kind, key)
	v.out.Trees++
	if damage, ok := errors.AsType[*Damage](err); ok {
		dropped, err := v.s.DropTree(ctx, damage)
		if err != nil || !dropped {
			return err
		}
		v.mended(damage.Path, damage.what())
		if damage.Hidden {
			return v.doubt(ctx)
		}
		return nil
	}
	if m != nil {
		v.out.Files += m.Len()
		v.out.Bytes += m.Size()
	}
	return err
}

func (v *verifier) doubt(ctx context.Context) error {
	v.mended(v.s.dir, "what builds made with that, and kept, is dropped as well")
	return v.s.Doubt(ctx, v.derived)
}

func (v *verifier) blobs(ctx context.Context) error {
	return v.each(ctx, filepath.Join(v.s.dir, "blobs", "sha256"), func(dir string, _ fs.DirEntry) error {
		return v.each(ctx, dir, func(path string, d fs.DirEntry) error { return v.blob(ctx, path, d) })
	})
}

func (v *verifier) blob(ctx context.Context, path string, d fs.DirEntry) error {
	v.out.Blobs++
	want := Digest("sha256:" + d.Name())
	if !want.Valid() || d.Name()[:2] != filepath.Base(filepath.Dir(path)) {
		return v.remove(path, "does not belong there")
	}
	f, err := openRegular(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, errIrregular):
		return v.remove(path, "is not a file")
	case err != nil:
		return v.remove(path, "cannot be read")
	}
	defer func() { _ = f.Close() }() // only read
	sum := sha256.New()
	n, err := io.Copy(sum, WithContext(ctx, f))
	v.out.Bytes += n
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil || SumDigest(sum) != want {
		return v.remove(path, string(manifest.Content))
	}
	return nil
}

func (v *verifier) records(ctx context.Context) error {
	return v.each(ctx, filepath.Join(v.s.dir, "records"), func(dir string, _ fs.DirEntry) error {
		kind := filepath.Base(dir)
		return v.each(ctx, dir, func(path string, _ fs.DirEntry) error { return v.record(path, kind) })
	})
}

func (v *verifier) record(path, kind string) error {
	v.out.Records++
	name, ok := strings.CutSuffix(filepath.Base(path), ".json")
	if !ok {
		return v.remove(path, "does not belong there")
	}
	raw, err := readRegular(path, maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	v.out.Bytes += int64(len(raw))
	if _, sound := recordBody(kind, name, raw); err != nil || !sound {
		return v.remove(path, string(manifest.Content))
	}
	return nil
}

func (v *verifier) locks(ctx context.Context) error {
	return v.each(ctx, filepath.Join(v.s.dir, "locks"), func(path string, d fs.DirEntry) error {
		if d.Type().IsRegular() {
			return nil
		}
		return v.remove(path, "is not a file")
	})
}
