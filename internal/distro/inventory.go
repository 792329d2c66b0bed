package distro

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"dram/internal/rootfs"
)

// Package is one that a system has.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"arch"`
	// Source is what it was built of, with that one's version.
	Source        string `json:"source"`
	SourceVersion string `json:"source_version"`
	Maintainer    string `json:"maintainer,omitempty"`
	// Base says that every system of its kind has it.
	Base bool `json:"base,omitempty"`

	paragraph string     // as the system lists it
	depends   [][]string // each met by one of several names
	provides  []string
	list      string // the file that lists its files
}

// Inventory is what a system has installed, as its package manager lists it.
type Inventory struct {
	System   System
	packages []Package
	byName   map[string]int
	owners   map[string]int // of files, by their real paths
	files    map[int][]string
	root     rootfs.FS
	kind     string
}

// The lists that are read.
const (
	listDeb = "deb"
	listApk = "apk"
)

// Bounds of an inventory.
const (
	maxPackages  = 20_000
	maxListBytes = 64 << 20
)

// ReadInventory reads what the system in root lists of its packages. It is nil where
// that keeps no list that is known.
func ReadInventory(root rootfs.FS) (*Inventory, error) {
	inv := &Inventory{System: Identify(root), byName: map[string]int{}, owners: map[string]int{}, files: map[int][]string{}, root: root}
	for _, l := range []struct{ kind, file string }{
		{listDeb, "var/lib/dpkg/status"}, {listApk, "lib/apk/db/installed"}, {listApk, "usr/lib/apk/db/installed"},
	} {
		if info, err := root.Stat(l.file); err != nil || !info.Mode().IsRegular() {
			continue
		}
		raw, err := rootfs.ReadFile(root, l.file, maxListBytes)
		if err != nil {
			return nil, fmt.Errorf("reading what the system has of packages: %w", err)
		}
		inv.kind = l.kind
		if l.kind == listDeb {
			err = inv.readDeb(string(raw))
		} else {
			err = inv.readApk(string(raw))
		}
		return inv, err
	}
	if entries, err := root.ReadDir(ListDir()); err == nil && len(entries) > 0 {
		inv.kind = listDeb
		return inv, inv.readListed(entries)
	}
	return nil, nil
}

// Packages are all that the system has.
func (inv *Inventory) Packages() []Package { return slices.Clone(inv.packages) }

// readApk reads apk's database: a paragraph a package, its files in it.
func (inv *Inventory) readApk(text string) error {
	files := map[string][]string{}
	for par := range strings.SplitSeq(text, "\n\n") {
		var p Package
		dir := ""
		for line := range strings.Lines(par) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
			switch key {
			case "P":
				p.Name = value
			case "V":
				p.Version, p.SourceVersion = value, value
			case "A":
				p.Arch = value
			case "o":
				p.Source = value
			case "m":
				p.Maintainer = value
			case "D":
				for name := range strings.FieldsSeq(value) {
					name, _, _ = strings.Cut(strings.TrimPrefix(name, "!"), ">")
					name, _, _ = strings.Cut(name, "=")
					p.depends = append(p.depends, []string{strings.TrimRight(name, "<~")})
				}
			case "p":
				for name := range strings.FieldsSeq(value) {
					name, _, _ = strings.Cut(name, "=")
					p.provides = append(p.provides, name)
				}
			case "F":
				dir = value
			case "R":
				files[p.Name] = append(files[p.Name], path.Join(dir, value))
			}
		}
		if p.Name == "" {
			continue
		}
		p.paragraph = strings.Trim(par, "\n") + "\n"
		if err := inv.add(p); err != nil {
			return err
		}
	}
	return inv.own(func(p Package) ([]string, error) { return files[p.Name], nil })
}

func (inv *Inventory) add(p Package) error {
	if len(inv.packages) >= maxPackages {
		return fmt.Errorf("the system lists more than %d packages", maxPackages)
	}
	inv.byName[p.Name] = len(inv.packages)
	inv.packages = append(inv.packages, p)
	for _, name := range p.provides {
		if _, there := inv.byName[name]; !there {
			inv.byName[name] = len(inv.packages) - 1
		}
	}
	return nil
}

// own takes in which files each package has. Lists name files as packages have them,
// which is not where they lie where /usr is merged.
func (inv *Inventory) own(list func(Package) ([]string, error)) error {
	dirs := map[string]string{}
	for i, p := range inv.packages {
		names, err := list(p)
		if err != nil {
			return fmt.Errorf("reading the files of package %q: %w", p.Name, err)
		}
		for _, name := range names {
			if name = rootfs.Clean(name); name == "." || !fs.ValidPath(name) {
				continue
			}
			at := path.Join(realDir(inv.root, path.Dir(name), dirs), path.Base(name))
			inv.files[i] = append(inv.files[i], at)
			inv.owners[at] = i
		}
	}
	return nil
}

func realDir(root rootfs.FS, dir string, known map[string]string) string {
	if real, ok := known[dir]; ok {
		return real
	}
	real, err := rootfs.Resolve(root, dir)
	if err != nil {
		real = dir
	}
	known[dir] = real
	return real
}

// Owner is the package that has a file, by its real path, or whose script made it: all
// certificates in one file are of those of the package that has them one by one.
func (inv *Inventory) Owner(name string) (Package, bool) {
	i, ok := inv.owners[name]
	if !ok && slices.Contains(CABundles(), name) {
		i, ok = inv.byName["ca-certificates"]
	}
	if !ok {
		return Package{}, false
	}
	return inv.packages[i], true
}

// Closure is the packages of those names and what they depend on, but for what every
// system has, sorted by name; missing is a name that the system has no package of.
func (inv *Inventory) Closure(names []string) (packages []Package, missing string) {
	chosen := map[int]bool{}
	queue := slices.Clone(names)
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		i, ok := inv.byName[name]
		if !ok {
			if slices.Contains(names, name) {
				return nil, name
			}
			continue
		}
		if chosen[i] || inv.packages[i].Base && !slices.Contains(names, name) {
			continue
		}
		chosen[i] = true
		for _, group := range inv.packages[i].depends {
			if met := slices.IndexFunc(group, func(n string) bool { _, ok := inv.byName[n]; return ok }); met >= 0 {
				queue = append(queue, group[met])
			}
		}
	}
	for i := range chosen {
		packages = append(packages, inv.packages[i])
	}
	slices.SortFunc(packages, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
	return packages, ""
}

// Files are the files, links and directories of a package that are there, by their
// real paths, and what the system leads to them by (alternatives).
func (inv *Inventory) Files(name string) []string {
	i, ok := inv.byName[name]
	if !ok {
		return nil
	}
	out := slices.Clone(inv.files[i])
	if inv.kind != listDeb {
		return out
	}
	has := map[string]bool{}
	for _, f := range out {
		has[f] = true
	}
	entries, _ := inv.root.ReadDir("etc/alternatives") // without it, there are none
	for _, e := range entries {
		link := "etc/alternatives/" + e.Name()
		if real, err := rootfs.Resolve(inv.root, link); err != nil || !has[real] {
			continue
		}
		out = append(out, link)
		out = append(out, inv.alternative(e.Name())...)
	}
	return out
}

// alternative is where the link of an alternative lies that programs are called by.
func (inv *Inventory) alternative(name string) []string {
	dirs, out := map[string]string{}, []string(nil)
	for _, dir := range []string{"usr/bin", "usr/sbin", "usr/local/bin", "bin", "sbin"} {
		at := path.Join(realDir(inv.root, dir, dirs), name)
		if to, err := inv.root.ReadLink(at); err == nil && to == "/etc/alternatives/"+name && !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	return out
}

// Listed are files that tell scanners of packages, by their paths in an image: those
// of the packages whose files it has.
func (inv *Inventory) Listed(files map[string][]string) map[string]string {
	out := map[string]string{}
	switch inv.kind {
	case listDeb: // one file a package, as in images without a package manager
		for name, has := range files {
			p := inv.packages[inv.byName[name]]
			out[ListDir()+"/"+name] = p.paragraph
			if sums := inv.sums(p, has); sums != "" {
				out[ListDir()+"/"+name+".md5sums"] = sums
			}
		}
	case listApk:
		var all bytes.Buffer
		for _, p := range inv.packages {
			if len(files[p.Name]) > 0 {
				all.WriteString(p.paragraph + "\n")
			}
		}
		out["lib/apk/db/installed"] = all.String()
	}
	return out
}

// ListDir is where an image without a package manager lists its packages, a file each.
func ListDir() string { return "var/lib/dpkg/status.d" }

// Lists says whether a file of an image lists packages, in paragraphs.
func Lists(name string) bool {
	return strings.HasPrefix(name, ListDir()+"/") && path.Ext(name) != ".md5sums" || slices.ContainsFunc(Databases(), func(d Database) bool { return d.File == name })
}

// Listing is the package that a paragraph of such a file is of, and its version.
func Listing(paragraph string) (name, version string) {
	for line := range strings.Lines(paragraph) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		switch key {
		case "Package", "P":
			name = strings.TrimSpace(value)
		case "Version", "V":
			version = strings.TrimSpace(value)
		}
	}
	return name, version
}

// sums are the lines of a package's checksums that are of files of the image.
func (inv *Inventory) sums(p Package, has []string) string {
	raw, err := rootfs.ReadFile(inv.root, strings.TrimSuffix(p.list, ".list")+".md5sums", maxListBytes)
	if err != nil || p.list == "" {
		return "" // not every package has them
	}
	dirs := map[string]string{}
	var out strings.Builder
	for line := range strings.Lines(string(raw)) {
		_, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		at := path.Join(realDir(inv.root, path.Dir(name), dirs), path.Base(name))
		if ok && slices.Contains(has, at) {
			out.WriteString(line)
		}
	}
	return out.String()
}
