package rootfs

import (
	"cmp"
	"debug/elf"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Loader finds what programs need in one root, by the rules of the loader that
// they name: glibc's ld.so(8) or musl's. Of environment variables it knows
// LD_LIBRARY_PATH, where whoever starts the program sets it. Which directories are
// built into glibc's loader, the loader's own bytes tell, and what ldconfig(8) found
// elsewhere, its cache does; where the bytes are not at hand, as in a captured root,
// the directories are those of all distributions and of /etc/ld.so.conf.
//
// A Loader does not change once made; it may be used concurrently.
type Loader struct {
	fsys    FS
	conf    []string // directories of /etc/ld.so.conf
	present []abi    // whose loader is in this root
	brought *brought // what stands in for what programs name
	library []string // directories of LD_LIBRARY_PATH
	level   string   // of the processor, "x86-64-v3"; "" if it is not known
}

// WithLevel is the loader on a processor of a level of the x86-64 psABI, for which a
// root may have libraries of their own. Of one that is not known, it is the least.
func (l *Loader) WithLevel(level string) *Loader {
	c := *l
	c.level = level
	return &c
}

// WithLibraryPath is the loader for processes that have LD_LIBRARY_PATH set, to
// absolute directories with "$ORIGIN" replaced.
func (l *Loader) WithLibraryPath(dirs []string) *Loader {
	c := *l
	c.library = dirs[:min(len(dirs), maxConfDirs)]
	return &c
}

// brought is a loader that is called by its path, and the folder that it is given.
type brought struct{ loader, libraries string }

// Closure is the files that programs need in order to start.
type Closure struct {
	Entries []Entry   // sorted by Path; directories are implied by what is in them
	Missing []Missing // what was needed and is not there
	Skipped []Skipped // what was asked about and cannot run in this root
	// ConfigDirs are directories where a library was found that the loader only
	// knows by its configuration. /etc/ld.so.cache is then among the Entries if
	// the root has it; if not, only LD_LIBRARY_PATH helps.
	ConfigDirs []string
}

// Entry is one file of a closure, or a symbolic link on the way to one.
type Entry struct {
	Path string // in the root, "lib64" or "usr/lib/x86_64-linux-gnu/libc.so.6"
	Link string // target of a symbolic link, as it stands there; "" for a file
	By   string // the file that asked for it first, "" if the caller did
}

// Missing is a file that another one needs and that is not in the root.
type Missing struct {
	File       string   // who needs it
	Soname     string   // what: a library's name, or an interpreter's path
	Considered []string // where it was looked for, in order
	Refused    string   // the last of them, if there is a file, over which the loader gives up
	Why        string   // what the loader says of that file
}

// Skipped is a file that was asked about and that the loader here cannot load.
type Skipped struct {
	File   string
	Reason string
}

// Outside is the entries that are not below the directory dir.
func (c Closure) Outside(dir string) []Entry {
	return slices.DeleteFunc(slices.Clone(c.Entries), func(e Entry) bool {
		return strings.HasPrefix(e.Path, dir+"/")
	})
}

// NewLoader reads the loader's configuration in a root.
func NewLoader(fsys FS) (*Loader, error) {
	conf, err := ldConf(fsys)
	if err != nil {
		return nil, err
	}
	l := &Loader{fsys: fsys, conf: conf}
	for _, a := range abis() {
		if slices.ContainsFunc(a.interps, func(p string) bool {
			// musl's loader may stand under glibc's name, for programs that do with it.
			real, err := Resolve(fsys, p)
			return err == nil && (a.musl || !strings.Contains(path.Base(real), "musl"))
		}) {
			l.present = append(l.present, a)
		}
	}
	return l, nil
}

// NewBroughtLoader is a loader that starts programs by its own path, whatever loader
// these name, and is told to look for libraries in one folder
// (ld.so --inhibit-cache --library-path).
func NewBroughtLoader(fsys FS, loader, libraries string) (*Loader, error) {
	l := &Loader{fsys: fsys, brought: &brought{Clean(loader), Clean(libraries)}}
	f := newSearch(l).read(l.brought.loader)
	if f.elf == nil {
		return nil, &fs.PathError{Op: "load", Path: loader, Err: cmp.Or(f.err, errNotELF)}
	}
	musl := strings.HasPrefix(path.Base(loader), "ld-musl-")
	for _, a := range abis() {
		if a.musl == musl && a.runs(f.elf) {
			l.present = append(l.present, a)
		}
	}
	return l, nil
}

// Closure finds everything that files need: the interpreters of programs and
// scripts, and the libraries that ELF files name, and those that these name.
// The files themselves are part of it. Each is looked at as a process of its
// own; a library's needs are met as if a program without paths had loaded it.
// Files of other formats need nothing. It is an error if one of files is not
// there, or if the root is so large or so entangled that the search gives up.
func (l *Loader) Closure(files []string) (Closure, error) {
	s := newSearch(l)
	for _, f := range files {
		if err := s.start(Clean(f), ""); err != nil {
			return Closure{}, fmt.Errorf("finding what %q needs: %w", f, err)
		}
	}
	return s.closure(), nil
}

// Program is a program found by its name.
type Program struct {
	Name  string // "awk"
	Path  string // where a shell finds it, "usr/bin/awk"
	Real  string // the file in the end, "usr/bin/mawk"
	Links []Link // on the way, "usr/bin/awk" and "etc/alternatives/awk"
}

// Programs finds programs by name in the usual directories, as a shell does.
// missing is the names that were not found.
func Programs(fsys FS, names []string) (found []Program, missing []string) {
	for _, name := range names {
		if p, ok := program(fsys, name); ok {
			found = append(found, p)
		} else {
			missing = append(missing, name)
		}
	}
	return found, missing
}

func program(fsys FS, name string) (Program, bool) {
	if name == "" || strings.Contains(name, "/") {
		return Program{}, false
	}
	for _, dir := range []string{"usr/local/bin", "usr/bin", "bin", "usr/local/sbin", "usr/sbin", "sbin"} {
		at := path.Join(dir, name)
		real, links, err := Trace(fsys, at)
		if err != nil {
			continue
		}
		if info, err := fsys.Lstat(real); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return Program{Name: name, Path: at, Real: real, Links: links}, true
		}
	}
	return Program{}, false
}

// Directories is where libraries are looked for in this root, whoever needs
// them: those of the loader's cache or configuration, then those that it knows by
// itself, of every loader present.
func (l *Loader) Directories() []string {
	out := slices.Clone(l.conf)
	s := newSearch(l)
	for _, a := range l.present {
		dirs := a.defaults()
		if own := s.ldsoOf(a.interps[0]); !a.musl && own.known() {
			dirs = own.dirs
			if own.cache != nil {
				dirs = append(own.cache.directories(), dirs...)
			}
		}
		for _, dir := range dirs {
			if !slices.Contains(out, dir) {
				out = append(out, dir)
			}
		}
	}
	return out
}

// Interpreter is a loader of programs.
type Interpreter struct {
	Path    string // "lib64/ld-linux-x86-64.so.2"
	Machine elf.Machine
	Musl    bool
}

// Interpreters is the loaders in this root.
func (l *Loader) Interpreters() (out []Interpreter) {
	for _, a := range l.present {
		out = append(out, Interpreter{a.interps[0], a.machine, a.musl})
	}
	return out
}
