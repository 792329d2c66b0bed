package mix

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/sandbox/ptytest"
	"dram/internal/version"
)

// elixirSource is a checkout of Elixir with its tags, for the test that compares the launcher
// with what each version's Mix writes; test/e2e has the scripts of some of them.
const elixirSource = "DRAM_ELIXIR_SOURCE"

// The launcher does for each Elixir since 1.10 what its scripts do, with a terminal and
// without, and knows these. A version that is not known is one line more of scripts.txt,
// after its differences are in mix.c.
func TestLauncherBesideScriptsOfEachElixir(t *testing.T) {
	source := os.Getenv(elixirSource)
	if source == "" {
		t.Skip(elixirSource + " names no checkout of Elixir with its tags")
	}
	tried := map[string]bool{}
	for tag := range strings.Lines(git(t, source, "tag", "--list", "--sort=version:refname", "v1.*.*")) {
		tag = strings.TrimSpace(tag)
		v, err := version.Parse(strings.TrimPrefix(tag, "v"))
		if err != nil || len(v.Pre) > 0 || v.Minor < 10 {
			continue
		}
		files := filesOf(t, source, tag, v)
		key := own.ReplaceAllString(files["bin/shop"]+files["releases/1.0/elixir"]+files["releases/1.0/iex"], "")
		if tried[key] {
			continue
		}
		tried[key] = true
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			beside(t, files)
		})
	}
	if len(tried) < 15 {
		t.Errorf("%s has %d versions", source, len(tried))
	}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...).Output() //nolint:gosec // a test's own
	if err != nil {
		t.Fatalf("git %v: %v", args, err)
	}
	return string(out)
}

var (
	heredoc  = regexp.MustCompile(`(?s)def cli_text,?\s*(?:do:|do) ~S"""\n(.*?)\n    """`)
	template = regexp.MustCompile(`<%= @release.name %>`)
	modeOf   = regexp.MustCompile(`<%= release_mode\(@release, "\$RELEASE_MODE"\) %>`)
)

// filesOf are the scripts that Mix of a version writes of release shop 1.0.
func filesOf(t *testing.T, source, tag string, v version.Version) map[string]string {
	t.Helper()
	found := heredoc.FindStringSubmatch(git(t, source, "show", tag+":lib/mix/lib/mix/tasks/release.init.ex"))
	if found == nil {
		t.Fatalf("%s has no start script", tag)
	}
	start := template.ReplaceAllString(regexp.MustCompile(`(?m)^    `).ReplaceAllString(found[1], "")+"\n", "shop")
	elixir := git(t, source, "show", tag+":bin/elixir")
	elixir = strings.ReplaceAll(elixir, ` -pa "$SCRIPT_PATH"/../lib/*/ebin`, "")
	elixir = strings.ReplaceAll(elixir, ` -elixir_root "$SCRIPT_PATH"/../lib -pa "$SCRIPT_PATH"/../lib/elixir/ebin `, " ")
	const bin = `ERTS_BIN="$SCRIPT_PATH"/../../erts-15.2/bin/`
	if v.Minor < 13 {
		elixir = strings.ReplaceAll(elixir, "ERTS_BIN=", bin)
	}
	elixir = strings.ReplaceAll(elixir, `ERTS_BIN="$ERTS_BIN"`, bin)
	top := `${ERL_ROOTDIR:-"$(dirname "$(dirname "$BINDIR")")"}`
	if v.Minor < 12 {
		top = `$(dirname "$(dirname "$BINDIR")")`
	}
	mode := "-mode" // or, in each second version here, as with reboot_system_after_config
	switch {
	case v.Patch > 0 && v.Minor < 15:
		mode = "-elixir -config_provider_reboot_mode"
	case v.Patch > 0:
		mode = "-elixir config_provider_reboot_mode"
	}
	return map[string]string{ //nolint:gosec // no credentials
		"bin/shop":                    modeOf.ReplaceAllString(start, mode+" $$RELEASE_MODE"),
		"releases/1.0/elixir":         elixir,
		"releases/1.0/iex":            git(t, source, "show", tag+":bin/iex"),
		"releases/1.0/env.sh":         "export GREETING=\"${RELEASE_MODE:-none}\"\n",
		"releases/1.0/vm.args":        "",
		"releases/1.0/sys.config":     "%% RUNTIME_CONFIG=true\n[].",
		"releases/start_erl.data":     "15.2 1.0",
		"releases/COOKIE":             "secret",
		"erts-15.2/bin/epmd":          "#!/bin/sh\n",
		"erts-15.2/bin/erlexec":       recorder,
		"erts-15.2/bin/erl":           erlOf(top),
		"releases/1.0/remote.vm.args": "",
	}
}

// erlOf is erts-VSN/bin/erl as Mix writes it.
func erlOf(top string) string {
	return "#!/bin/sh\nBINDIR=\"$(cd \"$(dirname \"$0\")\" && pwd -P)\"\nROOTDIR=\"" + top + "\"\nEMU=beam\nPROGNAME=$(echo \"$0\" | sed 's/.*\\///')\n" +
		"export EMU\nexport ROOTDIR\nexport BINDIR\nexport PROGNAME\nexec \"$BINDIR/erlexec\" ${1+\"$@\"}\n"
}

// recorder is in place of erlexec, and tells what it was given.
const recorder = "#!/bin/sh\nfor a in \"$@\"; do echo \"arg $a\"; done\nenv | sort | grep -v -e ^PWD= -e ^OLDPWD= -e ^_= -e ^SHLVL=\n"

// beside starts each command by the script and by the launcher.
func beside(t *testing.T, files map[string]string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "app")
	rel := &release.Release{Name: "shop", Version: "1.0", ERTS: "15.2"}
	for name, text := range files {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil { //nolint:gosec // a test's own
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		rel.Files = append(rel.Files, release.File{Path: name, Mode: 0o755, Size: int64(len(text))})
	}
	dir, err := rootfs.Dir(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() }) // only read from
	rel.FS = dir
	launched, err := launch(rel, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	const program = "launched/shop"                                          // where ../ is the release, too
	if err := os.Mkdir(filepath.Join(root, "launched"), 0o755); err != nil { //nolint:gosec // a test's own
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, program), launched.Programs["bin/shop"], 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	for _, command := range [][]string{
		{"start"},
		{"start", "more"},
		{"start_iex"},
		{"eval", "IO.puts(1)"},
		{"eval", "a b", "c d", "--", "e"},
		{"eval"},
		{"rpc", "IO.puts 1"},
		{"rpc"},
		{"remote"},
		{"stop"},
		{"restart"},
		{"pid"},
		{"version"},
		{"bogus"},
		{},
	} {
		for _, env := range [][]string{
			{},
			{"RELEASE_DISTRIBUTION=none"},
			{"RELEASE_DISTRIBUTION=odd"},
			{"RELEASE_DISTRIBUTION=name", "RELEASE_NODE=a@b"},
			{"ELIXIR_ERL_OPTIONS= +fnu  -x y "},
			{"RELEASE_MODE=interactive", "RELEASE_NAME=other"},
			{"RELEASE_VM_ARGS=/x y", "RELEASE_REMOTE_VM_ARGS=/z"},
			{"ERL_ROOTDIR=/r"},
			{"RELEASE_SYS_CONFIG=" + root + "/releases/1.0/sys"},
			{"RELEASE_PROG=p", "RELEASE_COMMAND=z", "EMU=q"},
			{"NO_COLOR=1"},
		} {
			for _, on := range []func(*testing.T, *exec.Cmd) string{said, saidToTerminal} {
				want, got := started(t, on, root, "bin/shop", command, env), started(t, on, root, program, command, env)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%q with %q (-script +launcher):\n%s", command, env, diff)
				}
			}
		}
	}
}

// passing is what differs from start to start, and a path that the script goes by.
var passing = regexp.MustCompile(`(rpc|rem)-[0-9a-f]{4}|[0-9]{10,14}-[0-9a-f]{4}\.runtime|(releases/[0-9.]+)/\.\./\.\.`)

// apart are lines of the usage of which one has not what the other has.
var apart = regexp.MustCompile(`(?m)^    (daemon|health) .*\n|^    daemon_iex .*\n`)

func started(t *testing.T, on func(*testing.T, *exec.Cmd) string, root, program string, command, env []string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, program), command...) //nolint:gosec // a test's own
	cmd.Env = slices.Concat([]string{"PATH=/usr/bin:/bin", "RELEASE_TMP=" + root + "/tmp/a"}, env)
	cmd.Dir = "/"
	return passing.ReplaceAllString(apart.ReplaceAllString(strings.ReplaceAll(on(t, cmd), "\r", ""), ""), "…")
}

func said(_ *testing.T, cmd *exec.Cmd) string {
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	_ = cmd.Run() // its code is looked at
	return fmt.Sprintf("exit %d\n%s--\n%s", cmd.ProcessState.ExitCode(), out.String(), errOut.String())
}

func saidToTerminal(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	master, tty, err := ptytest.Open(t)
	if err != nil {
		t.Fatal(err)
	}
	text := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(master) // until nobody has the terminal, which is an error
		text <- all
	}()
	cmd.Stdout, cmd.Stderr = tty, tty
	_ = cmd.Run() // its code is looked at
	_ = tty.Close()
	all := <-text
	_ = master.Close()
	return fmt.Sprintf("exit %d\n%s", cmd.ProcessState.ExitCode(), all)
}
