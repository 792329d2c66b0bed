package dockerfile_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/engine"
	"dram/internal/engine/dockerfile"
	"dram/internal/problem"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shop is a project with dependencies and assets.
func shop() engine.Job {
	needs := []string{"apps/web/mix.exs", "config/config.exs", "config/prod.exs", "mix.exs", "mix.lock"}
	return engine.Job{
		Name: "shop", Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin", "MIX_ENV=prod", "HEX_HOME=/cache/hex", "MIX_HOME=/cache/mix", `GREETING=say "hi" for $5`},
		CacheDirs: []string{"/app/_build", "/app/deps", "/cache/hex", "/cache/mix"},
		Export:    "/app/_build/prod/rel/shop", Compile: []string{"mix", "compile"},
		Steps: []engine.Step{
			{
				Name: "fetch", Argv: []string{"mix", "deps.get", "--only", "prod"}, Env: []string{"HEX_CACERTS_PATH=/etc/ssl/certs/ca-certificates.crt"},
				Secrets: []string{"HEX_API_KEY=not to be written"}, Private: true, Network: true, InputDigest: "1", Needs: needs, Lock: "mix.lock", Remotes: []string{"git@forge.example:a/b"},
			},
			{Name: "dependencies", Argv: []string{"mix", "deps.compile"}, Env: []string{"HEX_OFFLINE=1"}, InputDigest: "1", Needs: needs, Optional: true},
			{Name: "assets setup", Argv: []string{"mix", "assets.setup"}, Network: true, InputDigest: "2", Needs: needs},
			{Name: "compile", Argv: []string{"mix", "compile"}, Env: []string{"HEX_OFFLINE=1"}},
			{Name: "assets", Argv: []string{"mix", "assets.deploy"}, Env: []string{"HEX_OFFLINE=1"}, Volatile: true},
			{Name: "release", Argv: []string{"mix", "release", "shop", "--overwrite"}, Env: []string{"HEX_OFFLINE=1"}},
		},
	}
}

// jar is a project of Distillery whose release goes to a directory of its own,
// with an Erlang that leaves no RELEASES there.
func jar() engine.Job {
	job := shop()
	job.Tool = "Distillery"
	job.Steps = []engine.Step{
		{Name: engine.StepClear, Argv: []string{"rm", "-rf", "/app/releases/shop"}},
		{Name: engine.StepRelease, Argv: []string{"mix", "distillery.release", "--name=shop", "--no-tar"}, Packing: []string{"mix", "distillery.release", "--name=shop"}, Env: []string{"HEX_OFFLINE=1"}},
		{Name: "collect", Argv: []string{"mv", "/app/releases/shop", job.Export}},
		{Name: engine.StepReleases, Argv: []string{"erl", "-noshell", "-eval", "halt()."}},
	}
	job.Assembled = "/app/releases/shop"
	return job
}

func TestRender(t *testing.T) {
	alone := shop()
	layered := shop()
	layered.Mirrors = []string{"HEX_MIRROR_URL", "NPM_CONFIG_REGISTRY"}
	alone.Steps, alone.Compile = alone.Steps[len(alone.Steps)-1:], []string{"mix", "deps.compile"}
	unlocked := shop()
	unlocked.Steps[0].InputDigest = ""
	for _, tt := range []struct {
		name string
		job  engine.Job
		o    dockerfile.Options
	}{
		{"current", shop(), dockerfile.Options{Toolchain: "debian:13", Path: "docker/Dockerfile.build.elixir"}},
		{"docker20", unlocked, dockerfile.Options{Toolchain: "debian:13", Cache: "shop-0123", Builder: dockerfile.Docker20}},
		{"classic", alone, dockerfile.Options{Toolchain: "debian:13", Path: "Dockerfile", Builder: dockerfile.Classic}},
		{"layers", layered, dockerfile.Options{Toolchain: "debian:13", Path: "docker/Dockerfile.build.elixir", Script: "docker/build.sh", Builder: dockerfile.Classic}},
		{"distillery", jar(), dockerfile.Options{Toolchain: "debian:12", Path: "docker/Dockerfile.build.elixir"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := dockerfile.Render(tt.job, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", tt.name+".Dockerfile")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(string(got), "not to be written") {
				t.Error("it holds a secret")
			}
			flags := strings.Contains(string(got), "--mount") || strings.Contains(string(got), "--network")
			if flags != (tt.o.Builder != dockerfile.Classic) {
				t.Errorf("it has flags of RUN: %t", flags)
			}
		})
	}
}

// What opens repositories is mounted where a step fetches from them, and not for
// the step beside it.
func TestCredentialsAreForOneStep(t *testing.T) {
	job := shop()
	more := job.Steps[0]
	more.Name, more.Argv, more.Remotes = "more", []string{"mix", "local.rebar"}, nil
	job.Steps = append([]engine.Step{more}, job.Steps...)
	got, err := dockerfile.Render(job, dockerfile.Options{Toolchain: "t", Cache: "c", Builder: dockerfile.Current})
	if err != nil {
		t.Fatal(err)
	}
	mounted := 0
	for run := range strings.SplitSeq(string(got), "RUN ") {
		if !strings.Contains(run, "type=ssh") {
			continue
		}
		mounted++
		if !strings.Contains(run, "deps.get") || strings.Contains(run, "local.rebar") {
			t.Errorf("the agent is there for:\n%s", run)
		}
	}
	if mounted == 0 {
		t.Error("the agent is nowhere")
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	for name, spoil := range map[string]func(*engine.Job){
		"a value of several lines": func(j *engine.Job) { j.Env = append(j.Env, "A=1\n2") },
		"a name of several lines":  func(j *engine.Job) { j.Steps[0].Needs = []string{"a\nb"} },
	} {
		job := shop()
		spoil(&job)
		if _, err := dockerfile.Render(job, dockerfile.Options{}); problem.Code(err) != 2 || problem.Hint(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Words come out of the shell as they went in.
func FuzzWord(f *testing.F) {
	for _, s := range []string{"", "plain", "it's", "two\nlines", `back\nslash`, "$HOME `id` \"x\"", "-n", "%s %%", "\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) || strings.HasSuffix(s, "\n") || strings.ContainsRune(s, '\r') {
			t.Skip("no word of a command that a person writes")
		}
		word := dockerfile.Word(s)
		if strings.Contains(word, "\n") {
			t.Errorf("%q has several lines", word)
		}
		out, err := exec.Command("sh", "-c", "printf '%s.' "+word).Output()
		if err != nil || string(out) != s+"." {
			t.Errorf("%q became %q, %v; written %s", s, out, err, word)
		}
	})
}

func FuzzSecretFile(f *testing.F) {
	f.Add("key")
	f.Add(`it's $HOME "x" \ `)
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) {
			t.Skip("no environment holds it")
		}
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, dockerfile.SecretFile([]string{"A=" + s}), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("sh", "-c", `. "$1" && printf '%s.' "$A"`, "sh", file).Output()
		if err != nil || string(out) != s+"." {
			t.Errorf("%q became %q, %v", s, out, err)
		}
	})
}

// The user's own steps behind the release are part of what makes it in the last image.
func TestLastHasOwnSteps(t *testing.T) {
	job := engine.Job{Steps: []engine.Step{
		{Name: "step 1 before release", Argv: []string{"sh", "-euc", "echo before"}},
		{Name: engine.StepRelease, Argv: []string{"mix", "release", "a b"}},
		{Name: engine.StepReleases, Argv: []string{"erl"}},
	}}
	if got := dockerfile.Last(job); got != "mix release 'a b'" {
		t.Error(got)
	}
	for _, run := range []string{"echo 'after'", "touch x"} {
		job.Steps = append(job.Steps, engine.Step{Name: "step 2 after release", Argv: []string{"sh", "-euc", run}})
	}
	if got := dockerfile.Last(job); got != `sh -euc 'mix release '\''a b'\''; echo '\''after'\''; touch x'` {
		t.Error(got)
	}
}
