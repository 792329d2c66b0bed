package distillery

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/tool"
	"dram/internal/tool/tooltest"
)

func TestWithoutCookie(t *testing.T) {
	const said = "# no -setcookie: COOKIE gives it, or it is made at start"
	for _, c := range []struct{ name, args, want string }{
		{"generated", "## Name\n-name a@127.0.0.1\n\n## Cookie\n-setcookie abc\n\n-smp auto\n", "## Name\n-name a@127.0.0.1\n\n## Cookie\n" + said + "\n\n-smp auto\n"},
		{"quoted", "-setcookie \"a b\" -smp auto\n-setcookie 'c d'\n", said + " -smp auto\n" + said + "\n"},
		{"behind another flag", "-name a -setcookie b\r\n", "-name a " + said + "\r\n"},
		{"at the end", "-setcookie b", said},
		{"dram's variables", "-setcookie ${COOKIE}\n-setcookie \"${RELEASE_COOKIE}\"\n", said + "\n" + said + "\n"},
		{"another variable", "-setcookie ${MY_COOKIE}\n", "-setcookie ${MY_COOKIE}\n"},
		{"a variable with a default", "-setcookie ${MY_COOKIE:-abc}\n", said + "\n"},
		{"a comment", "# -setcookie abc\n", "# -setcookie abc\n"},
		{"none", "-name a\n", "-name a\n"},
	} {
		if diff := cmp.Diff(c.want, string(tool.WithoutCookie("COOKIE")([]byte(c.args)))); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

var fresh = regexp.MustCompile(`^[0-9a-f]{64}$`)

// rcScript does what Distillery's start script does around env.sh.
const rcScript = `set -e
RELEASE_ROOT_DIR="$1"
REL_VSN=0.1.0
export RELEASE_ROOT_DIR
shift
. "$RELEASE_ROOT_DIR/releases/0.1.0/env.sh"
echo "${COOKIE:-none}|${ERL_AFLAGS:-}"
`

func distilleryDir(t *testing.T, args string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "releases", "0.1.0"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "releases", "0.1.0", "env.sh"), "set -e\n\n"+string(cookieScript))
	write(t, filepath.Join(root, "releases", "0.1.0", "vm.args"), args)
	return root
}

func rc(t *testing.T, shell, env []string, args ...string) (cookie, flags string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell[0], append(append(shell[1:len(shell):len(shell)], "-c", rcScript, "rc"), args...)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", shell, err, out)
	}
	cookie, flags, _ = strings.Cut(strings.TrimSpace(string(out)), "|")
	return cookie, flags
}

func TestDistilleryCookie(t *testing.T) {
	for _, shell := range tooltest.Shells(t) {
		t.Run(shell[0], func(t *testing.T) {
			plain := distilleryDir(t, "-name a@127.0.0.1\n# -setcookie none\n")
			for _, env := range []string{"COOKIE=mine", "RELEASE_COOKIE=mine"} {
				if cookie, flags := rc(t, shell, []string{env, "ERL_AFLAGS=+Q 9"}, plain, "foreground"); cookie != "mine" || flags != "+Q 9 -setcookie 'mine'" {
					t.Errorf("%s: %q, %q", env, cookie, flags)
				}
			}
			if _, flags := rc(t, shell, []string{"COOKIE=mine", "ERL_AFLAGS= -setcookie 'mine'"}, plain, "console"); flags != " -setcookie 'mine'" {
				t.Errorf("a start by a start has flags %q", flags)
			}
			if cookie, flags := rc(t, shell, nil, distilleryDir(t, "-name a -setcookie theirs\n"), "foreground"); cookie != "none" || flags != "" {
				t.Errorf("with a cookie in vm.args: %q, %q", cookie, flags)
			}
			own := filepath.Join(t.TempDir(), "vm.args")
			write(t, own, "-setcookie theirs\n")
			for _, env := range []string{"VMARGS_PATH=" + own, "RELEASE_CONFIG_DIR=" + filepath.Dir(own)} {
				if cookie, _ := rc(t, shell, []string{env}, plain, "foreground"); cookie != "none" {
					t.Errorf("%s: %q", env, cookie)
				}
			}
			home := t.TempDir()
			write(t, filepath.Join(home, ".erlang.cookie"), "HOMECOOKIE")
			if cookie, _ := rc(t, shell, []string{"HOME=" + home}, plain, "rpc"); cookie != "HOMECOOKIE" {
				t.Errorf("with .erlang.cookie: %q", cookie)
			}
			distilleryNode(t, shell, plain)
		})
	}
}

// distilleryNode has a process with the release's environment run, as the node
// in a container does, and asks for its cookie.
func distilleryNode(t *testing.T, shell []string, root string) {
	t.Helper()
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("no /proc here")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "sleep", "60")
	node.Env = []string{"RELEASE_ROOT_DIR=" + root, "COOKIE=the-node's"}
	if err := node.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { _, _ = node.Process.Kill(), node.Wait() }()
	if cookie, _ := rc(t, shell, nil, root, "remote_console"); cookie != "the-node's" {
		t.Errorf("remote_console: %q", cookie)
	}
	one, flags := rc(t, shell, nil, root, "foreground")
	if two, _ := rc(t, shell, nil, root, "foreground"); !fresh.MatchString(one) || one == two || flags != " -setcookie '"+one+"'" {
		t.Errorf("made %q, then %q, with flags %q", one, two, flags)
	}
}
