package project

import (
	"os"
	"path/filepath"
	"strings"

	"dram/internal/problem"
)

// noProject is the error for a directory without a project; its hint names the
// nearest one.
func noProject(dir string) error {
	hint := "name the directory of a project"
	if near := nearest(dir); near != "" {
		hint = "there is a project in " + near + ": name that directory"
	}
	return problem.New(problem.Usage, hint,
		"no project in %q: it has no mix.exs, rebar.config or erlang.mk", dir)
}

// nearest is the closest project below dir, or else above it.
func nearest(dir string) string {
	level := []string{dir}
	for range 3 {
		var next []string
		for _, d := range level {
			entries, _ := os.ReadDir(d)
			for _, e := range entries[:min(len(entries), 1000)] {
				path := filepath.Join(d, e.Name())
				switch {
				case !e.IsDir() || strings.HasPrefix(e.Name(), ".") || e.Name() == "deps" || e.Name() == "_build" || e.Name() == "node_modules":
				case isProject(path):
					return path
				case len(next) < 1000:
					next = append(next, path)
				}
			}
		}
		level = next
	}
	for up := filepath.Dir(dir); up != filepath.Dir(up); up = filepath.Dir(up) {
		if isProject(up) {
			return up
		}
	}
	return ""
}

func isProject(dir string) bool {
	for _, name := range []string{"mix.exs", "rebar.config"} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}
