package pipeline

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dram/internal/rootfs"
)

// What a release needs at its start and nobody gives is told, of what its runtime.exs
// shows: no more than that, and none that is set.
func TestUnset(t *testing.T) {
	const text = `import Config
if System.get_env("PHX_SERVER"), do: config(:a, A.Endpoint, server: true)

if config_env() == :prod do
  database_url =
    System.get_env("DATABASE_URL") ||
      raise """
      environment variable DATABASE_URL is missing.
      """

  # System.fetch_env!("OLD")
  config :a, A.Endpoint, secret_key_base: System.fetch_env!("SECRET_KEY_BASE"), port: System.get_env("PORT") || "4000"
  config :a, host: System.get_env("PHX_HOST") || (raise "no host")
  config :a, pool: System.fetch_env("POOL")
end
`
	for _, tt := range []struct {
		name, file string
		env, want  []string
	}{
		{"nothing is set", "app/releases/1.0.0/runtime.exs", nil, []string{"DATABASE_URL", "PHX_HOST", "SECRET_KEY_BASE"}},
		{"some is", "app/releases/1.0.0/runtime.exs", []string{"DATABASE_URL=x", "SECRET_KEY_BASE="}, []string{"PHX_HOST", "SECRET_KEY_BASE"}},
		{"all is", "app/releases/1.0.0/runtime.exs", []string{"DATABASE_URL=x", "SECRET_KEY_BASE=y", "PHX_HOST=z"}, nil},
		{"no release", "app/config/runtime.exs", nil, nil},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, tt.file)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		root, err := rootfs.Dir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := unset(root, tt.env); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if err := root.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
