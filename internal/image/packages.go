package image

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/rootfs"
)

// zones is where systems keep time zones.
const zones = "usr/share/zoneinfo"

// SystemPackage is a package of the toolchain of which the image has files.
type SystemPackage struct {
	distro.Package
	PURL     string   `json:"purl"`
	Licences []string `json:"licences,omitempty"` // as its copyright file calls them
	Files    []string `json:"files"`              // by their paths in the image
}

// inventory is what the toolchain's system lists of its packages.
func (t *tree) inventory() (*distro.Inventory, error) {
	if t.inv == nil {
		var err error
		if t.inv, err = distro.ReadInventory(t.root); err != nil {
			return nil, err
		}
	}
	return t.inv, nil
}

// packages puts packages into the image: all their files, and those of what they
// depend on. start is those that may need others.
func (t *tree) packages(names []string, offered []distro.Want) (start []string, err error) {
	if len(names)+len(offered) == 0 {
		return nil, nil
	}
	inv, err := t.inventory()
	if err != nil {
		return nil, err
	}
	if names = append(slices.Clone(names), t.present(inv, offered)...); len(names) == 0 {
		return nil, nil
	}
	if inv == nil {
		return nil, problem.New(problem.Usage, "choose a toolchain whose system lists its packages, or name programs: --program",
			"packages cannot be put into the image (%s): the toolchain's system does not list what they hold", strings.Join(names, ", "))
	}
	closure, missing := inv.Closure(names)
	if missing != "" {
		return nil, problem.New(problem.Usage, "see how its distribution calls it", "the toolchain has no package %q", missing)
	}
	for _, p := range closure {
		for _, name := range inv.Files(p.Name) {
			more, err := t.packaged(name)
			if err != nil {
				return nil, fmt.Errorf("reading package %q of the toolchain: %w", p.Name, err)
			}
			start = append(start, more...)
		}
	}
	return start, nil
}

// present are those of the packages that the root has.
func (t *tree) present(inv *distro.Inventory, offered []distro.Want) (names []string) {
	if inv == nil {
		return nil
	}
	family := distro.Identify(t.root).Family()
	for _, w := range offered {
		for _, name := range w.Names(family) {
			if _, missing := inv.Closure([]string{name}); missing == "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// packaged puts one file of a package into the image; some, such as documentation,
// are not in the toolchain.
func (t *tree) packaged(name string) (start []string, err error) {
	info, err := t.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case strings.HasPrefix(name, "usr/share/doc/") && path.Base(name) != "copyright":
		return nil, nil
	case info.IsDir():
		if entries, err := t.root.ReadDir(name); err == nil && len(entries) == 0 {
			t.dir(name, info.Mode().Perm())
		}
		return nil, nil
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := t.root.ReadLink(name)
		if err != nil {
			return nil, err
		}
		t.link(name, target)
		return nil, nil
	case !info.Mode().IsRegular():
		return nil, nil
	}
	if info.Mode()&0o111 != 0 || strings.Contains(path.Base(name), ".so") {
		start = append(start, name)
	}
	return start, t.file(name, name)
}

// timeZones puts the time zones into the image.
func (t *tree) timeZones() error {
	n := 0
	err := fs.WalkDir(t.root, zones, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == zones+"/right" || name == zones+"/posix"): // the same once more
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		n++
		return t.path(name)
	})
	if n == 0 || errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.Usage, "add the package that has them to the toolchain: --package tzdata", "the toolchain has no time zones (/%s), which image.tzdata asks for", zones)
	}
	return err
}

// moreLocales puts locales into the image, by the names that programs ask for.
func (t *tree) moreLocales(names []string) error {
	for _, name := range names {
		dir := t.localeDir(name)
		if dir == "" {
			return problem.New(problem.Usage, "see that the name is right, or add the package that has it to the toolchain",
				"the toolchain has no locale %q", name)
		}
		err := fs.WalkDir(t.root, dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			return t.path(name)
		})
		if err != nil {
			return fmt.Errorf("reading locale %q: %w", name, err)
		}
	}
	return nil
}

// localeDir is where a locale lies, "" if it is nowhere: glibc writes the name of its
// text small and without signs.
func (t *tree) localeDir(name string) string {
	name, modifier, has := strings.Cut(name, "@")
	language, _, _ := strings.Cut(name, ".")
	if has {
		modifier = "@" + modifier
	}
	for _, text := range []string{".utf8", ".UTF-8"} {
		dir := "usr/lib/locale/" + language + text + modifier
		if info, err := t.root.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
	}
	return ""
}

// owned are the packages whose files are in the image.
func (t *tree) owned() ([]SystemPackage, error) {
	inv, err := t.inventory()
	if err != nil || inv == nil {
		return nil, err
	}
	index := map[string]int{}
	var out []SystemPackage
	for _, f := range t.sorted() {
		from := f.Source
		if from == "" {
			from = f.Path
		}
		p, ok := inv.Owner(from)
		if !ok || f.Mode.IsDir() || f.Text != "" {
			continue
		}
		i, known := index[p.Name]
		if !known {
			i = len(out)
			index[p.Name] = i
			out = append(out, SystemPackage{Package: p, PURL: inv.PURL(p), Licences: licences(t.root, p.Name)})
		}
		out[i].Files = append(out[i].Files, f.Path)
	}
	slices.SortFunc(out, func(a, b SystemPackage) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// list writes which packages the files are of, where scanners look.
func (t *tree) list(owned []SystemPackage) {
	files := map[string][]string{}
	for _, p := range owned {
		for _, name := range p.Files {
			if f := t.files[name]; f.Source != "" {
				name = f.Source
			}
			files[p.Name] = append(files[p.Name], name)
		}
	}
	if t.inv == nil {
		return
	}
	for name, text := range t.inv.Listed(files) {
		t.text(name, text)
	}
}

// shadowed is the whole in which the closure is searched: the toolchain, the release,
// and the files that the user adds.
func shadowed(root rootfs.FS, rel rootfs.FS, extra []Extra) rootfs.FS {
	whole := rootfs.Mount(root, appDir, rel)
	if len(extra) > 0 {
		whole = rootfs.Mount(whole, extraAt, skeletonOf(extra))
	}
	return whole
}
