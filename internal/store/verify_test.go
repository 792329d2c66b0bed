package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dram/internal/store"
)

// stocked is a cache with one thing of each sort.
func stocked(t *testing.T) *orchard {
	t.Helper()
	o := newOrchard(t)
	o.sound()
	_, _, err := o.PutBlob(t.Context(), strings.NewReader("content"), "")
	if err := errors.Join(err, o.Put("kind", "key", "value"), o.Put("result", "key", "value")); err != nil {
		t.Fatal(err)
	}
	unlock, err := o.Lock(t.Context(), "lock", nil)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	return o
}

func (o *orchard) verify() *store.Verified {
	o.t.Helper()
	v, err := o.Verify(o.t.Context(), store.Derived{Records: []string{"result"}, Work: []string{"build"}})
	if err != nil {
		o.t.Fatal(err)
	}
	return v
}

func TestVerifySoundCache(t *testing.T) {
	o := stocked(t)
	v := o.verify()
	if v.Blobs != 1 || v.Records != 3 || v.Trees != 1 || v.Files != 4 || len(v.Mended) != 0 {
		t.Errorf("%+v", v)
	}
	if o.sound(); o.made != 1 {
		t.Error("the tree was made anew")
	}
}

// Each file of a cache, damaged in each way, is found and removed, and the next
// look finds all sound.
func TestVerifyFindsEachDamage(t *testing.T) {
	damage := map[string]func(path string) error{
		"flipped":   flip,
		"cut":       func(path string) error { return os.Truncate(path, 1) },
		"directory": func(path string) error { return errors.Join(os.Remove(path), os.MkdirAll(path+"/x", 0o700)) },
		"pipe":      func(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
		"link":      func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/dev/zero", path)) },
	}
	for name, hurt := range damage {
		for _, rel := range files(t, stocked(t).Dir()) {
			if strings.HasPrefix(rel, "locks/") && (name == "flipped" || name == "cut") || rel == "trees/root/key/bin/gsed" && name != "directory" {
				continue // a lock is empty, and a link has no bytes
			}
			o := stocked(t)
			if err := hurt(filepath.Join(o.Dir(), rel)); err != nil {
				t.Fatalf("%s %s: %v", name, rel, err)
			}
			v := o.verify()
			what := rel
			if strings.HasPrefix(rel, "trees/") {
				what = "trees/root/key"
			}
			if len(v.Mended) != 1 || v.Mended[0].Path != what {
				t.Errorf("%s %s: %+v", name, rel, v.Mended)
			}
			if v := o.verify(); len(v.Mended) != 0 {
				t.Errorf("%s %s: once more: %+v", name, rel, v.Mended)
			}
		}
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if err == nil && !d.IsDir() && !strings.HasPrefix(rel, "tmp") {
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil || len(out) < 7 {
		t.Fatal(out, err)
	}
	return out
}

// What only reading a tree shows puts what was built with it in doubt.
func TestVerifyDropsWhatHiddenDamageMayHaveMade(t *testing.T) {
	o := stocked(t)
	place, err := o.Work("build", "place")
	if err != nil {
		t.Fatal(err)
	}
	tree := o.TreePath("root", "key")
	if err := os.WriteFile(tree+"/bin/sed", []byte("a stream Editor"), 0o600); err != nil {
		t.Fatal(err)
	}
	store.Conceal(t, o.Store, "root", "key")
	v := o.verify()
	var value string
	_, gone := os.Stat(place)
	if len(v.Mended) != 2 || o.Get("result", "key", &value) || !os.IsNotExist(gone) || !o.Get("kind", "key", &value) {
		t.Errorf("%+v, %v", v, gone)
	}
}

func TestVerifyRemovesStrangers(t *testing.T) {
	o := stocked(t)
	for _, rel := range []string{"blobs/sha256/ab/junk", "blobs/sha256/junk", "records/kind/junk", "records/junk", "trees/junk", "trees/root/junk", "trees/root/gone.ok"} {
		path := filepath.Join(o.Dir(), rel)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
		if v := o.verify(); len(v.Mended) != 1 {
			t.Errorf("%s: %+v", rel, v.Mended)
		}
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there", rel)
		}
	}
}
