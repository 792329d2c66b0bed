package source

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// repository makes a git repository with the files of top, of which committed are.
func repository(t *testing.T, top string, indexVersion string, committed ...string) {
	t.Helper()
	for _, args := range [][]string{
		{"init", "-q"},
		{"config", "index.version", indexVersion},
		slices.Concat([]string{"add", "-f", "--"}, committed),
		{"-c", "user.name=a", "-c", "user.email=a@example", "commit", "-q", "-m", "x"},
		{"update-index", "--index-version", indexVersion},
	} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = top
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
}

// Compiled code that git has is the project's; what it has not is left out, which is
// said of libraries below priv.
func TestCommittedLibraries(t *testing.T) {
	for _, version := range []string{"2", "3", "4"} {
		for name, below := range map[string]string{"a repository": "", "a directory of one": "apps/web"} {
			t.Run(name+" "+version, func(t *testing.T) {
				top := t.TempDir()
				dir := filepath.Join(top, below)
				write(t, dir, "mix.exs", "priv/native/vendored.so", "priv/built.so", "priv/x.o", "lib/a.ex", "lib/b.ex", "vendor/a/ebin/a.beam", "ebin/b.beam", "c_src/blob.o", "old.ez")
				repository(t, top, version, filepath.Join(below, "mix.exs"), filepath.Join(below, "vendor/a/ebin/a.beam"), filepath.Join(below, "c_src/blob.o"), filepath.Join(below, "old.ez"), filepath.Join(below, "priv/native/vendored.so"), filepath.Join(below, "lib/a.ex"))
				tree, err := Read(t.Context(), dir, Options{})
				if err != nil {
					t.Fatal(err)
				}
				var names []string
				for _, f := range tree.Files {
					names = append(names, f.Path)
				}
				if want := []string{"c_src/blob.o", "lib/a.ex", "lib/b.ex", "mix.exs", "old.ez", "priv/native/vendored.so", "vendor/a/ebin/a.beam"}; !slices.Equal(names, want) {
					t.Errorf("%q, want %q", names, want)
				}
				if len(tree.Notes) != 1 || !strings.Contains(tree.Notes[0], "priv/built.so (git does not have them") {
					t.Errorf("%q", tree.Notes)
				}
				if !Sees(dir, "priv/native/vendored.so") || Sees(dir, "priv/built.so") {
					t.Error("Sees says otherwise")
				}
			})
		}
	}
}

// Without a repository nothing tells whose a library is.
func TestLibrariesWithoutGit(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "mix.exs", "priv/built.so")
	tree, err := Read(t.Context(), dir, Options{})
	if err != nil || len(tree.Files) != 1 || len(tree.Notes) != 1 || !strings.Contains(tree.Notes[0], "no git repository") {
		t.Errorf("%v, %q, %v", tree.Files, tree.Notes, err)
	}
	write(t, dir, ".dockerignore")
	tree, err = Read(t.Context(), dir, Options{})
	if err != nil || len(tree.Notes) != 0 {
		t.Errorf("with patterns of its own: %q, %v", tree.Notes, err)
	}
}

func TestNamed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "config/a.yml", "config/b.yml", "node_modules/x.js")
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHx2ZkqC4mXyTn0uPb1RrQw9sLhVgE5aJd7oK3fGiYt8\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	tree, err := Named(t.Context(), dir, []string{"config", "config/a.yml"}, Options{})
	if err != nil || len(tree.Files) != 2 || tree.Files[0].Path != "config/a.yml" || tree.Files[0].Digest == "" {
		t.Errorf("%v, %v", tree, err)
	}
	for name, says := range map[string]string{
		"gone": `has no file "gone"`, "node_modules/x.js": "left out of the build", "out": "leaves the project", "key.pem": "private key",
	} {
		_, err := Named(t.Context(), dir, []string{name}, Options{})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
		if err := CheckNamed(t.Context(), dir, []string{name}); name != "key.pem" && err == nil {
			t.Errorf("%s is not seen before", name)
		}
	}
}
