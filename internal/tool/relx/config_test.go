package relx

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dram/internal/beam"
)

func terms(t *testing.T, text string) []beam.Term {
	t.Helper()
	out, err := beam.Consult([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out
}

func TestReleases(t *testing.T) {
	c := Read(terms(t, `
{release, {a, "1.0"}, [a]}.
{release, {b, "1", {extend, a}}, [b], [{include_erts, false}]}.
{release, {c, git}, {erts, "15"}, [c]}.
{release, {d, {cmd, "rm -rf /"}}, [d]}.
{release, {e, {file, "VERSION"}}, [e]}.
{release, {f, semver}, [f]}. {release, {g, {git, short}}, [g]}. {release, {h, "semver"}, []}. {release, {i, {what, 1}}, []}.
{release, {a, "1.1"}, [a]}.
{release, {"text", "1"}, [a]}. {release, nothing, [a]}. {release, {z}, []}. release. {release}.
`))
	want := []Release{
		{Name: "a", Version: "1.1"},
		{Name: "b", Version: "1"},
		{Name: "c", From: Git},
		{Name: "d", From: FromCommand},
		{Name: "e", From: FromFile},
		{Name: "f", From: Git},
		{Name: "g", From: Git},
		{Name: "h", From: Git},
		{Name: "i", From: FromTerm},
	}
	if diff := cmp.Diff(want, c.Releases, cmpopts.IgnoreUnexported(Release{})); diff != "" {
		t.Error(diff)
	}
	if erts := c.Settings("b").ERTS; erts != "false" {
		t.Errorf("a release's own settings: include_erts %q", erts)
	}
	if erts := c.Settings("c").ERTS; erts != "" {
		t.Errorf("the version of ERTS is taken for settings: %q", erts)
	}
	if names := c.Names(); !slices.Equal(names, strings.Split("abcdefghi", "")) {
		t.Errorf("names %q", names)
	}
	if _, ok := c.Release("none"); ok {
		t.Error("a release that is not declared is found")
	}
}

// Which of several settings counts is relx's own order (rlx_config:load, and how
// rebar3 joins profiles).
func TestSettings(t *testing.T) {
	prod := beam.Tuple{beam.Atom("mode"), beam.Atom("prod")}
	for _, c := range []struct {
		name, base, profile string
		first               []beam.Term
		want                Settings
	}{
		{"nothing", ``, ``, nil, Settings{}},
		{"dev mode", `{dev_mode, true}.`, ``, nil, Settings{Dev: "{dev_mode, true}", ERTS: "false"}},
		{"dev mode, in prod", `{dev_mode, true}.`, ``, []beam.Term{prod}, Settings{Dev: "{dev_mode, true}", ERTS: "false"}},
		{"dev mode, and not in the profile", `{dev_mode, true}. {include_erts, false}.`, `{include_erts, true}. {dev_mode, false}.`, nil, Settings{ERTS: "true"}},
		{"mode dev", `{mode, dev}.`, ``, []beam.Term{prod}, Settings{Dev: "{mode, dev}", ERTS: "false"}},
		{"mode dev, and prod in the profile", `{mode, dev}.`, `{mode, prod}.`, nil, Settings{ERTS: "true"}},
		{"minimal", `{mode, minimal}.`, ``, nil, Settings{ERTS: "false"}},
		{"another Erlang", `{include_erts, "/opt/erlang"}.`, ``, nil, Settings{ERTS: "/opt/erlang"}},
		{"scripts", `{extended_start_script, false}. {generate_start_script, false}.`, ``, nil, Settings{Plain: true, NoScript: true}},
		{"arguments", `{vm_args_src, "config/vm.args.src"}. {output_dir, "out"}.`, ``, nil, Settings{Args: true, OutputDir: "out"}},
		{"no arguments", `{vm_args, false}.`, ``, nil, Settings{}},
		{
			"overlays", `{overlay, [{mkdir, "log"}, {copy, "a", "b/c"}, {template, <<"d">>, "e"}, nothing, {mkdir}, {copy, 1, "f"}]}.`, ``, nil,
			Settings{Overlays: []Overlay{
				{`{mkdir, "log"}`, "", "log"}, {`{copy, "a", "b/c"}`, "a", "b/c"}, {`{template, "d", "e"}`, "d", "e"}, {`{copy, "", "f"}`, "", "f"},
			}},
		},
	} {
		layers := [][]beam.Term{terms(t, c.base)}
		if c.profile != "" {
			layers = append(layers, terms(t, c.profile))
		}
		if diff := cmp.Diff(c.want, Read(layers...).Settings("a", c.first...)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestOutside(t *testing.T) {
	for name, want := range map[string]bool{
		"a": false, "../a": true, "a/../../b": true, "{{release_name}}/../b": false, "{{output_dir}}/../../b": true, "..a": false, "": false, "..": true,
	} {
		if Outside(name) != want {
			t.Errorf("Outside(%q) = %v", name, !want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{release, {a, "1"}, [a], [{mode, dev}]}. {overlay, [{copy, "a", "b"}]}.`)
	f.Add(`{overlay, [[]]}. {mode, [1,2]}. {release, {}, x}.`)
	f.Fuzz(func(t *testing.T, text string) {
		all, err := beam.Consult([]byte(text))
		if err != nil {
			return
		}
		c := Read(all, all)
		for _, name := range append(c.Names(), "none") {
			if s := c.Settings(name); s.Dev != "" && s.Dev != "{mode, dev}" && s.Dev != "{dev_mode, true}" {
				t.Errorf("%q of %q", s.Dev, text)
			}
		}
		if len(c.Releases) > maxReleases {
			t.Errorf("%d releases", len(c.Releases))
		}
	})
}
