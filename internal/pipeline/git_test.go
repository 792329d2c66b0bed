package pipeline

import (
	"strings"
	"testing"

	"dram/internal/engine"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/problem"
)

// The build is given the commit, its time and the newest of its tags where that is asked
// for, below what was set; and it is said that the source is not as the commit has it.
func TestBuildIsGivenWhatGitSays(t *testing.T) {
	w := newWorld(t)
	w.cfg.Git, w.cfg.BuildEnv = true, []string{"A=1", "GIT_TAG=mine"}
	if _, err := w.Plan(t.Context(), w.dir, w.cfg); problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), "build.git asks for what git says") {
		t.Errorf("a directory that is no checkout: %v", err)
	}
	runGit(t, w.dir, "init", "-q")
	runGit(t, w.dir, "add", ".")
	runGit(t, w.dir, "commit", "-qm", "all")
	for _, tag := range []string{"v1.9.0", "v1.10.0", "nightly"} {
		runGit(t, w.dir, "tag", tag)
	}
	given := func() string {
		var env []string
		w.engine.compiles = func(job engine.Job, release tree) tree { env = job.Env; return release }
		if _, err := w.Build(t.Context(), w.planned(t), output.Usual()); err != nil {
			t.Fatal(err)
		}
		return "\n" + strings.Join(env, "\n") + "\n"
	}
	commit, made := runGit(t, w.dir, "rev-parse", "HEAD"), runGit(t, w.dir, "log", "-1", "--format=%ct")
	env := given()
	for _, kv := range []string{"A=1", "GIT_SHA=" + commit, "GIT_TAG=mine", "SOURCE_DATE_EPOCH=" + made} {
		if !strings.Contains(env, "\n"+kv+"\n") {
			t.Errorf("the steps have no %s in %s", kv, env)
		}
	}
	w.cfg.BuildEnv = nil
	if row := decided(w.planned(t), "git"); row != "GIT_SHA="+commit+", GIT_TAG=v1.10.0, SOURCE_DATE_EPOCH="+made {
		t.Errorf("the plan says %q of git", row)
	}
	if env := given(); !strings.Contains(env, "\nGIT_TAG=v1.10.0\n") {
		t.Errorf("the newest tag is not in %s", env)
	}
	if said := w.said.String(); strings.Contains(said, "GIT_SHA names") {
		t.Errorf("a clean checkout is said to differ: %s", said)
	}
	writeTree(t, w.dir, tree{"lib/hello.ex": "defmodule Hello do\n  def a, do: 1\nend\n"})
	if env := given(); !strings.Contains(env, "\nGIT_SHA="+commit+"\n") || !strings.Contains(w.said.String(), "lib/hello.ex): GIT_SHA names the commit alone") {
		t.Errorf("of a changed source is said: %s", w.said)
	}
}

// decided is the value of a decision.
func decided(pl *plan.Plan, name string) string {
	for _, d := range pl.Decisions {
		if d.Name == name {
			return d.Value
		}
	}
	return ""
}
