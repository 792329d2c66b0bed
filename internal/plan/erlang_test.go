package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/project"
	"dram/internal/tool/rebar3"
	"dram/internal/tool/tooltest"
)

// Where no Elixir is asked for, the toolchain is the one of the Erlang that a version file,
// a Dockerfile or the project's configuration speaks of.
func TestErlang(t *testing.T) {
	const web = "-- rebar.config --\n{relx, [{release, {web, \"1\"}, [web]}]}.\n"
	for _, c := range []struct{ name, tree, want string }{
		{"nothing is asked for", web, "distro:debian/13: the newest Debian stable"},
		{"by a version file", web + "-- .tool-versions --\nerlang 25.2\n", "distro:debian/12: the newest Debian stable with Erlang 25.2, as .tool-versions asks"},
		{"which no suite has", web + "-- .tool-versions --\nerlang 26.1\n", "image:erlang:26.1: Erlang 26.1, as .tool-versions asks, which no Debian stable has"},
		{"by a Dockerfile", web + "-- Dockerfile --\nFROM erlang:25\nRUN rebar3 release\n", "distro:debian/12: Erlang 25.2.3: of the series that Dockerfile builds with"},
		{"at least", web + "{minimum_otp_vsn, \"26\"}.\n", "distro:debian/13: the newest Debian stable; its Erlang 27.3.4.1 is new enough for rebar.config, which asks for 26"},
		{"at least, and newer than any", web + "{minimum_otp_vsn, \"28.0\"}.\n", "image:erlang:28.0: Erlang 28.0, as rebar.config asks, which no Debian stable has"},
		{"a version file goes before", web + "{minimum_otp_vsn, \"26\"}.\n-- .tool-versions --\nerlang 25\n", "distro:debian/12: the newest Debian stable with Erlang 25, as .tool-versions asks"},
		{"as rebar 2 was told", web + "{require_otp_vsn, \"25.1\"}.\n", "distro:debian/12: Erlang 25.2.3: of the series that rebar.config builds with"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := project.Open(tooltest.Tree(t, c.tree))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = d.Close() }()
			p, err := rebar3.Tool{}.Read(d)
			if err != nil {
				t.Fatal(err)
			}
			in := inputs(project.Project{})
			in.Project = p
			if diff := cmp.Diff(c.want, reason(make1(t, in), "toolchain")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
