package project

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

// Context is what beside the project a build sees: a directory that holds the project
// and the directories and files that it takes from elsewhere in it. The zero value is
// the project alone.
type Context struct {
	Dir    string   `json:"dir"`    // absolute
	At     string   `json:"at"`     // where in it the project lies, with slashes: "apps/svc"
	Beside []string `json:"beside"` // what else of it is seen, relative to it, sorted
}

// widen opens what lies around the project for reading: the context that was named, or
// else the repository that the project is part of.
func (d *Dir) widen() error {
	real, err := filepath.EvalSymlinks(d.Path) // ".." is the directory's own, wherever a link to it lies
	if err != nil {
		return err
	}
	dir := repository(real)
	if d.Given.Context != "" {
		if dir, err = d.named(real, dir); err != nil {
			return err
		}
	}
	if dir == "" || dir == real {
		return nil
	}
	at, err := fsutil.Inside(dir, real)
	if err != nil {
		return problem.New(problem.Usage, "name a directory that holds the project, relative to it: --context ..",
			"the context %q does not hold the project: %w", d.Given.Context, err)
	}
	if d.outer, err = fsutil.OpenRoot(dir); err != nil {
		return problem.New(problem.Usage, "name a directory that can be read", "opening the context: %w", err)
	}
	d.outerDir, d.at = dir, filepath.ToSlash(at)
	return nil
}

// named is the directory of the context that was named. A file of the project's may name
// one inside its repository alone: whoever clones it gives it nothing else of theirs.
func (d *Dir) named(real, repository string) (string, error) {
	dir := d.Given.Context
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(real, dir)
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", problem.New(problem.Usage, "name a directory that holds the project, relative to it: --context ..", "the context: %w", err)
	}
	if _, err := fsutil.Inside(repository, dir); d.Given.ContextFromFile && (repository == "" || err != nil) {
		return "", problem.New(problem.Usage, "say so yourself: --context "+d.Given.Context,
			"the project's own settings name a context that is not part of its repository: %q", d.Given.Context)
	}
	return dir, nil
}

// repository is the top of the repository that dir is part of, "" if it is none, or if
// others may write to a directory on the way.
func repository(dir string) string {
	if isTop(dir) {
		return dir
	}
	up := parents(dir)
	if len(up) == 0 || !isTop(up[len(up)-1]) {
		return ""
	}
	return up[len(up)-1]
}

// Below is where in its repository a project's directory lies, with slashes; "" at the
// top, or where there is none.
func Below(dir string) string {
	top := repository(dir)
	rel, err := filepath.Rel(top, dir)
	if top == "" || err != nil || rel == "." || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel)
}

// near says whether a path, relative to the project, lies in it or in what is open
// around it.
func (d *Dir) near(rel string) bool {
	if insideProject(rel) {
		return true
	}
	return rel != "" && !path.IsAbs(rel) && d.outer != nil && fsutil.Local(".", path.Join(d.at, rel))
}

// take notes that a build has to see something outside of the project.
func (r *reader) take(rel string) {
	if !insideProject(rel) && r.near(rel) {
		r.outside = append(r.outside, rel)
	}
}

// besides are the path dependencies outside of the project that are read, from the one
// of that number on, and how many there are.
func (r *reader) besides(from int) int {
	for ; from < len(r.p.Deps); from++ {
		d := &r.p.Deps[from]
		if d.Outside() && d.In(r.Given.env()) && r.near(d.Where) && r.dir(d.Where) {
			d.Near = true
			r.take(d.Where)
		}
	}
	return from
}

// context is what of the surroundings the build sees: the least that holds all, or what
// was named.
func (r *reader) context() error {
	for _, rel := range r.Given.Include {
		if rel = path.Clean(filepath.ToSlash(rel)); !r.near(rel) {
			return problem.New(problem.Usage, "name what lies in the context, relative to the project; or a wider context by --context",
				"the build is to see %q, which does not lie in the context of the project", rel)
		}
		if insideProject(rel) {
			r.note("--include %s does nothing: it lies in the project, which the build sees (what .dockerignore excludes comes in by !PATH there)", rel)
		}
		r.take(rel)
	}
	r.copied()
	if r.outer == nil || len(r.outside) == 0 && r.Given.Context == "" {
		return nil
	}
	all := []string{r.at}
	for _, rel := range r.outside {
		all = append(all, path.Join(r.at, rel))
	}
	top := "."
	if r.Given.Context == "" {
		top = common(all)
	}
	c := Context{Dir: filepath.Join(r.outerDir, filepath.FromSlash(top)), At: under(top, r.at)}
	for _, name := range all[1:] {
		c.Beside = append(c.Beside, under(top, name))
	}
	slices.Sort(c.Beside)
	c.Beside = outermost(slices.Compact(c.Beside))
	r.p.Context = c
	return nil
}

// copied takes in what a Dockerfile above the project copies from beside it, where the
// project reads from there by itself already, or the Dockerfile's own copies say that it
// is part of the build.
func (r *reader) copied() {
	up := strings.Count(r.p.DockerFile, "../")
	if r.Given.IgnoreDocker || up == 0 || r.outer == nil || up > strings.Count(r.at, "/")+1 {
		return
	}
	prefix := strings.Repeat("../", up)
	for _, name := range r.p.Docker.Copies {
		rel := path.Clean(prefix + name)
		holds := rel == "." || strings.HasSuffix(rel, "..") // the project, or all around it
		if holds || insideProject(r.within(rel)) || !r.near(rel) || !r.Has(rel) && !r.dir(rel) {
			continue
		}
		r.take(rel)
	}
}

// within is a path relative to the project, of one that leads out of it and may lead
// back in: "../svc/lib" is "lib" of the project svc.
func (r *reader) within(rel string) string {
	whole := path.Join(r.at, rel)
	if inside, ok := strings.CutPrefix(whole, r.at+"/"); ok {
		return inside
	}
	return rel
}

// outermost are those of sorted names that lie in no other.
func outermost(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(names, func(other string) bool { return strings.HasPrefix(name, other+"/") })
	})
}

// under is name relative to top, both in the same directory.
func under(top, name string) string {
	switch top {
	case ".":
		return name
	case name:
		return "."
	}
	return strings.TrimPrefix(name, top+"/")
}

// common is the directory that holds all names, "." where only the outermost does.
func common(names []string) string {
	top := names[0]
	for _, name := range names {
		for top != "." && name != top && !strings.HasPrefix(name, top+"/") {
			top = path.Dir(top)
		}
	}
	return top
}
