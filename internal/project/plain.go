package project

import (
	"io/fs"
	"slices"

	"dram/internal/problem"
)

// Plain is what is known of a directory whatever makes its releases: the versions
// that its version files ask for, and what other files build with.
func (d *Dir) Plain() (*Project, error) {
	if d.Given.Context != "" || len(d.Given.Include) > 0 {
		return nil, problem.New(problem.Usage, "leave it out, and have the project hold what it needs: _checkouts, apps/",
			"only projects of Mix are built in a context")
	}
	r := &reader{Dir: d, p: &Project{Dir: d.Path}}
	if err := r.versions(); err != nil {
		return nil, err
	}
	r.offers()
	return r.p, nil
}

// Files are the names of the files in a directory of the project that is one, at
// most 10,000, sorted.
func (d *Dir) Files(dir string) []string {
	return d.names(dir, func(e fs.DirEntry) bool { return !e.IsDir() })
}

// Folders are the names of the directories there.
func (d *Dir) Folders(dir string) []string { return d.names(dir, fs.DirEntry.IsDir) }

func (d *Dir) names(dir string, want func(fs.DirEntry) bool) []string {
	if !d.dir(dir) {
		return nil
	}
	var out []string
	for _, e := range d.entries(dir) {
		if want(e) {
			out = append(out, e.Name())
		}
	}
	slices.Sort(out)
	return out
}
