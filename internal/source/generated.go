package source

import (
	"fmt"
	"io/fs"
	"slices"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

// Generated lists what dst, where the tree was staged, holds beside it: what
// steps of a build made. The paths in keep are left out; a node_modules
// directory counts as one. Given to the next Sync to keep, it stays.
func Generated(t *Tree, dst string, keep ...string) ([]string, error) {
	source := make(map[string]bool, len(t.Files))
	for _, f := range t.Files {
		source[f.Path] = true
	}
	root, err := fsutil.OpenRoot(dst)
	if err != nil {
		return nil, fmt.Errorf("looking for generated files: %w", err)
	}
	defer func() { _ = root.Close() }()
	var names []string
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return skipUnreadable(d, err)
		case slices.Contains(keep, name):
			return skip(d)
		case d.IsDir() && d.Name() == "node_modules":
			names = append(names, name)
			return fs.SkipDir
		case !d.IsDir() && !source[name]:
			names = append(names, name)
		}
		if len(names) > maxFiles {
			return problem.New(problem.Build, "have it write them below _build",
				"the build made more than %d files in its copy of the source", maxFiles)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for generated files: %w", err)
	}
	return names, nil
}

// skipUnreadable passes over a directory that a build shut.
func skipUnreadable(d fs.DirEntry, err error) error {
	if d != nil && d.IsDir() {
		return fs.SkipDir
	}
	return err
}
