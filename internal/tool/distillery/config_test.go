package distillery

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dram/internal/problem"
	"dram/internal/project/elixir"
)

// example is laid out as Distillery's own generator does it.
const example = `# Plugins are evaluated first.
~w(rel plugins *.exs)
|> Path.join()
|> Path.wildcard()
|> Enum.map(&Code.eval_file(&1))

use Distillery.Releases.Config,
    # what is built by default
    default_release: :shop,
    default_environment: Mix.env()

environment :dev do
  set dev_mode: true
  set include_erts: false
  set cookie: :"a b"
end

environment :prod do
  set include_erts: "/opt/erlang"
  set include_src: false
  set vm_args: "rel/vm.args"
  plugin Shop.Plugin
end

release :shop do
  set version: current_version(:shop)
  set output_dir: './releases/shop' # the guide's
  set applications: [
    :runtime_tools
  ], include_erts: true
end

release :admin do
  set version: "1.2.3"
  if System.get_env("X") do
    set cookie: :x
  end
end
`

func TestRead(t *testing.T) {
	c, err := Read(example)
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) elixir.Value { return elixir.Value{Type: elixir.String, Text: s} }
	atom := func(s string) elixir.Value { return elixir.Value{Type: elixir.Atom, Text: s} }
	want := &Config{
		Module: "Distillery.Releases.Config", DefaultRelease: "shop",
		Environments: []Block{
			{Name: "dev", Settings: []Setting{{Key: "dev_mode", Value: atom("true")}, {Key: "include_erts", Value: atom("false")}, {Key: "cookie", Value: atom("a b")}}},
			{Name: "prod", Plugins: []string{"Shop.Plugin"}, Settings: []Setting{
				{Key: "include_erts", Value: text("/opt/erlang")}, {Key: "include_src", Value: atom("false")}, {Key: "vm_args", Value: text("rel/vm.args")},
			}},
		},
		Releases: []Block{
			{Name: "shop", Settings: []Setting{
				{Key: "version", AppVersion: "shop"},
				{Key: "output_dir", Value: elixir.Value{Type: elixir.Charlist, Text: "./releases/shop"}},
				{Key: "applications", Value: elixir.Value{Type: elixir.List, Items: []elixir.Item{{Value: atom("runtime_tools")}}}},
				{Key: "include_erts", Value: atom("true")},
			}},
			{Name: "admin", Open: true, Settings: []Setting{{Key: "version", Value: text("1.2.3")}}},
		},
	}
	if diff := cmp.Diff(want, c, cmpopts.IgnoreUnexported(Block{}, Setting{}), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if s, _ := c.Profile("shop", "prod", "include_erts"); s.Value.Text != "/opt/erlang" {
		t.Errorf("the environment's include_erts does not win: %+v", s)
	}
	if s, _ := c.Profile("shop", "none", "include_erts"); !s.Value.IsAtom("true") {
		t.Errorf("the release's include_erts does not count: %+v", s)
	}
}

func TestReadOpen(t *testing.T) {
	for _, src := range []string{
		"use Mix.Releases.Config\nfor name <- [:a, :b] do\n  release name do\n  set version: \"1\"\n end\nend\n",
		"release name do\nset version: \"1\"\nend\n",
	} {
		if c, err := Read(src); err != nil || !c.Open || len(c.Releases) > 0 {
			t.Errorf("%q: %+v, %v", src, c, err)
		}
	}
}

func TestSetOutputDir(t *testing.T) {
	line := `set output_dir: "./releases/a"`
	for _, c := range []struct{ name, src, want string }{
		{"added behind the version", "release :a do\n  set version: \"1\"\n  set cookie: :x\nend\n", "release :a do\n  set version: \"1\"\n  " + line + "\n  set cookie: :x\nend\n"},
		{"behind a comment", "release :a do\n  set version: \"1\" # why\nend\n", "release :a do\n  set version: \"1\" # why\n  " + line + "\nend\n"},
		{"behind a version over lines", "release :a do\n  set applications: [\n    :b\n  ],\n  version: f(\n    1)\nend\n", "release :a do\n  set applications: [\n    :b\n  ],\n  version: f(\n    1)\n  " + line + "\nend\n"},
		{"behind a heredoc", "release :a do\n  set version: \"\"\"\n  do end\n  \"\"\"\nend\n", "release :a do\n  set version: \"\"\"\n  do end\n  \"\"\"\n  " + line + "\nend\n"},
		{"no version", "release :a do\n  set cookie: :x\nend\n", "release :a do\n  " + line + "\n  set cookie: :x\nend\n"},
		{"nothing", "  release :a do\n  end\n", "  release :a do\n    " + line + "\n  end\n"},
		{"nothing, on one line", "release :a do end\n", "release :a do\n  " + line + "\nend\n"},
		{"all on one line", "release :a do set version: \"1\"; set cookie: :x end", "release :a do set version: \"1\"\n" + line + "\nset cookie: :x end"},
		{"tabs", "release :a do\n\tset version: \"1\"\nend\n", "release :a do\n\tset version: \"1\"\n\t" + line + "\nend\n"},
		{"odd indentation", "   release :a do\n\n set  version:   \"1\"\n      set cookie: :x\n   end", "   release :a do\n\n set  version:   \"1\"\n " + line + "\n      set cookie: :x\n   end"},
		{"CRLF", "release :a do\r\n  set version: \"1\" # c\r\nend\r\n", "release :a do\r\n  set version: \"1\" # c\r\n  " + line + "\r\nend\r\n"},
		{"another release's", "release :b do\n  set output_dir: \"x\"\nend\nrelease :a do\n  set version: \"1\"\nend\n", "release :b do\n  set output_dir: \"x\"\nend\nrelease :a do\n  set version: \"1\"\n  " + line + "\nend\n"},
		{"comments and texts that look like it", "# release :a do\n\"\"\"\nrelease :a do\n\"\"\"\nrelease :a do # set output_dir: 1\n  set version: \"1\"\nend\n", "# release :a do\n\"\"\"\nrelease :a do\n\"\"\"\nrelease :a do # set output_dir: 1\n  set version: \"1\"\n  " + line + "\nend\n"},
		{"changed", "release :a do\n  set output_dir:   'out/a' , cookie: :x # mine\nend\n", "release :a do\n  set output_dir:   \"./releases/a\" , cookie: :x # mine\nend\n"},
		{"equal", "release :a do\n  set output_dir: './releases/a'\nend\n", "release :a do\n  set output_dir: './releases/a'\nend\n"},
		{"equal, written otherwise", "release :a do\n  set output_dir: \"releases/a/\"\nend", "release :a do\n  set output_dir: \"releases/a/\"\nend"},
		{"the last of two", "release :a do\n  set output_dir: \"x\"\n  set output_dir: \"y\"\nend\n", "release :a do\n  set output_dir: \"x\"\n  set output_dir: \"./releases/a\"\nend\n"},
		{"nil in an environment's block is another matter", "environment :p do\n set output_dir: \"./releases/a\"\nend\nrelease :a do\n set version: \"1\"\nend\n", "environment :p do\n set output_dir: \"./releases/a\"\nend\nrelease :a do\n set version: \"1\"\n " + line + "\nend\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := SetOutputDir([]byte(c.src), "a", "./releases/a")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Error(diff)
			}
			again, err := SetOutputDir(got, "a", "./releases/a")
			if err != nil || string(again) != string(got) {
				t.Errorf("a second time: %q, %v", again, err)
			}
		})
	}
}

func TestSetOutputDirRefuses(t *testing.T) {
	for _, c := range []struct {
		name, src, dir, want string
		code                 int
	}{
		{"no release", "release :b do\nend\n", "./releases/a", "it has no block `release :a do`", 2},
		{"computed", "release :a do\n set output_dir: f()\nend\n", "./releases/a", `release "a" computes output_dir`, 2},
		{"an environment's", "environment :prod do\n set output_dir: \"x\"\nend\nrelease :a do\nend\n", "./releases/a", `environment "prod" sets output_dir`, 2},
		{"no Elixir", "release :a do\n", "./releases/a", `"do" of line 1 column 12 is not closed`, 4},
		{"a directory that would be code", "release :a do\nend\n", `x#{y}`, "is not a directory", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := SetOutputDir([]byte(c.src), "a", c.dir)
			if err == nil || !strings.Contains(err.Error(), c.want) || problem.Code(err) != c.code || problem.Hint(err) == "" || out != nil {
				t.Errorf("%q, code %d: %v", out, problem.Code(err), err)
			}
		})
	}
}

func FuzzSetOutputDir(f *testing.F) {
	f.Add(example)
	f.Add("release :a do set version: \"1\"; end")
	f.Add("release :a do\r\n\tset(version: 1)\r\nend")
	f.Add("release(:shop) do set output_dir: ~c'x' end")
	f.Fuzz(func(t *testing.T, src string) {
		for _, name := range []string{"a", "shop"} {
			out, err := SetOutputDir([]byte(src), name, "./releases/x")
			if err != nil {
				continue
			}
			before, _ := Read(src)
			after, err := Read(string(out))
			if err != nil {
				t.Fatalf("%q became %q: %v", src, out, err)
			}
			if s, ok := after.Release(name).Get("output_dir"); !ok || !says(s, "./releases/x") {
				t.Fatalf("%q became %q", src, out)
			}
			if len(before.Releases) != len(after.Releases) || len(before.Environments) != len(after.Environments) {
				t.Fatalf("%q became %q: other blocks", src, out)
			}
			if again, err := SetOutputDir(out, name, "./releases/x"); err != nil || string(again) != string(out) {
				t.Fatalf("%q became %q, then %q, %v", src, out, again, err)
			}
		}
	})
}
