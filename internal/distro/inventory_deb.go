package distro

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"dram/internal/rootfs"
)

// readDeb reads dpkg's database: paragraphs, and a list of files for each package.
func (inv *Inventory) readDeb(status string) error {
	for par := range strings.SplitSeq(status, "\n\n") {
		f := stanza(par)
		if f["Package"] == "" || !strings.HasSuffix(f["Status"], " installed") {
			continue
		}
		p := debPackage(par)
		for _, name := range []string{p.Name + ":" + p.Arch, p.Name} {
			if at := "var/lib/dpkg/info/" + name + ".list"; exists(inv.root, at) {
				p.list = at
				break
			}
		}
		if err := inv.add(p); err != nil {
			return err
		}
	}
	return inv.own(func(p Package) ([]string, error) {
		if p.list == "" {
			return nil, nil
		}
		raw, err := rootfs.ReadFile(inv.root, p.list, maxListBytes)
		return strings.Split(string(raw), "\n"), err
	})
}

// debPackage is the package that a paragraph of dpkg's is of.
func debPackage(par string) Package {
	f := stanza(par)
	p := Package{
		Name: f["Package"], Version: f["Version"], Arch: f["Architecture"], Source: f["Package"], SourceVersion: f["Version"],
		Maintainer: f["Maintainer"], Base: f["Essential"] == "yes" || f["Priority"] == "required" || f["Package"] == "libc6", // whose libraries every image has

		paragraph: strings.Trim(par, "\n") + "\n",
	}
	if source := f["Source"]; source != "" {
		name, version, has := strings.Cut(source, " (")
		p.Source = name
		if has {
			p.SourceVersion = strings.TrimSuffix(version, ")")
		}
	}
	p.depends = append(alternatives(f["Pre-Depends"]), alternatives(f["Depends"])...)
	for _, group := range alternatives(f["Provides"]) {
		p.provides = append(p.provides, group...)
	}
	return p
}

// readListed reads what an image without a package manager has of dpkg's database: a
// file with a paragraph for each package, and one with the sums of its files.
func (inv *Inventory) readListed(entries []fs.DirEntry) error {
	for _, e := range entries {
		at := path.Join(ListDir(), e.Name())
		if info, err := inv.root.Stat(at); err != nil || !info.Mode().IsRegular() || path.Ext(e.Name()) == ".md5sums" {
			continue
		}
		raw, err := rootfs.ReadFile(inv.root, at, maxListBytes)
		if err != nil {
			return fmt.Errorf("reading what the system has of packages: %w", err)
		}
		p := debPackage(string(raw))
		if p.Name == "" {
			continue
		}
		if exists(inv.root, at+".md5sums") {
			p.list = at + ".md5sums"
		}
		if err := inv.add(p); err != nil {
			return err
		}
	}
	return inv.own(func(p Package) (names []string, err error) {
		if p.list == "" {
			return nil, nil
		}
		raw, err := rootfs.ReadFile(inv.root, p.list, maxListBytes)
		for line := range strings.Lines(string(raw)) {
			if _, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  "); ok {
				names = append(names, name)
			}
		}
		return names, err
	})
}
