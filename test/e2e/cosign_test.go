package e2e

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// cosign is a program that verifies by cosign's own packages, compiled beside this
// module, which knows nothing of them.
func cosign(t *testing.T) func(args ...string) (string, error) {
	t.Helper()
	dir, from := t.TempDir(), filepath.Join("testdata", "cosign")
	for name, as := range map[string]string{"main.go": "main.go", "go.mod.txt": "go.mod"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, as), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"mod", "tidy"}, {"build", "-o", "cosigned", "."}} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "cosigned"), args...)
		cmd.Env = append(os.Environ(), "COSIGN_PASSWORD=let me in")
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
}

// cosign's own code makes the key, and verifies what dram signed with it: an image and
// what is attached to it, at registries with and without a list of referrers.
func TestCosignVerifies(t *testing.T) {
	inSample(t, false) // minutes: much of cosign is compiled
	real(t)
	run, dir, keys := cosign(t), project(t, "examples/hello"), t.TempDir()
	key := func(name string) string { return filepath.Join(keys, name) }
	for _, name := range []string{"a", "b"} {
		if out, err := run("keys", key(name)); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for title, referrers := range map[string]bool{"with referrers": true, "without": false} {
		t.Run(title, func(t *testing.T) {
			server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers)))
			t.Cleanup(server.Close)
			ref := strings.TrimPrefix(server.URL, "http://") + "/team/hello:1"
			dram{
				args: []string{"image", dir, "--push", ref, "--sign", key("a.key"), "--attach", "cyclonedx", "--attach", "spdx", "--attach", "provenance"},
				env:  []string{"COSIGN_PASSWORD=let me in"},
			}.ok(t)
			if out, err := run("verify", key("a.pub"), ref); err != nil || out != "4 1" { // bundles, simple signatures
				t.Errorf("cosign: %v, %s", err, out)
			}
			if out, err := run("verify", key("b.pub"), ref); err == nil {
				t.Errorf("cosign verifies by another key: %s", out)
			}
			dram{args: []string{"verify", ref, "--key", key("a.pub")}}.ok(t)
			dram{args: []string{"verify", ref, "--key", key("b.pub")}}.fails(t, 3, "is not signed by this key")
		})
	}
}
