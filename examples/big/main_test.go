package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustGenerate(t *testing.T, o options) *project {
	t.Helper()
	p, err := generate(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSameOptionsGiveTheSameBytes(t *testing.T) {
	o := options{Modules: 200, Apps: 3, Seed: 7}
	first := mustGenerate(t, o)
	if diff := cmp.Diff(first.files, mustGenerate(t, o).files); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
	o.Seed = 8
	if cmp.Equal(first.files, mustGenerate(t, o).files) {
		t.Error("another seed gives the same project")
	}
}

func TestCountsAreWhatWasAskedFor(t *testing.T) {
	for _, o := range []options{{6, 1, 1}, {50, 3, 1}, {200, 21, 2}, {1000, 5, 1}} {
		p := mustGenerate(t, o)
		modules, apps := 0, map[string]bool{}
		for name, text := range p.files {
			if strings.Contains(text, "«") {
				t.Errorf("%s has a place that was not filled", name)
			}
			if strings.Contains(name, "/lib/") {
				modules += strings.Count("\n"+text, "\ndefmodule ")
				apps[strings.Split(name, "/")[1]] = true
			}
		}
		if modules != o.Modules || len(apps) != o.Apps {
			t.Errorf("%+v: got %d modules in %d applications", o, modules, len(apps))
		}
		if len(p.leaves) == 0 {
			t.Errorf("%+v: no leaf to edit", o)
		}
	}
}

func TestNothingMentionsALeaf(t *testing.T) {
	p := mustGenerate(t, options{Modules: 300, Apps: 4, Seed: 3})
	for _, leaf := range p.leaves {
		name := strings.Fields(p.files[leaf])[1]
		for other, text := range p.files {
			if other != leaf && strings.Contains(text+"\n", name+".") {
				t.Errorf("%s mentions the leaf %s", other, name)
			}
		}
	}
}

func TestTooFewModulesAreRefused(t *testing.T) {
	for _, o := range []options{{5, 1, 1}, {10, 0, 1}, {10, 2, 1}, {-1, 1, 1}, {1_000_000, 1, 1}} {
		if _, err := generate(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestEditTouchesOneLineOfOneFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "big")
	args := []string{"-modules", "60", "-apps", "2", "-seed", "5", "-o", dir}
	if err := run(args); err != nil {
		t.Fatal(err)
	}
	leaves := len(mustGenerate(t, options{60, 2, 5}).leaves)
	before := readTree(t, dir)
	for _, k := range []string{"1", "2", "3", "40", "40000"} {
		if err := run(append(args, "-edit", k)); err != nil {
			t.Fatal(err)
		}
		after := readTree(t, dir)
		if got := changedLines(t, before, after); got != 1 {
			t.Errorf("edit %s changed %d lines", k, got)
		}
		before = after
	}
	if leaves < 2 {
		t.Fatalf("%d leaves do not show that edits go round", leaves)
	}
}

func TestEditsAndOutputsThatMakeNoSenseAreRefused(t *testing.T) {
	dir := t.TempDir()
	if err := run([]string{"-o", dir, "-modules", "20", "-apps", "1", "-edit", "1"}); err == nil {
		t.Error("an edit of a project that is not there succeeded")
	}
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"-o", dir}); err == nil {
		t.Error("a directory that is not empty was written to")
	}
	if err := run([]string{"-modules", "20"}); err == nil {
		t.Error("no directory was asked for")
	}
	if err := run([]string{"-o", dir, "-edit", "-1"}); err == nil {
		t.Error("edit -1 was accepted")
	}
}

func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		files[file] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func changedLines(t *testing.T, before, after map[string]string) int {
	t.Helper()
	if len(before) != len(after) {
		t.Fatalf("%d files became %d", len(before), len(after))
	}
	changed := 0
	for name, text := range after {
		old, lines := strings.Split(before[name], "\n"), strings.Split(text, "\n")
		if len(old) != len(lines) {
			t.Fatalf("%s: %d lines became %d", name, len(old), len(lines))
		}
		for i := range lines {
			if lines[i] != old[i] {
				changed++
			}
		}
	}
	return changed
}
