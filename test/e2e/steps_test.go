package e2e

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Steps of the user's own make what a module takes in, look at what was compiled, and
// add to the release; one that makes less than it says ends the build, with its words.
func TestOwnSteps(t *testing.T) {
	real(t)
	t.Parallel()
	dir := write(t, t.TempDir(), "mix.exs", `defmodule Own.MixProject do
  use Mix.Project
  def project, do: [app: :own, version: "0.1.0", deps: []]
end
`, "lib/own.ex", `defmodule Own do
  @made File.read!("priv/made")
  def made, do: @made
end
`, "dram.toml", `[[step]]
run = "mkdir -p priv; echo made by a step > priv/made"
before = "compile"
outputs = ["priv/made"]

[[step]]
run = "ls _build/prod/lib/own/ebin/Elixir.Own.beam; test -z \"${DRAM_E2E_SECRET:-}\"; ! ls /sys/class/net | grep -v lo"
after = "compile"

[[step]]
run = "cp priv/made _build/prod/rel/own/releases/note"
after = "release"
`)
	dram{args: []string{"build", dir}, env: []string{"DRAM_E2E_SECRET=hunter2"}}.ok(t)
	tarball := filepath.Join(dir, "releases/own/releases/0.1.0/own.tar.gz")
	note := ""
	eachMember(t, tarball, func(h *tar.Header, r io.Reader) error {
		if h.Name != "releases/note" {
			return nil
		}
		text, err := io.ReadAll(r)
		note = string(text)
		return err
	})
	if note != "made by a step\n" {
		t.Errorf("the release has %q", note)
	}
	replace(t, filepath.Join(dir, "dram.toml"), `outputs = ["priv/made"]`, `outputs = ["priv/made", "priv/more"]`)
	r := dram{args: []string{"build", dir}}.fails(t, 4, "step 1 before compile")
	if !strings.Contains(r.stderr, "the step made no priv/more") {
		t.Errorf("it says\n%s", r.stderr)
	}
	if _, err := os.Stat(tarball); err != nil {
		t.Errorf("the earlier result: %v", err)
	}
}
