package inspect

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"dram/internal/ui"
)

// Difference is how two reports differ.
type Difference struct {
	From string `json:"from"`
	To   string `json:"to"`
	Same bool   `json:"same"` // the digest, or, without one, all contents
	// Changes are by what changed: application, module, library, package, file, setting.
	Changes []Change `json:"changes"`
	// Pull is what somebody who has the one image has to get for the other: bytes,
	// compressed, and layers.
	Pull   int64 `json:"pull"`
	Layers int   `json:"layers"`
}

// Change is one difference; one of Old and New is "" where something came or went.
type Change struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// Diff compares two reports.
func Diff(a, b *Report) *Difference {
	d := &Difference{From: a.Name, To: b.Name, Changes: []Change{}}
	d.compare("application", a.applications(), b.applications())
	d.compare("package", a.Packages, b.Packages)
	d.compare("setting", a.settings(), b.settings())
	for _, kind := range []string{"module", "library", "file"} {
		d.compare(kind, a.contents(kind), b.contents(kind))
	}
	has := map[string]bool{}
	for _, l := range a.Layers {
		has[l.Digest] = true
	}
	for _, l := range b.Layers {
		if !has[l.Digest] {
			d.Pull, d.Layers = d.Pull+l.Size, d.Layers+1
		}
	}
	d.Same = len(d.Changes) == 0 && a.Digest == b.Digest
	return d
}

func (d *Difference) compare(kind string, a, b map[string]string) {
	names := map[string]bool{}
	for n := range a {
		names[n] = true
	}
	for n := range b {
		names[n] = true
	}
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if a[n] != b[n] {
			d.Changes = append(d.Changes, Change{kind, n, a[n], b[n]})
		}
	}
}

// applications are the versions by name; ERTS is one.
func (r *Report) applications() map[string]string {
	out := map[string]string{}
	for _, g := range r.Groups {
		if name, version, ok := strings.Cut(g.Name, "-"); ok && g.Kind != "system" {
			out[name] = version
		}
	}
	if r.Release != "" {
		out["release "+r.Release] = r.Version
	}
	return out
}

// settings are the configuration's fields by name.
func (r *Report) settings() map[string]string {
	out := map[string]string{}
	for _, s := range r.Config {
		out[s.Name] += s.Value
	}
	return out
}

// contents are the digests of files of one kind, by names that do not change with a
// version.
func (r *Report) contents(kind string) map[string]string {
	out := map[string]string{}
	for _, f := range r.Files {
		if kindOf(f) == kind {
			out[r.lasting(f)] = cmp.Or(short(f.Digest), "-> "+f.Link)
		}
	}
	return out
}

func kindOf(f File) string {
	base := path.Base(f.Path)
	switch {
	case path.Ext(base) == ".beam":
		return "module"
	case strings.Contains(base, ".so"):
		return "library"
	}
	return "file"
}

// lasting is a file's name without the version of its application.
func (r *Report) lasting(f File) string {
	name, _, versioned := strings.Cut(f.Group, "-")
	if versioned {
		return strings.Replace(f.Path, f.Group, name, 1)
	}
	if r.Version != "" {
		at := strings.Replace("/"+f.Path, "/releases/"+r.Version+"/", "/releases/VERSION/", 1)
		return at[1:]
	}
	return f.Path
}

// Text writes the difference for people.
func (d *Difference) Text(w io.Writer) error {
	t := &table{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	n := map[string]int{}
	for _, c := range d.Changes {
		if n[c.Kind]++; n[c.Kind] <= shown {
			t.row(c.Kind, c.Name, cmp.Or(c.Old, "(none)"), "→", cmp.Or(c.New, "(gone)"))
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(n)) {
		if n[kind] > shown {
			t.row(kind, fmt.Sprintf("… and %d more", n[kind]-shown))
		}
	}
	if d.Same {
		t.row("the same")
	}
	if d.Layers > 0 {
		t.row("pull", fmt.Sprintf("%s in %d layers", ui.Bytes(d.Pull), d.Layers))
	}
	return t.flush()
}
