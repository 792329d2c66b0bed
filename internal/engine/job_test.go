package engine_test

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/source"
	"dram/internal/store"
)

// job fetches with two files and builds with all.
func job() engine.Job {
	return engine.Job{
		Key: "hello on trixie", Lineage: "l1", Name: "hello", Platform: "linux/amd64", Root: "/cache/root",
		Toolchain: engine.Toolchain{ID: "sha256:1", Name: "a toolchain"},
		Source: &source.Tree{Dir: "/home/me/hello", Files: []source.File{
			{Path: "lib/hello.ex", Digest: digest("code"), Size: 4}, {Path: "mix.exs", Digest: digest("project"), Size: 7}, {Path: "mix.lock", Digest: digest("lock"), Size: 4},
		}},
		CacheDirs: []string{"/app/_build", "/app/deps"},
		Env:       []string{"MIX_ENV=prod"},
		Steps: []engine.Step{
			{Name: "fetch", Argv: []string{"mix", "deps.get"}, Network: true, Needs: []string{"mix.exs", "mix.lock"}, InputDigest: "d1"},
			{Name: "dependencies", Argv: []string{"mix", "deps.compile"}, Needs: []string{"mix.exs"}, InputDigest: "d2"},
			{Name: engine.StepRelease, Argv: []string{"mix", "release"}, Packing: []string{"mix", "release", "--tar"}},
		},
		Export: "/app/_build/prod/rel/hello",
	}
}

func digest(content string) store.Digest { return store.DigestOf([]byte(content)) }

func names(steps []engine.Step) (out []string) {
	for _, s := range steps {
		out = append(out, s.Name)
	}
	return out
}

func TestStepsThatFetch(t *testing.T) {
	j := job()
	if diff := cmp.Diff([]string{"fetch", "dependencies"}, names(j.Fetching())); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"release"}, names(j.Building())); diff != "" {
		t.Error(diff)
	}
	var seen []string
	for _, f := range j.Needed().Files {
		seen = append(seen, f.Path)
	}
	if diff := cmp.Diff([]string{"mix.exs", "mix.lock"}, seen); diff != "" || j.Needed().Dir != j.Source.Dir {
		t.Errorf("what the fetching steps see: %s", diff)
	}
	if j.Refetches() {
		t.Error("what is locked is fetched again")
	}
	j.Steps[1].InputDigest = ""
	if !j.Refetches() {
		t.Error("what is not locked is not fetched again")
	}
	j.Steps = j.Steps[:2]
	if len(j.Building()) != 0 || len(j.Fetching()) != 2 {
		t.Error("a job that only fetches")
	}
	// Steps that say what they need, behind one that does not, belong to the building.
	j = job()
	slices.Reverse(j.Steps)
	if len(j.Fetching()) != 0 || j.FetchKey() != "" || j.Refetches() {
		t.Errorf("%v fetch", names(j.Fetching()))
	}
}

// What fetching comes to has a name: another one when anything changes that could
// have a say in it, and the same whatever else does.
func TestFetchKey(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*engine.Job)
		same   bool
	}{
		"nothing":                 {func(*engine.Job) {}, true},
		"code":                    {func(j *engine.Job) { j.Source.Files[0].Digest = digest("other") }, true},
		"the lineage":             {func(j *engine.Job) { j.Lineage = "l2" }, true},
		"the project":             {func(j *engine.Job) { j.Key = "other on trixie" }, true},
		"where the root lies":     {func(j *engine.Job) { j.Root = "/elsewhere" }, true},
		"where the source lies":   {func(j *engine.Job) { j.Source.Dir = "/elsewhere" }, true},
		"a building step":         {func(j *engine.Job) { j.Steps[2].Argv = []string{"mix", "compile"} }, true},
		"secrets":                 {func(j *engine.Job) { j.Steps[0].Secrets = []string{"TOKEN=x"} }, true},
		"a file that it needs":    {func(j *engine.Job) { j.Source.Files[1].Digest = digest("other") }, false},
		"a file that another has": {func(j *engine.Job) { j.Source.Files[2].Digest = digest("other") }, false},
		"the toolchain":           {func(j *engine.Job) { j.Toolchain.ID = "sha256:2" }, false},
		"the platform":            {func(j *engine.Job) { j.Platform = "linux/arm64" }, false},
		"the environment":         {func(j *engine.Job) { j.Env = []string{"MIX_ENV=dev"} }, false},
		"a step's environment":    {func(j *engine.Job) { j.Steps[1].Env = []string{"A=1"} }, false},
		"a step's command":        {func(j *engine.Job) { j.Steps[0].Argv = []string{"mix", "deps.get", "--only", "prod"} }, false},
		"a step's network":        {func(j *engine.Job) { j.Steps[0].Network = false }, false},
		"a step's input":          {func(j *engine.Job) { j.Steps[0].InputDigest = "d3" }, false},
		"one step fewer":          {func(j *engine.Job) { j.Steps = j.Steps[1:] }, false},
		"what is kept":            {func(j *engine.Job) { j.CacheDirs = j.CacheDirs[:1] }, false},
	} {
		t.Run(name, func(t *testing.T) {
			j := job()
			tt.change(&j)
			if same := j.FetchKey() == job().FetchKey(); same != tt.same {
				t.Errorf("the same name: %v", same)
			}
		})
	}
	if key := job().FetchKey(); len(key) != 64 || strings.Trim(key, "0123456789abcdef") != "" {
		t.Errorf("%q cannot name a directory", key)
	}
}

func TestPlaceKey(t *testing.T) {
	want := job().PlaceKey("f")
	for name, change := range map[string]func(*engine.Job){
		"the lineage":     func(j *engine.Job) { j.Lineage = "l2" },
		"the project":     func(j *engine.Job) { j.Key = "other" },
		"the toolchain":   func(j *engine.Job) { j.Toolchain.ID = "sha256:2" },
		"the platform":    func(j *engine.Job) { j.Platform = "linux/arm64" },
		"the environment": func(j *engine.Job) { j.Env = nil },
		"what is kept":    func(j *engine.Job) { j.CacheDirs = nil },
	} {
		j := job()
		if change(&j); j.PlaceKey("f") == want {
			t.Errorf("%s changed, and the place is the same", name)
		}
	}
	j := job()
	j.Source.Files[0].Digest, j.Steps[2].Argv = digest("other"), []string{"mix", "compile"}
	if j.PlaceKey("f") != want {
		t.Error("an edit to code leaves its place")
	}
	if job().PlaceKey("g") == want {
		t.Error("what was fetched has no say in the place")
	}
	// A root on this machine stands for a toolchain that has no name.
	a, b := job(), job()
	a.Toolchain.ID, b.Toolchain.ID, b.Root = "", "", "/other"
	if a.PlaceKey("f") == b.PlaceKey("f") {
		t.Error("two roots share a place")
	}
}

func TestStepErrors(t *testing.T) {
	exit := exec.Command("false").Run()
	err := error(&engine.StepError{Step: job().Steps[2], Err: exit})
	if got := err.Error(); got != `step "release" (mix release) failed: exit status 1` || !errors.Is(err, exit) {
		t.Errorf("%q", got)
	}
	lost := &engine.LostError{Err: exit}
	if lost.Error() != "exit status 1" || !errors.Is(lost, exit) {
		t.Errorf("%q", lost)
	}
	steps := job().Steps
	if strings.Join(steps[2].Packs(), " ") != "mix release --tar" || strings.Join(steps[1].Packs(), " ") != "mix deps.compile" {
		t.Errorf("%q, %q", steps[2].Packs(), steps[1].Packs())
	}
	j := job()
	err = j.NoRelease()
	if !strings.Contains(err.Error(), j.Export) || problem.Code(err) != int(problem.Build) || problem.Hint(err) == "" {
		t.Errorf("%v, hint %q", err, problem.Hint(err))
	}
	j.Astray = "look in rel/"
	if got := problem.Hint(j.NoRelease()); got != "look in rel/" {
		t.Errorf("hint %q", got)
	}
}
