package relx

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/tool/tooltest"
)

// made is a release with these files beside what makes it one.
func made(t *testing.T, files string) *release.Release {
	t.Helper()
	fsys, err := rootfs.Dir(tooltest.Tree(t, "-- releases/start_erl.data --\n15.2 1.2\n-- releases/1.2/web.rel --\n{release,{\"web\",\"1.2\"},{erts,\"15.2\"},[]}.\n"+files))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fsys.Close() })
	rel, err := release.Read(t.Context(), fsys, release.Options{Survey: true})
	if err != nil {
		t.Fatal(err)
	}
	return rel
}

const (
	long  = "-- bin/web --\n#!/bin/sh\nPRE_START_HOOKS=\"hooks/pre|1 hooks/other\"\nSTATUS_HOOK=\"\"\nfind_erts_dir() { :; }\n: $RELX_OUT_FILE_PATH\nmigrate_extension=\"ext/migrate\"\n"
	short = "-- bin/web --\n#!/bin/sh\nfind_erts_dir() { :; }\n"
)

// What a start reads and writes, by the release's own files.
func TestBoot(t *testing.T) {
	const out = "RELX_OUT_FILE_PATH"
	fills := []string{out + "=/tmp", "RELX_REPLACE_OS_VARS=true"}
	for _, c := range []struct {
		name, files     string
		command, writes string
		env, reads      []string
	}{
		{"settings as they are", long + "-- releases/1.2/vm.args --\n-sname a\n-- releases/1.2/sys.config --\n[].\n", "foreground", "", nil, []string{"vm.args", "sys.config"}},
		{"a template", long + "-- releases/1.2/vm.args.src --\n-sname a\n-- releases/1.2/sys.config --\n[].\n", "foreground", out, fills, []string{"vm.args.src", "sys.config"}},
		{"a variable", long + "-- releases/1.2/vm.args --\n-sname a\n-- releases/1.2/sys.config --\n[{a, [{b, \"${B}\"}]}].\n", "foreground", out, fills, []string{"vm.args", "sys.config"}},
		{"the short script", short + "-- releases/1.2/vm.args --\n${A}\n", "-noinput", "", nil, nil},
	} {
		rel := made(t, c.files)
		b := Boot(rel)
		if !Made(rel) || b.Command != c.command || b.Writes != c.writes || !slices.Equal(b.Reads, c.reads) || !slices.Equal(b.Env, c.env) {
			t.Errorf("%s: %q, writes %q, reads %q, env %q", c.name, b.Command, b.Writes, b.Reads, b.Env)
		}
	}
	b := Boot(&release.Release{Name: "web", Version: "1.2"})
	if b.Command != "foreground" || b.Writes != out || !slices.Equal(b.Env, fills) {
		t.Errorf("one that is yet to be made: %+v", b)
	}
	if Made(made(t, "-- bin/web --\n#!/bin/sh\nexec erl\n")) {
		t.Error("a script of nobody's is taken for relx's")
	}
}

// Hooks are shell, whatever their names and modes.
func TestShellOfHooks(t *testing.T) {
	b := Boot(made(t, long))
	for name, want := range map[string]bool{
		"bin/hooks/pre": true, "bin/hooks/other": true, "bin/ext/migrate": true, "bin/web": false, "bin/nodetool": false, "hooks/pre": false,
	} {
		if b.IsShell(name) != want {
			t.Errorf("%s is read as shell: %v", name, !want)
		}
	}
}

// starts does what the start scripts of relx do around the lines: a node is asked
// for its name before it starts, and must see no cookie but the one it is told.
const starts = `set -e
SCRIPT="$0"
RELEASE_ROOT_DIR="$1"
REL_VSN=1.2
shift
. "$RELEASE_ROOT_DIR/cookie"
echo "before: ${RELX_COOKIE:-none} ${ERL_AFLAGS:-}"
cd "$RELEASE_ROOT_DIR"
echo "after:  ${RELX_COOKIE:-none} ${ERL_AFLAGS:-}"
cd /
`

func run(t *testing.T, shell, env []string, root string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell[0], append(append(shell[1:len(shell):len(shell)], "-c", starts, "web", root), args...)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", shell, err, out)
	}
	return string(out)
}

func TestCookie(t *testing.T) {
	home := tooltest.Tree(t, "-- .erlang.cookie --\nHOMECOOKIE")
	tree := func(files string) string { return tooltest.Tree(t, "-- cookie --\n"+string(cookieScript)+files) }
	plain := tree("-- releases/1.2/vm.args --\n-sname a\n# -setcookie none\n")
	for _, shell := range tooltest.Shells(t) {
		t.Run(shell[0], func(t *testing.T) {
			for _, c := range []struct {
				name, root string
				env, args  []string
				want       string
			}{
				{"given, and started", plain, []string{"RELX_COOKIE=mine", "ERL_AFLAGS=+Q 9"}, []string{"foreground"}, "before: mine +Q 9\nafter:  mine +Q 9 -setcookie 'mine'\n"},
				{"by its other name, the short script", plain, []string{"RELEASE_COOKIE=mine"}, []string{"-noinput"}, "before: mine \nafter:  mine  -setcookie 'mine'\n"},
				{"given, and asked for something", plain, []string{"RELX_COOKIE=mine"}, []string{"rpc"}, "before: mine \nafter:  mine \n"},
				{"given to a daemon, which is the script again", plain, []string{"RELX_COOKIE=mine"}, []string{"daemon"}, "before: mine \nafter:  mine \n"},
				{"started by a start", plain, []string{"RELX_COOKIE=mine", "ERL_AFLAGS=-setcookie 'x'"}, []string{"console"}, "before: mine -setcookie 'x'\nafter:  mine -setcookie 'x'\n"},
				{"in vm.args", tree("-- releases/1.2/vm.args --\n-sname a -setcookie theirs\n"), []string{"RELEASE_COOKIE=mine"}, []string{"foreground"}, "before: none \nafter:  none \n"},
				{"in a template", tree("-- releases/1.2/vm.args.src --\n-setcookie ${X}\n"), nil, []string{"foreground"}, "before: none \nafter:  none \n"},
				{"at the top of the release", tree("-- vm.args --\n-setcookie x\n-- releases/1.2/vm.args --\n"), nil, []string{"ping"}, "before: none \nafter:  none \n"},
				{"of the user", plain, []string{"HOME=" + home}, []string{"foreground"}, "before: HOMECOOKIE \nafter:  HOMECOOKIE  -setcookie 'HOMECOOKIE'\n"},
			} {
				got := strings.ReplaceAll(run(t, shell, c.env, c.root, c.args...), "HOMECOOKIE\n ", "HOMECOOKIE ")
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s: %s", c.name, diff)
				}
			}
			atNode(t, shell, plain, home)
		})
	}
}

// atNode has a process with a node's environment run, as in a container, and asks
// for its cookie.
func atNode(t *testing.T, shell []string, root, home string) {
	t.Helper()
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("no /proc here")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "sleep", "60")
	node.Env = []string{"ROOTDIR=" + root, "RELX_COOKIE=the-node's"}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = node.Process.Kill(), node.Wait() }()
	if got := run(t, shell, []string{"HOME=" + home}, root, "remote_console"); got != "before: the-node's \nafter:  the-node's \n" {
		t.Errorf("remote_console: %s", got)
	}
	fresh := regexp.MustCompile(`^before: ([0-9a-f]{64}) \nafter:  ([0-9a-f]{64})  -setcookie '([0-9a-f]{64})'\n$`)
	one, two := fresh.FindStringSubmatch(run(t, shell, nil, root, "foreground")), fresh.FindStringSubmatch(run(t, shell, nil, root, "foreground"))
	if one == nil || two == nil || one[1] == two[1] || one[1] != one[2] || one[2] != one[3] {
		t.Errorf("made %q, then %q", one, two)
	}
	if _, err := os.Stat(filepath.Join(root, ".erlang.cookie")); err == nil {
		t.Error("a cookie is left in the release")
	}
}

// The program of sed, for Docker, does what Without does.
func TestWithoutCookie(t *testing.T) {
	c := Boot(&release.Release{Name: "web", Version: "1"}).Cookie
	for args, want := range map[string]string{
		"-sname a\n-setcookie abc\n":            "-sname a\n# no -setcookie: RELX_COOKIE gives it, or it is made at start\n",
		"-setcookie ${RELX_COOKIE}\n":           "# no -setcookie: RELX_COOKIE gives it, or it is made at start\n",
		"-setcookie ${MINE}\n":                  "-setcookie ${MINE}\n",
		"-setcookie ${MINE:-everybody-knows}\n": "# no -setcookie: RELX_COOKIE gives it, or it is made at start\n",
		"# -setcookie abc\n-kernel x 1\n":       "# -setcookie abc\n-kernel x 1\n",
	} {
		if diff := cmp.Diff(want, string(c.Without([]byte(args)))); diff != "" {
			t.Errorf("%q: %s", args, diff)
		}
		cmd := exec.CommandContext(t.Context(), "sed", "-e", c.Sed)
		cmd.Stdin = strings.NewReader(args)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if secret := regexp.MustCompile(`(?m)^[^#\n]*(abc|everybody-knows|RELX_COOKIE)`); secret.Match(out) {
			t.Errorf("sed makes %q of %q", out, args)
		}
	}
}
