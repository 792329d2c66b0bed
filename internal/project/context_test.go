package project_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
	"dram/internal/project"
)

func mixWith(app, deps string) string {
	return "defmodule A.MixProject do\n  use Mix.Project\n  def project do\n    [app: :" + app + ", version: \"1.0.0\", deps: deps()]\n  end\n  defp deps, do: [" + deps + "]\nend\n"
}

// repository writes files, and makes their directory the top of a checkout.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		at := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

func readWith(t *testing.T, dir string, given project.Given) (*project.Project, error) {
	t.Helper()
	d, err := project.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	d.Given = given
	return d.Mix()
}

// What a project takes from beside it is found, in its own repository and nowhere else.
func TestContextIsFound(t *testing.T) {
	files := map[string]string{
		"repo/.git/HEAD":            "ref: refs/heads/main\n",
		"repo/apps/svc/mix.exs":     strings.Replace(mixWith("svc", `{:x, path: "../../libs/x"}, {:t, path: "../../libs/t", only: :test}`), `"1.0.0"`, `File.read!("../../VERSION")`, 1),
		"repo/VERSION":              "2.0.0",
		"repo/libs/x/mix.exs":       mixWith("x", `{:y, path: "../y"}`),
		"repo/libs/y/mix.exs":       mixWith("y", ""),
		"repo/libs/t/mix.exs":       mixWith("t", ""),
		"repo/apps/alone/mix.exs":   mixWith("alone", ""),
		"repo/apps/out/mix.exs":     mixWith("out", `{:z, path: "../../../z"}`),
		"repo/apps/missing/mix.exs": mixWith("missing", `{:n, path: "../n"}`),
		"repo/example/mix.exs":      mixWith("example", `{:whole, path: ".."}`),
		"repo/mix.exs":              mixWith("whole", ""),
		"z/mix.exs":                 mixWith("z", ""),
		"nowhere/svc/mix.exs":       mixWith("svc", `{:x, path: "../x"}`),
		"nowhere/x/mix.exs":         mixWith("x", ""),
	}
	top := repository(t, files)
	for _, c := range []struct {
		dir   string
		given project.Given
		want  project.Context
	}{
		{"repo/apps/svc", project.Given{}, project.Context{Dir: "repo", At: "apps/svc", Beside: []string{"VERSION", "libs/x", "libs/y"}}},
		{"repo/apps/alone", project.Given{}, project.Context{}},
		{"repo/apps/alone", project.Given{Context: ".."}, project.Context{Dir: "repo/apps", At: "alone"}},
		{"repo/apps/alone", project.Given{Include: []string{"../../libs/t"}}, project.Context{Dir: "repo", At: "apps/alone", Beside: []string{"libs/t"}}},
		{"repo/apps/alone", project.Given{Context: "../..", ContextFromFile: true}, project.Context{Dir: "repo", At: "apps/alone"}},
		{"repo/apps/out", project.Given{}, project.Context{}},
		{"repo/apps/out", project.Given{Context: "../../.."}, project.Context{Dir: ".", At: "repo/apps/out", Beside: []string{"z"}}},
		{"repo/apps/missing", project.Given{}, project.Context{}},
		{"repo/example", project.Given{}, project.Context{Dir: "repo", At: "example", Beside: []string{"."}}},
		{"nowhere/svc", project.Given{}, project.Context{}},
		{"nowhere/svc", project.Given{Context: ".."}, project.Context{Dir: "nowhere", At: "svc", Beside: []string{"x"}}},
	} {
		p, err := readWith(t, filepath.Join(top, c.dir), c.given)
		if err != nil {
			t.Errorf("%s: %v", c.dir, err)
			continue
		}
		if c.want.Dir != "" {
			c.want.Dir = filepath.Join(top, c.want.Dir)
		}
		if diff := cmp.Diff(c.want, p.Context); diff != "" {
			t.Errorf("%s with %+v (-want +got):\n%s", c.dir, c.given, diff)
		}
	}
	if p, err := readWith(t, filepath.Join(top, "repo/apps/svc"), project.Given{MixEnv: "prod"}); err != nil || p.Version != "2.0.0" {
		t.Errorf("%v, %v", p, err)
	}
}

// A context that cannot be is refused, and a project's own settings open nothing but its
// repository.
func TestContextIsRefused(t *testing.T) {
	top := repository(t, map[string]string{
		"repo/.git/HEAD": "x", "repo/svc/mix.exs": mixWith("svc", ""), "repo/other/mix.exs": "", "private/key": "",
	})
	for _, c := range []struct {
		name  string
		given project.Given
		says  string
	}{
		{"one that is not there", project.Given{Context: "../nothing"}, "no such file"},
		{"one beside the project", project.Given{Context: "../other"}, "does not hold the project"},
		{"one above the repository, by the project", project.Given{Context: "../..", ContextFromFile: true}, "not part of its repository"},
		{"the root, by the project", project.Given{Context: "/", ContextFromFile: true}, "not part of its repository"},
		{"more than the repository", project.Given{Include: []string{"../../private"}}, "does not lie in the context"},
		{"more than was named", project.Given{Context: "..", Include: []string{"../../private"}}, "does not lie in the context"},
		{"an absolute path", project.Given{Include: []string{"/etc"}}, "does not lie in the context"},
	} {
		_, err := readWith(t, filepath.Join(top, "repo/svc"), c.given)
		if err == nil || !strings.Contains(err.Error(), c.says) || problem.Code(err) != 2 || problem.Hint(err) == "" {
			t.Errorf("%s: %v (%s)", c.name, err, problem.Hint(err))
		}
	}
}
