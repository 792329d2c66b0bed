package source

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whether a build will see a file, before its source is read.
func TestSees(t *testing.T) {
	for _, c := range []struct {
		name   string
		files  []string
		ignore string
		want   bool
	}{
		{"by the built-in list, no .git", []string{".git/HEAD=x"}, "", false},
		{"a list that lets it in", []string{".git/HEAD=x"}, "_build\n", true},
		{"a list that excludes it", []string{".git/HEAD=x"}, ".git\n", false},
		{"a list that excludes all but it", []string{".git/HEAD=x"}, "*\n!.git\n", true},
		{"none there", []string{"a=x"}, "_build\n", false},
		{"a list that is none", []string{".git/HEAD=x"}, "[\n", false},
	} {
		dir := t.TempDir()
		write(t, dir, c.files...)
		if c.ignore != "" {
			write(t, dir, ".dockerignore="+c.ignore)
		}
		if Sees(dir, ".git/HEAD") != c.want {
			t.Errorf("%s: seen: %v", c.name, !c.want)
		}
	}
	if Sees("/nonexistent", "a") {
		t.Error("a directory that is not there is seen into")
	}
}

// What the project's tool builds in is no source, at the project's top.
func TestBuiltIsNoSource(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "_rel/a=x", "apps/_rel/b=x", "c=x", "file=x")
	var got []string
	for _, f := range read(t, dir, Options{Built: []string{"_rel", "file"}}).Files {
		got = append(got, f.Path)
	}
	if diff := cmp.Diff([]string{"apps/_rel/b", "c", "file"}, got); diff != "" {
		t.Error(diff)
	}
}
