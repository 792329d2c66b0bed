package e2e

import (
	"path/filepath"
	"testing"
)

// umbrella has two applications, of which the second uses the first, and the
// releases given.
func umbrella(t *testing.T, releases string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "house"),
		"nonce", nonce(), "config/config.exs", "import Config\nconfig :door, colour: \"green\"\n",
		"mix.exs", `defmodule House.MixProject do
  use Mix.Project

  def project do
    [apps_path: "apps", version: "2.1.0", deps: [], releases: [`+releases+`]]
  end
end
`,
		"apps/door/mix.exs", `defmodule Door.MixProject do
  use Mix.Project

  def project do
    [app: :door, version: "1.0.0", build_path: "../../_build", config_path: "../../config/config.exs",
     deps_path: "../../deps", lockfile: "../../mix.lock"]
  end
end
`,
		"apps/door/lib/door.ex", "defmodule Door do\n  def colour, do: Application.fetch_env!(:door, :colour)\nend\n",
		"apps/hall/mix.exs", `defmodule Hall.MixProject do
  use Mix.Project

  def project do
    [app: :hall, version: "1.0.0", build_path: "../../_build", config_path: "../../config/config.exs",
     deps_path: "../../deps", lockfile: "../../mix.lock", deps: [{:door, in_umbrella: true}]]
  end
end
`,
		"apps/hall/lib/hall.ex", "defmodule Hall do\n  def says, do: \"a hall with a #{Door.colour()} door\"\nend\n")
}

func TestUmbrella(t *testing.T) {
	real(t)
	dir := umbrella(t, "house: [applications: [hall: :permanent]]")
	dram{args: []string{"image", dir}}.ok(t)
	if got := says(t, imageOf(dir, "house", "2.1.0"), "Hall.says()"); got != "a hall with a green door" {
		t.Errorf("the release says %q", got)
	}
}

func TestUmbrellaWithSeveralReleases(t *testing.T) {
	real(t)
	dir := umbrella(t, `house: [applications: [hall: :permanent]], porch: [version: "0.5.0", applications: [door: :permanent]]`)
	dram{args: []string{"image", dir}}.fails(t, 2, "several releases: house, porch", "--release NAME")
	dram{args: []string{"image", dir, "--release", "attic"}}.fails(t, 2, `no release "attic"`, "house, porch")
	dram{args: []string{"image", dir, "--release", "porch"}}.ok(t)
	porch := imageOf(dir, "porch", "0.5.0")
	if got := says(t, porch, `"#{Door.colour()} #{Code.ensure_loaded?(Hall)}"`); got != "green false" {
		t.Errorf("the release says %q", got)
	}
	dram{args: []string{"image", dir, "--release", "house"}}.ok(t)
	if got := says(t, imageOf(dir, "house", "2.1.0"), "Hall.says()"); got != "a hall with a green door" {
		t.Errorf("the other release says %q", got)
	}
}

// The assets of an umbrella's application are made by its own alias, in its directory.
func TestUmbrellaAssets(t *testing.T) {
	real(t)
	dir := umbrella(t, "house: [applications: [hall: :permanent]]")
	hall := filepath.Join(dir, "apps/hall/mix.exs")
	replace(t, hall, "deps: [{:door, in_umbrella: true}]", `deps: [{:door, in_umbrella: true}], aliases: ["assets.deploy": &deploy/1]`)
	replace(t, hall, "\n  end\nend", `
  end

  defp deploy(_) do
    File.mkdir_p!("priv/static")
    File.write!("priv/static/hall.css", "deployed")
  end
end`)
	dram{args: []string{"image", dir}}.ok(t)
	if got := says(t, imageOf(dir, "house", "2.1.0"), `File.read!(Application.app_dir(:hall, "priv/static/hall.css"))`); got != "deployed" {
		t.Errorf("the release has %q", got)
	}
}
