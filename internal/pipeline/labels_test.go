package pipeline

import (
	"os/exec"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/output"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/toolchain"
)

func runGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Where labels are to say what git knows, the image names its commit and where that is
// from, and says when its source is not as the commit has it.
func TestLabelsOfGit(t *testing.T) {
	w := newWorld(t)
	w.cfg.GitLabels = true
	_, err := w.Build(t.Context(), w.planned(t), output.Usual())
	if problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), "image.git_labels asks for what git says") {
		t.Errorf("a directory that is no checkout: %v", err)
	}
	runGit(t, w.dir, "init", "-q")
	runGit(t, w.dir, "remote", "add", "origin", "https://user:password@example.org/hello.git")
	runGit(t, w.dir, "add", ".")
	runGit(t, w.dir, "commit", "-qm", "all")
	commit := runGit(t, w.dir, "rev-parse", "HEAD")
	labels := func() map[string]string { return w.config(t, w.asLayout(t, w.built(t))).Labels }
	if l := labels(); l[labelRevision] != commit || l[labelSource] != "https://example.org/hello" {
		t.Errorf("labels of a clean checkout: %q, the commit is %s", l, commit)
	}
	writeTree(t, w.dir, tree{"lib/hello.ex": "defmodule Hello do\n  def a, do: 1\nend\n", "lib/more.ex": "defmodule More do\nend\n"})
	if l := labels(); l[labelRevision] != commit+"-dirty" || !strings.Contains(w.said.String(), "lib/hello.ex and 1 more): the image's revision ends in -dirty") {
		t.Errorf("labels of a changed one: %q; said %q", l, w.said)
	}
}

// asLayout writes an image to a directory of its own.
func (w *world) asLayout(t *testing.T, r *output.Result) ref.Ref {
	t.Helper()
	dir := t.TempDir() + "/layout"
	w.write(t, r, output.Layout{Dir: dir})
	return ref.Ref{Kind: ref.Layout, Value: dir}
}

// config is what an image says of how it runs.
func (w *world) config(t *testing.T, from ref.Ref) v1.Config {
	t.Helper()
	img, err := w.Toolchains.Image(t.Context(), from, toolchain.Options{As: ReleaseUse()})
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return file.Config
}
