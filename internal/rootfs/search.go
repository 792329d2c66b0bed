package rootfs

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"dram/internal/binary"
)

// maxLookups bounds the files that one search tries: a hostile root can name
// thousands of libraries in thousands of directories.
const maxLookups = 1 << 20

var errEntangled = errors.New("the search for libraries takes too many steps")

// search is one run of Loader.Closure.
type search struct {
	*Loader
	low     lower
	entries map[string]Entry
	missing map[[2]string]Missing
	skipped []Skipped
	config  map[string]bool
	started map[string]bool   // files looked at as processes
	parsed  map[string]facts  // by real name
	dirs    map[string]string // real names of directories, "" if not there
	lookups int
	loaders map[string]*ldso // by real name
	strict  bool             // nothing is taken for found that the loader would not find
	better  bool             // a better processor might get another library
}

// facts is what is known of a file.
type facts struct {
	format binary.Format
	elf    *binary.File
	size   int64  // bytes
	script string // first line of a script
	err    error  // why it could not be read
}

func newSearch(l *Loader) *search {
	return &search{
		Loader: l, low: &memo{lowerOf(l.fsys), map[string]stat{}}, entries: map[string]Entry{}, missing: map[[2]string]Missing{}, config: map[string]bool{},
		started: map[string]bool{}, parsed: map[string]facts{}, dirs: map[string]string{}, loaders: map[string]*ldso{},
	}
}

func (s *search) closure() Closure {
	byFile := func(a, b Missing) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Soname, b.Soname))
	}
	return Closure{
		Entries:    slices.SortedFunc(maps.Values(s.entries), func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) }),
		Missing:    slices.SortedFunc(maps.Values(s.missing), byFile),
		Skipped:    s.skipped,
		ConfigDirs: slices.Sorted(maps.Keys(s.config)),
	}
}

// start looks at a file as a process of its own.
func (s *search) start(name, by string) error {
	real, err := s.add(name, by)
	if err != nil {
		return err
	}
	if s.started[real] {
		return nil
	}
	s.started[real] = true
	f := s.read(real)
	switch {
	case errors.Is(f.err, binary.ErrFormat):
		s.skip(name, f.err)
		return nil
	case f.err != nil:
		return f.err
	case f.format == binary.Script:
		return s.script(name, f.script)
	case f.elf != nil && f.elf.Dynamic:
		return s.process(name, real, f.elf)
	}
	return nil
}

func (s *search) skip(name string, why error) {
	s.skipped = append(s.skipped, Skipped{File: name, Reason: why.Error()})
}

func (s *search) miss(file, what string, considered []string) {
	s.missed(Missing{File: file, Soname: what, Considered: considered})
}

func (s *search) missed(m Missing) {
	key := [2]string{m.File, m.Soname}
	if _, ok := s.missing[key]; !ok {
		s.missing[key] = m
	}
}

// add takes a file and the links on the way to it into the closure.
func (s *search) add(name, by string) (real string, err error) {
	real, links, err := walk(s.low, name, true)
	if err != nil {
		return "", err
	}
	for _, l := range links {
		s.enter(Entry{Path: l.Path, Link: l.Target, By: by})
	}
	s.enter(Entry{Path: real, By: by})
	return real, nil
}

func (s *search) enter(e Entry) {
	if _, ok := s.entries[e.Path]; !ok {
		s.entries[e.Path] = e
	}
}

// read is what is known of the file with a real name.
func (s *search) read(real string) facts {
	if f, ok := s.parsed[real]; ok {
		return f
	}
	f := s.parse(real)
	s.parsed[real] = f
	return f
}

func (s *search) parse(real string) facts {
	if d, ok := s.fsys.(Described); ok {
		if f, ok := d.ELF(real); ok {
			return facts{format: binary.ELF, elf: f}
		}
	}
	file, err := s.fsys.Open(real)
	if err != nil {
		return facts{err: err}
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return facts{err: err}
	}
	at, ok := file.(io.ReaderAt)
	if !ok {
		return facts{err: fmt.Errorf("reading %q: %w: no random access", real, errors.ErrUnsupported)}
	}
	head := make([]byte, min(info.Size(), 256)) // what the kernel reads of a script
	if _, err := at.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return facts{err: err}
	}
	f := facts{format: binary.Sniff(head), size: info.Size()}
	switch f.format { //nolint:exhaustive // the others have no loader
	case binary.Script:
		f.script, _, _ = strings.Cut(string(head[2:]), "\n")
	case binary.ELF:
		f.elf, f.err = binary.ReadELF(at, info.Size())
	}
	return f
}

// script looks at the interpreter of a script. With env(1), what it runs is
// one too.
func (s *search) script(name, line string) error {
	words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(words) == 0 {
		return nil
	}
	if err := s.interpreter(words[0], name); err != nil {
		return err
	}
	if path.Base(words[0]) != "env" || len(words) < 2 {
		return nil
	}
	if p, ok := program(s.fsys, words[1]); ok {
		return s.start(p.Path, name)
	}
	s.miss(name, words[1], nil)
	return nil
}

// interpreter starts the interpreter that a file names.
func (s *search) interpreter(interp, by string) error {
	err := s.start(Clean(interp), by)
	if errors.Is(err, fs.ErrNotExist) {
		s.miss(by, interp, []string{Clean(interp)})
		return nil
	}
	return err
}

// abi is the rules by which a file is loaded here, or why there are none.
func (s *search) abi(f *binary.File) (*abi, error) {
	known, from := s.present, "this root has a loader for"
	if f.Interp != "" && s.brought == nil {
		known, from = abis(), "dram knows"
	}
	var fits []abi
	var names []string
	musl, sure := wantsMusl(f)
	for _, a := range known {
		names = append(names, a.machine.String())
		switch {
		case !a.runs(f):
		case sure && a.musl == musl:
			fits = append([]abi{a}, fits...)
		default:
			fits = append(fits, a)
		}
	}
	if len(fits) == 0 {
		return nil, fmt.Errorf("it is built for %s (%s), and %s %s", f.Machine, f.Class, from,
			cmp.Or(strings.Join(slices.Compact(names), ", "), "none"))
	}
	return &fits[0], nil
}
