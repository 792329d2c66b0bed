package target

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"dram/internal/binary"
	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/rootfs"
)

// Schema is the version of the document that Capture writes.
const Schema = "dram.target/1"

// Limits of a capture. A Debian 13 with compilers has 1,000 files and 2 MB.
const (
	maxCapture  = 128 << 20 // bytes of JSON
	maxCaptured = 200_000   // files
	maxExports  = 4 << 20   // symbols of all libraries
)

// document is a target in JSON.
type document struct {
	Schema    string              `json:"schema"`
	Name      string              `json:"name"`
	Facts     Facts               `json:"facts"`
	Profile   *Profile            `json:"profile,omitempty"` // nil: the target was read whole
	Links     map[string]string   `json:"links"`             // targets by path
	Programs  map[string][]string `json:"programs"`          // names by directory
	Files     []string            `json:"files"`             // others whose presence matters
	Texts     map[string]string   `json:"texts"`             // contents by path
	Libraries []library           `json:"libraries"`         // sorted by path
	Cache     []byte              `json:"cache,omitempty"`   // etc/ld.so.cache
}

// library is what the loader reads of an ELF file, and what it exports.
type library struct {
	Path    string   `json:"path"`
	Class   uint8    `json:"class"`   // EI_CLASS
	Data    uint8    `json:"data"`    // EI_DATA
	Machine uint16   `json:"machine"` // e_machine
	Interp  string   `json:"interp,omitempty"`
	Soname  string   `json:"soname,omitempty"`
	Needed  []string `json:"needed,omitempty"`
	RPath   string   `json:"rpath,omitempty"`
	RunPath string   `json:"runpath,omitempty"`
	// Versions are those that it offers, "" first if it has any definitions.
	Versions []string `json:"versions,omitempty"`
	// Symbols are names in one string, separated by spaces, by version.
	Symbols map[string]string `json:"symbols,omitempty"`
	loaderFacts
	Gaps
}

// Capture writes the target as JSON.
func (t *Target) Capture(w io.Writer) error {
	doc, err := t.document()
	if err != nil {
		return fmt.Errorf("capturing target %q: %w", t.Name, err)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(doc)
}

func (t *Target) document() (*document, error) {
	loader, err := rootfs.NewLoader(t.root)
	if err != nil {
		return nil, err
	}
	c := &capturer{target: t, doc: document{
		Schema: Schema, Name: t.Name, Facts: t.Facts, Profile: t.profile,
		Links: map[string]string{}, Programs: map[string][]string{}, Texts: map[string]string{}, Files: []string{},
	}, seen: map[string]bool{}}
	return &c.doc, c.all(loader)
}

type capturer struct {
	target *Target
	doc    document
	seen   map[string]bool // real names
}

func (c *capturer) all(loader *rootfs.Loader) error {
	for _, dir := range loader.Directories() {
		if err := c.dir(dir, c.library); err != nil {
			return err
		}
	}
	for _, dir := range []string{"usr/local/bin", "usr/bin", "bin", "usr/local/sbin", "usr/sbin", "sbin"} {
		if err := c.dir(dir, c.program); err != nil {
			return err
		}
	}
	for _, in := range loader.Interpreters() {
		if err := c.file(in.Path, c.library); err != nil {
			return err
		}
	}
	if otp := c.target.Facts.OTP; otp != nil {
		if err := c.file(path.Join(otp.Root, "erts-"+otp.ERTS, "bin/beam.smp"), c.library); err != nil {
			return err
		}
	}
	for _, name := range append(distro.CABundles(), "etc/hosts", "usr/share/zoneinfo/UTC") {
		if err := c.file(name, c.plain); err != nil {
			return err
		}
	}
	return c.texts()
}

// texts takes in the loader's configuration.
func (c *capturer) texts() error {
	names := []string{"etc/ld.so.conf", "etc/ld-musl-x86_64.path", "etc/ld-musl-aarch64.path"}
	entries, err := c.target.root.ReadDir("etc/ld.so.conf.d")
	if err == nil {
		for _, e := range entries {
			names = append(names, path.Join("etc/ld.so.conf.d", e.Name()))
		}
	}
	if b, err := rootfs.ReadFile(c.target.root, loaderCache, maxCache); err == nil { // else there is none
		c.doc.Cache = b
	}
	for _, name := range names {
		b, err := rootfs.ReadFile(c.target.root, name, maxText)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		c.doc.Texts[name] = string(b)
	}
	return nil
}

// dir takes in every file of a directory, if it is there.
func (c *capturer) dir(name string, take func(real string) error) error {
	entries, err := c.target.root.ReadDir(name)
	if err != nil {
		return nil //nolint:nilerr // not there, or no directory: nothing is found in it
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		if err := c.file(path.Join(name, e.Name()), take); err != nil {
			return err
		}
	}
	return nil
}

// file takes in a file and the links that lead to it. One that is not there is
// left out, a link that leads nowhere is kept.
func (c *capturer) file(name string, take func(real string) error) error {
	real, links, err := rootfs.Trace(c.target.root, name)
	for _, l := range links {
		c.doc.Links[l.Path] = l.Target
	}
	if err != nil || c.seen[real] {
		return nil //nolint:nilerr // it leads nowhere
	}
	c.seen[real] = true
	if len(c.seen) > maxCaptured {
		return fmt.Errorf("more than %d files", maxCaptured)
	}
	info, err := c.target.root.Lstat(real)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	return take(real)
}

func (c *capturer) plain(real string) error {
	c.doc.Files = append(c.doc.Files, real)
	return nil
}

func (c *capturer) program(real string) error {
	info, err := c.target.root.Lstat(real)
	if err == nil && info.Mode()&0o111 != 0 {
		dir := path.Dir(real)
		c.doc.Programs[dir] = append(c.doc.Programs[dir], path.Base(real))
		slices.Sort(c.doc.Programs[dir])
	}
	return err
}

// library takes in an ELF file; others, such as linker scripts, are passed
// over, as the loader does.
func (c *capturer) library(real string) error {
	f, err := c.elf(real)
	if errors.Is(err, binary.ErrFormat) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %q: %w", real, err)
	}
	exports, err := c.target.Exports(real)
	if errors.Is(err, binary.ErrFormat) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %q: %w", real, err)
	}
	at, _ := slices.BinarySearchFunc(c.doc.Libraries, real, func(l library, p string) int { return strings.Compare(l.Path, p) })
	l := newLibrary(real, f, exports)
	l.Gaps, l.loaderFacts = c.target.Gaps(real), c.target.loaderFactsOf(real, f)
	c.doc.Libraries = slices.Insert(c.doc.Libraries, at, l)
	return nil
}

func (c *capturer) elf(real string) (f *binary.File, err error) {
	if d, ok := c.target.root.(rootfs.Described); ok {
		if f, ok := d.ELF(real); ok {
			return f, nil
		}
	}
	err = withFile(c.target.root, real, func(r io.ReaderAt, size int64) (err error) {
		f, err = binary.ReadELF(r, size)
		return err
	})
	return f, err
}

func newLibrary(real string, f *binary.File, exports []binary.Symbol) library {
	l := library{
		Path: real, Class: uint8(f.Class), Data: uint8(f.Data), Machine: uint16(f.Machine), Interp: f.Interp,
		Soname: f.Soname, Needed: f.Needed, RPath: f.RPath, RunPath: f.RunPath, Symbols: map[string]string{},
	}
	for _, d := range f.VersionDefs {
		if len(l.Versions) == 0 {
			l.Versions = append(l.Versions, "")
		}
		if !d.Base {
			l.Versions = append(l.Versions, d.Name)
		}
	}
	names := map[string][]string{}
	for _, s := range exports {
		if !strings.ContainsAny(s.Name, " \n") {
			names[s.Version] = append(names[s.Version], s.Name)
		}
	}
	for version, of := range names {
		slices.Sort(of)
		l.Symbols[version] = strings.Join(of, " ")
	}
	return l
}

func openFile(ref, name string) (*Target, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, problem.New(problem.Usage, "name a file that `dram target capture` wrote", "opening target %q: %w", ref, err)
	}
	defer func() { _ = f.Close() }() // only read
	t, err := Load(f)
	if err != nil {
		return nil, fmt.Errorf("opening target %q: %w", ref, err)
	}
	t.Name = ref
	return t, nil
}

// Load reads what Capture wrote, gzipped or not.
func Load(r io.Reader) (*Target, error) {
	b, err := readAll(r)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, damaged(err)
		}
		if b, err = readAll(z); err != nil {
			return nil, damaged(err)
		}
	}
	var doc document
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, damaged(err)
	}
	if doc.Schema != Schema {
		return nil, damaged(fmt.Errorf("its schema is %.40q, not %q", doc.Schema, Schema))
	}
	return doc.target()
}

func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxCapture+1))
	if err == nil && len(b) > maxCapture {
		err = damaged(fmt.Errorf("it is larger than %d bytes", maxCapture))
	}
	return b, err
}

func damaged(err error) error {
	return problem.New(problem.Usage, "capture the target anew: dram target capture", "reading a captured target: %w", err)
}

// target makes the value. Names that are no paths are refused: nothing was
// captured under them.
func (d *document) target() (*Target, error) {
	nodes := map[string]rootfs.Node{}
	for dir, names := range d.Programs {
		for _, n := range names {
			nodes[path.Join(dir, n)] = rootfs.Node{Mode: 0o755}
		}
	}
	for _, name := range d.Files {
		nodes[name] = rootfs.Node{Mode: 0o644}
	}
	for name, text := range d.Texts {
		nodes[name] = rootfs.Node{Mode: 0o644, Text: text}
	}
	if len(d.Cache) > 0 {
		nodes[loaderCache] = rootfs.Node{Mode: 0o644, Text: string(d.Cache)}
	}
	captured, gaps, total := map[string][]binary.Symbol{}, map[string]Gaps{}, 0
	for i := range d.Libraries {
		l := &d.Libraries[i]
		nodes[l.Path] = rootfs.Node{Mode: 0o755, ELF: l.file(), Text: l.text()}
		captured[l.Path] = l.exports(maxExports - total)
		total += len(captured[l.Path])
		if !l.none() {
			gaps[l.Path] = l.Gaps
		}
	}
	for name, to := range d.Links {
		if to == "" {
			return nil, damaged(fmt.Errorf("link %q leads nowhere", name))
		}
		nodes[name] = rootfs.Node{Link: to}
	}
	if len(nodes) > maxCaptured || total >= maxExports {
		return nil, damaged(fmt.Errorf("it has %d files and %d symbols, more than %d and %d", len(nodes), total, maxCaptured, maxExports))
	}
	for name := range maps.Keys(nodes) {
		if !fs.ValidPath(name) || name == "." {
			return nil, damaged(fmt.Errorf("%.100q is not a path", name))
		}
	}
	return &Target{Name: d.Name, Facts: d.Facts, root: rootfs.NewSkeleton(nodes), captured: captured, profile: d.Profile, gaps: gaps}, nil
}

func (l *library) file() *binary.File {
	f := &binary.File{
		Class: elf.Class(l.Class), Data: elf.Data(l.Data), Machine: elf.Machine(l.Machine), Type: elf.ET_DYN, Interp: l.Interp,
		Dynamic: true, Soname: l.Soname, Needed: l.Needed, RPath: l.RPath, RunPath: l.RunPath,
	}
	for _, v := range l.Versions {
		f.VersionDefs = append(f.VersionDefs, binary.VersionDef{Name: v, Base: v == ""})
	}
	l.put(f)
	return f
}

func (l *library) exports(limit int) (out []binary.Symbol) {
	for _, version := range slices.Sorted(maps.Keys(l.Symbols)) {
		for name := range strings.SplitSeq(l.Symbols[version], " ") {
			if len(out) == limit {
				return out
			}
			out = append(out, binary.Symbol{Name: name, Version: version})
		}
	}
	return out
}
