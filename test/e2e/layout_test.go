package e2e

import (
	"path/filepath"
	"testing"
)

// A project that has what Mix makes elsewhere is built whole, also for a target, and from
// beside others.
func TestLaidOutElsewhere(t *testing.T) {
	real(t)
	t.Parallel()
	top := write(t, t.TempDir(), ".git/HEAD", "ref: refs/heads/main\n", "libs/b/mix.exs", `defmodule B.MixProject do
  use Mix.Project
  def project, do: [app: :b, version: "0.1.0"]
end
`, "libs/b/lib/b.ex", "defmodule B do\n  def b, do: \"b\"\nend\n", "svc/nonce", nonce(), "svc/mix.exs", `defmodule Elsewhere.MixProject do
  use Mix.Project
  def project do
    [app: :elsewhere, version: "0.1.0", build_path: "out", deps_path: "vendor/deps", lockfile: "locks/a.lock", deps: [{:b, path: "../libs/b"}]]
  end
end
`, "svc/lib/a.ex", "defmodule A do\n  @target Mix.target()\n  def says, do: \"#{B.b()} for #{@target}\"\nend\n")
	dir := filepath.Join(top, "svc")
	dram{args: []string{"image", dir, "--build-env", "MIX_TARGET=board"}}.ok(t)
	if got := says(t, imageOf(dir, "elsewhere", "0.1.0"), "A.says()"); got != "b for board" {
		t.Errorf("the release says %q", got)
	}
}
