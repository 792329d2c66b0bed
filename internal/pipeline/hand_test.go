package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/problem"
	"dram/internal/sandbox"
)

func TestWorkingCopy(t *testing.T) {
	for _, c := range []struct {
		name  string
		make  func(t *testing.T, dir string)
		git   bool // it is there, read-only
		error string
	}{
		{name: "no project yet", make: func(*testing.T, string) {}},
		{name: "a repository", git: true, make: func(t *testing.T, dir string) {
			if err := os.Mkdir(filepath.Join(dir, ".git"), 0o700); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "a submodule", git: true, make: func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, ".git"), []byte("gitdir: ../x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "a link", error: "is a link", make: func(t *testing.T, dir string) {
			if err := os.Symlink("elsewhere", filepath.Join(dir, ".git")); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "the home directory", error: "holds your home directory", make: func(t *testing.T, dir string) { t.Setenv("HOME", dir) }},
		{name: "above it", error: "holds your home directory", make: func(t *testing.T, dir string) {
			t.Setenv("HOME", filepath.Join(dir, "users", "me"))
		}},
		{name: "below it", make: func(t *testing.T, dir string) { t.Setenv("HOME", filepath.Dir(dir)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "work")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			c.make(t, dir)
			got, err := workingCopy(dir)
			if c.error != "" {
				if err == nil || problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), c.error) {
					t.Errorf("got %v, want a wrong usage that says %q", err, c.error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := []sandbox.Mount{{Source: dir, Target: "/app"}}
			if c.git {
				want = append(want, sandbox.Mount{Source: filepath.Join(dir, ".git"), Target: "/app/.git", ReadOnly: true})
			}
			if len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
				t.Errorf("the command sees %+v, want %+v", got, want)
			}
		})
	}
	if _, err := workingCopy(filepath.Join(t.TempDir(), "gone")); err == nil {
		t.Error("a directory that is not there was taken")
	}
}

func TestMounts(t *testing.T) {
	got, err := mounts([]string{"/a:/b", "/c:/d"})
	if err != nil || len(got) != 2 || got[1] != (sandbox.Mount{Source: "/c", Target: "/d"}) {
		t.Errorf("binds are %+v, %v", got, err)
	}
	for _, bind := range []string{"/a", "a:/b", "/a:b", ""} {
		if _, err := mounts([]string{bind}); err == nil {
			t.Errorf("the bind %q was taken", bind)
		}
	}
}

// `dram shell make deps.get` is no `mix deps.get`.
func TestArgsOf(t *testing.T) {
	for _, c := range []struct {
		command []string
		want    int
	}{{[]string{"mix", "deps.get"}, 1}, {[]string{"mix"}, 0}, {[]string{"make", "deps.get"}, 0}, {[]string{"./mix", "deps.get"}, 0}, {[]string{"sh"}, 0}} {
		if got := argsOf("mix", c.command); len(got) != c.want {
			t.Errorf("%q has Mix run with %q", c.command, got)
		}
	}
}
