package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A project made, tested and changed by hand, where no Erlang is installed.
func TestByHand(t *testing.T) {
	real(t)
	dir := t.TempDir()
	dram{args: []string{"mix", "new", "shop", "--sup"}, dir: dir}.ok(t)
	shop := filepath.Join(dir, "shop")
	secret := []string{"HEX_API_KEY=0123456789abcdef", "AWS_SECRET_ACCESS_KEY=fedcba9876543210"}
	write(t, shop, ".git/config", "[core]\n", "test/seen_test.exs", `
defmodule SeenTest do
  use ExUnit.Case
  test "what code by hand sees" do
    assert System.get_env("HEX_API_KEY") == nil
    assert System.get_env("AWS_SECRET_ACCESS_KEY") == nil
    assert System.get_env("ASKED") == "yes"
    assert File.cwd!() == "/app"
    assert {:error, :erofs} = File.write(".git/config", "[core]\nfsmonitor = touch /tmp/x")
    assert {:error, _} = File.ls("/app/..`+dir+`")
    File.write!("made", "here")
  end
end
`)
	r := dram{args: []string{"mix", "-e", "ASKED=yes", "test"}, dir: shop, env: secret}.ok(t)
	if !strings.Contains(r.stdout, "0 failures") {
		t.Errorf("mix test says:\n%s", r.stdout)
	}
	if made, err := os.ReadFile(filepath.Join(shop, "made")); err != nil || string(made) != "here" {
		t.Errorf("what was written is %q, %v", made, err)
	}

	// An archive that was installed is there the next time.
	dram{args: []string{"mix", "archive.build"}, dir: shop}.ok(t)
	dram{args: []string{"mix", "archive.install", "shop-0.1.0.ez", "--force"}, dir: shop}.ok(t)
	if r := (dram{args: []string{"mix", "archive"}, dir: dir}).ok(t); !strings.Contains(r.stdout, "shop-0.1.0") {
		t.Errorf("the archive is gone: %s", r.stdout)
	}
	dram{args: []string{"mix", "archive.uninstall", "shop-0.1.0", "--force"}, dir: dir}.ok(t)

	// The end of the program is dram's.
	if r := (dram{args: []string{"shell", "sh", "-c", "exit 7"}, dir: shop}).run(t); r.code != 7 {
		t.Errorf("the exit code is %d, want 7: %s", r.code, r.stderr)
	}
	if r := (dram{args: []string{"mix", "no.such.task"}, dir: shop}).run(t); r.code != 1 {
		t.Errorf("the exit code is %d, want Mix's 1: %s", r.code, r.stderr)
	}
}
