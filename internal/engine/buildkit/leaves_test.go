package buildkit_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dram/internal/engine"
	"dram/internal/engine/buildkit"
	"dram/internal/engine/buildkit/buildkitdtest"
	"dram/internal/engine/enginetest"
	"dram/internal/source"
	"dram/internal/store"
)

// withSecrets runs a job whose fetching step has secrets; it ends well, or not.
func withSecrets(t *testing.T, at buildkit.Address, tc engine.Toolchain, script string) error {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mix.exs"), []byte(dir), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := source.Read(t.Context(), dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := buildkit.New(st, at).Run(t.Context(), engine.Job{
		Key: store.DigestOf([]byte(dir)).Hex(), Name: "secrets", Toolchain: tc, Source: src, Env: []string{"PATH=/usr/bin:/bin"},
		Steps: []engine.Step{
			{
				Name: "fetch", Argv: []string{"sh", "-euc", "mkdir -p deps; " + script}, Network: true, InputDigest: dir, Needs: []string{"mix.exs"},
				Secrets: []string{"HEX_API_KEY=" + secret},
			},
			{Name: "release", Argv: []string{"sh", "-euc", "mkdir -p _build/rel; cp -r deps _build/rel/"}},
		},
		CacheDirs: []string{"/app/_build", "/app/deps"}, Export: "/app/_build/rel",
	}, engine.Events{Step: func(engine.Step, bool) {}, Output: io.Discard})
	if err != nil {
		return err
	}
	defer r.Close()
	if hits := search(t, st.Dir(), secret); len(hits) > 0 && !strings.Contains(script, "given-away") {
		t.Errorf("dram's cache holds the secret: %v", hits)
	}
	return nil
}

const secret = "dram-secret-5f0c1c7e-not-to-be-found"

// search finds the files below dir that hold a text.
func search(t *testing.T, dir, text string) (hits []string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // the builder is at work: files go
		}
		if raw, err := os.ReadFile(path); err == nil && bytes.Contains(raw, []byte(text)) {
			hits = append(hits, path)
		}
		return nil
	})
	return hits
}

// Nothing that the builder keeps has the secret's bytes; what a step gives away
// by itself is found, so the search finds what is there.
func TestSecretsAreKeptNowhere(t *testing.T) {
	tc, _ := enginetest.Toolchain(t)
	d := buildkitdtest.Start(t, buildkitdtest.Options{})
	// The step proves that it has the secret without naming it.
	has := `[ "$(printf %s "$HEX_API_KEY" | sha256sum | cut -c1-64)" = ` + store.DigestOf([]byte(secret)).Hex() + ` ]`
	if err := withSecrets(t, d.Address, tc, has); err != nil {
		t.Fatal(err)
	}
	if err := withSecrets(t, d.Address, tc, has+" && exit 3"); err == nil {
		t.Fatal("the step that fails did not")
	}
	if hits := search(t, d.Root, secret); len(hits) > 0 {
		t.Errorf("the builder keeps the secret: %v", hits)
	}
	if err := withSecrets(t, d.Address, tc, `printf %s "$HEX_API_KEY" > deps/given-away`); err != nil {
		t.Fatal(err)
	}
	if len(search(t, d.Root, secret)) == 0 {
		t.Error("the search does not find what is there")
	}
}

// Nothing is left in the daemon but the toolchain, under its name.
func TestNothingIsLeftInDocker(t *testing.T) {
	docker(t)
	tc, _ := enginetest.Toolchain(t)
	at := buildkit.Address{URL: buildkit.Docker, Environ: os.Environ()}
	if err := one(t, at, tc, io.Discard, "mkdir -p _build/rel"); err != nil {
		t.Fatal(err)
	}
	before := inDocker(t)
	nonce := "nonce-" + store.DigestOf([]byte(t.TempDir())).Hex()
	if err := one(t, at, tc, io.Discard, "mkdir -p _build/rel; echo a > _build/rel/a # "+nonce); err != nil {
		t.Fatal(err)
	}
	if err := one(t, at, tc, io.Discard, "exit 3 # "+nonce); err == nil {
		t.Fatal("the step that fails did not")
	}
	for _, line := range inDocker(t) {
		// Others may be at work in the daemon: what is ours has the nonce.
		if !slices.Contains(before, line) && strings.Contains(told(line), nonce) {
			t.Errorf("left in the daemon: %s", line)
		}
	}
	if !strings.Contains(strings.Join(before, "\n"), buildkit.Tag(tc)) {
		t.Errorf("the toolchain is not there as %s: %v", buildkit.Tag(tc), before)
	}
}

// told is all that the daemon tells of a line of inDocker.
func told(line string) string {
	id := strings.Fields(line)[1]
	inspected, _ := exec.Command("docker", "inspect", id).CombinedOutput()
	history, _ := exec.Command("docker", "history", "--no-trunc", id).CombinedOutput()
	return string(inspected) + string(history)
}

func inDocker(t *testing.T) (lines []string) {
	t.Helper()
	for _, args := range [][]string{
		{"ps", "-a", "--format", "container {{.ID}} {{.Image}}"},
		{"images", "-a", "--format", "image {{.ID}} {{.Repository}}:{{.Tag}}"},
		{"volume", "ls", "--format", "volume {{.Name}}"},
	} {
		out, err := exec.Command("docker", args...).Output()
		if err != nil {
			t.Skip(fmt.Errorf("docker %v: %w", args, err))
		}
		for line := range strings.Lines(string(out)) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// What was compiled is kept for the same mix.exs: another one may have had its
// hand in it.
func TestWhatIsCompiledIsOfOneMixExs(t *testing.T) {
	tc, _ := enginetest.Toolchain(t)
	d := buildkitdtest.Start(t, buildkitdtest.Options{})
	st, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	build := func(mix, dep string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "mix.exs"), []byte(mix), 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := source.Read(t.Context(), dir, source.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := buildkit.New(st, d.Address).Run(t.Context(), engine.Job{
			Key: store.DigestOf([]byte(dir)).Hex(), Name: "outlives", Toolchain: tc, Source: src, Env: []string{"PATH=/usr/bin:/bin"},
			Steps: []engine.Step{
				{
					Name: "fetch", Argv: []string{"sh", "-euc", "mkdir -p deps; echo " + dep + " > deps/dep"},
					Network: true, InputDigest: mix, Needs: []string{"mix.exs"},
				},
				{Name: "release", Argv: []string{"sh", "-euc", "echo 1 >> _build/times; mkdir -p _build/rel; cp _build/times _build/rel/"}},
			},
			CacheDirs: []string{"/app/_build", "/app/deps"}, Export: "/app/_build/rel",
		}, engine.Events{Step: func(engine.Step, bool) {}, Output: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		raw, err := os.ReadFile(filepath.Join(r.Dir, "times"))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	for _, tt := range []struct{ mix, dep, want string }{
		{"one", "a", "1\n"}, {"two", "a", "1\n"}, {"two", "b", "1\n"}, {"one", "a", "1\n"},
	} {
		if got := build(tt.mix, tt.dep); got != tt.want {
			t.Errorf("with mix.exs %s and dependency %s: built on %q, want %q", tt.mix, tt.dep, got, tt.want)
		}
	}
}
