package inspect

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Lists are cut for people, who are told how much there is more of.
func TestTextIsBounded(t *testing.T) {
	r := helloImage(t)
	for range 40 {
		r.Unreferenced = append(r.Unreferenced, "usr/share/\x1b[2Jx")
		r.Groups = append(r.Groups, Group{Name: "more", Kind: "otp"})
		r.Duplicates = append(r.Duplicates, Duplicate{Paths: []string{"1", "2", "3", "4"}, Size: 2048})
	}
	r.Hidden = 1_000_000
	var out bytes.Buffer
	if err := r.Text(&out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for first, n := range map[string]int{"unreferenced": shown + 1, "part": shown + 1, "twice": shown, "layer": 2, "hidden": 1} {
		if got := strings.Count("\n"+text, "\n"+first+" "); got != n {
			t.Errorf("%d rows of %q, want %d", got, first, n)
		}
	}
	for _, want := range []string{"… and 26 more", "hello 0.1.0", "linux/amd64", "1.0 MB in layers below"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q", want)
		}
	}
	if strings.Contains(text, "\x1b") || strings.Contains(text, "1 2 3 4") {
		t.Errorf("printed as it came: %q", text)
	}
}

// What cannot be written is an error, of reports and of differences.
func TestTextToAFullDisk(t *testing.T) {
	full := errors.New("no space left")
	w := writer(func([]byte) (int, error) { return 0, full })
	r := helloImage(t)
	if err := r.Text(w); !errors.Is(err, full) {
		t.Errorf("text: %v", err)
	}
	if err := r.HTML(w); !errors.Is(err, full) {
		t.Errorf("page: %v", err)
	}
	if err := Diff(r, r).Text(w); !errors.Is(err, full) {
		t.Errorf("difference: %v", err)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// Two reports differ by what changed, and not by the version in a path.
func TestDiff(t *testing.T) {
	a := &Report{
		Name: "a", Digest: "sha256:1", Release: "hello", Version: "0.1.0",
		Groups:   []Group{{Name: "hello-0.1.0", Kind: "own"}, {Name: "jason-1.4.4", Kind: "dependency"}, {Name: "libc-2", Kind: "system"}},
		Packages: map[string]string{"libc6": "2.41-1", "zlib1g": "1.3"},
		Config:   []Setting{{"user", "1"}, {"port", "1"}, {"port", "2"}},
		Layers:   []Layer{{Digest: "x", Size: 10}, {Digest: "y", Size: 20}},
		Files: []File{
			{Path: "app/lib/hello-0.1.0/ebin/a.beam", Group: "hello-0.1.0", Digest: "sha256:aaaa"},
			{Path: "app/lib/hello-0.1.0/priv/nif.so", Group: "hello-0.1.0", Digest: "sha256:bbbb"},
			{Path: "app/releases/0.1.0/env.sh", Group: "release", Digest: "sha256:cccc"},
			{Path: "bin", Group: "system", Link: "usr/bin"},
		},
	}
	b := &Report{
		Name: "b", Digest: "sha256:2", Release: "hello", Version: "0.2.0",
		Groups:   []Group{{Name: "hello-0.2.0", Kind: "own"}, {Name: "plug-1.0.0", Kind: "dependency"}, {Name: "libc-3", Kind: "system"}},
		Packages: map[string]string{"libc6": "2.41-2", "zlib1g": "1.3"},
		Config:   []Setting{{"user", "1"}, {"port", "1"}, {"port", "2"}},
		Layers:   []Layer{{Digest: "x", Size: 10}, {Digest: "z", Size: 30}, {Digest: "q", Size: 5}},
		Files: []File{
			{Path: "app/lib/hello-0.2.0/ebin/a.beam", Group: "hello-0.2.0", Digest: "sha256:abab"},
			{Path: "app/lib/hello-0.2.0/priv/nif.so", Group: "hello-0.2.0", Digest: "sha256:bbbb"},
			{Path: "app/releases/0.2.0/env.sh", Group: "release", Digest: "sha256:cccc"},
			{Path: "bin", Group: "system", Link: "/usr/bin"},
		},
	}
	d := Diff(a, b)
	want := []Change{
		{"application", "hello", "0.1.0", "0.2.0"},
		{"application", "jason", "1.4.4", ""},
		{"application", "plug", "", "1.0.0"},
		{"application", "release hello", "0.1.0", "0.2.0"},
		{"package", "libc6", "2.41-1", "2.41-2"},
		{"module", "app/lib/hello/ebin/a.beam", "aaaa", "abab"},
		{"file", "bin", "-> usr/bin", "-> /usr/bin"},
	}
	if diff := cmp.Diff(want, d.Changes); diff != "" {
		t.Error(diff)
	}
	if d.Same || d.Pull != 35 || d.Layers != 2 || d.From != "a" || d.To != "b" {
		t.Errorf("%+v", d)
	}
	if same := Diff(a, a); !same.Same || len(same.Changes) > 0 || same.Changes == nil || same.Pull != 0 {
		t.Errorf("with itself: %+v", same)
	}
	var out bytes.Buffer
	if err := d.Text(&out); err != nil || !strings.Contains(out.String(), "(gone)") || !strings.Contains(out.String(), "35 B in 2 layers") {
		t.Errorf("%v %q", err, out.String())
	}
}

// A difference is the same whichever way it is looked at, old and new aside.
func TestDiffTurned(t *testing.T) {
	r := helloImage(t)
	other := *r
	other.Files = slices.Clone(r.Files[3:])
	there, back := Diff(r, &other), Diff(&other, r)
	for i := range there.Changes {
		there.Changes[i].Old, there.Changes[i].New = there.Changes[i].New, there.Changes[i].Old
	}
	if diff := cmp.Diff(there.Changes, back.Changes); diff != "" || len(back.Changes) != 3 {
		t.Errorf("%d changes %s", len(back.Changes), diff)
	}
}
