package corpus

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/tool/tooltest"
)

// A table that cannot be relied on is refused.
func TestParse(t *testing.T) {
	const commit = "0123456789012345678901234567890123456789"
	project := func(repo, commit string) string {
		return "[[project]]\nrepo = \"" + repo + "\"\ncommit = \"" + commit + "\"\n"
	}
	for _, c := range []struct {
		name, text string
		fine       bool
	}{
		{"two", project("a/b", commit) + project("a/c", commit), true},
		{"twice", project("a/b", commit) + project("a/b", commit), false},
		{"twice, in two places", project("a/b", commit) + "dir = \"x\"\n" + project("a/b", commit), true},
		{"no commit", project("a/b", "main"), false},
		{"no repository", project("b", commit), false},
		{"a fact that nobody knows", project("a/b", commit) + "nod = \"20\"\n", false},
	} {
		if _, err := parse(c.text); (err == nil) != c.fine {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// The table that is committed, and what a score without checkouts would rest on.
func TestTable(t *testing.T) {
	facts, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	needs := 0
	for _, f := range facts {
		needs += len(f.Packages) + len(f.Steps) + len(f.Programs) + len(f.Args)
		if f.Checkout("/c") != filepath.Join("/c", strings.Replace(f.Repo, "/", "+", 1), f.Dir) {
			t.Errorf("%s lies at %s", f.Name(), f.Checkout("/c"))
		}
	}
	if len(facts) < 50 || needs < 50 {
		t.Errorf("%d projects with %d needs are no corpus", len(facts), needs)
	}
}

// Each verdict, and that the worst need decides.
func TestJudge(t *testing.T) {
	p := &plan.Plan{
		Decisions: []plan.Decision{{Name: "assets", Value: "Node 20, then mix assets.deploy"}, {Name: "packages", Value: "cmake, git"}},
		Notes:     []string{"Dockerfile also runs, to build: mix phx.digest", "Dockerfile builds with elixir:1.17", "PHX_SERVER is not set", "it is an escript"},
	}
	for _, c := range []struct {
		name  string
		facts Facts
		want  Verdict
	}{
		{"nothing needed", Facts{}, Met},
		{"versions that are there", Facts{Elixir: "1.18", OTP: "27"}, Met},
		{"a version that is said", Facts{Elixir: "1.17"}, Told},
		{"a version that is not", Facts{Elixir: "1.1", OTP: "27"}, Wrong},
		{"Node that is there", Facts{Node: "20"}, Met},
		{"Node of another version", Facts{Node: "22"}, Silent},
		{"a package that is added", Facts{Packages: []string{"cmake"}}, Met},
		{"a package of which only a part is", Facts{Packages: []string{"make"}}, Silent},
		{"a step that is said", Facts{Steps: []string{"phx.digest"}}, Told},
		{"the worst decides", Facts{Packages: []string{"cmake"}, Steps: []string{"phx.digest", "geoip"}}, Silent},
		{"a start that is said", Facts{Start: "bin/server"}, Told},
		{"an escript that is said to be one", Facts{Kind: "escript"}, Met},
		{"a library that is taken for an application", Facts{Kind: "library"}, Silent},
		{"a commit that nobody gives", Facts{Git: true}, Silent},
	} {
		if got := Judge(c.facts, p, nil, "1.18.3", "27.3.4.1"); got.Verdict() != c.want {
			t.Errorf("%s: %v, not %v", c.name, got.Needs, c.want)
		}
	}
}

// A refusal is as good as what it says.
func TestJudgeRefusal(t *testing.T) {
	several := problem.New(problem.Usage, "choose one with --release NAME", "mix.exs declares several releases")
	for _, c := range []struct {
		facts Facts
		err   error
		want  Verdict
	}{
		{Facts{Refused: "--release"}, several, Told},
		{Facts{}, several, Wrong},
		{Facts{Kind: "escript"}, errors.New("it is an Escript"), Told},
		{Facts{Context: []string{"lib_a"}}, errors.New("dependency lib_a lies outside"), Told},
	} {
		if got := Judge(c.facts, nil, c.err, "", ""); got.Verdict() != c.want {
			t.Errorf("%v of %+v: %v", c.err, c.facts, got.Verdict())
		}
	}
}

// A project of the test's own, read and planned as those of the corpus are: what its
// Dockerfile does beside is done or said, and nothing of a project without one.
func TestScore(t *testing.T) {
	const mix = "-- mix.exs --\ndefmodule A.MixProject do\n  use Mix.Project\n  def project, do: [app: :a, version: \"1.0.0\", elixir: \"~> 1.15\"]\nend\n"
	const docker = "-- Dockerfile --\nFROM hexpm/elixir:1.17.3-erlang-27.1-debian-bookworm-20241016\nRUN apt-get install -y cmake && mix phx.digest && mix release\n"
	facts := Facts{Elixir: "1.17", Packages: []string{"cmake"}, Steps: []string{"phx.digest"}}
	if s := score(t.Context(), facts, tooltest.Tree(t, mix+docker)); s.Verdict() != Met || s.Error != nil {
		t.Error(line(s))
	}
	fetches := strings.Replace(docker, "mix phx.digest", "mix download_geoip", 1)
	if s := score(t.Context(), Facts{Steps: []string{"download_geoip"}}, tooltest.Tree(t, mix+fetches)); s.Verdict() != Met || s.Error != nil {
		t.Error(line(s))
	}
	configures := strings.Replace(docker, "mix phx.digest", "./configure", 1)
	if s := score(t.Context(), Facts{Steps: []string{"configure"}}, tooltest.Tree(t, mix+configures)); s.Verdict() != Told || s.Error != nil {
		t.Error(line(s))
	}
	if s := score(t.Context(), facts, tooltest.Tree(t, mix)); s.Verdict() != Wrong {
		t.Error(line(s))
	}
	if s := score(t.Context(), Facts{}, tooltest.Tree(t, mix)); s.Verdict() != Met {
		t.Error(line(s))
	}
}
