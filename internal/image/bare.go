package image

import (
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/store"
	"dram/internal/tool/tools"
)

// withoutShell is the draft of the same image without a shell: the release's tool knows
// what takes the place of its scripts.
func (d *Draft) withoutShell() (*Draft, error) {
	boot := tools.Boot(d.rel)
	if boot.Launch == nil {
		return nil, problem.New(problem.Usage, "leave the shell in: image.shell = true", "release %q starts by scripts that only a shell runs", d.rel.Name)
	}
	launched, err := boot.Launch(d.opts.Architecture)
	if err != nil {
		return nil, err
	}
	out := *d
	out.opts.Shell, out.files = NoShell, nil
	for _, f := range d.files {
		if slices.Contains(launched.Gone, f.Path) {
			continue
		}
		switch program, is := launched.Programs[f.Path]; {
		case is:
			f.made, f.alone, f.Mode = program, true, 0o755
			f.Size, f.Digest, f.Open = int64(len(program)), store.DigestOf(program), bytesOpener(program)
		case isScript(f):
			f.alone = true // what it is read by is not there
		}
		out.files = append(out.files, f)
	}
	if out.sys, err = findSystem(d.st, d.rel, out.files, out.opts); err != nil {
		return nil, fmt.Errorf("finding the files that release %q needs without a shell: %w", d.rel.Name, err)
	}
	if by := out.sys.shell(); by != "" {
		return nil, problem.New(problem.Usage, "leave the shell in: image.shell = true, or take out what brings it", "the image is to have no shell, and something that it is asked to have needs one: %s", by)
	}
	return &out, out.place()
}

// isScript says whether a file's first line names what reads it.
func isScript(f File) bool {
	if !f.Mode.IsRegular() || f.Size > maxScript || f.Mode&0o111 == 0 {
		return false
	}
	text, err := read(f)
	return err == nil && strings.HasPrefix(string(text), "#!")
}

// shell is a shell of the system's, "" if it has none.
func (s *system) shell() string {
	for _, f := range s.Files {
		dir, name := path.Split(f.Path)
		if strings.HasSuffix(dir, "bin/") && slices.Contains([]string{"sh", "dash", "bash", "ash", "busybox"}, name) {
			return "/" + f.Path
		}
	}
	return ""
}

// ShellCalls are the applications of an image without a shell whose code names a function
// that starts one, each with the functions: those calls fail.
func (d *Draft) ShellCalls() (out []string) {
	if d.bare == nil {
		return nil
	}
	calls := map[string]bool{}
	for _, f := range d.files {
		ours := f.Origin == release.Own || f.Origin == release.Dependency || strings.HasPrefix(f.App, "os_mon-")
		if !ours || path.Ext(f.Path) != ".beam" {
			continue
		}
		for _, name := range shellFunctions(f) {
			app, _, _ := strings.Cut(f.App, "-")
			calls[app+" ("+name+")"] = true
		}
	}
	return slices.Sorted(maps.Keys(calls))
}

// shellFunctions are those that a module names. One that cannot be read names none; the
// check speaks of it.
func shellFunctions(f File) (out []string) {
	const most = 64 << 20 // bytes
	if f.Size > most {
		return nil
	}
	r, err := f.Open()
	if err != nil {
		return nil
	}
	defer func() { _ = r.Close() }() // only read from
	raw, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return nil
	}
	m, err := beam.Read(raw)
	if err != nil {
		return nil
	}
	imports, err := m.Imports()
	if err != nil {
		return nil
	}
	for _, i := range imports {
		if i.Module == "os" && i.Name == "cmd" || i.Module == "Elixir.System" && i.Name == "shell" {
			out = append(out, strings.TrimPrefix(i.Module, "Elixir.")+":"+i.Name)
		}
	}
	return out
}
