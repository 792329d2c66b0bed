package scaffold

import (
	"os/exec"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"dram/internal/distro"
	"dram/internal/plan"
	"dram/internal/problem"
)

// scripts are the shell scripts of a pipeline, each as one shell runs it.
func scripts(t *testing.T, text []byte) []string {
	t.Helper()
	var top map[string]any
	if err := yaml.Unmarshal(text, &top); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	var out []string
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				visit(e)
			}
		case map[string]any:
			if s, ok := v["run"].(string); ok {
				out = append(out, s)
			}
			if s := joined(v["before_script"]) + joined(v["script"]) + joined(v["commands"]); s != "" {
				out = append(out, s)
			}
			for _, e := range v {
				visit(e)
			}
		}
	}
	visit(top)
	return out
}

func joined(v any) string {
	list, _ := v.([]any)
	var b strings.Builder
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			return "a command that is no string"
		}
		b.WriteString(s + "\n")
	}
	return b.String()
}

func TestPipelines(t *testing.T) {
	for _, toolchain := range []string{"distro:debian/12", "distro:debian/13", "image:registry.example/elixir:1.18"} {
		for _, name := range Services() {
			add := plan.Additions{Packages: []string{"libsodium-dev"}}
			if strings.HasPrefix(toolchain, "image:") {
				add.Needs = []distro.Want{{Need: distro.Git}, {Need: distro.C, Perhaps: true}}
			}
			f, err := Pipeline(name, &plan.Plan{Release: "web", Toolchain: toolchain, Additions: add}, "")
			if err != nil {
				t.Fatal(err)
			}
			text, err := f.Text(nil)
			if err != nil {
				t.Fatal(err)
			}
			all := ""
			for _, s := range scripts(t, text) {
				if out, err := exec.CommandContext(t.Context(), "sh", "-n", "-c", s).CombinedOutput(); err != nil {
					t.Errorf("%s: %v: %s\n%s", name, err, out, s)
				}
				all += s
			}
			wants := []string{
				"dram plan", "dram image -o releases/image.tar", "dram check releases/image.tar",
				`dram push releases/image.tar "$IMAGE" --tag`, "dram cache prune", `"$DRAM_URL"`, "sha256sum",
			}
			if name != "github" {
				wants = append(wants, map[bool]string{true: " libsodium-dev", false: " git gcc g++ make libc6-dev libsodium-dev"}[strings.HasPrefix(toolchain, "distro:")])
			}
			for _, want := range wants {
				if !strings.Contains(all, want) {
					t.Errorf("%s does not say %q:\n%s", name, want, text)
				}
			}
			for _, secret := range []string{"set -x", "echo $REGISTRY", "docker login", "--password"} {
				if strings.Contains(all, secret) {
					t.Errorf("%s says %q", name, secret)
				}
			}
			if strings.Contains(string(text), "[[") {
				t.Errorf("%s has a gap:\n%s", name, text)
			}
		}
	}
}

// What each service wants of a file, in its own terms.
func TestPipelinesAreTheServices(t *testing.T) {
	pl := &plan.Plan{Release: "web", Toolchain: "distro:debian/13"}
	read := func(name string, into any) {
		t.Helper()
		f, err := Pipeline(name, pl, "")
		if err != nil {
			t.Fatal(err)
		}
		text, err := f.Text(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	var hub struct {
		On   map[string]any
		Jobs map[string]struct {
			RunsOn string `yaml:"runs-on"`
			Env    map[string]string
			Steps  []struct {
				Uses, Run, If string
				With, Env     map[string]any
			}
		}
	}
	read("github", &hub)
	job := hub.Jobs["image"]
	if len(hub.On) != 2 || job.RunsOn == "" || len(job.Steps) < 8 {
		t.Errorf("%+v", hub)
	}
	for _, s := range job.Steps {
		if (s.Uses == "") == (s.Run == "") {
			t.Errorf("a step that uses %q and runs %q", s.Uses, s.Run)
		}
		if s.Uses == "actions/cache@v4" && s.With["path"] != job.Env["DRAM_CACHE_DIR"] {
			t.Errorf("the cache is at %v, and %v is kept", job.Env["DRAM_CACHE_DIR"], s.With["path"])
		}
		if _, secret := s.Env["REGISTRY_PASSWORD"]; secret && !strings.Contains(s.If, "push") {
			t.Errorf("a pull request sees the password: %+v", s)
		}
	}
	var lab map[string]struct {
		Image     string
		Variables map[string]string
		Cache     struct{ Paths []string }
		Script    []string
		Rules     []map[string]string
	}
	read("gitlab", &lab)
	if j := lab["image"]; len(lab) != 1 || j.Image != "debian:13" || len(j.Script) < 5 || len(j.Rules) != 3 ||
		j.Variables["DRAM_CACHE_DIR"] != "$CI_PROJECT_DIR/"+strings.TrimSuffix(j.Cache.Paths[0], "/") || j.Variables["DRAM_TOOLCHAIN"] != "host:" {
		t.Errorf("%+v", lab)
	}
	var pecker struct {
		When  []map[string]any
		Steps []struct {
			Name, Image string
			When        []map[string]any
			Environment map[string]any
			Commands    []string
		}
	}
	read("woodpecker", &pecker)
	if len(pecker.When) != 2 || len(pecker.Steps) != 2 {
		t.Fatalf("%+v", pecker)
	}
	if _, secret := pecker.Steps[0].Environment["REGISTRY_PASSWORD"]; secret || len(pecker.Steps[1].When) != 1 {
		t.Errorf("a pull request sees the password: %+v", pecker.Steps)
	}
	if all := strings.Join(append(pecker.Steps[0].Commands, pecker.Steps[1].Commands...), "\n"); strings.Contains(all, "${") {
		t.Errorf("Woodpecker replaces ${ itself:\n%s", all)
	}
}

func TestPipelineNeedsAnImage(t *testing.T) {
	for name, code := range map[string]int{"github": 0, "gitlab": 2, "woodpecker": 2, "jenkins": 2} {
		if _, err := Pipeline(name, &plan.Plan{Release: "web", Toolchain: "tar:elixir.tar"}, ""); problem.Code(err) != code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A project below the top of its repository has its pipeline where the service reads it,
// which builds there; a directory that shells would take apart is refused.
func TestPipelineOfADirectory(t *testing.T) {
	pl := &plan.Plan{Release: "web", Toolchain: "distro:debian/13"}
	for name, want := range map[string][]string{
		"github":     {".github/workflows/image-web.yml", "working-directory: apps/web", "hashFiles('apps/web/mix.lock')"},
		"gitlab":     {".gitlab-ci.yml", "- cd apps/web", "files: [apps/web/mix.lock]"},
		"woodpecker": {".woodpecker/image-web.yaml", "- cd apps/web"},
	} {
		f, err := Pipeline(name, pl, "apps/web")
		if err != nil {
			t.Fatal(err)
		}
		text, err := f.Text(nil)
		if err != nil || f.Path != want[0] {
			t.Errorf("%s: at %s, %v", name, f.Path, err)
		}
		scripts(t, text)
		for _, line := range want[1:] {
			if !strings.Contains(string(text), line) {
				t.Errorf("%s: no %q in\n%s", name, line, text)
			}
		}
	}
	if _, err := Pipeline("github", pl, "apps/my web"); problem.Code(err) != 2 {
		t.Errorf("of a directory with a space: %v", err)
	}
	p := Project{Plan: &plan.Plan{Dir: "/src/apps/web"}, Below: "apps/web", CI: []string{"github"}}
	if p.Root() != "/src" || p.Named("apps/web/docker/x") != "docker/x" || p.Named(".github/y") != "../../.github/y" {
		t.Errorf("%q, %q, %q", p.Root(), p.Named("apps/web/docker/x"), p.Named(".github/y"))
	}
	if p.CI = nil; p.Root() != "/src/apps/web" || p.Named("docker/x") != "docker/x" {
		t.Errorf("without CI: %q, %q", p.Root(), p.Named("docker/x"))
	}
}
