package plan

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dram/internal/config"
	"dram/internal/engine"
	"dram/internal/project"
	"dram/internal/source"
	"dram/internal/store"
	"dram/internal/tool"
	"dram/internal/toolchain"
)

// usualJob is what a tool does, with assets or without.
func usualJob(names ...string) tool.Job {
	job := tool.Job{Compile: []string{"mix", "compile"}}
	for _, n := range names {
		job.Steps = append(job.Steps, engine.Step{Name: n, Argv: []string{"mix", n}, Env: []string{"HEX_OFFLINE=1"}})
	}
	return job
}

func order(steps []engine.Step) string {
	var names []string
	for _, s := range steps {
		if strings.HasPrefix(s.Name, engine.StepOwn) {
			names = append(names, s.Argv[2])
			continue
		}
		names = append(names, s.Name)
	}
	return strings.Join(names, " ")
}

// The job that an engine is given has the user's own steps among its own.
func TestJobHasOwnSteps(t *testing.T) {
	in := inputs(project.Project{App: "shop"})
	in.Config.Steps = []config.Step{{Run: "./configure", Before: "compile"}, {Run: "./pack", After: "release"}}
	facts := toolchain.Facts{Hex: true, Path: "/usr/bin"}
	got := make1(t, in).Job(&toolchain.Toolchain{ID: "sha256:1"}, "/root", facts, &source.Tree{}, nil)
	var names []string
	for _, s := range got.Steps {
		names = append(names, strings.Join(s.Argv, " "))
	}
	all := strings.Join(names, "\n")
	first, mix, last := strings.Index(all, "./configure"), strings.Index(all, "mix release"), strings.Index(all, "./pack")
	if first < 0 || first > mix || mix > last {
		t.Errorf("the steps are\n%s", all)
	}
}

// Where each step comes to stand, among those of a tool.
func TestOwnStepsOrder(t *testing.T) {
	steps := []config.Step{
		{Run: "R1", Before: "release"},
		{Run: "A1", Before: "assets"},
		{Run: "C1", Before: "compile"},
		{Run: "R2", Before: "release"},
		{Run: "c1", After: "compile"},
		{Run: "r1", After: "release"},
		{Run: "c2", After: "compile"},
		{Run: "a1", After: "assets"},
		{Run: "r2", After: "release"},
	}
	for _, c := range []struct {
		name string
		job  tool.Job
		want string
	}{
		{"with assets", usualJob("fetch", "assets setup", "compile", "assets", "release", "RELEASES"), "fetch assets setup C1 compile c1 c2 A1 assets a1 R1 R2 release RELEASES r1 r2"},
		{"without", usualJob("fetch", "release"), "fetch C1 A1 R1 R2 compile c1 c2 a1 release r1 r2"},
	} {
		p := &Plan{BuildSettings: BuildSettings{Steps: steps}}
		if got := order(p.withOwn(c.job, &source.Tree{}, nil)); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	none := &Plan{}
	if got := order(none.withOwn(usualJob("fetch", "release"), &source.Tree{}, nil)); got != "fetch release" {
		t.Error(got)
	}
}

// What a step is given: no network and no secret unless it asks.
func TestOwnStepsGiven(t *testing.T) {
	environ := []string{"DRAM_SECRET_GEO_KEY=hunter2", "DRAM_SECRET_MORE=x", "GEO_KEY=not this", "HTTPS_PROXY=http://proxy"}
	p := &Plan{BuildSettings: BuildSettings{Steps: []config.Step{
		{Run: "plain", Before: "release"},
		{Run: "online", Before: "release", Network: true, Secrets: []string{"GEO_KEY"}, Inputs: []string{"in"}},
	}}}
	src := &source.Tree{Files: []source.File{{Path: "in/a", Digest: "sha256:1"}, {Path: "inner", Digest: "sha256:2"}}}
	steps := p.withOwn(usualJob("release"), src, environ)
	plain, online := steps[0], steps[1]
	if plain.Network || len(plain.Secrets) > 0 || !plain.Volatile || plain.InputDigest != "" || !slices.Equal(plain.Env, []string{"HEX_OFFLINE=1"}) {
		t.Errorf("%+v", plain)
	}
	if !online.Network || !slices.Equal(online.Secrets, []string{"GEO_KEY=hunter2", "HTTPS_PROXY=http://proxy"}) || online.Volatile || len(online.Env) > 0 {
		t.Errorf("%+v", online)
	}
	digest := func(path string) string {
		return p.withOwn(usualJob("release"), &source.Tree{Files: []source.File{{Path: path, Digest: "sha256:3"}, {Path: "inner", Digest: "sha256:2"}}}, nil)[1].InputDigest
	}
	if digest("in/a") == online.InputDigest || digest("other") == digest("in/a") || digest("other") != digest("another") {
		t.Error("inputs, and they alone, name what a step is made of")
	}
}

// A step that does not make what it names fails, and says what is missing.
func TestOwnStepsMade(t *testing.T) {
	for run, want := range map[string]string{"touch 'it'\"'\"'s'": "", "true": "the step made no it's", "exit 7": "exit status 7"} {
		cmd := exec.CommandContext(t.Context(), "sh", "-euc", run+made([]string{"it's"}))
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		said := string(out)
		if err != nil {
			said += err.Error()
		}
		if (err == nil) != (want == "") || !strings.Contains(said, want) {
			t.Errorf("%s: %v %s", run, err, out)
		}
	}
}

// Another command is another build, in another place; none at all is what it always was.
func TestOwnStepsName(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mix.exs"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := source.Read(t.Context(), dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, steps := range [][]config.Step{nil, {{Run: "a", Before: "release"}}, {{Run: "b", Before: "release"}}, {{Run: "b", After: "release"}}} {
		p := &Plan{BuildSettings: BuildSettings{Steps: steps}}
		lineage, err := p.Lineage(t.Context(), src, st)
		if err != nil {
			t.Fatal(err)
		}
		seen[lineage], seen[p.Key("sha256:a", "sha256:b")] = true, true
	}
	if len(seen) != 8 {
		t.Errorf("%d names for 4 builds", len(seen))
	}
}

// The plan says what there is.
func TestOwnStepsSaid(t *testing.T) {
	c, err := config.Parse([]byte("[[step]]\nrun = \"make geo\"\nbefore = \"compile\"\nnetwork = true\nsecrets = [\"GEO_KEY\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	in := inputs(project.Project{App: "shop"})
	in.Config = c
	p, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if got := reason(p, "step"); got != "make geo, before compile, with the network, and GEO_KEY (of DRAM_SECRET_GEO_KEY): set by dram.toml" {
		t.Error(got)
	}
	if !slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, `"make geo" has the network`) }) {
		t.Error(p.Notes)
	}
}
