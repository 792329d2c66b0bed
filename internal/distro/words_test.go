package distro_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/distro/distros"
)

// tools are the words of each distribution that its Info does not have.
func tools() map[string][]string {
	return map[string][]string{"debian": {"dpkg", "apt-get", "/apt/"}}
}

// elsewhere is where a distribution's words may stand outside its package, and
// why. A name that ends in / is a directory.
func elsewhere() map[string]string {
	return map[string]string{
		"internal/distro/distros/distros.go": "the table, whose first row is the default",
		"internal/distro/add.go":             "where package managers keep lists, sources and keys, and how they are called",
		"internal/distro/names.go":           "what packages of all families are called, and what installs them",
		"internal/distro/inventory.go":       "what systems list of their packages, as images have them",
		"internal/distro/inventory_deb.go":   "the same of one kind of list",
		"internal/distro/family.go":          "what images' distributions are related to, whether toolchains are made of them or not",
		"internal/distro/places.go":          "files of systems that images are of, whether toolchains are made of them or not",
		"internal/project/dockerfile/":       "reads what Dockerfiles of any distribution do",
		"internal/target/rows.go":            "data: the targets that are built in",
		"internal/target/genprofiles/":       "makes that data of one distribution's archive",
	}
}

// documentation are fields whose text is shown as help and decides nothing. So
// are names that end in Help.
func documentation() []string {
	return []string{"Example", "Long", "Help", "Default", "Looks", "Seen", "Do"}
}

// words matches what only a distribution's package may say.
func words(t *testing.T) *regexp.Regexp {
	t.Helper()
	var all []string
	for _, d := range distros.All() {
		info := d.Info()
		if len(tools()[info.ID]) == 0 {
			t.Errorf("what are the words of %s?", info.Name)
		}
		own := slices.Concat([]string{info.ID}, info.Retired, tools()[info.ID])
		for _, s := range info.Suites {
			own = append(own, s.Codename)
		}
		for _, w := range own {
			w = regexp.QuoteMeta(w)
			if len(w) < 4 { // "sid" is also in "inside"
				w = `\b` + w + `\b`
			}
			all = append(all, w)
		}
	}
	return regexp.MustCompile("(?i)" + strings.Join(all, "|"))
}

// Nothing but a distribution's own package knows its words.
func TestWordsStayBehindTheDoor(t *testing.T) {
	pattern := words(t)
	var found []string
	for _, dir := range []string{"internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join("../..", dir), func(path string, d fs.DirEntry, err error) error {
			name, _ := filepath.Rel("../..", path)
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || allowed(name) {
				return err
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, n := range said(file) {
				if pattern.MatchString(text(n)) {
					found = append(found, fmt.Sprintf("%s:%d: %s", name, fset.Position(n.Pos()).Line, text(n)))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) > 0 {
		t.Errorf("words of a distribution outside its package:\n%s", strings.Join(found, "\n"))
	}
}

// allowed says whether the file may have such words.
func allowed(name string) bool {
	for _, d := range distros.All() {
		if strings.HasPrefix(name, "internal/distro/"+d.Info().ID+"/") {
			return true
		}
	}
	for place := range elsewhere() {
		if name == place || strings.HasSuffix(place, "/") && strings.HasPrefix(name, place) {
			return true
		}
	}
	return false
}

// said is the names and texts of a file but for comments and documentation.
func said(file *ast.File) (out []ast.Node) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CommentGroup:
			return false
		case *ast.KeyValueExpr:
			key, ok := n.Key.(*ast.Ident)
			return !ok || !slices.Contains(documentation(), key.Name)
		case *ast.ValueSpec:
			return !strings.HasSuffix(n.Names[0].Name, "Help")
		case *ast.Ident, *ast.BasicLit:
			out = append(out, n)
		}
		return true
	})
	return out
}

func text(n ast.Node) string {
	switch n := n.(type) {
	case *ast.Ident:
		return n.Name
	case *ast.BasicLit:
		return n.Value
	}
	return ""
}

// The search sees what it is to see: of each row the words that are found.
func TestWordsAreSeen(t *testing.T) {
	pattern := words(t)
	for _, tt := range []struct {
		source string
		want   []string
	}{
		{`var x = "distro:debian/13"`, []string{`"distro:debian/13"`}},
		{`func debianColumn() {}`, []string{"debianColumn"}},
		{`var x = []string{"stretch", "Trixie"}`, []string{`"stretch"`, `"Trixie"`}},
		{`var x = "sid"`, []string{`"sid"`}},
		{`var x = "apt-get update"`, []string{`"apt-get update"`}},
		{`const targetHelp, hint = "distro:debian/13", "none"`, nil},
		{`const hint = "distro:debian/13"`, []string{`"distro:debian/13"`}},
		{`var inside = "besides" // Debian`, nil},
		{`var x = T{Example: "distro:debian/13", Hint: "distro:debian/12"}`, []string{`"distro:debian/12"`}},
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n"+tt.source, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range said(file) {
			if pattern.MatchString(text(n)) {
				got = append(got, text(n))
			}
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s", tt.source, d)
		}
	}
}
