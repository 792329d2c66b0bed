package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/manifest"
	"dram/internal/store"
)

// orchard is a cache with one tree, whose making is counted.
type orchard struct {
	*store.Store
	t    *testing.T
	made int
	told []string
}

func newOrchard(t *testing.T) *orchard {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	return &orchard{Store: s, t: t}
}

func (o *orchard) fill(_ context.Context, dir string) error {
	o.made++
	return errors.Join(
		os.Mkdir(filepath.Join(dir, "bin"), 0o755),
		os.WriteFile(filepath.Join(dir, "bin", "sed"), []byte("a stream editor"), 0o755),
		os.Symlink("sed", filepath.Join(dir, "bin", "gsed")),
	)
}

// sound gives the tree, and what was told about it.
func (o *orchard) sound() (path string, told []string) {
	o.t.Helper()
	o.told = nil
	path, m, err := o.SoundTree(o.t.Context(), "root", "key", store.Tend{Fill: o.fill, Tell: func(d *store.Damage) {
		o.told = append(o.told, strings.TrimPrefix(d.Error(), "the tree trees/root/key in the cache is not what was unpacked: "))
	}})
	if err != nil {
		o.t.Fatal(err)
	}
	now, err := manifest.Take(o.t.Context(), path)
	if err != nil || now.Digest() != m.Digest() || store.Digest(m.Digest()) != o.TreeDigest("root", "key") {
		o.t.Fatalf("the tree is %s, its manifest says %s, the record %s (%v)", now.Digest(), m.Digest(), o.TreeDigest("root", "key"), err)
	}
	return path, o.told
}

// Whatever is damaged of a tree or its manifest, it is made anew, once, and said.
func TestDamagedTreeIsMadeAnew(t *testing.T) {
	for _, tt := range []struct {
		name string
		hurt func(tree string) error
		want string
	}{
		{"flipped", func(tree string) error { return os.WriteFile(tree+"/bin/sed", []byte("a stream Editor"), 0o600) }, "bin/sed has another content"},
		{"cut", func(tree string) error { return os.Truncate(tree+"/bin/sed", 1) }, "bin/sed has another size"},
		{"deleted", func(tree string) error { return os.Remove(tree + "/bin/sed") }, "bin/sed is missing"},
		{"two", func(tree string) error {
			return errors.Join(os.Remove(tree+"/bin/gsed"), os.WriteFile(tree+"/bin/new", nil, 0o600))
		}, "bin/gsed is missing, and 1 more"},
		{"pipe", func(tree string) error {
			return errors.Join(os.Remove(tree+"/bin/sed"), syscall.Mkfifo(tree+"/bin/sed", 0o600))
		}, "bin/sed is of another type"},
		{"all deleted", os.RemoveAll, ". is missing"},
		{"a file in its place", func(tree string) error {
			return errors.Join(os.RemoveAll(tree), os.WriteFile(tree, nil, 0o600))
		}, ". is of another type"},
		{"manifest flipped", func(tree string) error { return flip(tree + ".ok") }, "its manifest is missing or damaged"},
		{"manifest cut", func(tree string) error { return os.Truncate(tree+".ok", 9) }, "its manifest is missing or damaged"},
		{"manifest deleted", func(tree string) error { return os.Remove(tree + ".ok") }, "its manifest is missing or damaged"},
		{"manifest of an older dram", func(tree string) error { return os.Truncate(tree+".ok", 0) }, "an older version of dram made it, without a manifest"},
		{"manifest a directory", func(tree string) error {
			return errors.Join(os.Remove(tree+".ok"), os.MkdirAll(tree+".ok/x", 0o700))
		}, "its manifest is missing or damaged"},
		{"manifest a pipe", func(tree string) error {
			return errors.Join(os.Remove(tree+".ok"), syscall.Mkfifo(tree+".ok", 0o600))
		}, "its manifest is missing or damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOrchard(t)
			tree, _ := o.sound()
			if err := tt.hurt(tree); err != nil {
				t.Fatal(err)
			}
			_, told := o.sound()
			if diff := cmp.Diff([]string{tt.want}, told); diff != "" || o.made != 2 {
				t.Errorf("made %d times: %s", o.made, diff)
			}
			if _, told := o.sound(); o.made != 2 || len(told) > 0 {
				t.Errorf("once more: made %d times, %v", o.made, told)
			}
		})
	}
}

func flip(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	raw[len(raw)/2] ^= 1
	return os.WriteFile(path, raw, 0o600)
}

// A cache that was copied or restored has other times and inodes: its trees are
// read once, and used.
func TestCopiedTreeIsUsed(t *testing.T) {
	o := newOrchard(t)
	tree, _ := o.sound()
	if err := errors.Join(os.Rename(tree, tree+".old"), os.CopyFS(tree, os.DirFS(tree+".old")), os.RemoveAll(tree+".old"),
		os.Chmod(tree+"/bin/sed", 0o755), os.Chmod(tree, 0o755)); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(tree + ".ok")
	if err != nil {
		t.Fatal(err)
	}
	if _, told := o.sound(); o.made != 1 || len(told) > 0 {
		t.Errorf("made %d times, %v", o.made, told)
	}
	after, err := os.ReadFile(tree + ".ok")
	if err != nil || string(after) == string(before) {
		t.Errorf("its manifest does not know it yet: %v", err)
	}
}

// The record of what a tree holds may be lost: it is written again.
func TestLostDigestOfATree(t *testing.T) {
	o := newOrchard(t)
	o.sound()
	if err := os.RemoveAll(filepath.Join(o.Dir(), "records", "tree")); err != nil {
		t.Fatal(err)
	}
	if o.sound(); o.made != 1 {
		t.Errorf("made %d times", o.made)
	}
}

// What looks the same is found by reading it, and said to be hidden.
func TestHiddenDamageIsFoundByReading(t *testing.T) {
	o := newOrchard(t)
	tree, _ := o.sound()
	if err := os.WriteFile(tree+"/bin/sed", []byte("a stream Editor"), 0o600); err != nil {
		t.Fatal(err)
	}
	store.Conceal(t, o.Store, "root", "key")
	_, err := o.VerifyTree(t.Context(), "root", "key")
	var damage *store.Damage
	if !errors.As(err, &damage) || !damage.Hidden {
		t.Fatalf("got %v", err)
	}
	if dropped, err := o.DropTree(t.Context(), damage); !dropped || err != nil {
		t.Fatalf("not dropped: %v", err)
	}
	if o.sound(); o.made != 2 {
		t.Errorf("made %d times", o.made)
	}
	if dropped, err := o.DropTree(t.Context(), damage); dropped || err != nil {
		t.Errorf("dropped again, though sound: %v", err)
	}
}

// A record in another one's place, or anything but a file, is none; and nothing
// keeps it from being written.
func TestRecordInAnothersPlace(t *testing.T) {
	s, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(s.Dir(), "records", "kind", name+".json") }
	for name, hurt := range map[string]func() error{
		"copied":    func() error { return copyFile(at("other"), at("key")) },
		"link":      func() error { return errors.Join(os.Remove(at("key")), os.Symlink("other.json", at("key"))) },
		"pipe":      func() error { return errors.Join(os.Remove(at("key")), syscall.Mkfifo(at("key"), 0o600)) },
		"directory": func() error { return errors.Join(os.Remove(at("key")), os.MkdirAll(at("key")+"/x", 0o700)) },
		"not a kind": func() error {
			return errors.Join(os.RemoveAll(filepath.Dir(at("key"))), os.WriteFile(filepath.Dir(at("key")), nil, 0o600))
		},
	} {
		if err := errors.Join(s.Put("kind", "key", "mine"), s.Put("kind", "other", "theirs"), hurt()); err != nil {
			t.Fatal(name, err)
		}
		var got string
		if _, aged := s.Age("kind", "key"); aged || s.Get("kind", "key", &got) {
			t.Errorf("%s: got %q, of some age: %v", name, got, aged)
		}
		if err := s.Put("kind", "key", "again"); err != nil || !s.Get("kind", "key", &got) || got != "again" {
			t.Errorf("%s: written again it is %q, %v", name, got, err)
		}
	}
}

func copyFile(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o600)
}

// So with blobs.
func TestSomethingElseInABlobsPlace(t *testing.T) {
	s, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	put := func() store.Digest {
		d, _, err := s.PutBlob(t.Context(), strings.NewReader("content"), "")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	path := s.BlobPath(put())
	for name, hurt := range map[string]func() error{
		"link":      func() error { return os.Symlink("/dev/zero", path) },
		"pipe":      func() error { return syscall.Mkfifo(path, 0o600) },
		"directory": func() error { return os.MkdirAll(path+"/x", 0o700) },
		"above it": func() error {
			return errors.Join(os.Remove(filepath.Dir(path)), os.WriteFile(filepath.Dir(path), nil, 0o600))
		},
	} {
		if err := errors.Join(os.RemoveAll(path), hurt()); err != nil {
			t.Fatal(name, err)
		}
		if err := s.VerifyBlob(put()); err != nil {
			t.Errorf("%s, then put: %v", name, err)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if name == "above it" {
			continue
		}
		if err := hurt(); err != nil {
			t.Fatal(name, err)
		}
		if d := put(); s.VerifyBlob(d) != nil {
			t.Errorf("%s: the blob is not mended", name)
		}
	}
}

// A lock's file that is a pipe would be waited for.
func TestSomethingElseInALocksPlace(t *testing.T) {
	s, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.Dir(), "locks", "name")
	for name, hurt := range map[string]func() error{
		"pipe":      func() error { return syscall.Mkfifo(path, 0o600) },
		"directory": func() error { return os.MkdirAll(path+"/x", 0o700) },
		"link":      func() error { return os.Symlink("/dev/null", path) },
	} {
		if err := hurt(); err != nil {
			t.Fatal(name, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		unlock, err := s.Lock(ctx, "name", nil)
		cancel()
		if err != nil {
			t.Fatal(name, err)
		}
		unlock()
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}
