package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// What PCRE compiles a regular expression with named groups to has gaps between
// the names, which held whatever was in memory before; and Elixir puts it into
// the module.
func TestSameBytesWithNamedGroups(t *testing.T) {
	real(t)
	dir := write(t, filepath.Join(t.TempDir(), "groups"), "nonce", nonce(),
		"mix.exs", "defmodule Groups.MixProject do\n  use Mix.Project\n  def project, do: [app: :groups, version: \"0.1.0\"]\nend\n",
		"lib/groups.ex", `defmodule Groups do
  @version ~r/(?<ver>\d+\.\d+\.\d+)-(?<commits>\d+)-(?<sha>[A-Ga-g0-9]+)/
  def version, do: @version
  def other, do: ~r/(?<x>a)(?<a_longer_name>b)(?<y>c)/
end
`)
	var first string
	for _, n := range []string{"1", "2", "3"} {
		dram{args: []string{"build", dir, "--toolchain", "distro:debian/12", "--build-env", "N=" + n}}.ok(t)
		raw, err := os.ReadFile(filepath.Join(dir, "releases/groups/releases/0.1.0/groups.tar.gz"))
		if err != nil {
			t.Fatal(err)
		}
		if n != "1" && string(raw) != first {
			t.Errorf("build %s gave other bytes", n)
		}
		first = string(raw)
	}
}
