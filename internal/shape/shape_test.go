package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// What passes a bound is counted and named, and what does not is not.
func TestBounds(t *testing.T) {
	const layout = "-- docs/design.md --\n# Layout\n\n    internal/high/   above\n    internal/low/    below\n"
	for _, tt := range []struct {
		name, source string
		what, names  string // of the bound that is passed; "" if all but the tests' are met
	}{
		{"small", "-- internal/low/a.go --\n// Package low is.\npackage low\n\n// F does.\nfunc F(a, b, c, d, e int) {}\n", "", ""},
		{"too many parameters", "-- internal/low/a.go --\npackage low\n\n// F does.\nfunc F(a, b, c, d, e, f int) {}\n", "parameters of a function, most", "internal/low/a.go: F"},
		{"a boolean", "-- internal/low/a.go --\npackage low\n\n// F does.\nfunc F(quiet bool) {}\n", "exported functions with a boolean parameter", "internal/low/a.go: F"},
		{"a boolean inside", "-- internal/low/a.go --\npackage low\n\ntype t int\n\nfunc f(quiet bool) {}\n\nfunc (t) F(quiet bool) {}\n", "", ""},
		{"a long function", "-- internal/low/a.go --\npackage low\n\nfunc f() {\n" + strings.Repeat("\tf()\n", 60) + "}\n", "lines of a function, most", "internal/low/a.go: f"},
		{"a long file", "-- internal/low/a.go --\npackage low\n" + strings.Repeat("\n", 400), "lines of a file, most", "internal/low/a.go"},
		{"many fields", "-- internal/low/a.go --\npackage low\n\ntype t struct{ " + strings.Repeat("_ int; ", 21) + "}\n", "structs with more than 20 fields", "internal/low/a.go: t, 21 fields"},
		{"no comment", "-- internal/low/a.go --\npackage low\n\nconst C = 1\n", "exported names with a comment, %", ""},
		{"down", "-- internal/high/a.go --\npackage high\n\nimport _ \"dram/internal/low/deep\"\n", "", ""},
		{"up", "-- internal/low/deep/a.go --\npackage deep\n\nimport _ \"dram/internal/high\"\n", "imports that lead up the layout", "internal/low/deep/a.go imports internal/high, which stands above internal/low"},
		{"nowhere", "-- internal/low/a.go --\npackage low\n\nimport _ \"dram/internal/new\"\n", "imports that lead up the layout", "internal/new is not in the layout of docs/design.md"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := unpack(t, layout+tt.source)
			h, err := read(dir)
			if err != nil {
				t.Fatal(err)
			}
			l, err := readLayout(dir)
			if err != nil {
				t.Fatal(err)
			}
			var passed []string
			for _, b := range append(h.bounds(), l.bound(h.imports)) {
				tests := strings.HasPrefix(b.what, "lines of tests")
				shared := strings.Contains(b.what, "median") || strings.Contains(b.what, "percentile") || h.exported == 0 && b.floor
				if !b.met() && !tests && !shared {
					passed = append(passed, b.what)
					if got := strings.Join(b.names, "\n"); got != tt.names {
						t.Errorf("%s names %q, want %q", b.what, got, tt.names)
					}
				}
			}
			if want := strings.Fields(tt.what); len(want) == 0 && len(passed) > 0 || len(want) > 0 && !slices.Equal(passed, []string{tt.what}) {
				t.Errorf("passed: %q, want %q", passed, tt.what)
			}
		})
	}
}

// What is a test is counted as one: scripts that tests run and packages that tests alone
// import; golden files and what goes into the program are not.
func TestTested(t *testing.T) {
	const source = "-- docs/design.md --\n    internal/low/   below\n-- internal/low/a.go --\npackage low\n\n\n\n\n\n\n\n\n\n"
	const support = "-- internal/low/lowtest/a.go --\npackage lowtest\n\n\n\n\n"
	for _, tt := range []struct {
		name, tree string
		want       float64
	}{
		{"no tests", "", 0},
		{"a test", "-- internal/low/a_test.go --\npackage low\n\n", 0.2},
		{"a test of another program", "-- cmd/low/a_test.go --\npackage low\n\n", 0},
		{"a script", "-- internal/low/testdata/script/a.txtar --\nexec true\n", 0.1},
		{"a golden file", "-- internal/low/testdata/a.txtar --\nx\n", 0},
		{"data of a test", "-- internal/low/testdata/script/a.json --\nx\n", 0},
		{"source that a test reads", "-- internal/low/testdata/a.go --\npackage a\n", 0},
		{"what tests alone import", support, 0.5},
		{"what other such packages import", support + "-- internal/high/hightest/a.go --\npackage hightest\n\nimport _ \"dram/internal/low/lowtest\"\n", 0.8},
		{"what goes into the program all the same", support + "-- internal/low/b.go --\npackage low\n\nimport _ \"dram/internal/low/lowtest\"\n", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := read(unpack(t, source+tt.tree))
			if err != nil {
				t.Fatal(err)
			}
			if got := h.tested(); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestNoLayout(t *testing.T) {
	if _, err := readLayout(unpack(t, "-- docs/design.md --\nNothing here.\n")); err == nil || !strings.Contains(err.Error(), "has no layout") {
		t.Errorf("err = %v", err)
	}
}

// unpack writes an archive's files to a new directory.
func unpack(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
