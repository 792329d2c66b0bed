package mix

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/source"
	"dram/internal/store"
	"dram/internal/tool"
)

// Fetching is done again when what it depends on changed, and only then.
func TestFetchKey(t *testing.T) {
	files := map[string]bool{ // whether fetching depends on it
		"mix.exs": true, "mix.lock": true, "deps.exs": true, "config/config.exs": true, "apps/web/mix.exs": true,
		"apps/web/version.exs": true, "assets/package.json": true, "assets/package-lock.json": true,
		"lib/shop.ex": false, "priv/repo/seeds.exs": false, "assets/app.css": false, "Makefile": false,
	}
	key := func(changed string) string {
		tree := &source.Tree{}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			digest := "sha256:as it was"
			if name == changed {
				digest = "sha256:changed"
			}
			tree.Files = append(tree.Files, source.File{Path: name, Digest: store.Digest(digest)})
		}
		return tool.FetchKey(tree, fetchNeeds(tree, nil), []string{"mix", "deps.get"})
	}
	for name, want := range files {
		if got := key(name) != key(""); got != want {
			t.Errorf("a change of %s makes a difference: %t", name, got)
		}
	}
}

// A file that mix.exs names is there when it is read, wherever it lies; one
// outside the source is not looked for.
func TestFetchNeedsWhatMixExsNames(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"mix.exs":          `@version File.read!("VERSION") <> "../../etc/passwd" <> "lib" <> "README.md" <> File.read!("about.md") <> "unclosed`,
		"apps/web/mix.exs": `Code.require_file("../../scripts/deps.exs", __DIR__)`,
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree := &source.Tree{Dir: dir}
	for _, name := range []string{"README.md", "VERSION", "about.md", "apps/web/mix.exs", "lib/shop.ex", "libs/shelf/rebar.config", "mix.exs", "scripts/deps.exs", "scripts/other.exs"} {
		tree.Files = append(tree.Files, source.File{Path: name})
	}
	want := []string{"VERSION", "about.md", "apps/web/mix.exs", "libs/shelf/rebar.config", "mix.exs", "scripts/deps.exs"}
	if diff := cmp.Diff(want, fetchNeeds(tree, nil)); diff != "" {
		t.Error(diff)
	}
}
