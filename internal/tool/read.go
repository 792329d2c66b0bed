package tool

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/problem"
	"dram/internal/project"
)

// ErrNone says that a directory is no project of any tool.
var ErrNone = errors.New("no project")

// Read reads the project in dir for a build, by the tool that was asked for, or else by
// the first of the table that makes its releases. Others that would are noted.
func (t Table) Read(dir string, given project.Given) (Project, error) {
	if given.Tool != "" {
		return t.readBy(dir, given)
	}
	d, err := project.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }() // only read from
	d.Given = given
	for i, tool := range t {
		p, err := tool.Read(d)
		if err != nil || p != nil {
			noteOthers(p, d, t[i+1:])
			return p, err
		}
	}
	hint := "name the directory of a project"
	if near := t.nearest(d.Path); near != "" {
		hint = "there is a project in " + near + ": name that directory"
	}
	return nil, problem.New(problem.Usage, hint, "%w in %q: it has no %s", ErrNone, d.Path, t.files())
}

// readBy reads the project by one tool alone.
func (t Table) readBy(dir string, given project.Given) (Project, error) {
	asked := given.Tool
	given.Tool = ""
	i := slices.IndexFunc(t, func(tool Tool) bool { return tool.About().Name == asked })
	if i < 0 {
		return nil, problem.New(problem.Usage, "choose one of: "+t.each(", ", func(a About) string { return a.Name }), "there is no tool %q", asked)
	}
	return t[i:i+1].Read(dir, given)
}

// noteOthers notes tools that declare releases in the directory, too.
func noteOthers(p Project, d *project.Dir, others Table) {
	if p == nil {
		return
	}
	for _, tool := range others {
		other, err := tool.Read(d)
		if err != nil || other == nil {
			continue
		}
		if names, err := other.Releases(); err == nil && len(names) > 0 {
			about := tool.About()
			p.Facts().Notes = append(p.Facts().Notes, "it is a project of "+about.Title+" as well, with "+Some(names, 3)+": --tool "+about.Name+" builds it so")
		}
	}
}

// files are those that people know tools by: "mix.exs, rebar.config or erlang.mk".
func (t Table) files() string {
	var all []string
	for _, tool := range t {
		if sign := sign(tool); sign != "" {
			all = append(all, sign)
		}
	}
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}

// nearest is the closest project below dir, or else above it.
func (t Table) nearest(dir string) string {
	level := []string{dir}
	for range 3 {
		var next []string
		for _, d := range level {
			entries, _ := os.ReadDir(d)
			for _, e := range entries[:min(len(entries), 1000)] {
				path := filepath.Join(d, e.Name())
				switch {
				case !e.IsDir() || strings.HasPrefix(e.Name(), ".") || slices.Contains([]string{"deps", "_build", "node_modules"}, e.Name()):
				case t.isProject(path):
					return path
				case len(next) < 1000:
					next = append(next, path)
				}
			}
		}
		level = next
	}
	for up := filepath.Dir(dir); up != filepath.Dir(up); up = filepath.Dir(up) {
		if t.isProject(up) {
			return up
		}
	}
	return ""
}

func (t Table) isProject(dir string) bool {
	return slices.ContainsFunc(t, func(tool Tool) bool {
		sign := sign(tool)
		info, err := os.Lstat(filepath.Join(dir, sign))
		return sign != "" && err == nil && info.Mode().IsRegular()
	})
}

// sign is the file at the top of a directory that people know a tool by, "" if
// there is none: those of a tool that adds to another are no project alone.
func sign(t Tool) string {
	if files := t.About().Files; len(files) > 0 && !strings.Contains(files[0], "/") {
		return files[0]
	}
	return ""
}
