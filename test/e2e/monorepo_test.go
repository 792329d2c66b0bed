package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// monorepo has a service with two libraries beside it, of which one uses the other, and
// things that are none of its business.
func monorepo(t *testing.T) (top, svc string) {
	t.Helper()
	top = write(t, filepath.Join(t.TempDir(), "mono"),
		"apps/svc/nonce", nonce(), ".git/HEAD", "ref: refs/heads/main\n", "VERSION", "3.1.0\n", "private/key.txt", "nobody's business", "libs/other/mix.exs", "raise \"never read\"",
		"apps/svc/mix.exs", `defmodule Svc.MixProject do
  use Mix.Project

  def project do
    [app: :svc, version: String.trim(File.read!("../../VERSION")), deps: [{:core, path: "../../libs/core"}]]
  end
end
`,
		"apps/svc/config/config.exs", "import Config\nconfig :core, greeting: \"hello\"\n",
		"apps/svc/lib/svc.ex", `defmodule Svc do
  @seen Path.wildcard("/app/**/*.txt")
  def says, do: "#{Core.greets()} #{inspect(@seen)}"
end
`,
		"libs/core/mix.exs", "defmodule Core.MixProject do\n  use Mix.Project\n  def project, do: [app: :core, version: \"1.0.0\", deps: [{:words, path: \"../words\"}]]\nend\n",
		"libs/core/lib/core.ex", "defmodule Core do\n  def greets, do: \"#{Application.fetch_env!(:core, :greeting)} #{Words.one()}\"\nend\n",
		"libs/words/mix.exs", "defmodule Words.MixProject do\n  use Mix.Project\n  def project, do: [app: :words, version: \"1.0.0\"]\nend\n",
		"libs/words/lib/words.ex", "defmodule Words do\n  def one, do: \"world\"\nend\n")
	return top, filepath.Join(top, "apps/svc")
}

// A project in a monorepo is built with what it takes from beside it and with nothing
// else, and an edit there is an edit of it.
func TestMonorepo(t *testing.T) {
	real(t)
	top, svc := monorepo(t)
	first := dram{args: []string{"image", svc}}.ok(t).digest(t)
	if got := says(t, imageOf(svc, "svc", "3.1.0"), "Svc.says()"); got != "hello world []" {
		t.Errorf("the release says %q", got)
	}
	if err := os.WriteFile(filepath.Join(top, "libs/words/lib/words.ex"), []byte("defmodule Words do\n  def one, do: \"moon\"\nend\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	second := dram{args: []string{"image", svc}}.ok(t).digest(t)
	if got := says(t, imageOf(svc, "svc", "3.1.0"), "Svc.says()"); got != "hello moon []" || first == second {
		t.Errorf("after an edit beside it the release says %q", got)
	}
	if exec.Command("docker", "info").Run() == nil {
		if other := (dram{args: []string{"image", svc, "--engine", "buildkit"}}).ok(t).digest(t); other != second {
			t.Errorf("by BuildKit it is %s, and natively %s", other, second)
		}
	}
	// From nothing, elsewhere, without a checkout, by name: the same.
	elsewhere := filepath.Join(t.TempDir(), "else where")
	if err := os.CopyFS(elsewhere, os.DirFS(top)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(elsewhere, ".git")); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(elsewhere, "apps/svc")
	dram{args: []string{"image", copied}}.fails(t, 2, `dependency "core" lies outside the project`)
	if third := (dram{args: []string{"image", copied, "--context", "../.."}}).ok(t).digest(t); third != second {
		t.Errorf("by name it is %s, and found it was %s", third, second)
	}
}
