package rootfs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"dram/internal/binary"
)

// Session loads programs one after the other and remembers what it read. It is
// for one goroutine, in a root that does not change meanwhile.
type Session struct{ search *search }

// Session begins one. Unlike Closure, which is for who may make a cache later, it
// finds by /etc/ld.so.conf alone nothing that the loader's cache lacks.
func (l *Loader) Session() *Session {
	s := newSearch(l)
	s.strict = true
	return &Session{s}
}

// Better says whether a processor of a higher level than the loader's would have got
// another library somewhere: see Loader.WithLevel.
func (s *Session) Better() bool { return s.search.better }

// Object is a file that the loader maps into a process.
type Object struct {
	Path string // as it was opened
	Real string // with links followed
	File *binary.File
}

// Process is what the loader maps for a program, in order: the program, its
// libraries, the loader itself, then the libraries that were opened later.
type Process struct {
	Objects []Object
	Later   int       // index of the first object that a library opened later brought
	Missing []Missing // what is needed and is not there
	Reason  string    // why nothing at all is loaded, "" if something is
	Musl    bool
}

// Load is the process of a program that then opens libraries with dlopen(3):
// for those, what the program has loaded counts by soname, and its RPATH with
// that of the library. It is an error if one of the files is not there or not
// an ELF file; what they need and is not there is in Missing.
func (s *Session) Load(program string, libraries ...string) (Process, error) {
	t := s.search
	t.missing, t.skipped, t.lookups = map[[2]string]Missing{}, nil, 0
	p, err := t.program(Clean(program))
	if err != nil {
		return Process{}, fmt.Errorf("loading %q: %w", program, err)
	}
	if p == nil {
		return Process{Reason: t.skipped[0].Reason}, nil
	}
	out := Process{Musl: p.abi.musl, Later: len(p.all)}
	for _, lib := range libraries {
		if err := p.open(Clean(lib)); err != nil {
			return Process{}, fmt.Errorf("loading %q: %w", lib, err)
		}
	}
	for _, o := range p.all {
		out.Objects = append(out.Objects, Object{o.name, o.real, o.file})
	}
	out.Missing = slices.SortedFunc(maps.Values(t.missing), func(a, b Missing) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Soname, b.Soname))
	})
	return out, nil
}

var errNotELF = errors.New("not an ELF file")

// elf reads a file that has to be an ELF file.
func (s *search) elf(name string) (f *binary.File, real string, err error) {
	real, _, err = walk(s.low, name, true)
	if err != nil {
		return nil, "", err
	}
	got := s.read(real)
	if got.elf == nil {
		return nil, "", &fs.PathError{Op: "load", Path: name, Err: cmp.Or(got.err, errNotELF)}
	}
	return got.elf, real, nil
}

// program loads a program; nil if this root cannot run it.
func (s *search) program(name string) (*process, error) {
	f, real, err := s.elf(name)
	if err != nil {
		return nil, err
	}
	p, err := s.begin(name, f)
	if err != nil || p == nil {
		return nil, err
	}
	if err := p.load(p.object(name, path.Dir(real), f, nil), real); err != nil {
		return nil, err
	}
	if p.loader != nil && !slices.ContainsFunc(p.all, func(o *object) bool { return o.real == p.loader.real }) {
		p.all = append(p.all, p.loader)
	}
	return p, nil
}

// open loads a library into a process that runs.
func (p *process) open(name string) error {
	f, real, err := p.elf(name)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(p.all, func(o *object) bool { return o.real == real }) {
		return nil
	}
	p.loaded[f.Soname] = true
	return p.load(p.object(name, path.Dir(name), f, p.all[0]), real)
}
