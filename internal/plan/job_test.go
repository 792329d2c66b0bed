package plan

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/config"
	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/source"
	"dram/internal/toolchain"
)

// job is the job of a project with these settings, in a toolchain with Hex and
// rebar3.
func job(t *testing.T, p project.Project, environ []string, settings ...string) engine.Job {
	t.Helper()
	in := inputs(p)
	for i := 0; i+1 < len(settings); i += 2 {
		var err error
		if in.Config, err = in.Config.WithFlag(settings[i], settings[i+1:i+2]); err != nil {
			t.Fatal(err)
		}
	}
	pl, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	facts := toolchain.Facts{Hex: true, Rebar3: "/usr/bin/rebar3", Path: "/usr/bin", CACerts: "/etc/ca.pem"}
	return pl.Job(&toolchain.Toolchain{ID: "sha256:1"}, "/root", facts, &source.Tree{}, environ)
}

// told writes steps down: + has the network, 1 runs once, ~ is volatile.
func told(j engine.Job) []string {
	var out []string
	for _, s := range j.Steps {
		marks := ""
		for mark, holds := range map[string]bool{"+": s.Network, "1": s.InputDigest != "", "~": s.Volatile} {
			if holds {
				marks += mark
			}
		}
		sorted := []byte(marks)
		slices.Sort(sorted)
		does := strings.Join(s.Argv, " ")
		if s.Name == "times" { // what it does: TestManifestTimes in package mix
			does = s.Name
		}
		out = append(out, strings.TrimSpace(string(sorted)+" "+does))
	}
	return out
}

func TestSteps(t *testing.T) {
	hex := []project.Dep{{Name: "a", Source: project.Hex}}
	for _, c := range []struct {
		name     string
		project  project.Project
		settings []string
		want     []string
	}{
		{"nothing but code", project.Project{App: "shop"}, nil, []string{"mix release --overwrite"}},
		{
			"dependencies, locked",
			project.Project{App: "shop", Deps: hex, HasLock: true},
			nil,
			[]string{"+1 mix deps.get --only prod", "1 mix deps.compile --skip-umbrella-children --skip-local-deps", "mix release --overwrite"},
		},
		{
			"dependencies, not locked",
			project.Project{App: "shop", Deps: hex},
			[]string{"mix-env", "staging"},
			[]string{"+ mix deps.get --only staging", "1 mix deps.compile --skip-umbrella-children --skip-local-deps", "mix release --overwrite"},
		},
		{
			"assets",
			project.Project{App: "shop", Assets: project.Assets{Setup: true, Deploy: true}},
			nil,
			[]string{"mix compile", "+1 mix assets.setup", "~ mix assets.deploy", "~ times", "mix release --overwrite"},
		},
		{
			"assets that are not set up",
			project.Project{App: "shop", Assets: project.Assets{Deploy: true}},
			nil,
			[]string{"mix compile", "~ mix assets.deploy", "~ times", "mix release --overwrite"},
		},
		{
			"assets that are only set up",
			project.Project{App: "shop", Assets: project.Assets{Setup: true}},
			nil,
			[]string{"mix release --overwrite"},
		},
		{
			"the network everywhere",
			project.Project{App: "shop", Assets: project.Assets{Deploy: true}},
			[]string{"build-network", "host"},
			[]string{"+ mix compile", "+~ mix assets.deploy", "+~ times", "+ mix release --overwrite"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, told(job(t, c.project, nil, c.settings...))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Hex's settings, which may be secret, go to the steps that fetch; proxies go
// to every step with the network; nothing else of the host goes anywhere.
func TestStepEnvironment(t *testing.T) {
	environ := []string{"HEX_API_KEY=secret", "HEX_HOME=/mine", "HEX_OFFLINE=1", "https_proxy=http://proxy", "AWS_SECRET=x", "PATH=/mine"}
	p := project.Project{App: "shop", Deps: []project.Dep{{Name: "a", Source: project.Git}}}
	j := job(t, p, environ, "build-network", "host")
	want := [][]string{
		{"HEX_CACERTS_PATH=/etc/ca.pem"},
		{"https_proxy=http://proxy", "HEX_API_KEY=secret"},
		{"HEX_OFFLINE=1"},
		{"https_proxy=http://proxy"},
	}
	got := [][]string{j.Steps[0].Env, j.Steps[0].Secrets, j.Steps[1].Env, j.Steps[1].Secrets}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s := job(t, p, environ).Steps[1]; !slices.Equal(s.Env, []string{"HEX_OFFLINE=1"}) || s.Secrets != nil {
		t.Errorf("without the network: %v, %v", s.Env, s.Secrets)
	}
	for _, kv := range j.Env {
		if strings.Contains(kv, "secret") || strings.Contains(kv, "mine") {
			t.Errorf("the job's environment has %s", kv)
		}
	}
}

func TestBuildNetwork(t *testing.T) {
	c, err := config.Config{}.WithFlag("build-network", []string{"host"})
	if err != nil {
		t.Fatal(err)
	}
	in := inputs(project.Project{App: "shop"})
	without, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.Config = c
	with, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if got := reason(with, "build"); got != "mix release --overwrite, with the network: host: set by --build-network" {
		t.Error(got)
	}
	if with.Key("a", "b") == without.Key("a", "b") {
		t.Error("the network makes no difference to what a result is named by")
	}
}

func TestIsolatedNetwork(t *testing.T) {
	c, err := config.Config{}.WithFlag("build-network", []string{"isolated"})
	if err != nil {
		t.Fatal(err)
	}
	in := inputs(project.Project{App: "shop", Deps: []project.Dep{{Name: "a", Source: project.Hex}}})
	without, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.Config = c
	in.Engine = func(context.Context, string) (string, string, error) { return NativeEngine, "it works here", nil }
	with, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"network": "isolated: fetching reaches neither this machine nor private networks: set by --build-network",
		"fetch":   "mix deps.get, with an isolated network: dependencies: a",
		"build":   "mix release --overwrite, without the network: Mix compiles and assembles",
	} {
		if got := reason(with, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !with.Isolated || without.Isolated || with.Key("a", "b") != without.Key("a", "b") {
		t.Error("where dependencies came from makes a difference to what a result is named by")
	}
	in.Engine = func(context.Context, string) (string, string, error) { return BuildKitEngine, "a builder answers", nil }
	if _, err := Make(t.Context(), in); problem.Code(err) != 2 || !strings.Contains(problem.Hint(err), "--engine native") {
		t.Errorf("with buildkit: %v (hint %q)", err, problem.Hint(err))
	}
}
