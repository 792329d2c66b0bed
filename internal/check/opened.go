package check

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/binary"
	"dram/internal/release"
	"dram/internal/rootfs"
)

// maxStrings bounds, in bytes, how much of a file is searched for names.
const maxStrings = 16 << 20

var libraryName = regexp.MustCompile(`lib[A-Za-z0-9_+.-]{1,60}\.so(?:\.[0-9]+){0,3}\x00`)

// opened: a file that calls dlopen and holds the name of a library may open it
// when it runs; the loader knows nothing of that. Erlang/OTP's own does so with
// what it can do without.
func opened(s *survey) (out []Finding) {
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
				Verdict: Warn, Subject: subject(n.File),
				Summary:  fmt.Sprintf("it calls dlopen and holds the name %s, which is not on the target", name),
				Evidence: Evidence{Wants: []string{name}},
				Symptom:  fmt.Sprintf("if it opens that library, it does not get it; a NIF that does so when it is loaded fails with %q", "Library load-call unsuccessful"),
				Remedy:   s.libraryRemedy(name, n), Needs: name + " on the target",
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
func (s *survey) libraryNames(n *native) (out []string) {
	f, err := s.rel.FS.Open(n.Path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, maxStrings))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	for _, at := range libraryName.FindAllIndex(b, maxNamed*maxNamed) {
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
func (s *survey) anywhere(n *native, name string) bool {
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

// nifEntry: what calls the VM as NIFs do, is no part of another library and
// has no nif_init, can hardly be meant to: hidden, stripped or never linked.
func nifEntry(s *survey) (out []Finding) {
	for _, n := range s.natives {
		calls := n.elf != nil && n.role == library && n.orphan &&
			slices.ContainsFunc(n.symbols.Undefined, func(sym binary.Symbol) bool { return isNIFFunction(sym.Name) })
		if !calls {
			continue
		}
		out = append(out, Finding{
			Verdict: Warn, Subject: subject(n.File),
			Summary:  "it calls functions of the VM as a NIF library does, and does not export nif_init",
			Evidence: Evidence{Wants: []string{"nif_init"}},
			Symptom:  `the module that loads it gets {bad_lib,"Failed to find library init function"}`,
			Remedy:   "export nif_init: check -fvisibility, version scripts, and that ERL_NIF_INIT is linked in", Needs: "nif_init in " + path.Base(n.Path),
		})
	}
	return out
}

// unstartable are files in a priv directory that look as if they were to be
// started and cannot be by the VM itself, which uses no shell. Whether anything
// starts them is not known, so that it is a warning.
func (s *survey) unstartable() (noBit, noScript []release.File) {
	scripts := map[string]bool{}
	for _, sc := range s.scripts {
		scripts[sc.Path] = strings.HasPrefix(sc.text, "#!")
	}
	for _, f := range s.rel.Files {
		_, inPriv, ok := strings.Cut(f.Path, "/priv/")
		if !ok || !f.Mode.IsRegular() || strings.HasPrefix(inPriv, "static/") || strings.HasPrefix(inPriv, "templates/") {
			continue
		}
		runs, ext := f.Mode&0o111 != 0, path.Ext(f.Path)
		switch {
		case scripts[f.Path] && !runs:
			noBit = append(noBit, f)
		case runs && !scripts[f.Path] && s.native(f.Path) == nil && (ext == "" || ext == ".sh"):
			noScript = append(noScript, f)
		}
	}
	return noBit, noScript
}

func scriptWithoutBit(f release.File) Finding {
	return Finding{
		Verdict: Warn, Subject: subject(f), Summary: "it is a script that may not be started: its mode is " + fmt.Sprintf("%#o", f.Mode.Perm()),
		Evidence: Evidence{Detail: fmt.Sprintf("mode %#o", f.Mode.Perm())}, Symptom: "if it is opened as a port, :eacces",
		Remedy: "chmod +x " + path.Base(f.Path) + " in the sources, or start it through its interpreter", Needs: "the executable bit of " + path.Base(f.Path),
	}
}

func noScript(f release.File) Finding {
	out := Finding{
		Verdict: Warn, Subject: subject(f), Summary: "it may be started, and is neither a program nor a script with a first line #!",
		Symptom: "if it is opened as a port, the port ends with status 8 (Exec format error); a shell would run it",
		Remedy:  "begin it with #!/bin/sh or the like, or take its executable bit away", Needs: "a first line #! in " + path.Base(f.Path),
	}
	if f.Size == 0 {
		out.Summary, out.Remedy, out.Needs = "it may be started, and is empty", "build it again", "the content of "+path.Base(f.Path)
	}
	return out
}
