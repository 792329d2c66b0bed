package tools

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/release"
	"dram/internal/tool/tooltest"
)

const (
	mixExs  = "-- mix.exs --\ndefmodule A do\n def project, do: [app: :a, deps: [DEPS], releases: [RELEASES]]\nend\n"
	relFile = "-- rel/config.exs --\nuse Distillery.Releases.Config\nrelease :a do\n set version: \"1\"\nend\n"
)

func mixOf(deps, releases string) string {
	return strings.NewReplacer("DEPS", deps, "RELEASES", releases).Replace(mixExs)
}

// What gives a project away.
func TestRead(t *testing.T) {
	for _, c := range []struct{ name, tree, want string }{
		{"mix.exs", mixOf("", ""), "mix"},
		{"mix.exs and what other tools have", mixOf("", "") + "-- rebar.config --\n-- erlang.mk --\n", "mix"},
		{"rel/config.exs beside it", mixOf(`{:distillery, "~> 2.1"}`, "") + relFile, "distillery"},
		{"rel/config.exs beside it, and releases for both", mixOf(`{:distillery, "~> 2.1"}`, "a: []") + relFile, "distillery"},
		{"rel/config.exs, and the lock has one that depends on it", mixOf("", "") + relFile + "-- mix.lock --\n%{\n  \"distillery\": {:hex, :distillery, \"2.1.1\", \"a\", [:mix], [], \"hexpm\", \"b\"},\n" +
			"  \"x\": {:hex, :x, \"2.1.1\", \"a\", [:mix], [{:distillery, \"~> 2.0\", []}], \"hexpm\", \"b\"},\n}\n", "distillery"},
		{"a lock that still has what nothing asks for", mixOf("", "") + relFile + "-- mix.lock --\n%{\n  \"distillery\": {:hex, :distillery, \"1.5.2\", \"a\", [:mix], [], \"hexpm\", \"b\"},\n}\n", "mix"},
		{"rel/config.exs, and dependencies that are computed", strings.Replace(mixOf("", ""), "deps: []", "deps: deps(1)", 1) + relFile, "distillery"},
		{"rel/config.exs, left over", mixOf("", "") + relFile, "mix"},
		{"the dependency, and no file", mixOf(`{:distillery, "~> 2.0"}`, ""), "distillery"},
		{"the dependency, left over", mixOf(`{:distillery, "~> 2.0"}`, "a: []"), "mix"},
		{"rebar.config", "-- rebar.config --\n{erl_opts, []}.\n-- erlang.mk --\n", "rebar3"},
		{"rebar.config for those who depend on it", "-- rebar.config --\n{erl_opts, []}.\n-- erlang.mk --\n-- relx.config --\n{release, {a, \"1\"}, [a]}.\n", "erlang.mk"},
		{"rebar.config.script", "-- rebar.config.script --\nCONFIG.\n", "rebar3"},
		{"erlang.mk", "-- erlang.mk --\n", "erlang.mk"},
		{"gleam.toml", "-- gleam.toml --\nname = \"app\"\n", "gleam"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := tooltest.Tree(t, c.tree)
			p, err := Read(dir, project.Given{})
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Tool().About().Name; got != c.want || p.Facts().Dir != dir {
				t.Errorf("a project of %s, in %s", got, p.Facts().Dir)
			}
		})
	}
}

func TestReadFails(t *testing.T) {
	for _, c := range []struct{ name, tree, want, hint string }{
		{"no project", "-- README --\n", `no project in "DIR": it has no mix.exs, erlang.mk, rebar.config or gleam.toml`, "name the directory of a project"},
		{"projects below", "-- services/b/rebar.config --\n-- services/shop/mix.exs --\n-- x/y/z/mix.exs --\n", `no project in "DIR"`, "there are projects in DIR/services/b, DIR/services/shop: name one of these directories"},
		{"a project below", "-- services/shop/mix.exs --\n", `no project in "DIR"`, "there is a project in DIR/services/shop: name that directory"},
		{"the file of a tool that adds to another, alone", relFile, `no project in "DIR"`, "name the directory of a project"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := tooltest.Tree(t, c.tree)
			_, err := Read(dir, project.Given{})
			if err == nil {
				t.Fatal("no error")
			}
			says, hint := strings.ReplaceAll(err.Error(), dir, "DIR"), strings.ReplaceAll(problem.Hint(err), dir, "DIR")
			if !strings.Contains(says, c.want) || hint != c.hint || problem.Code(err) != 2 {
				t.Errorf("code %d, error %q, hint %q", problem.Code(err), says, hint)
			}
		})
	}
}

// Of several tools that declare releases in one directory, one is taken, the others
// are said, and each can be asked for.
func TestSeveralTools(t *testing.T) {
	dir := tooltest.Tree(t, mixOf("", "a: []")+"-- rebar.config --\n{relx, [{release, {b, \"1\"}, [b]}]}.\n-- erlang.mk --\n")
	p, err := Read(dir, project.Given{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Facts().Notes, "\n"); p.Tool().About().Name != "mix" || got != "it is a project of rebar3 as well, with b: --tool rebar3 builds it so; `mix release` comes before it" {
		t.Errorf("a project of %s, noted %q", p.Tool().About().Name, got)
	}
	p, err = Read(dir, project.Given{Tool: "rebar3"})
	if err != nil {
		t.Fatal(err)
	}
	if names, err := p.Releases(); err != nil || len(names) != 1 || names[0] != "b" || len(p.Facts().Notes) > 0 {
		t.Errorf("releases %q, %v, notes %q", names, err, p.Facts().Notes)
	}
	for asked, says := range map[string]string{"cargo": `there is no tool "cargo"`, "gleam": `no project of Gleam in "`} {
		if _, err := Read(dir, project.Given{Tool: asked}); problem.Code(err) != 2 || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: code %d: %v", asked, problem.Code(err), err)
		}
	}
	_, err = Read(dir, project.Given{Tool: "cargo"})
	if hint := problem.Hint(err); hint != "choose one of: distillery, escript, mix, erlang.mk, rebar3, gleam, shipment" {
		t.Errorf("hint %q", hint)
	}
}

// kinds are directories of each tool, that say nothing of one another.
var kinds = []struct {
	tool, tree string
	declares   bool // it names a release
}{
	{"distillery", mixOf(`{:distillery, "~> 2.1"}`, "") + relFile, true},
	{"escript", strings.Replace(mixOf("", ""), "deps:", "escript: [main_module: A], deps:", 1), false},
	{"mix", mixOf("", "a: []"), true},
	{"mix", mixOf("", ""), false},
	{"erlang.mk", "-- erlang.mk --\n-- relx.config --\n{release, {e, \"1\"}, [e]}.\n", true},
	{"rebar3", "-- rebar.config --\n{relx, [{release, {b, \"1\"}, [b]}]}.\n", true},
	{"gleam", "-- gleam.toml --\nname = \"g\"\n-- src/g.gleam --\npub fn main() {}\n", false},
}

// Two kinds in one directory: the one that declares releases is taken, of two the first
// of the table. The other is noted with why, and can be asked for.
func TestEveryTwoTools(t *testing.T) {
	pairs := 0
	for i, a := range kinds {
		for _, b := range kinds[i+1:] {
			if strings.Contains(a.tree, "-- mix.exs --") && strings.Contains(b.tree, "-- mix.exs --") {
				continue // one file
			}
			pairs++
			taken, other, why := a, b, " comes before it"
			if b.declares && !a.declares {
				taken, other = b, a
			}
			if taken.declares && !other.declares {
				why = " has some in "
			}
			dir := tooltest.Tree(t, a.tree+b.tree)
			p, err := Read(dir, project.Given{})
			if err != nil {
				t.Fatal(err)
			}
			notes := strings.Join(p.Facts().Notes, "\n")
			if got := p.Tool().About().Name; got != taken.tool || strings.Count(notes, "it is a project of ") != 1 || !strings.Contains(notes, "--tool "+other.tool+" builds it so; ") || !strings.Contains(notes, why) {
				t.Errorf("%s and %s: a project of %s, noted %q", a.tool, b.tool, got, notes)
			}
			p, err = Read(dir, project.Given{Tool: other.tool})
			if err != nil || p.Tool().About().Name != other.tool || len(p.Facts().Notes) > 0 {
				t.Errorf("%s and %s, asked for the other: %v, %v", a.tool, b.tool, p, err)
			}
		}
	}
	if pairs != 15 {
		t.Errorf("%d pairs were tried", pairs)
	}
}

// A library is no kind to choose, whatever else its files are for.
func TestLibraryBesideAnother(t *testing.T) {
	for _, c := range []struct{ name, tree, want string }{
		{"rebar.config for those who depend on it", kinds[3].tree + "-- rebar.config --\n{deps, []}.\n", "mix"},
		{"a library of rebar3 in a project of Gleam", kinds[6].tree + "-- rebar.config --\n{deps, []}.\n", "gleam"},
		{"a library of Gleam in one of rebar3", "-- gleam.toml --\nname = \"g\"\n" + kinds[5].tree, "rebar3"},
		{"an umbrella without releases, and what declares some", strings.Replace(mixOf("", ""), "app: :a", `apps_path: "apps"`, 1) + kinds[5].tree, "rebar3"},
	} {
		p, err := Read(tooltest.Tree(t, c.tree), project.Given{})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Tool().About().Name; got != c.want || len(p.Facts().Notes) > 0 {
			t.Errorf("%s: a project of %s, noted %q", c.name, got, p.Facts().Notes)
		}
	}
}

// What tells whose a release is.
func TestOf(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string // sorted
		want  string
	}{
		{"Mix", []string{"releases/1/env.sh"}, "mix"},
		{"Distillery", []string{"releases/1/libexec/config.sh", "releases/1/libexec/env.sh"}, "distillery"},
		{"half of Distillery", []string{"releases/1/libexec/env.sh"}, ""},
		{"another version's", []string{"releases/2/env.sh"}, ""},
	} {
		rel := &release.Release{Name: "a", Version: "1"}
		for _, f := range c.files {
			rel.Files = append(rel.Files, release.File{Path: f})
		}
		got := ""
		if made := All().Of(rel); made != nil {
			got = made.About().Name
		}
		if got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
		if boot := Boot(rel); boot.Command == "" || (c.want == "distillery") != (boot.Command == "foreground") {
			t.Errorf("%s: it is told %q", c.name, boot.Command)
		}
	}
}

// Every tool has its row among the kinds of projects.
func TestKindsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/project-kinds.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, tl := range All() {
		about, known := tl.About(), `.*`
		if len(about.Files) > 0 {
			known = "[^|]*`" + regexp.QuoteMeta(about.Files[0]) + "`[^|]*"
		}
		if row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(about.Title) + `[^|]*\| ` + known + `\| built`); !row.Match(page) {
			t.Errorf("docs/project-kinds.md has no row for %s, known by %q", about.Title, about.Files)
		}
	}
}
