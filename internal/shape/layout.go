package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// layout is the list of packages in docs/design.md, from the top down.
type layout struct{ rank map[string]int }

// page is where the layout stands, and entry a line of it.
const page = "docs/design.md"

var entry = regexp.MustCompile(`^ {4}((?:cmd|internal)/[a-z0-9/]+?)/? {2,}\S`)

func readLayout(root string) (*layout, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page)))
	if err != nil {
		return nil, err
	}
	l := &layout{rank: map[string]int{}}
	for line := range strings.Lines(string(text)) {
		if m := entry.FindStringSubmatch(line); m != nil {
			l.rank[m[1]] = len(l.rank)
		}
	}
	if len(l.rank) == 0 {
		return nil, fmt.Errorf("%s has no layout: no line such as `    internal/plan/   decisions`", page)
	}
	return l, nil
}

// of is the place of a package, or of the nearest directory above that has one;
// -1 if there is none.
func (l *layout) of(pkg string) (rank int, name string) {
	for dir := pkg; dir != "."; dir = filepath.Dir(dir) {
		if n, ok := l.rank[dir]; ok {
			return n, dir
		}
	}
	return -1, ""
}

// bound lists the imports that lead up the layout, and the packages that it
// lacks.
func (l *layout) bound(imports []edge) bound {
	var wrong []string
	for _, e := range imports {
		from, a := l.of(e.from)
		to, b := l.of(e.to)
		switch {
		case to < 0:
			wrong = append(wrong, fmt.Sprintf("%s is not in the layout of %s", e.to, page))
		case from >= 0 && from > to && a != b:
			wrong = append(wrong, fmt.Sprintf("%s imports %s, which stands above %s", e.file, e.to, a))
		}
	}
	slices.Sort(wrong)
	wrong = slices.Compact(wrong)
	return bound{what: "imports that lead up the layout", is: float64(len(wrong)), names: wrong}
}
