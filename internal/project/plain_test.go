package project

import (
	"slices"
	"testing"
)

// opened is a directory with the files of a txtar.
func opened(t *testing.T, files string) *Dir {
	t.Helper()
	d, err := Open(tree(t, files))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// What is known of a project that has no mix.exs.
func TestPlain(t *testing.T) {
	d := opened(t, "-- .tool-versions --\nerlang 27.2\n-- apps/b/x --\n1\n-- apps/a/x --\n1\n-- apps/file --\n1\n")
	p, err := d.Plain()
	if err != nil {
		t.Fatal(err)
	}
	if p.Dir != d.Path || p.Asked.Erlang != (Version{"27.2", ".tool-versions"}) || p.App != "" {
		t.Errorf("%+v", p)
	}
	if got := d.Folders("apps"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("folders %q", got)
	}
	if got := d.Files("apps"); !slices.Equal(got, []string{"file"}) {
		t.Errorf("files %q", got)
	}
	if d.Files("none") != nil || d.Folders("../..") != nil {
		t.Error("what is not there, or outside, has names")
	}
}

func TestEscript(t *testing.T) {
	for text, want := range map[string]bool{"escript: [main_module: A]": true, "deps: []": false} {
		p, err := opened(t, "-- mix.exs --\ndefmodule A do\n def project, do: [app: :a, "+text+"]\nend\n").Mix()
		if err != nil || p.Escript != want {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
}
