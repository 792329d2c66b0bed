package pipeline

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"dram/internal/inspect"
	"dram/internal/output"
	"dram/internal/ref"
)

func (w *world) inspected(t *testing.T, kind ref.Kind, at string) *inspect.Report {
	t.Helper()
	r, err := w.Inspect(t.Context(), ref.Ref{Kind: kind, Value: at})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func why(r *inspect.Report, name string) []string {
	for _, f := range r.Files {
		if f.Path == name {
			return f.Why
		}
	}
	return []string{"not there"}
}

// Of each file of an image it is known why it is there; the sizes add up.
func TestInspectImage(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir() + "/layout"
	w.write(t, w.built(t), output.Layout{Dir: dir})
	r := w.inspected(t, ref.Layout, dir)
	if r.Release != "hello" || r.Version != "0.1.0" || r.At != "app" || r.ERTS != "13.1.5" || len(r.Layers) != 3 {
		t.Errorf("%s %s at %q, erts %s, %d layers", r.Release, r.Version, r.At, r.ERTS, len(r.Layers))
	}
	for name, want := range map[string]string{
		"usr/lib/x86_64-linux-gnu/libc.so.6":   "needed by app/",
		"usr/bin/sed":                          "called by app/bin/hello",
		"etc/ssl/certs/ca-certificates.crt":    "certificates",
		"usr/lib/locale/C.utf8/LC_CTYPE":       "the locale",
		"etc/passwd":                           "every image has it",
		"etc/os-release":                       "scanners",
		"app/erts-13.1.5/bin/beam.smp":         "the Erlang VM",
		"app/lib/hello-0.1.0/priv/port":        "in application hello",
		"app/lib/kernel-8.5.3/ebin/kernel.app": "in application kernel",
		"app/releases/start_erl.data":          "scripts and configuration",
		"lib":                                  "needed by app/",
		"usr/lib64/ld-linux-x86-64.so.2":       "needed by app/",
	} {
		if got := strings.Join(why(r, name), ", "); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if len(r.Unreferenced) > 0 {
		t.Errorf("nothing needs %q", r.Unreferenced)
	}
	var files, groups int64
	for _, f := range r.Files {
		files += f.Size
	}
	for _, g := range r.Groups {
		groups += g.Size
	}
	if files != r.Size || groups != r.Size || r.Size == 0 {
		t.Errorf("files have %d bytes, groups %d, all %d", files, groups, r.Size)
	}
	var page, text bytes.Buffer
	if err := r.HTML(&page); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(page.String(), `id="data">`)
	data, _, _ := strings.Cut(rest, "</script>")
	var again inspect.Report
	if err := json.Unmarshal([]byte(data), &again); err != nil || again.Size != r.Size || len(again.Files) != len(r.Files) {
		t.Errorf("the page has %d files, %v", len(again.Files), err)
	}
	if strings.Contains(page.String(), "http") {
		t.Error("the page asks others")
	}
	if err := r.Text(&text); err != nil || !strings.Contains(text.String(), "hello 0.1.0") {
		t.Errorf("%v\n%s", err, &text)
	}
}

// A tarball, a directory and the image of one release say the same of it.
func TestDiff(t *testing.T) {
	w := newWorld(t)
	a := w.inspected(t, ref.Path, packed(t, hello()))
	if d := inspect.Diff(a, w.inspected(t, ref.Path, unpackedTree(t, hello()))); !d.Same {
		t.Errorf("%+v", d)
	}
	other := hello().with("lib/hello-0.1.0/priv/port", needs("GLIBC_2.2.5")+"other").with("lib/jason-1.4.4/ebin/jason.app", "644 {application,jason,[{vsn,\"1.4.4\"}]}.").
		with("lib/hello-0.1.0/ebin/Elixir.Hello.beam", "644 FOR1\x00\x00\x00\x04BEAM")
	d := inspect.Diff(a, w.inspected(t, ref.Path, packed(t, other)))
	var said []string
	for _, c := range d.Changes {
		said = append(said, c.Kind+" "+c.Name)
	}
	want := []string{"application jason", "module lib/hello/ebin/Elixir.Hello.beam", "file lib/hello/priv/port", "file lib/jason/ebin/jason.app"}
	if !slices.Equal(said, want) || d.Same {
		t.Errorf("%q, want %q", said, want)
	}
	first, second := t.TempDir()+"/a", t.TempDir()+"/b"
	w.write(t, w.built(t), output.Layout{Dir: first})
	w.engine.release = other.without("lib/hello-0.1.0/ebin/Elixir.Hello.beam")
	writeTree(t, w.dir, tree{"lib/hello.ex": "defmodule Hello do\n  def x, do: 1\nend\n"})
	r := w.built(t)
	w.write(t, r, output.Layout{Dir: second})
	d = inspect.Diff(w.inspected(t, ref.Layout, first), w.inspected(t, ref.Layout, second))
	var changed int64
	for _, l := range r.Layers {
		if l.Name == "application" || l.Name == "dependencies" {
			changed += l.Size
		}
	}
	if d.Pull != changed || d.Layers != 2 {
		t.Errorf("a pull costs %d in %d layers, want %d", d.Pull, d.Layers, changed)
	}
}
