package inspect

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"dram/internal/ui"
)

// shown is how many rows of a list are printed; JSON has all.
const shown = 15

// Text writes the report for people.
func (r *Report) Text(w io.Writer) error {
	t := &table{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.row("name", r.Name)
	for _, kv := range [][2]string{{"digest", r.Digest}, {"platform", r.Platform}, {"release", strings.TrimSpace(r.Release + " " + r.Version)}, {"erts", r.ERTS}} {
		if kv[1] != "" {
			t.row(kv[0], kv[1])
		}
	}
	t.row("size", fmt.Sprintf("%s in %d files", ui.Bytes(r.Size), len(r.Files)))
	if r.Compressed > 0 {
		t.row("compressed", ui.Bytes(r.Compressed))
	}
	for _, l := range r.Layers {
		t.row("layer", l.Name, ui.Bytes(l.Size), ui.Bytes(l.Plain), fmt.Sprintf("%d entries", l.Files), short(l.Digest))
	}
	for i, g := range r.Groups {
		if i == shown {
			t.row("part", fmt.Sprintf("… and %d more", len(r.Groups)-shown))
			break
		}
		t.row("part", g.Name, g.Kind, ui.Bytes(g.Size), fmt.Sprintf("%d files", g.Files))
	}
	for i, d := range r.Duplicates {
		if i == shown {
			break
		}
		t.row("twice", strings.Join(d.Paths[:min(3, len(d.Paths))], " "), ui.Bytes(d.Size))
	}
	for i, name := range r.Twice {
		if i == shown {
			t.row("named twice", fmt.Sprintf("… and %d more", len(r.Twice)-shown))
			break
		}
		t.row("named twice", name, "the last counts")
	}
	for i, name := range r.Unreferenced {
		if i == shown {
			t.row("unreferenced", fmt.Sprintf("… and %d more", len(r.Unreferenced)-shown))
			break
		}
		t.row("unreferenced", name)
	}
	t.row("debug", ui.Bytes(r.Debug)+" of debug information")
	if r.Hidden > 0 {
		t.row("hidden", ui.Bytes(r.Hidden)+" in layers below that a later one replaces or removes")
	}
	return t.flush()
}

// WhyText writes why a file is there.
func (r *Report) WhyText(w io.Writer, name string) bool {
	for _, f := range r.Files {
		if f.Path != strings.TrimPrefix(name, "/") {
			continue
		}
		_, _ = fmt.Fprintln(w, ui.Line(f.Path))
		for _, why := range f.Why {
			_, _ = fmt.Fprintln(w, "  "+ui.Line(why))
		}
		if len(f.Why) == 0 {
			_, _ = fmt.Fprintln(w, "  nothing is known to need it")
		}
		return true
	}
	return false
}

func short(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:min(12, len(hex))]
}

// table is rows of columns, and the first error of writing them.
type table struct {
	w   *tabwriter.Writer
	err error
}

func (t *table) row(columns ...string) {
	for i := range columns { // names of files and of parts may be anything
		columns[i] = ui.Line(columns[i])
	}
	if _, err := fmt.Fprintln(t.w, strings.Join(columns, "\t")); t.err == nil {
		t.err = err
	}
}

func (t *table) flush() error {
	if t.err != nil {
		return t.err
	}
	return t.w.Flush()
}
