// Package inspect says what an image or a release holds: how large each part is, why
// each file is there, what nothing refers to, what is there twice, and what could go.
// It reads what is given as one stream, tar after tar, executes nothing and writes
// nothing: contents are looked at as they pass, and of native files only what a loader
// reads of them is kept.
//
// What it is given is taken to be hostile: entries, bytes and what is kept of texts
// are bounded.
package inspect

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"dram/internal/distro"
	"dram/internal/release"
	"dram/internal/rootfs"
)

// Report is what was found.
type Report struct {
	Name     string `json:"name"`
	Digest   string `json:"digest,omitempty"` // of an image
	Platform string `json:"platform,omitempty"`
	Release  string `json:"release,omitempty"` // "" where there is none
	Version  string `json:"version,omitempty"`
	ERTS     string `json:"erts,omitempty"`
	At       string `json:"at,omitempty"` // where the release lies
	System   string `json:"system,omitempty"`

	Size       int64             `json:"size"` // bytes of all files
	Compressed int64             `json:"compressed,omitempty"`
	Layers     []Layer           `json:"layers,omitempty"`
	Groups     []Group           `json:"groups"`
	Files      []File            `json:"files"`
	Packages   map[string]string `json:"packages,omitempty"` // versions by name
	Config     []Setting         `json:"config,omitempty"`
	Findings
}

// Findings are what of the files could be otherwise.
type Findings struct {
	Unreferenced []string    `json:"unreferenced,omitempty"` // paths that nothing is known to need
	Duplicates   []Duplicate `json:"duplicates,omitempty"`
	Twice        []string    `json:"twice,omitempty"`  // paths that one archive names several times: the last counts
	Debug        int64       `json:"debug"`            // bytes of debug information
	Hidden       int64       `json:"hidden,omitempty"` // bytes of files that a later layer replaces or removes
}

// Layer is one layer of an image.
type Layer struct {
	Name   string `json:"name,omitempty"` // as its history calls it
	Digest string `json:"digest"`
	Size   int64  `json:"size"`         // bytes, compressed
	Plain  int64  `json:"uncompressed"` // bytes of its files
	Files  int    `json:"files"`
}

// Group is files that belong together: an application, ERTS, the system.
type Group struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"` // "otp", "dependency", …, or "system"
	Size  int64  `json:"size"`
	Files int    `json:"files"`
	Debug int64  `json:"debug,omitempty"`
}

// File is a file or a link.
type File struct {
	Path   string   `json:"path"`
	Mode   string   `json:"mode"`
	Size   int64    `json:"size"`
	Link   string   `json:"link,omitempty"`
	Digest string   `json:"digest,omitempty"`
	Layer  int      `json:"layer"`
	Group  string   `json:"group"`
	Why    []string `json:"why,omitempty"` // the chain, from the file itself to what is wanted; empty: unreferenced
	Debug  int64    `json:"debug,omitempty"`

	mode fs.FileMode
}

// Duplicate is one content under several names.
type Duplicate struct {
	Paths []string `json:"paths"`
	Size  int64    `json:"size"` // of one
}

// Setting is a field of an image's configuration.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// finish makes the report of what was read.
func (r *reader) finish() *Report {
	out := r.report
	root := rootfs.NewSkeleton(r.nodes)
	r.findRelease(root)
	why := newReasons(r, root)
	groups := map[string]*Group{}
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		f := r.files[name]
		kind := ""
		f.Group, kind = r.group(name)
		f.Why = why.of(name)
		if f.Why == nil {
			out.Unreferenced = append(out.Unreferenced, name)
		}
		g := groups[f.Group]
		if g == nil {
			g = &Group{Name: f.Group, Kind: kind}
			groups[f.Group] = g
		}
		g.Size, g.Files, g.Debug = g.Size+f.Size, g.Files+1, g.Debug+f.Debug
		out.Size, out.Debug = out.Size+f.Size, out.Debug+f.Debug
		out.Files = append(out.Files, *f)
	}
	for _, g := range groups {
		out.Groups = append(out.Groups, *g)
	}
	slices.SortFunc(out.Groups, func(a, b Group) int { return cmp.Or(cmp.Compare(b.Size, a.Size), strings.Compare(a.Name, b.Name)) })
	out.Duplicates = duplicates(out.Files)
	out.Packages = r.packages()
	return out
}

// findRelease finds the release, if there is one.
func (r *reader) findRelease(root rootfs.FS) {
	at, err := release.Find(root)
	if err != nil {
		return
	}
	rel, err := release.At(root, at)
	if err != nil {
		return
	}
	r.report.At, r.report.Release, r.report.Version, r.report.ERTS = at, rel.Name, rel.Version, rel.ERTS
	r.rel = rel
}

// inRelease is a path as the release has it.
func (r *reader) inRelease(name string) (string, bool) {
	switch {
	case r.rel == nil:
		return "", false
	case r.report.At == ".":
		return name, true
	}
	return strings.CutPrefix(name, r.report.At+"/")
}

// group is what a file belongs to, and what that is.
func (r *reader) group(name string) (group, kind string) {
	rest, ok := r.inRelease(name)
	if !ok {
		return "system", "system"
	}
	origin, app := release.OriginOf(rest, r.rel.Name)
	switch {
	case origin == release.ERTS:
		return "erts-" + r.rel.ERTS, origin.String()
	case app == "":
		return "release", origin.String()
	}
	return app, origin.String()
}

// duplicates are contents under several names that are worth a word.
func duplicates(files []File) (out []Duplicate) {
	const least = 1024 // bytes
	by := map[string][]File{}
	for _, f := range files {
		if f.Size >= least && f.Digest != "" {
			by[f.Digest] = append(by[f.Digest], f)
		}
	}
	for _, same := range by {
		if len(same) < 2 {
			continue
		}
		d := Duplicate{Size: same[0].Size}
		for _, f := range same {
			d.Paths = append(d.Paths, f.Path)
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Duplicate) int {
		return cmp.Or(cmp.Compare(b.Size*int64(len(b.Paths)-1), a.Size*int64(len(a.Paths)-1)), strings.Compare(a.Paths[0], b.Paths[0]))
	})
	return out
}

// packages are those that the image lists where scanners look.
func (r *reader) packages() map[string]string {
	out := map[string]string{}
	for name, node := range r.nodes {
		if !distro.Lists(name) {
			continue
		}
		for par := range strings.SplitSeq(node.Text, "\n\n") {
			if n, v := distro.Listing(par); n != "" {
				out[n] = v
			}
		}
	}
	return out
}

// errTooLarge is that something passes what is read.
var errTooLarge = errors.New("it holds more than is read")
