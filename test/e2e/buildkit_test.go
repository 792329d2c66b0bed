package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/engine/buildkit/buildkitdtest"
)

// ownCache is a cache that has the shared one's toolchains and no result.
func ownCache(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "cache")
	for _, shared := range []string{"trees", "blobs"} {
		if err := os.MkdirAll(filepath.Join(cacheDir, shared), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(cacheDir, shared), filepath.Join(dir, shared)); err != nil {
			t.Fatal(err)
		}
	}
	for _, known := range []string{"facts", "packed", "debian", "debian-release"} {
		if from := filepath.Join(cacheDir, "records", known); exists(from) {
			copyTree(t, from, filepath.Join(dir, "records", known))
		}
	}
	return dir
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// The sandbox, Docker's BuildKit and a BuildKit behind certificates come to the
// same tarball and image, at first and after an edit, for which each compiles
// one file.
func TestSameBytesFromEveryEngine(t *testing.T) {
	real(t)
	if err := exec.Command("docker", "info").Run(); err != nil {
		t.Skipf("no Docker daemon: %v", err)
	}
	d := buildkitdtest.Start(t, buildkitdtest.Options{})
	tls := builderToml("own", d)
	dram{args: []string{"image", project(t, "examples/hello")}}.ok(t) // the toolchain is there
	var first, second map[string]string
	for _, engine := range []struct{ name, engine, toml string }{
		{"native", "native", ""}, {"docker", "buildkit", ""}, {"buildkitd", "buildkit", tls},
	} {
		t.Run(engine.name, func(t *testing.T) {
			dir := project(t, "examples/hello")
			if engine.toml != "" {
				write(t, dir, "dram.toml", engine.toml)
			}
			build := dram{args: []string{"image", dir, "--engine", engine.engine, "--verbose"}, cache: ownCache(t)}
			compare := func(what string, want *map[string]string, r result) {
				got := listing(t, filepath.Join(dir, "releases"))
				got["digest"] = r.digest(t)
				if *want == nil {
					*want = got
				}
				if diff := cmp.Diff(*want, got); diff != "" {
					t.Errorf("%s: %s", what, diff)
				}
			}
			compare("at first", &first, build.ok(t))
			replace(t, filepath.Join(dir, "lib", "hello", "application.ex"), "defmodule Hello.Application do", "defmodule Hello.Application do\n  def edited, do: :yes\n")
			r := build.ok(t)
			compare("after an edit", &second, r)
			if !strings.Contains(r.stderr, "Compiling 1 file (.ex)") {
				t.Errorf("it compiled something else:\n%s", r.stderr)
			}
		})
	}
	if first["digest"] == second["digest"] {
		t.Error("the edit made no difference")
	}
}
