package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	stdpath "path"
	"path/filepath"
	"slices"
	"strings"
)

// house is what was measured of the sources.
type house struct {
	set       *token.FileSet
	files     map[string]int // lines
	functions []int          // lines
	params    int            // most of a function
	imports   []edge

	exported, documented int // names

	// Lines below internal/: of source by its package, of _test.go files, and of
	// scripts that tests run.
	source         map[string]int
	tests, scripts int

	long, wide, flags, large []string // what passes a bound
}

// edge is an import of one of the project's packages by another.
type edge struct{ from, to, file string }

// What a part of the code may be.
const (
	maxFunction = 60
	maxFile     = 400
	maxParams   = 5
	maxFields   = 20
)

func read(root string) (*house, error) {
	h := &house{files: map[string]int{}, source: map[string]int{}, set: token.NewFileSet()}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "bin" || strings.HasPrefix(d.Name(), ".") && rel != "."):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		case strings.Contains(rel, "testdata/"):
			return h.script(path, filepath.ToSlash(rel))
		case filepath.Ext(path) == ".go":
			return h.file(path, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the sources in %q: %w", root, err)
	}
	return h, nil
}

// script counts what a test runs as a script; the rest of testdata is data.
func (h *house) script(path, rel string) error {
	if ok, err := stdpath.Match("testdata/script/*.txtar", rel[strings.Index(rel, "testdata/"):]); !ok || !strings.HasPrefix(rel, "internal/") {
		return err
	}
	text, err := os.ReadFile(path)
	h.scripts += strings.Count(string(text), "\n")
	return err
}

func (h *house) file(path, rel string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.Count(string(text), "\n")
	if strings.HasSuffix(rel, "_test.go") {
		if strings.HasPrefix(rel, "internal/") {
			h.tests += lines
		}
		return nil
	}
	f, err := parser.ParseFile(h.set, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if ast.IsGenerated(f) {
		return nil
	}
	h.files[rel] = lines
	if strings.HasPrefix(rel, "internal/") {
		h.source[stdpath.Dir(rel)] += lines
	}
	h.importsOf(f, rel)
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			h.function(d, rel)
		case *ast.GenDecl:
			h.group(d, rel)
		}
	}
	return nil
}

func (h *house) importsOf(f *ast.File, rel string) {
	for _, i := range f.Imports {
		if to, ours := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "dram/"); ours {
			h.imports = append(h.imports, edge{filepath.ToSlash(filepath.Dir(rel)), to, rel})
		}
	}
}

func (h *house) function(d *ast.FuncDecl, rel string) {
	name := fmt.Sprintf("%s: %s", rel, d.Name.Name)
	if d.Body != nil {
		lines := h.set.Position(d.End()).Line - h.set.Position(d.Pos()).Line + 1
		h.functions = append(h.functions, lines)
		if lines > maxFunction {
			h.long = append(h.long, name)
		}
	}
	params := 0
	for _, p := range d.Type.Params.List {
		params += max(len(p.Names), 1)
		if t, ok := p.Type.(*ast.Ident); ok && t.Name == "bool" && visible(d) {
			h.flags = append(h.flags, name)
		}
	}
	h.params = max(h.params, params)
	if params > maxParams {
		h.wide = append(h.wide, name)
	}
	if visible(d) {
		h.count(d.Doc)
	}
}

// visible says whether other packages can call a function.
func visible(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.IsExported()
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported() && d.Name.IsExported()
		default:
			return false
		}
	}
}

// count notes an exported name; one in a group may be documented by the group.
func (h *house) count(docs ...*ast.CommentGroup) {
	h.exported++
	if slices.ContainsFunc(docs, func(d *ast.CommentGroup) bool { return d.Text() != "" }) {
		h.documented++
	}
}

func (h *house) group(d *ast.GenDecl, rel string) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() {
				h.count(s.Doc, d.Doc)
			}
			if t, ok := s.Type.(*ast.StructType); ok && t.Fields.NumFields() > maxFields {
				h.large = append(h.large, fmt.Sprintf("%s: %s, %d fields", rel, s.Name.Name, t.Fields.NumFields()))
			}
		case *ast.ValueSpec:
			for _, n := range s.Names {
				if n.IsExported() {
					h.count(s.Doc, s.Comment, d.Doc)
				}
			}
		}
	}
}

func (h *house) bounds() []bound {
	var lengths []int
	var longFiles []string
	for name, n := range h.files {
		if lengths = append(lengths, n); n > maxFile {
			longFiles = append(longFiles, name)
		}
	}
	slices.Sort(longFiles)
	return []bound{
		{what: "lines of a function, median", is: quantile(h.functions, 50), limit: 11},
		{what: "lines of a function, 90th percentile", is: quantile(h.functions, 90), limit: 30},
		{what: "lines of a function, most", is: quantile(h.functions, 100), limit: maxFunction, names: h.long},
		{what: "lines of a file, most", is: quantile(lengths, 100), limit: maxFile, names: longFiles},
		{what: "parameters of a function, most", is: float64(h.params), limit: maxParams, names: h.wide},
		{what: "exported functions with a boolean parameter", is: float64(len(h.flags)), names: h.flags},
		{what: "structs with more than 20 fields", is: float64(len(h.large)), names: h.large},
		{what: "exported names with a comment, %", is: 100 * ratio(h.documented, h.exported), limit: 98, floor: true},
		{
			what: "lines of tests, scripts and fakes to source's", is: h.tested(), limit: 0.6, floor: true,
			names: []string{fmt.Sprintf("of _test.go files alone, and fakes as source: %.2f", h.narrowly())},
		},
	}
}

// tested is lines of tests to lines of source, below internal/. Tests are _test.go files,
// the scripts that they run, and packages that tests alone import, such as fakes.
func (h *house) tested() float64 {
	source, tests := 0, h.tests+h.scripts
	for pkg, lines := range h.source {
		if h.ofTests(pkg) {
			tests += lines
		} else {
			source += lines
		}
	}
	return ratio(tests, source)
}

// narrowly is the same if _test.go files alone are tests.
func (h *house) narrowly() float64 {
	source := 0
	for _, lines := range h.source {
		source += lines
	}
	return ratio(h.tests, source)
}

// ofTests says whether a package is for tests: its name ends as such names do, and
// no source of another that is not imports it.
func (h *house) ofTests(pkg string) bool {
	return strings.HasSuffix(pkg, "test") && !slices.ContainsFunc(h.imports, func(e edge) bool {
		return e.to == pkg && !strings.HasSuffix(e.from, "test")
	})
}

func ratio(a, b int) float64 { return float64(a) / float64(max(b, 1)) }

// quantile is the value that so many percent do not pass.
func quantile(values []int, percent int) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	return float64(values[min(len(values)*percent/100, len(values)-1)])
}
