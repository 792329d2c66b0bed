package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/config"
	"dram/internal/problem"
)

const twoBuilders = `
release = ["web", "worker"]

[[builder]]
name = "attic"
address = "tcp://attic.example:1234"
platforms = ["linux/amd64", "linux/arm64"]
weight = 4
ca = "/etc/dram/ca.pem"
cert = "tls/cert.pem"
key = "tls/key.pem"
server_name = "buildkitd"

[[builder]]
name = "here"
address = "docker"
`

func TestBuilders(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(twoBuilders), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Builder{
		{
			Name: "attic", Address: "tcp://attic.example:1234", Platforms: []string{"linux/amd64", "linux/arm64"}, Weight: 4,
			CA: "/etc/dram/ca.pem", Cert: filepath.Join(dir, "tls/cert.pem"), Key: filepath.Join(dir, "tls/key.pem"), ServerName: "buildkitd",
		},
		{Name: "here", Address: "docker", Weight: 1},
	}
	if d := cmp.Diff(want, c.Builders); d != "" {
		t.Error(d)
	}
	if !slices.Equal(c.Releases, []string{"web", "worker"}) || c.Release() != "" {
		t.Errorf("releases %q, the one %q", c.Releases, c.Release())
	}
}

func TestBadBuilders(t *testing.T) {
	const ok = "name = \"a\"\naddress = \"docker\"\n"
	for _, tt := range []struct{ name, toml, says, hint string }{
		{"no name", "[[builder]]\naddress = \"docker\"\n", `dram.toml:1: builder "": a builder cannot have that name`, "letters"},
		{"a name with a space", "[[builder]]\naddress = \"docker\"\nname = \"a b\"\n", `builder "a b": a builder cannot have that name`, "letters"},
		{"a name over two lines", "[[builder]]\naddress = \"docker\"\nname = \"a\\nb\"\n", `builder "a\nb": a builder cannot have that name`, "letters"},
		{"no address", "engine = \"buildkit\"\n\n[[builder]]\nname = \"a\"\n", `dram.toml:3: builder "a": it has no address`, "tcp://"},
		{"one name twice", "[[builder]]\n" + ok + "[[builder]]\n" + ok, `dram.toml:4: builder "a": there are two`, "of its own"},
		{"unknown key", "[[builder]]\n" + ok + "wieght = 2\n", `builder "a": unknown key "wieght"`, `"weight"`},
		{"weight 0", "[[builder]]\n" + ok + "weight = 0\n", "weight: must be a number from 1 to 64, is 0", "at a time"},
		{"weight too large", "[[builder]]\n" + ok + "weight = 65\n", "is 65", "at a time"},
		{"weight as text", "[[builder]]\n" + ok + "weight = \"2\"\n", "weight: must be a number", "at a time"},
		{"half a weight", "[[builder]]\n" + ok + "weight = 0.5\n", "weight: must be a number", "at a time"},
		{"platforms as text", "[[builder]]\n" + ok + "platforms = \"linux/amd64\"\n", "platforms: must be a list", "list of platforms"},
		{"no platforms", "[[builder]]\n" + ok + "platforms = []\n", "platforms: must be a list that is not empty", "list of platforms"},
		{"another system", "[[builder]]\n" + ok + "platforms = [\"windows/amd64\"]\n", `dram builds for no platform "windows/amd64"`, "linux/arm64"},
		{"a certificate without its key", "[[builder]]\n" + ok + "cert = \"c.pem\"\n", "cert and key go together", "both"},
		{"an empty path", "[[builder]]\n" + ok + "ca = \"\"\n", "ca: must be a string that is not empty", "certificates"},
		{"one table", "[builder]\n" + ok, "builder must be a list", "write [[builder]] above each"},
		{"a list of names", "builder = [\"a\"]\n", "it is not a table", "[[builder]]"},
		{"a near miss", "[[builders]]\n" + ok, `unknown setting "builders"`, `"builder"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := config.Parse([]byte(tt.toml))
			if problem.Code(err) != 2 || !strings.Contains(err.Error(), tt.says) || !strings.Contains(problem.Hint(err), tt.hint) {
				t.Errorf("err = %v (exit %d, hint %q)", err, problem.Code(err), problem.Hint(err))
			}
		})
	}
}

// Names may stand alone, in a list, between commas, or in several flags.
func TestSeveralNames(t *testing.T) {
	want := []string{"linux/amd64", "linux/arm64"}
	toml, err := config.Parse([]byte(`platform = ["linux/amd64", "linux/arm64", "linux/amd64"]`))
	if err != nil {
		t.Fatal(err)
	}
	env, err := config.Config{}.WithEnviron([]string{"DRAM_PLATFORM=linux/amd64,linux/arm64"})
	if err != nil {
		t.Fatal(err)
	}
	comma, err := config.Config{}.WithFlag("platform", []string{"linux/amd64, linux/arm64"})
	if err != nil {
		t.Fatal(err)
	}
	twice, err := config.Config{}.WithFlag("platform", want)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []config.Config{toml, env, comma, twice} {
		if !slices.Equal(c.Platforms, want) || !c.PerPlatform() || c.Platform() != "" {
			t.Errorf("%q, per platform %v, the one %q", c.Platforms, c.PerPlatform(), c.Platform())
		}
		one := c.For("web", "linux/arm64")
		if one.Release() != "web" || one.Platform() != "linux/arm64" || !one.PerPlatform() {
			t.Errorf("for one: %q %q, per platform %v", one.Release(), one.Platform(), one.PerPlatform())
		}
	}
}
