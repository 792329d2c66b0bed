package check

import (
	"bytes"
	"errors"
	"io"
	"path"
	"regexp"
	"slices"

	"dram/internal/release"
	"dram/internal/rootfs"
)

var openedRule = Rule{
	ID: "opened", Title: "libraries that are opened only at run time are on the target", Worst: Warn, Run: opened,
	Doc: Doc{
		Looks: "Native files of your own and of dependencies that call dlopen and hold the name of a library that is nowhere on the target. The loader does not know of such libraries, and whether the file opens it is not known.",
		Seen:  `{load,"Library load-call unsuccessful (1)."}`,
		Do:    "Install the library on the target if the file needs it, else allow the rule.",
	},
}

var openedLibrary = Cause{
	ID: "missing", Summary: "it calls dlopen and holds the name #{library}, which is not on the target",
	Symptom: `if it opens that library, it does not get it; a NIF that does so when it is loaded fails with "Library load-call unsuccessful"`,
	Remedy:  "#{install}", Needs: "#{library} on the target",
}

// maxStrings bounds, in bytes, how much of a file is searched for names, and
// maxNames how many are taken.
const (
	maxStrings = 16 << 20
	maxNames   = 64
)

var libraryName = regexp.MustCompile(`lib[A-Za-z0-9_+.-]{1,60}\.so(?:\.[0-9]+){0,3}\x00`)

// opened: a file that calls dlopen and holds the name of a library may open it
// when it runs; the loader knows nothing of that. Erlang/OTP's own does so with
// what it can do without.
func opened(s *Survey) (out []Finding) {
	for _, n := range s.natives {
		ours := n.Origin == release.Own || n.Origin == release.Dependency
		if !ours || !n.loaded || !n.calls("dlopen") {
			continue
		}
		for _, name := range s.libraryNames(n) {
			if slices.Contains(n.elf.Needed, name) || name == n.elf.Soname || s.anywhere(n, name) || !s.target.Absent(name) {
				continue
			}
			out = append(out, Finding{
				Verdict: Warn, Subject: n.subject(), Cause: &openedLibrary, Params: Params{"library": name}, Supplier: s.supply(name),
				Evidence: Evidence{Wants: []string{name}},
			})
		}
	}
	return out
}

func (n *native) calls(name string) bool {
	for _, sym := range n.symbols.Undefined {
		if sym.Name == name {
			return true
		}
	}
	return false
}

// libraryNames are the names of libraries among a file's strings.
func (s *Survey) libraryNames(n *native) (out []string) {
	f, err := s.rel.FS.Open(n.Path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, maxStrings))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	for _, at := range libraryName.FindAllIndex(b, maxNames) {
		name := string(bytes.TrimSuffix(b[at[0]:at[1]], []byte{0}))
		if at[0] > 0 && b[at[0]-1] == 0 && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// muslItself are names by which musl's loader opens musl itself.
var muslItself = regexp.MustCompile(`^lib(c|pthread|rt|m|dl|util|xnet)\.`)

// anywhere says whether a library is where the loader could find it for n, or
// in the release at all: the path may be put together when it runs.
func (s *Survey) anywhere(n *native, name string) bool {
	for _, f := range s.rel.Files {
		if path.Base(f.Path) == name {
			return true
		}
	}
	for _, o := range n.process.Objects {
		if path.Base(o.Path) == name || o.File.Soname == name {
			return true
		}
	}
	if s.target.Facts.Libc.Kind == "musl" && muslItself.MatchString(name) {
		return true
	}
	l, err := rootfs.NewLoader(s.root)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(l.Directories(), func(dir string) bool {
		_, err := s.root.Stat(path.Join(dir, name))
		return err == nil
	})
}
