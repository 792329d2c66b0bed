package mix

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/release"
	"dram/internal/rootfs"
)

// What the check takes for a launcher's start is what the launcher does.
func TestLaunchedIsWhatTheLauncherExecutes(t *testing.T) {
	base, err := launchers.ReadFile("launcher/mix-" + runtime.GOARCH)
	if err != nil {
		t.Skipf("there is no launcher for this machine: %v", err)
	}
	settings := []string{"GREETING=hello from \x01PLACE\x02here\x03", "RELEASE_TMP=\x01RELEASE_TMP\x02/tmp/x\x03", "MODE=\x01RELEASE_MODE\x02unset\x03"}
	for _, elixir := range []string{"1000", "1100", "1200", "1300", "1400", "1500", "1501", "1700", "1702", "1800", "1900"} {
		root := launchable(t)
		dir, err := rootfs.Dir(root)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = dir.Close() }) // only read from
		rel := &release.Release{Name: "shop", Version: "1.0", ERTS: "15.2", FS: dir, Files: []release.File{{Path: "bin/shop"}}}
		program, err := command{scripts: scripts{elixir, "-elixir config_provider_reboot_mode"}, env: settings}.program(rel, base)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "bin/shop"), program, 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		l, is := launched(rel)
		if !is {
			t.Fatal("it is not known")
		}
		for _, env := range [][]string{
			{},
			{"RELEASE_COOKIE=abc", "PLACE=there", "NO_COLOR=1"},
			{"RELEASE_DISTRIBUTION=none", "RELEASE_COOKIE=a"},
			{"RELEASE_DISTRIBUTION=name", "RELEASE_NODE=a@b"},
			{"ELIXIR_ERL_OPTIONS= +fnu  -x y ", "ERL_ROOTDIR=/r"},
			{"RELEASE_MODE=interactive", "RELEASE_NAME=other", "RELEASE_PROG=p"},
			{"RELEASE_SYS_CONFIG=/gone", "RELEASE_VM_ARGS=/x", "RELEASE_BOOT_SCRIPT=b"},
		} {
			cmd := exec.CommandContext(t.Context(), filepath.Join(root, "bin/shop"), "start") //nolint:gosec // a test's own
			cmd.Env = append([]string{"PATH=/usr/bin:/bin"}, env...)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			given := map[string]string{"PATH": "/usr/bin:/bin"}
			for _, e := range env {
				k, v, _ := strings.Cut(e, "=")
				given[k] = v
			}
			if diff := cmp.Diff(strings.TrimSpace(string(out)), l.recorded(rel, root, given, string(out))); diff != "" {
				t.Errorf("%s with %q (-launcher +what is taken for it):\n%s", elixir, env, diff)
			}
		}
	}
}

// launchable is a release whose erlexec tells what it was given.
func launchable(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "app")
	for name, text := range map[string]string{
		"bin/shop": "", "erts-15.2/bin/erlexec": recorder, "erts-15.2/bin/epmd": "#!/bin/sh\n",
		"releases/1.0/sys.config": "%% RUNTIME_CONFIG=true\n[].", "releases/1.0/vm.args": "",
	} {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil { //nolint:gosec // a test's own
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	return root
}

// recorded is what recorder would say of what is taken for a launcher's start; what is not
// known there is taken from what it said.
func (l launcher) recorded(rel *release.Release, root string, env map[string]string, said string) string {
	run := l.run(rel, root, env)
	lines := strings.Split(said, "\n")
	var args, vars []string
	for i, a := range run.Argv[1:] {
		if a.Unknown && i < len(lines) {
			a.Text = strings.TrimPrefix(lines[i], "arg ")
		}
		args = append(args, "arg "+a.Text)
	}
	for k, v := range run.Env {
		if v.Unknown {
			at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, k+"=") })
			v.Text = strings.TrimPrefix(lines[max(at, 0)], k+"=")
		}
		vars = append(vars, fmt.Sprintf("%s=%s", k, v.Text))
	}
	slices.Sort(vars)
	return strings.Join(append(args, vars...), "\n")
}
