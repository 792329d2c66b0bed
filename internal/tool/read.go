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
// the first of the table of those that its files speak for most. Others that would make
// releases of it are noted.
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
	found, err := t.all(d)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		return choose(found), nil
	}
	hint := "name the directory of a project"
	switch near := t.nearest(d.Path); {
	case len(near) == 1:
		hint = "there is a project in " + near[0] + ": name that directory"
	case len(near) > 1:
		hint = "there are projects in " + Some(near, 6) + ": name one of these directories"
	}
	return nil, problem.New(problem.Usage, hint, "%w in %q: it has no %s", ErrNone, d.Path, t.files())
}

// all are the projects that tools find in a directory. What cannot be read is a problem
// of the first alone.
func (t Table) all(d *project.Dir) (found []Project, err error) {
	for _, tool := range t {
		p, err := tool.Read(d)
		if err != nil && len(found) == 0 {
			return nil, err
		}
		if err == nil && p != nil {
			found = append(found, p)
		}
	}
	return found, nil
}

// How much speaks for a tool's making releases of a project.
const (
	makesNone = iota // a library, as it stands
	makesByItself
	makesDeclared
)

func makes(p Project) int {
	if names, err := p.Releases(); err != nil || len(names) > 0 {
		return makesDeclared
	}
	if i, ok := p.(Implicit); ok && i.Implicit() {
		return makesByItself
	}
	return makesNone
}

// choose takes one of several, and notes the others and why.
func choose(found []Project) Project {
	taken := slices.MaxFunc(found, func(a, b Project) int { return makes(a) - makes(b) }) // the first of these
	said := []*project.Project{taken.Facts()}
	for _, other := range found {
		names, err := other.Releases()
		// tools that add to another share its facts
		if makes(other) == makesNone || other == taken || err == nil && len(names) == 0 && slices.Contains(said, other.Facts()) {
			continue
		}
		said = append(said, other.Facts())
		taken.Facts().Notes = append(taken.Facts().Notes, instead(taken, other, names))
	}
	return taken
}

// instead says of a project that it could be another tool's, and why it is not.
func instead(taken, other Project, names []string) string {
	ours, theirs := taken.Tool().About(), other.Tool().About()
	with, why := "", " comes before it"
	if len(names) > 0 {
		with = ", with " + Some(names, 3)
	} else if makes(taken) > makes(other) {
		with, why = ", which declares no release", " has some in "+strings.Join(ours.Files[:min(1, len(ours.Files))], "")
	}
	return "it is a project of " + theirs.Title + " as well" + with + ": --tool " + theirs.Name + " builds it so; " + ours.Title + why
}

// readBy reads the project by one tool alone.
func (t Table) readBy(dir string, given project.Given) (Project, error) {
	asked := given.Tool
	given.Tool = ""
	i := slices.IndexFunc(t, func(tool Tool) bool { return tool.About().Name == asked })
	if i < 0 {
		return nil, problem.New(problem.Usage, "choose one of: "+t.each(", ", func(a About) string { return a.Name }), "there is no tool %q", asked)
	}
	p, err := t[i:i+1].Read(dir, given)
	if !errors.Is(err, ErrNone) {
		return p, err
	}
	other, otherErr := t.Read(dir, given)
	if otherErr != nil {
		return nil, err
	}
	return nil, problem.New(problem.Usage, "leave --tool out: it is a project of "+other.Tool().About().Title,
		"%w of %s in %q", ErrNone, t[i].About().Title, dir)
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

// nearest are the closest projects below dir, all of one level, or else the one above it.
func (t Table) nearest(dir string) (found []string) {
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
					found = append(found, path)
				case len(next) < 1000:
					next = append(next, path)
				}
			}
		}
		if level = next; len(found) > 0 {
			return found
		}
	}
	for up := filepath.Dir(dir); up != filepath.Dir(up); up = filepath.Dir(up) {
		if t.isProject(up) {
			return []string{up}
		}
	}
	return nil
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
