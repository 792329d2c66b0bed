package project

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const laidOut = `-- mix.exs --
defmodule A.MixProject do
  use Mix.Project
  def project do
    [app: :a, version: "1.0.0", build_path: "out", deps_path: "vendor/deps", lockfile: "locks/prod.lock",
     releases: [a: [overlays: ["docker/overlay", "more"]], b: [overlays: "other"]], deps: [{:jason, "~> 1.4"}]]
  end
end
-- locks/prod.lock --
%{"jason": {:hex, :jason, "1.4.4", "abc", [:mix], [], "hexpm", "abc"}}
-- docker/overlay/bin/server --
#!/bin/sh
/app/bin/a eval A.migrate
exec /app/bin/a start
`

// Where mix.exs has its lock file, and what it lays over a release, is looked into.
func TestLayout(t *testing.T) {
	p, err := read(t, tree(t, laidOut))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Layout{BuildPath: "out", DepsPath: "vendor/deps", LockFile: "locks/prod.lock"}, p.Layout); diff != "" {
		t.Error(diff)
	}
	if !p.HasLock || !p.UsesHex || len(p.LockedDeps) != 1 {
		t.Errorf("lock %v, Hex %v, %+v", p.HasLock, p.UsesHex, p.LockedDeps)
	}
	if p.Start.Server != "bin/server" || p.Start.Overlay != "docker/overlay" {
		t.Errorf("it starts by %q of %q", p.Start.Server, p.Start.Overlay)
	}
	if diff := cmp.Diff([]string{"docker/overlay", "more"}, p.Releases[0].Overlays); diff != "" || p.Releases[1].Overlays[0] != "other" {
		t.Errorf("%s%+v", diff, p.Releases)
	}
}

// Whether a release may be assembled elsewhere than Mix does by itself.
func TestReleasesElsewhere(t *testing.T) {
	for options, want := range map[string]bool{
		"[]": false, "[version: \"1.0.0\"]": false, `[path: "/srv/a"]`: true, "[path: System.get_env(\"OUT\")]": true,
		"[] ++ options()": true, "fn -> [] end": true, "&options/0": true,
	} {
		p, err := read(t, tree(t, "-- mix.exs --\ndefmodule A.MixProject do\n  def project, do: [app: :a, version: \"1.0.0\", releases: [a: "+options+"]]\nend\n"))
		if err != nil || len(p.Releases) != 1 || p.Releases[0].Elsewhere != want {
			t.Errorf("%s: %v, %+v", options, err, p.Releases)
		}
	}
}

// What is included and lies in the project is seen anyway, which is said.
func TestIncludeInside(t *testing.T) {
	d, err := Open(tree(t, laidOut))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	d.Given = Given{Include: []string{"locks"}}
	p, err := d.Mix()
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, "--include locks does nothing") || p.Context.Dir != "" {
		t.Errorf("%q, context %+v", notes, p.Context)
	}
}

// A Dockerfile that makes the release is found in any folder of the project's, and what it
// begins with where another makes that; one of a project of its own is not this one's.
func TestDockerfilesInFolders(t *testing.T) {
	const mix = "-- mix.exs --\ndefmodule A do\n  use Mix.Project\n  def project, do: [app: :a, version: \"1.0.0\"]\nend\n"
	const makes = "FROM a:build AS b\nRUN MIX_ENV=staging mix release\nFROM debian\nCOPY --from=b /app/_build/staging/rel/a /app\nCMD [\"/app/run.sh\"]\n"
	p, err := read(t, tree(t, mix+"-- Dockerfile --\nFROM elixir:1.15.4-alpine\nRUN mix deps.get\n-- .semaphore/Dockerfile_release --\n"+makes))
	if err != nil {
		t.Fatal(err)
	}
	if p.DockerFile != ".semaphore/Dockerfile_release" || strings.Join(p.Docker.Start, " ") != "/app/run.sh" || len(p.Offers) != 1 || p.Offers[0].Elixir != "1.15.4" {
		t.Errorf("%q, %+v, offers %+v", p.DockerFile, p.Docker, p.Offers)
	}
	for _, name := range []string{"TurkeyDockerfile", "ops/web.dockerfile"} {
		if p, err = read(t, tree(t, mix+"-- "+name+" --\n"+makes)); err != nil || p.DockerFile != name {
			t.Errorf("%s: %q, %v", name, p.DockerFile, err)
		}
	}
	if p, err = read(t, tree(t, mix+"-- svc/mix.exs --\n#\n-- svc/Dockerfile --\n"+makes+"-- examples/Dockerfile --\n"+makes)); err != nil || p.DockerFile != "" {
		t.Errorf("of another project: %q, %v", p.DockerFile, err)
	}
	several := mix + "-- deploy/alpine.Dockerfile --\nFROM a AS b\nRUN apk add git && mix release\nFROM x\nCOPY --from=b /a/_build/prod/rel/a /app\n" +
		"-- deploy/ubuntu.Dockerfile --\nFROM a AS b\nRUN apt-get install -y git && mix release\nFROM x\nCOPY --from=b /a/_build/prod/rel/a /app\n"
	if p, err = read(t, tree(t, several)); err != nil || p.DockerFile != "deploy/ubuntu.Dockerfile" {
		t.Errorf("for several systems: %q, %v", p.DockerFile, err)
	}
}
