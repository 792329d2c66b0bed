package oracle

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
	"dram/internal/report"
)

// complaint is a failure as people report it, made again: one file that was
// built elsewhere, in a release that is sound without it.
type complaint struct {
	name    string
	builder string // which compiled the file
	file    string // a case; "" for a module
	on      string // where it runs
	without string // what is missing there
	rules   []string
}

func complaints() []complaint {
	return []complaint{
		{name: "glibc-too-new", builder: "13", file: "stat", on: "11", rules: []string{"symbol-version"}},
		{name: "glibcxx-too-new", builder: "13", file: "cxx_format", on: "12", rules: []string{"symbol-version"}},
		{name: "libcrypto-1.1-missing", builder: "11", file: "crypto", on: "12", rules: []string{"soname"}},
		{name: "libtinfo-5-missing", builder: "13", file: "tinfo5", on: "13", rules: []string{"soname"}},
		{name: "libtinfo-6-missing", builder: "13", file: "plain", on: "13", without: "libtinfo", rules: []string{"soname"}},
		{name: "mach-o", builder: "13", file: "macho", on: "13", rules: []string{"format"}},
		{name: "glibc-on-musl", builder: "13", file: "strtol", on: "musl", rules: []string{"interpreter", "libc-mix", "symbol"}},
		{name: "beam-too-new", builder: "13", on: "11", rules: []string{"beam"}},
		{name: "nif-api-too-new", builder: "forky", file: "own_headers", on: "13", rules: []string{"nif-api"}},
	}
}

// TestReports makes the failures that led to the check again, and compares the
// whole report and the machine's own words with those that were kept.
func TestReports(t *testing.T) {
	known := map[string]system{}
	for _, s := range systems(t, "11", "12", "13", "forky") {
		known[s.name] = s
	}
	headers := nifHeaders(known["11"])
	musl, vm := muslPlace(t, headers)
	made := map[string]string{}
	for _, builder := range []string{"11", "13", "forky"} {
		wanted := slices.DeleteFunc(libraries(), func(n nativeCase) bool {
			return !slices.ContainsFunc(complaints(), func(c complaint) bool { return c.builder == builder && c.file == n.name })
		})
		made[builder], _ = natives(t, builder, headers, known[builder].root, "gcc", wanted)
	}
	for _, c := range complaints() {
		t.Run(c.name, func(t *testing.T) {
			p := place{system: known[c.on]}
			switch {
			case c.on == "musl":
				p = musl
			case c.without != "":
				p = incomplete(t, p.system, c.without)
			}
			base := known["11"] // for musl, any release will do
			if c.on != "musl" {
				base = p.system
			}
			rel := c.release(t, releaseOf(t, base, "oracle"), made[c.builder], known[c.builder], vm)
			c.compare(t, rel, p)
		})
	}
}

// release is a sound one with one file of another system.
func (c complaint) release(t testing.TB, base, made string, builder system, vm string) string {
	t.Helper()
	if c.file == "" {
		rel, beam := graft(t, base, newDir(t, "none")), "lib/oracle-0.1.0/ebin/c_plain.beam"
		replace(t, filepath.Join(rel, beam), filepath.Join(releaseOf(t, builder, "oracle"), beam))
		return rel
	}
	one := newDir(t, "one")
	if err := os.CopyFS(filepath.Join(one, c.file), os.DirFS(filepath.Join(made, c.file))); err != nil {
		t.Fatal(err)
	}
	if c.on == "musl" {
		return onMusl(t, base, one, vm)
	}
	return graft(t, base, one)
}

func (c complaint) compare(t *testing.T, rel string, p place) {
	r := predict(t, rel, p)
	var text bytes.Buffer
	if err := report.Text(&text, r); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if f.Verdict == check.Fail && !slices.Contains(c.rules, f.Rule) {
			t.Errorf("rule %q says FAIL too: %s", f.Rule, report.Say(r, f).Summary)
		}
	}
	units := []string{"nif:" + c.file}
	if c.file == "" {
		units = nil
	}
	l := c.live(t, p, rel, units)
	words := l.text
	if l.started {
		words = l.units["nif:"+c.file]
	}
	if words == worked || !slices.ContainsFunc(cause(words), func(rule string) bool { return slices.Contains(c.rules, rule) }) {
		t.Errorf("the machine said %q, which means %v", words, cause(words))
	}
	golden(t, filepath.Join("testdata", "reports", c.name+".txt"),
		"-- what dram check says --\n"+steady(text.String())+"-- what the machine said --\n"+steady(telling(words))+"\n")
}

func (c complaint) live(t *testing.T, p place, rel string, units []string) lived {
	if p.musl {
		return startMusl(t, p, rel, units)
	}
	return start(t, p, rel, "oracle", units)
}

// steady leaves out what changes with every update of a package.
func steady(text string) string {
	for _, r := range []struct{ is, with string }{
		{`erts-[0-9]+(\.[0-9]+)+/`, "erts-VSN/"},
		{`ERTS [0-9]+(\.[0-9]+)+`, "ERTS VSN"},
		{`(?m)[ \t]+$`, ""},
	} {
		text = regexp.MustCompile(r.is).ReplaceAllString(text, r.with)
	}
	return text
}

// telling is the line of a machine's words that gives the cause.
func telling(text string) string {
	for line := range strings.Lines(text) {
		if cause(line) != nil {
			return strings.TrimSpace(line)
		}
	}
	return text
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		write(t, name, got)
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}
