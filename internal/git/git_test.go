package git_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/git"
)

// run runs git, which says what is true.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	at := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o600)); err != nil { //nolint:gosec // a test's
		t.Fatal(err)
	}
}

// made is a repository of several commits, with names that sort in surprising ways.
func made(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	run(t, dir, "init", "-q", "-b", "main")
	for i := range 30 {
		write(t, dir, "lib/a.ex", strings.Repeat(fmt.Sprintf("line %d\n", i), 50))
		write(t, dir, "lib.ex", fmt.Sprint(i))
		write(t, dir, "lib-2/deep/er/x", "x")
		write(t, dir, "run.sh", "#!/bin/sh\n")
		if err := os.Chmod(filepath.Join(dir, "run.sh"), 0o755); err != nil { //nolint:gosec // a test's
			t.Fatal(err)
		}
		_ = os.Symlink("lib.ex", filepath.Join(dir, "link")) // it is there from the second time on
		run(t, dir, "add", "-A")
		run(t, dir, "commit", "-q", "-m", fmt.Sprint(i, strings.Repeat(" and many words that all commits have", 40)))
	}
	return dir
}

// Tags are what git says, packed or not, of both kinds; and when a commit was made.
func TestTags(t *testing.T) {
	dir := made(t)
	head, before := run(t, dir, "rev-parse", "HEAD"), run(t, dir, "rev-parse", "HEAD~1")
	look := func(state string) {
		c, err := git.Find(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, commit := range []string{head, before, run(t, dir, "rev-parse", "HEAD~9")} {
			tags, err := c.Tags(git.ID(commit))
			if want := run(t, dir, "tag", "--points-at", commit); err != nil || strings.Join(tags, "\n") != want {
				t.Errorf("%s: tags %q, %v; git says %q", state, tags, err, want)
			}
			at, err := c.Time(git.ID(commit))
			if want := run(t, dir, "log", "-1", "--format=%ct", commit); err != nil || fmt.Sprint(at) != want {
				t.Errorf("%s: made at %d, %v; git says %s", state, at, err, want)
			}
		}
	}
	look("without any")
	run(t, dir, "tag", "v1.0.0")
	run(t, dir, "tag", "of/a/series")
	run(t, dir, "tag", "-m", "a message", "v1.1.0")
	run(t, dir, "tag", "-m", "a message", "v0.9.0", before)
	run(t, dir, "tag", "a-tree", "HEAD^{tree}")
	look("loose")
	run(t, dir, "pack-refs", "--all")
	run(t, dir, "gc", "-q")
	look("packed")
	run(t, dir, "tag", "-f", "v1.0.0", before)
	write(t, dir, ".git/refs/tags/v2.lock", "half")
	look("both")
	if _, err := must(git.Find(dir)).Time(git.ID(strings.Repeat("0", 40))); err == nil {
		t.Error("a commit that is not there has a time")
	}
}

func must(c *git.Checkout, err error) *git.Checkout {
	if err != nil {
		panic(err)
	}
	return c
}

// same compares what is read with what git says.
func same(t *testing.T, dir string) {
	t.Helper()
	c, err := git.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	head, err := c.Head()
	if want := run(t, dir, "rev-parse", "HEAD"); err != nil || string(head) != want {
		t.Errorf("head %s, %v; git: %s", head, err, want)
	}
	tree, err := c.Tree(head)
	if want := run(t, dir, "rev-parse", "HEAD^{tree}"); err != nil || string(tree) != want {
		t.Errorf("tree %s, %v; git: %s", tree, err, want)
	}
	index, err := c.Index()
	if err != nil {
		t.Fatal(err)
	}
	written, err := git.Written(index)
	if want := run(t, dir, "write-tree"); err != nil || string(written) != want {
		t.Errorf("index as tree %s, %v; git: %s", written, err, want)
	}
}

func TestReadsWhatGitSays(t *testing.T) {
	whole := made(t)
	for name, change := range map[string]func(t *testing.T, dir string) string{
		"loose": func(_ *testing.T, dir string) string { return dir },
		"packed": func(t *testing.T, dir string) string {
			run(t, dir, "gc", "-q", "--aggressive", "--prune=now")
			return dir
		},
		"packed, every commit": func(t *testing.T, dir string) string {
			run(t, dir, "-c", "pack.depth=50", "repack", "-q", "-a", "-d", "-f", "--window=50", "--depth=50")
			for id := range strings.FieldsSeq(run(t, dir, "rev-list", "HEAD")) {
				c, err := git.Find(dir)
				if err != nil {
					t.Fatal(err)
				}
				if tree, err := c.Tree(git.ID(id)); err != nil || string(tree) != run(t, dir, "rev-parse", id+"^{tree}") {
					t.Errorf("%s: %s, %v", id, tree, err)
				}
			}
			return dir
		},
		"detached":   func(t *testing.T, dir string) string { run(t, dir, "checkout", "-q", "--detach", "HEAD~3"); return dir },
		"tag packed": func(t *testing.T, dir string) string { run(t, dir, "pack-refs", "--all"); return dir },
		"index of version 4": func(t *testing.T, dir string) string {
			run(t, dir, "update-index", "--index-version", "4")
			return dir
		},
		"a further work tree": func(t *testing.T, dir string) string {
			to := filepath.Join(t.TempDir(), "wt")
			run(t, dir, "worktree", "add", "-q", "-b", "other", to, "HEAD~1")
			return to
		},
		"a shallow clone": func(t *testing.T, dir string) string {
			to := filepath.Join(t.TempDir(), "clone")
			run(t, dir, "clone", "-q", "--depth", "1", "file://"+dir, to)
			return to
		},
		"a submodule": func(t *testing.T, dir string) string {
			outer := t.TempDir()
			run(t, outer, "init", "-q")
			run(t, outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", dir, "sub")
			run(t, outer, "commit", "-q", "-m", "x")
			same(t, outer)
			return filepath.Join(outer, "sub")
		},
		"staged": func(t *testing.T, dir string) string {
			write(t, dir, "new/file", "x")
			run(t, dir, "add", "new")
			return dir
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "copy")
			if out, err := exec.Command("cp", "-a", whole, dir).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			same(t, change(t, dir))
		})
	}
}

func TestOrigin(t *testing.T) {
	dir := made(t)
	c, err := git.Find(filepath.Join(dir, "lib"))
	if err != nil || c.Top != dir {
		t.Fatalf("%+v, %v", c, err)
	}
	if got := c.Origin(); got != "" {
		t.Errorf("without a remote: %q", got)
	}
	run(t, dir, "remote", "add", "upstream", "git@example.org:a/b.git")
	if got := c.Origin(); got != "git@example.org:a/b.git" {
		t.Errorf("the only one: %q", got)
	}
	run(t, dir, "remote", "add", "origin", "https://user:secret@example.org/c")
	if got := c.Origin(); got != "https://user:secret@example.org/c" {
		t.Errorf("origin: %q", got)
	}
}

func TestNoCheckout(t *testing.T) {
	dir := t.TempDir()
	if _, err := git.Find(dir); !errors.Is(err, git.ErrNone) {
		t.Errorf("%v", err)
	}
	run(t, dir, "init", "-q")
	c, err := git.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	if head, err := c.Head(); err == nil || !strings.Contains(err.Error(), "no commit yet") {
		t.Errorf("%q, %v", head, err)
	}
	write(t, dir, ".git/HEAD", "ref: ../../etc/passwd\n")
	if head, err := c.Head(); err == nil || !strings.Contains(err.Error(), "no reference") {
		t.Errorf("%q, %v", head, err)
	}
	write(t, dir, ".git/HEAD", "ref: refs/heads/a\n")
	write(t, dir, ".git/refs/heads/a", "ref: refs/heads/a\n")
	if head, err := c.Head(); err == nil {
		t.Errorf("a circle: %q", head)
	}
}
