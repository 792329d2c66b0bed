package rootfs

import (
	"path"
	"slices"
	"strings"

	"dram/internal/binary"
)

// object is a file mapped into a process.
type object struct {
	name    string // as it was opened
	real    string // with links followed
	file    *binary.File
	parent  *object // who asked for it first
	origin  string  // what $ORIGIN is
	rpath   []place // what it asks for, for itself and those that it loads
	runpath []place // what it asks for, for itself alone
}

// process is one program and the libraries loaded with it.
type process struct {
	*search
	abi    *abi
	system []place         // where the loader looks in the end
	own    *ldso           // what is known of glibc's loader, nil of others
	loaded map[string]bool // by the names that ask for it
	queue  []*object
	all    []*object // what was loaded, in order
	loader *object   // the interpreter, which is also a library
}

// place is one directory of a search.
type place struct {
	dir     string
	config  bool // known by ld.so.conf only
	builtin bool // the loader knows it by itself
}

// process loads a program, or a library as if it were one, breadth first as
// the loaders do.
func (s *search) process(name, real string, f *binary.File) error {
	p, err := s.begin(name, f)
	if err != nil || p == nil {
		return err
	}
	return p.load(p.object(name, path.Dir(real), f, nil), real)
}

// begin is a process into which nothing is loaded yet; nil if none can be.
func (s *search) begin(name string, f *binary.File) (*process, error) {
	a, err := s.abi(f)
	if err != nil {
		s.skip(name, err)
		return nil, nil
	}
	p := &process{search: s, abi: a, loaded: map[string]bool{"": true}}
	if f.Interp != "" {
		interp := f.Interp
		if p.brought != nil {
			interp = p.brought.loader
		}
		if err := p.interp(name, interp); err != nil {
			return nil, err
		}
	}
	return p, p.places()
}

// load takes in an object, and everything that it needs.
func (p *process) load(o *object, real string) error {
	p.enqueue(o, real)
	for len(p.queue) > 0 {
		o := p.queue[0]
		p.queue = p.queue[1:]
		for _, n := range o.file.Needed {
			if err := p.need(o, n, false); err != nil {
				return err
			}
		}
		if err := p.filters(o); err != nil {
			return err
		}
	}
	return nil
}

// filters loads what stands in front of a library, which musl does not know.
func (p *process) filters(o *object) error {
	if p.abi.musl {
		return nil
	}
	for _, n := range o.file.Filters {
		if err := p.need(o, n, false); err != nil {
			return err
		}
	}
	for _, n := range o.file.Auxiliaries {
		if err := p.need(o, n, true); err != nil {
			return err
		}
	}
	return nil
}

func (p *process) enqueue(o *object, real string) {
	o.real = real
	p.queue, p.all = append(p.queue, o), append(p.all, o)
}

// interp takes in the loader, which is also a library that others name.
func (p *process) interp(name, interp string) error {
	if err := p.interpreter(interp, name); err != nil {
		return err
	}
	real, _, err := walk(p.low, interp, true)
	if err != nil {
		return nil //nolint:nilerr // it is missing, which interpreter has noted
	}
	p.loaded[path.Base(interp)] = true
	if f := p.read(real); f.elf != nil {
		p.loaded[f.elf.Soname] = true
		p.loader = &object{name: Clean(interp), real: real, file: f.elf}
	}
	return nil
}

// places is where the loader looks for every library, in order.
func (p *process) places() error {
	if p.brought != nil {
		p.system = []place{{dir: p.brought.libraries}}
		return nil
	}
	if !p.abi.musl {
		return p.glibcPlaces()
	}
	for _, d := range p.abi.defaults() {
		p.system = append(p.system, place{dir: d})
	}
	return p.muslPlaces()
}

// glibcPlaces is what is built into the loader; the cache comes before (see find).
// Behind it is what a cache would have that is made later, for who asks for that.
func (p *process) glibcPlaces() error {
	at := p.abi.interps[0]
	if p.loader != nil {
		at = p.loader.real
	}
	if p.own = p.ldsoOf(at); !p.own.known() {
		p.anyPlaces()
		return nil
	}
	var builtin []string
	for _, d := range p.own.dirs {
		p.system = append(p.system, place{dir: d, builtin: true})
		builtin = append(builtin, p.realDir(d))
	}
	for _, d := range p.conf {
		if !p.strict && !slices.Contains(builtin, p.realDir(d)) {
			p.system = append(p.system, place{dir: d, config: true})
		}
	}
	return nil
}

// anyPlaces is where the loaders of all distributions look together.
func (p *process) anyPlaces() {
	var builtin []string
	for _, d := range p.abi.defaults() {
		builtin = append(builtin, p.realDir(d))
	}
	for _, d := range p.conf {
		p.system = append(p.system, place{dir: d, config: !slices.Contains(builtin, p.realDir(d))})
	}
	for _, d := range p.abi.defaults() {
		if !slices.Contains(p.conf, d) {
			p.system = append(p.system, place{dir: d, builtin: true})
		}
	}
}

// muslPlaces takes /etc/ld-musl-ARCH.path in place of the defaults.
func (p *process) muslPlaces() error {
	name := "etc/ld-musl-" + p.abi.arch + ".path"
	if _, err := p.fsys.Stat(name); err != nil {
		return nil //nolint:nilerr // not there: the defaults stand
	}
	b, err := ReadFile(p.fsys, name, maxConfBytes)
	if err != nil {
		return err
	}
	p.system = nil
	for _, d := range strings.FieldsFunc(string(b), func(r rune) bool { return r == ':' || r == '\n' }) {
		if len(p.system) < maxConfDirs {
			p.system = append(p.system, place{dir: Clean(d)})
		}
	}
	_, err = p.add(name, "")
	return err
}

// need loads one library that o names, perhaps one that it can do without.
func (p *process) need(o *object, name string, optional bool) error {
	if p.loaded[name] {
		return nil
	}
	p.loaded[name] = true
	if p.abi.musl && muslItself(name) {
		return p.muslLibc(o)
	}
	at, miss, err := p.find(o, name)
	if err != nil {
		return err
	}
	if at == "" {
		if !optional {
			miss.File, miss.Soname = o.name, name
			p.missed(miss)
		}
		return nil
	}
	real, err := p.add(at, o.name)
	if err != nil {
		return err
	}
	f := p.read(real)
	p.loaded[f.elf.Soname] = true
	p.enqueue(p.object(at, path.Dir(at), f.elf, o), real)
	return nil
}

// muslLibc is libc, which with musl is the loader.
func (p *process) muslLibc(o *object) error {
	if p.brought != nil {
		return p.interpreter("/"+p.brought.loader, o.name)
	}
	return p.interpreter("/"+p.abi.interps[0], o.name)
}

// useConfig notes that the loader needs its cache in order to find dir.
func (p *process) useConfig(dir string) {
	p.config[dir] = true
	// Without a cache the caller has ConfigDirs to go by.
	_, _ = p.add("etc/ld.so.cache", "")
}

// realDir is the real name of a directory, "" if it is not there.
func (s *search) realDir(dir string) string {
	if real, ok := s.dirs[dir]; ok {
		return real
	}
	real, _, err := walk(s.low, dir, true)
	if err != nil {
		real = ""
	}
	s.dirs[dir] = real
	return real
}

// object is a file with the directories that it asks for. glibc ignores RPATH
// where there is RUNPATH, and inherits RPATH alone; musl takes either, RUNPATH
// first, and inherits both.
func (p *process) object(name, origin string, f *binary.File, parent *object) *object {
	o := &object{name: name, origin: origin, file: f, parent: parent}
	switch {
	case f.RunPath == "":
		o.rpath = p.list(f.RPath, o)
	case p.abi.musl:
		o.rpath = p.list(f.RunPath, o)
	default:
		o.runpath = p.list(f.RunPath, o)
	}
	return o
}

// list is the directories of an RPATH or RUNPATH. Relative ones depend on the
// working directory, and are left out.
func (p *process) list(paths string, o *object) (out []place) {
	for d := range strings.SplitSeq(paths, ":") {
		for _, d := range p.expand(d, o) {
			if strings.HasPrefix(d, "/") && len(d) < maxName {
				out = append(out, place{dir: Clean(d)})
			}
		}
	}
	return out
}

// paths is the directories that o, and those that led to it, ask for, and those of
// LD_LIBRARY_PATH: with glibc behind RPATH and before RUNPATH, with musl first.
func (p *process) paths(o *object) (out []place) {
	var library []place
	for _, d := range p.library {
		library = append(library, place{dir: Clean(d)})
	}
	if p.abi.musl {
		out = library
	}
	if p.abi.musl || o.file.RunPath == "" {
		for of := o; of != nil && len(out) < maxConfDirs; of = of.parent {
			out = append(out, of.rpath...)
		}
	}
	if !p.abi.musl {
		out = append(out, library...)
	}
	return append(out, o.runpath...)
}

// expand replaces $ORIGIN, $LIB and $PLATFORM. $LIB differs by distribution,
// so that there can be several results.
func (p *process) expand(s string, o *object) []string {
	if !strings.Contains(s, "$") {
		return []string{s}
	}
	origin := strings.NewReplacer("${ORIGIN}", "/"+o.origin, "$ORIGIN", "/"+o.origin)
	s = origin.Replace(s)
	if p.abi.musl {
		return []string{s}
	}
	s = strings.NewReplacer("${PLATFORM}", p.abi.arch, "$PLATFORM", p.abi.arch).Replace(s)
	if !strings.Contains(s, "$LIB") && !strings.Contains(s, "${LIB}") {
		return []string{s}
	}
	var out []string
	for _, lib := range p.libs() {
		out = append(out, strings.NewReplacer("${LIB}", lib, "$LIB", lib).Replace(s))
	}
	return out
}

// libs is what $LIB can be: what the first of the loader's own directories is called, if
// that can be told.
func (p *process) libs() []string {
	if p.own.known() {
		for _, lib := range p.abi.libs {
			if first := Clean(p.own.dirs[0]); first == lib || first == "usr/"+lib {
				return []string{lib}
			}
		}
	}
	return p.abi.libs
}
