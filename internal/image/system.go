package image

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"dram/internal/distro"
	"dram/internal/entrypoint"
	"dram/internal/layer"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/store"
)

// appDir is where the release lies in the image.
const appDir = "app"

// system is what an image holds besides the release.
type system struct {
	Files    []systemFile
	Programs []Program
	Missing  []rootfs.Missing
	Packages []SystemPackage // whose files are in it, where that is asked for
}

// systemFile is one entry, in a form that can be kept: its content is the
// root's file Source, Text, or the init.
type systemFile struct {
	Path   string
	Mode   fs.FileMode
	Size   int64
	Link   string
	Digest store.Digest
	Source string
	Text   string
	Init   string // or entrypoint.Init of this processor
	// UID and GID own a directory of the base, which stays as it is there: Exact.
	UID   int  `json:",omitempty"`
	GID   int  `json:",omitempty"`
	Exact bool `json:",omitempty"`
}

func (f systemFile) entry(root rootfs.FS) layer.Entry {
	e := layer.Entry{Path: f.Path, Mode: f.Mode, Size: f.Size, Link: f.Link, Digest: f.Digest, UID: f.UID, GID: f.GID, Exact: f.Exact}
	switch {
	case !f.Mode.IsRegular():
	case f.Source != "":
		e.Open = opener(root, f.Source)
	default:
		e.Open = bytesOpener(f.text())
	}
	return e
}

// node is the file as a root filesystem has it.
func (f systemFile) node(root rootfs.FS) rootfs.Node {
	n := rootfs.Node{Mode: f.Mode, Link: f.Link, Text: string(f.text()), Size: f.Size}
	if f.Source != "" {
		n.Open = func() (fs.File, error) { return root.Open(f.Source) }
	}
	return n
}

// text is the content of a file that dram wrote.
func (f systemFile) text() []byte {
	if f.Init != "" {
		return entrypoint.Init(f.Init)
	}
	return []byte(f.Text)
}

// findSystem is the closure, from the store if the same root was searched for
// the same files before.
func findSystem(st *store.Store, rel *release.Release, files []File, opts Options) (*system, error) {
	key := systemKey(rel, files, opts)
	var s system
	if opts.RootKey != "" && st.Get("closure", key, &s) {
		return &s, nil
	}
	made, err := searchSystem(rel, files, opts)
	if err != nil {
		return nil, err
	}
	if err := damage(opts.Root); err != nil {
		return nil, err
	}
	if opts.RootKey == "" {
		return made, nil
	}
	return made, st.Put("closure", key, made)
}

// damage is what a root found wrong with itself while it was searched: what was
// found then may lack what could not be read.
func damage(root rootfs.FS) error {
	if r, ok := root.(interface{ Err() error }); ok {
		return r.Err()
	}
	return nil
}

func systemKey(rel *release.Release, files []File, opts Options) string {
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "recipe %d init %q root %q user %q programs %q version %q shell %d\n", Recipe, entrypoint.ID(opts.Architecture), opts.RootKey, opts.User, opts.Programs, rel.Version, opts.Shell)
	_, _ = fmt.Fprintf(sum, "packages %q zones %t locales %q list %t inventory %t\n", opts.Packages, opts.TimeZones, opts.Locales, opts.PackageList, opts.Inventory)
	if opts.Base != nil {
		_, _ = fmt.Fprintf(sum, "base %s %d\n", opts.Base.Digest, BaseRecipe)
	}
	for _, e := range opts.Extra {
		_, _ = fmt.Fprintf(sum, "extra %q %s %q %s\n", e.Path, e.Mode, e.Link, e.Digest)
	}
	for _, a := range rel.Apps {
		_, _ = fmt.Fprintf(sum, "app %q\n", a.Name)
	}
	for _, f := range files {
		if mayNeed(f) {
			_, _ = fmt.Fprintf(sum, "%q %s %q %s\n", f.Path, f.Mode, f.Link, f.Digest)
		}
	}
	return store.SumDigest(sum).Hex()
}

// mayNeed says whether a file of the release may need files outside it: a
// program, a library, a script that others source.
func mayNeed(f File) bool {
	if f.Mode.Type() == fs.ModeSymlink || f.Mode.IsDir() || f.alone {
		return false
	}
	return f.Mode&0o111 != 0 || path.Ext(f.Path) == ".sh" || f.shell || strings.Contains(path.Base(f.Path), ".so")
}

func searchSystem(rel *release.Release, files []File, opts Options) (*system, error) {
	f := &finder{rel, files, opts}
	there, err := f.search()
	if err == nil && opts.Base != nil {
		there, err = f.onBase(there)
	}
	if err != nil {
		return nil, err
	}
	t, s := there.tree, &system{Programs: there.programs, Missing: inPlace(there.missing)}
	if opts.PackageList || opts.Inventory {
		if s.Packages, err = t.owned(); err != nil {
			return nil, err
		}
	}
	if opts.PackageList {
		t.list(s.Packages)
	}
	if opts.Base != nil {
		opts.Base.keeps(t)
	}
	s.Files = t.sorted()
	return s, nil
}

// finder finds what a release needs of a root.
type finder struct {
	rel   *release.Release
	files []File
	opts  Options
}

// found is what a release needs of a root.
type found struct {
	tree     *tree
	programs []Program
	missing  []rootfs.Missing
	closure  map[string]bool // of the tree's paths, those that are there for others alone
	packaged []string        // files of packages that may need others
}

// search finds what a release needs of the toolchain's root.
func (f *finder) search() (*found, error) {
	t := &tree{root: f.opts.Root, files: map[string]systemFile{}}
	packaged, err := t.packages(f.opts.Packages, f.opts.Offered)
	if err != nil {
		return nil, err
	}
	out, closure, err := f.follow(t, packaged)
	if err != nil {
		return nil, err
	}
	return out, t.fill(closure, f.opts)
}

// follow finds what the release and files of packages need of a tree's root.
func (f *finder) follow(t *tree, packaged []string) (*found, rootfs.Closure, error) {
	var none rootfs.Closure
	loader, err := rootfs.NewLoader(shadowed(t.root, f.rel.FS, f.opts.Extra))
	if err != nil {
		return nil, none, fmt.Errorf("reading the loader's configuration: %w", err)
	}
	reasons, progs, err := programs(t.root, f.rel, f.files, f.opts)
	if err != nil {
		return nil, none, err
	}
	start := extraStart(f.opts.Extra)
	for _, file := range f.files {
		if mayNeed(file) {
			start = append(start, appDir+"/"+file.Path)
		}
	}
	for _, p := range progs {
		start = append(start, p.Path)
	}
	libs, err := t.libraries()
	if err != nil {
		return nil, none, err
	}
	closure, err := loader.Closure(slices.Concat(start, libs, packaged))
	return &found{tree: t, programs: reasons, missing: closure.Missing, closure: t.lacks(closure), packaged: packaged}, closure, err
}

// lacks are the paths of a closure that the tree has not yet.
func (t *tree) lacks(closure rootfs.Closure) map[string]bool {
	paths := map[string]bool{}
	for _, e := range closure.Outside(appDir) {
		if _, there := t.files[e.Path]; !there {
			paths[e.Path] = true
		}
	}
	return paths
}

// fill takes in the closure and what no file names.
func (t *tree) fill(closure rootfs.Closure, opts Options) error {
	for _, e := range closure.Outside(appDir) {
		if strings.HasPrefix(e.Path, extraAt+"/") {
			continue
		}
		if err := t.closureEntry(e); err != nil {
			return err
		}
	}
	errs := []error{t.data()}
	if opts.TimeZones {
		errs = append(errs, t.timeZones())
	}
	errs = append(errs, t.moreLocales(opts.Locales))
	return errors.Join(append(errs, t.skeleton(opts.User), t.init(opts.Architecture))...)
}

// inPlace names files that the user adds by where they will lie.
func inPlace(missing []rootfs.Missing) []rootfs.Missing {
	for i := range missing {
		missing[i].File = strings.TrimPrefix(missing[i].File, extraAt+"/")
	}
	return missing
}

// tree collects what the system layer holds, by path.
type tree struct {
	root  rootfs.FS
	files map[string]systemFile
	inv   *distro.Inventory // once it was asked for
}

func (t *tree) sorted() []systemFile {
	out := make([]systemFile, 0, len(t.files))
	for _, f := range t.files {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b systemFile) int { return strings.Compare(a.Path, b.Path) })
	return out
}

func (t *tree) closureEntry(e rootfs.Entry) error {
	if e.Link != "" {
		t.link(e.Path, e.Link)
		return nil
	}
	return t.file(e.Path, e.Path)
}

func (t *tree) link(at, target string) {
	t.files[at] = systemFile{Path: at, Mode: fs.ModeSymlink | 0o777, Link: target}
}

func (t *tree) dir(at string, mode fs.FileMode) {
	t.files[at] = systemFile{Path: at, Mode: fs.ModeDir | mode}
}

func (t *tree) text(at, content string) {
	t.files[at] = systemFile{
		Path: at, Mode: 0o644, Size: int64(len(content)), Digest: store.DigestOf([]byte(content)), Text: content,
	}
}

// init puts process 1 of images there.
func (t *tree) init(arch string) error {
	program := entrypoint.Init(arch)
	if program == nil {
		return problem.New(problem.Usage, "choose one of "+strings.Join(entrypoint.Architectures(), ", "), "images of %q are not made: there is no process 1 for it", arch)
	}
	t.files[entrypoint.Path] = systemFile{
		Path: entrypoint.Path, Mode: 0o755, Size: int64(len(program)), Digest: store.DigestOf(program), Init: arch,
	}
	return nil
}

// file puts the root's file source, a real one, at a place.
func (t *tree) file(at, source string) error {
	info, err := t.root.Stat(source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return nil // implied by what is in it
	}
	d, n, err := sum(t.root, source)
	if err != nil {
		return fmt.Errorf("reading %q of the toolchain: %w", source, err)
	}
	t.files[at] = systemFile{Path: at, Mode: info.Mode().Perm(), Size: n, Digest: d, Source: source}
	return nil
}

// path puts the root's file name and the links on the way to it where they are;
// what the root lacks is left out.
func (t *tree) path(name string) error {
	real, links, err := rootfs.Trace(t.root, name)
	if err != nil {
		return nil //nolint:nilerr // optional data: not there, or a dangling link
	}
	for _, l := range links {
		t.link(l.Path, l.Target)
	}
	return t.file(real, real)
}
