package image

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/shell"
)

// Program is a program that is in the image because the release calls it.
type Program struct {
	Name   string
	Reason string
}

// scriptPrograms is what the scripts of Mix releases call, of every version
// since 1.9: reading the scripts finds it too, but a release whose scripts were
// replaced still gets a usable image.
func scriptPrograms() []Program {
	var out []Program
	for _, row := range []struct{ names, reason string }{
		{"sh dirname basename readlink sed cut cat grep", "the start script"},
		{"mkdir date", "the start script, with a runtime configuration"},
		{"dd od awk tr", "rpc, remote and the cookie"},
		{"env", "scripts that begin with #!/usr/bin/env"},
	} {
		for name := range strings.FieldsSeq(row.names) {
			out = append(out, Program{name, row.reason})
		}
	}
	return out
}

// Programs names what every image has if the toolchain has it.
func Programs() []string {
	var names []string
	for _, p := range scriptPrograms() {
		names = append(names, p.Name)
	}
	return names
}

// appPrograms is what applications call that no script shows.
func appPrograms() map[string][]Program {
	return map[string][]Program{
		"os_mon": {{"sh", "os_mon"}, {"df", "os_mon's disksup"}},
	}
}

// programs is what the image needs of the root, the release's scripts' words
// included as far as they are programs there, and what was asked for by name,
// which must be there.
func programs(fsys rootfs.FS, rel *release.Release, files []File, opts Options) ([]Program, []rootfs.Program, error) {
	var wanted []Program
	if opts.Shell != NoShell {
		wanted = scriptPrograms()
		for _, app := range rel.Apps {
			wanted = append(wanted, appPrograms()[app.Name]...)
		}
	}
	called := func(f File, by string) error {
		words, err := words(f)
		for _, w := range words {
			wanted = append(wanted, Program{w, "called by " + by})
		}
		return err
	}
	for _, f := range files {
		if err := called(f, f.Path); err != nil {
			return nil, nil, err
		}
	}
	for _, e := range opts.Extra {
		f := e.asFile()
		f.Origin = release.Metadata
		if err := called(f, "/"+f.Path); err != nil {
			return nil, nil, err
		}
	}
	for _, name := range opts.Programs {
		wanted = append(wanted, Program{name, "asked for"})
	}
	var reasons []Program
	var found []rootfs.Program
	seen := map[string]bool{}
	for _, p := range wanted {
		if seen[p.Name] {
			continue
		}
		at, missing := rootfs.Programs(fsys, []string{p.Name})
		if len(missing) > 0 && (p.Reason == "asked for" || p.Name == "sh") {
			return nil, nil, noProgram(p)
		}
		if len(missing) == 0 {
			seen[p.Name] = true
			reasons, found = append(reasons, p), append(found, at...)
		}
	}
	return reasons, found, nil
}

// HasPrograms says whether a root has the programs that are asked for by name: before
// there is a release.
func HasPrograms(fsys rootfs.FS, asked []string) error {
	for _, name := range asked {
		if _, missing := rootfs.Programs(fsys, []string{name}); len(missing) > 0 {
			return noProgram(Program{name, "asked for"})
		}
	}
	return nil
}

func noProgram(p Program) error {
	return problem.New(problem.Usage, "add the package that has it to the toolchain's packages, or drop the name",
		"program %q (%s) is not in the toolchain", p.Name, p.Reason)
}

// words is the command words of the start scripts: what lies in bin, releases
// and erts. Other scripts may be anything, tools to develop with among them.
func words(f File) ([]string, error) {
	if f.Origin != release.Metadata && f.Origin != release.ERTS || !f.Mode.IsRegular() || f.Size > maxScript {
		return nil, nil
	}
	if f.Mode&0o111 == 0 && path.Ext(f.Path) != ".sh" && !f.shell {
		return nil, nil
	}
	b, err := read(f)
	b = withoutCookieLines(b) // what those lines call is in the table
	if err != nil || !isShell(b) && !f.shell {
		return nil, err
	}
	return slices.DeleteFunc(shell.Commands(string(b)), func(w string) bool {
		return strings.Contains(w, "/") || slices.Contains(builtins(), w)
	}), nil
}

// builtins is what every shell does itself although there are programs of these
// names.
func builtins() []string {
	return strings.Fields("[ cd command echo false kill printf pwd read test true type ulimit umask wait")
}

func isShell(b []byte) bool {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	fields := bytes.Fields(bytes.TrimPrefix(line, []byte("#!")))
	if !bytes.HasPrefix(line, []byte("#!")) || len(fields) == 0 {
		return false
	}
	shell := path.Base(string(fields[0]))
	if shell == "env" && len(fields) > 1 {
		shell = string(fields[1])
	}
	return slices.Contains([]string{"sh", "bash", "dash", "ash", "ksh"}, shell)
}

func read(f File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", f.Path, err)
	}
	defer func() { _ = r.Close() }() // only read from
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(io.LimitReader(r, maxScript)); err != nil {
		return nil, fmt.Errorf("reading %q: %w", f.Path, err)
	}
	return buf.Bytes(), nil
}
