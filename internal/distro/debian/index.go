package debian

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Package is one package of a Set: where it is and what it must be.
type Package struct {
	Name          string
	Version       string
	Arch          string // the root's architecture, or "all"
	Filename      string // below Base
	Size          int64  // bytes of the .deb
	SHA256        string // of the .deb, hexadecimal
	InstalledSize int64  // KiB, as the packager estimated
	Base          string // base URL of the archive that has it
}

// entry is a package as an index describes it. Its strings share the index's
// text.
type entry struct {
	Package
	essential, required                              bool
	priority, source                                 string
	depends, preDepends, provides, conflicts, breaks string
	installed                                        bool // it is there already
}

const (
	maxStanza   = 1 << 20   // bytes of one package's paragraph
	maxPackages = 1_000_000 // paragraphs of one index
)

// universe is every package that can be chosen, the newest version of each.
type universe struct {
	arch      string
	byName    map[string]*entry
	providers map[string][]provider // sorted by package name
	older     map[string][]*entry   // versions that a newer one replaced
	installed map[string]*entry     // what is there already, none in a root from nothing
}

type provider struct {
	by   *entry
	what relation
}

func newUniverse(arch string) *universe {
	return &universe{arch: arch, byName: make(map[string]*entry, 80_000), older: map[string][]*entry{}}
}

// add reads an index; a newer version replaces an older one, wherever from.
func (u *universe) add(text, base string) error {
	n := 0
	for par := range paragraphs(text) {
		if n++; n > maxPackages || len(par) > maxStanza {
			return fmt.Errorf("paragraph %d is past the limit of %d packages of %d bytes", n, maxPackages, maxStanza)
		}
		e, err := parseEntry(par)
		if err != nil {
			return fmt.Errorf("paragraph %d: %w", n, err)
		}
		if e.Arch != u.arch && e.Arch != "all" {
			continue
		}
		e.Base = base
		u.keepNewest(e)
	}
	return nil
}

func (u *universe) keepNewest(e *entry) {
	old := u.byName[e.Name]
	switch {
	case old == nil:
		u.byName[e.Name] = e
	case newer(e, old):
		u.byName[e.Name] = e
		u.older[e.Name] = append(u.older[e.Name], old)
	default:
		u.older[e.Name] = append(u.older[e.Name], e)
	}
}

// newer compares versions; of equal ones the digest decides, so that the order
// in which indexes arrive does not.
func newer(a, b *entry) bool {
	if c := compareVersions(a.Version, b.Version); c != 0 {
		return c > 0
	}
	if a.SHA256 != b.SHA256 {
		return a.SHA256 < b.SHA256
	}
	return a.Base < b.Base
}

func parseEntry(par string) (*entry, error) {
	e := &entry{}
	for name, value := range fields(par) {
		if err := e.set(name, value); err != nil {
			return nil, err
		}
	}
	if e.source == "" {
		e.source = e.Name
	}
	switch {
	case !validName(e.Name):
		return nil, fmt.Errorf("package name %q is not valid", e.Name)
	case e.Version == "" || e.Arch == "":
		return nil, fmt.Errorf("package %q has no version or architecture", e.Name)
	case !isSHA256(e.SHA256) || e.Size <= 0:
		return nil, fmt.Errorf("package %q has no SHA-256 digest or size", e.Name)
	case path.IsAbs(e.Filename) || path.Clean(e.Filename) != e.Filename || strings.HasPrefix(e.Filename, ".."):
		return nil, fmt.Errorf("package %q has the file name %q", e.Name, e.Filename)
	}
	return e, nil
}

func (e *entry) set(name, value string) (err error) {
	switch name {
	case "Package":
		e.Name = value
	case "Version":
		e.Version = value
	case "Architecture":
		e.Arch = value
	case "Filename":
		e.Filename = strings.TrimPrefix(value, "./")
	case "Size":
		e.Size, err = strconv.ParseInt(value, 10, 64)
	case "Installed-Size":
		e.InstalledSize, err = strconv.ParseInt(value, 10, 64)
	case "SHA256":
		e.SHA256 = value
	case "Essential":
		e.essential = value == "yes"
	case "Source":
		e.source, _, _ = strings.Cut(value, " ")
	case "Priority":
		e.priority = value
		e.required = value == "required"
	case "Depends":
		e.depends = value
	case "Pre-Depends":
		e.preDepends = value
	case "Provides":
		e.provides = value
	case "Conflicts":
		e.conflicts = value
	case "Breaks":
		e.breaks = value
	}
	if err != nil {
		return fmt.Errorf("field %s: %w", name, err)
	}
	return nil
}

// validName is Debian policy 5.6.7, with upper case let through. It also
// makes a name safe as a file name.
func validName(s string) bool {
	for _, c := range s {
		if c != '-' && c != '+' && c != '.' && c != '_' && ('0' > c || c > '9') && ('a' > c || c > 'z') && ('A' > c || c > 'Z') {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 200 && s[0] != '.' && s[0] != '-'
}

// index finds out who provides what; call it after the last add.
func (u *universe) index() {
	u.providers = make(map[string][]provider)
	for _, e := range u.byName {
		for _, group := range parseRelations(e.provides, u.arch) {
			for _, r := range group {
				u.providers[r.name] = append(u.providers[r.name], provider{e, r})
			}
		}
	}
	for _, list := range u.providers {
		slices.SortFunc(list, func(a, b provider) int {
			return strings.Compare(a.by.Name, b.by.Name)
		})
	}
}

// candidates are the packages that meet r: the one of that name first, then
// the providers by name.
func (u *universe) candidates(r relation) []*entry {
	var out []*entry
	if e := u.byName[r.name]; e != nil && !r.foreign && r.admits(e.Version) {
		out = append(out, e)
	}
	for _, p := range u.providers[r.name] {
		if p.by.Name != r.name && r.provided(p.what) {
			out = append(out, p.by)
		}
	}
	return out
}

// roots are the packages that every root has.
func (u *universe) roots() []string {
	var out []string
	for name, e := range u.byName {
		if e.essential || e.required {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
