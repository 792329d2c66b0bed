package target

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"dram/internal/rootfs"
)

// Distilled is what a profile is made of.
type Distilled struct {
	// Bare is a bare system, More one with more libraries installed. What only the
	// second has is optional. Programs, certificates and the like are the bare
	// system's; of all of them more may be there.
	Bare, More *Target
	Owners     map[string]string // the packages of More's shared libraries, by real path
	Known      []Known
	Absent     []string // sonames of which the distribution has no package
}

// Distill writes the profile of a distribution as one line of JSON.
func Distill(w io.Writer, name string, from Distilled) error {
	doc, err := from.Bare.document()
	if err != nil {
		return fmt.Errorf("distilling %q: %w", name, err)
	}
	all, err := from.More.document()
	if err != nil {
		return fmt.Errorf("distilling %q: %w", name, err)
	}
	there := map[string]bool{}
	for _, l := range doc.Libraries {
		there[l.Path] = true
	}
	doc.Name, doc.Libraries = name, nil
	for _, l := range all.Libraries {
		if l.Soname == "" || slices.ContainsFunc(doc.Libraries, func(o library) bool { return o.Soname == l.Soname }) {
			continue // no library that something names; gconv's and PAM's modules
		}
		l.Package, l.Optional = from.Owners[l.Path], !there[l.Path]
		doc.Libraries = append(doc.Libraries, l)
	}
	links := maps.Clone(doc.Links)
	maps.Copy(links, all.Links)
	doc.Links = keepLinks(links, doc)
	doc.Profile = &Profile{Open: []Kind{Libraries, Programs, Erlang, Certificates}, Known: from.Known, Absent: from.Absent}
	doc.Facts.OTP = nil
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}

// keepLinks leaves out links that lead to nothing that the document has.
func keepLinks(links map[string]string, doc *document) map[string]string {
	d := *doc
	d.Links = links
	t, err := d.target()
	if err != nil {
		return links
	}
	out := map[string]string{}
	for name, to := range links {
		if _, err := t.root.Stat(name); err == nil {
			out[name] = to
		}
	}
	return out
}

// NewestOf is the newest version of a family that the target's library of that
// name offers, "" if it has none; ok is false where there is no such library.
func (t *Target) NewestOf(soname, family string) (newest string, ok bool) {
	doc, err := t.document()
	if err != nil {
		return "", false
	}
	for i := range doc.Libraries {
		if l := &doc.Libraries[i]; l.Soname == soname {
			if family == "" {
				return "", true
			}
			return Newest(l.file().VersionDefs, family), true
		}
	}
	return "", false
}

// DistillMusl writes musl's own library of a root, as a target that has
// nothing else, unless its version is in seen already. The name is the version.
func DistillMusl(w io.Writer, t *Target, seen map[string]bool) (version string, err error) {
	version = packageVersion(t.root, "musl")
	key := t.Facts.Platform + " " + version
	if version == "" || seen[key] {
		return version, nil
	}
	seen[key] = true
	doc, err := t.document()
	if err != nil {
		return version, err
	}
	arch := map[string]string{"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[t.Facts.Platform]
	loader := "lib/ld-musl-" + arch + ".so.1"
	real, err := rootfs.Resolve(t.root, loader)
	if err != nil {
		return version, fmt.Errorf("finding musl: %w", err)
	}
	for _, l := range doc.Libraries {
		if l.Path != real {
			continue
		}
		l.Path = loader
		out := document{
			Schema: Schema, Name: version, Libraries: []library{l},
			Facts: Facts{Platform: t.Facts.Platform, Libc: Libc{Kind: "musl", Version: version, Loader: loader}, UTF8: true},
		}
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return version, enc.Encode(out)
	}
	return version, fmt.Errorf("musl's %q is not a library", real)
}
