package manifest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/manifest"
)

// plain is a file as the model has it.
type plain struct {
	mode fs.FileMode
	text string // content, or a link's target
}

// model is what lies in a directory, read in the simplest way.
func model(t *testing.T, root string) map[string]plain {
	t.Helper()
	out := map[string]plain{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		f := plain{mode: info.Mode()}
		switch {
		case info.Mode().IsRegular():
			raw, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			f.text = string(raw)
		case info.Mode()&fs.ModeSymlink != 0:
			if f.text, err = os.Readlink(name); err != nil {
				return err
			}
		}
		rel, _ := filepath.Rel(root, name)
		out[filepath.ToSlash(rel)] = f
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// differences are what two models tell.
func differences(before, after map[string]plain) (out []manifest.Difference) {
	for name, old := range before {
		now, there := after[name]
		link := old.mode.Type() == fs.ModeSymlink
		var kind manifest.Kind
		switch {
		case !there:
			kind = manifest.Missing
		case old.mode.Type() != now.mode.Type():
			kind = manifest.Type
		case link && old.text != now.text:
			kind = manifest.Link
		case len(old.text) != len(now.text):
			kind = manifest.Size
		case old.text != now.text:
			kind = manifest.Content
		case old.mode != now.mode:
			kind = manifest.Mode
		default:
			continue
		}
		out = append(out, manifest.Difference{Path: name, Kind: kind})
	}
	for name := range after {
		if _, there := before[name]; !there {
			out = append(out, manifest.Difference{Path: name, Kind: manifest.Extra})
		}
	}
	slices.SortFunc(out, func(a, b manifest.Difference) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// edit does something to a directory at random.
func edit(t *testing.T, r *rand.Rand, root string) string {
	t.Helper()
	all := model(t, root)
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	name := names[r.IntN(len(names))]
	at := filepath.Join(root, name)
	into := at
	if !all[name].mode.IsDir() {
		into = filepath.Dir(at)
	}
	fresh := filepath.Join(into, fmt.Sprintf("n%d", r.IntN(1000)))
	regular := all[name].mode.IsRegular()
	switch n := r.IntN(8); {
	case n == 0 && name != ".":
		return "remove " + name + failure(os.RemoveAll(at))
	case n == 1:
		return "add " + fresh + failure(os.WriteFile(fresh, []byte("new"), 0o644)) //nolint:gosec // any mode will do
	case n == 2:
		return "make " + fresh + failure(os.MkdirAll(fresh, 0o755)) //nolint:gosec // any mode will do
	case n == 3 && regular:
		text := []byte(all[name].text + "+")[1:]
		return "overwrite " + name + failure(os.WriteFile(at, text, 0o600))
	case n == 4 && regular:
		return "touch " + name + failure(os.Chtimes(at, time.Now(), time.Unix(int64(r.IntN(1e9)), 0)))
	case n == 5 && all[name].mode.Type() != fs.ModeSymlink:
		return "chmod " + name + failure(os.Chmod(at, []fs.FileMode{0o700, 0o750, 0o755, fs.ModeSetuid | 0o755, fs.ModeSticky | 0o711}[r.IntN(5)]))
	case n == 6 && name != ".":
		return "link " + name + failure(os.RemoveAll(at), os.Symlink([]string{"/etc", "nowhere", "../x"}[r.IntN(3)], at))
	case n == 7 && regular:
		return "restore " + name + failure(os.Rename(at, at+".old"), os.WriteFile(at, []byte(all[name].text), all[name].mode.Perm()), os.Chmod(at, all[name].mode), os.Remove(at+".old"))
	}
	return "nothing"
}

func failure(errs ...error) string {
	if err := errors.Join(errs...); err != nil {
		return ": " + err.Error()
	}
	return ""
}

// Whatever is done to a directory, what is told of it is what became another file: by
// Verify all of it, by Compare and Settle something of it, and nothing else.
func TestDifferencesAreThoseOfAModel(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 14)) //nolint:gosec // the same edits each time
	for range 60 {
		root := tree(t)
		m, before := take(t, root), model(t, root)
		var did []string
		for range 1 + r.IntN(4) {
			did = append(did, edit(t, r, root))
		}
		want := differences(before, model(t, root))
		bad, now, err := m.Verify(t.Context(), root)
		if diff := cmp.Diff(want, bad); diff != "" || err != nil {
			t.Fatalf("%q\nVerify: %v %s", did, err, diff)
		}
		if (now == nil) != (len(want) > 0) {
			t.Errorf("%q\nVerify: a manifest %v of %d differences", did, now != nil, len(want))
		}
		diffs, err := m.Compare(t.Context(), root)
		if err != nil {
			t.Fatal(err)
		}
		bad, now, err = m.Settle(t.Context(), root, diffs)
		if err != nil || (len(bad) > 0) != (len(want) > 0) {
			t.Fatalf("%q\nSettle: %v, %v, want %v", did, bad, err, want)
		}
		for _, d := range bad {
			if !slices.Contains(want, d) && (d.Kind != manifest.Size || !slices.Contains(want, manifest.Difference{Path: d.Path, Kind: manifest.Size})) {
				t.Errorf("%q\nSettle tells %v, want of %v", did, d, want)
			}
		}
		if len(want) > 0 {
			continue
		}
		if again, err := now.Compare(t.Context(), root); err != nil || len(again) > 0 {
			t.Errorf("%q\nonce settled: %v, %v", did, again, err)
		}
	}
}

// Two manifests have the same digest if and only if nothing differs between them.
func TestDigestTellsWhatDiffers(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 92)) //nolint:gosec // the same edits each time
	for range 40 {
		root := tree(t)
		before := take(t, root)
		did := edit(t, r, root)
		after := take(t, root)
		if diffs := before.Against(after); (before.Digest() == after.Digest()) != (len(diffs) == 0) {
			t.Errorf("%s: the digests are the same: %v; %v differ", did, before.Digest() == after.Digest(), diffs)
		}
		if there, back := before.Against(after), after.Against(before); len(there) != len(back) {
			t.Errorf("%s: %v one way, %v the other", did, there, back)
		}
		updated, err := manifest.Update(t.Context(), root, before)
		if err != nil || updated.Digest() != after.Digest() {
			t.Errorf("%s: updated and taken differ, %v", did, err)
		}
	}
}

// What lies in a directory is given by name, and nothing of the directories beside it
// or below.
func TestIn(t *testing.T) {
	m := take(t, tree(t))
	for dir, want := range map[string]string{
		"": ".", ".": "a b lib pipe usr usr.old", "usr": "usr/lib", "usr/lib": "usr/lib/empty usr/lib/libc.so.6 usr/lib/none", "usr/lib/empty": "",
		"a b": "", "none": "", "usr.": "",
	} {
		var got []string
		for _, e := range m.In(dir) {
			got = append(got, e.Path)
			if same, ok := m.Lookup(e.Path); !ok || same != e {
				t.Errorf("%q is looked up as %+v, %v", e.Path, same, ok)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("in %q: %q, want %q", dir, got, want)
		}
	}
	if e, ok := m.Lookup("usr/lib/no"); ok || e.Path != "" {
		t.Errorf("what is not there: %+v", e)
	}
	if got := m.Size(); got != int64(len("the C library")+len("with a space")) {
		t.Errorf("%d bytes", got)
	}
}

// A directory that cannot be taken stock of says which, and why.
func TestTakeFails(t *testing.T) {
	root := tree(t)
	for name, at := range map[string]string{"nothing": filepath.Join(root, "none"), "a file": filepath.Join(root, "a b"), "a link": filepath.Join(root, "lib")} {
		if _, err := manifest.Take(t.Context(), at); err == nil || !strings.Contains(err.Error(), at) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if os.Geteuid() == 0 {
		return // who reads everything
	}
	if err := os.Chmod(filepath.Join(root, "a b"), 0); err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Take(t.Context(), root)
	if e, _ := m.Lookup("a b"); err != nil || e.Digest != [32]byte{} {
		t.Errorf("a file that may not be read: %x, %v", e.Digest, err)
	}
}
