package mix

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"dram/internal/tool/tooltest"
)

const cookieFile = "releases/COOKIE"

// startScript does what a Mix release's script does with the cookie.
const startScript = `set -e
RELEASE_ROOT="$1"
export RELEASE_ROOT
RELEASE_COMMAND="$2"
. "$RELEASE_ROOT/releases/0.1.0/env.sh"
RELEASE_COOKIE="${RELEASE_COOKIE:-"$(cat "$RELEASE_ROOT/releases/COOKIE")"}"
export RELEASE_COOKIE
echo "$RELEASE_COOKIE"
$3
`

func releaseDir(t *testing.T, env string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "releases", "0.1.0"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "releases", "0.1.0", "env.sh"), env+"\n\n"+string(cookieScript))
	return root
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, shell []string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell[0], append(append(shell[1:len(shell):len(shell)], "-c", startScript, "start"), args...)...) //nolint:gosec // the shells above
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%v: %v\n%s", shell, err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

var fresh = regexp.MustCompile(`^[0-9a-f]{64}$`)

func TestCookie(t *testing.T) {
	for _, shell := range tooltest.Shells(t) {
		t.Run(shell[0], func(t *testing.T) {
			t.Run("given", func(t *testing.T) {
				root := releaseDir(t, "")
				if got := start(t, shell, []string{"RELEASE_COOKIE=mine"}, root, "start"); got != "mine" {
					t.Errorf("got %q", got)
				}
				if _, err := os.Stat(filepath.Join(root, cookieFile)); err == nil {
					t.Error("wrote a cookie file although one was given")
				}
			})
			t.Run("set by the project", func(t *testing.T) {
				if got := start(t, shell, nil, releaseDir(t, "export RELEASE_COOKIE=theirs"), "start"); got != "theirs" {
					t.Errorf("got %q", got)
				}
			})
			t.Run("kept file", func(t *testing.T) {
				root := releaseDir(t, "")
				write(t, filepath.Join(root, cookieFile), "kept")
				if got := start(t, shell, nil, root, "start"); got != "kept" {
					t.Errorf("got %q", got)
				}
			})
			t.Run("made and kept", func(t *testing.T) {
				madeAndKept(t, shell)
			})
			t.Run("made, nowhere to keep it", func(t *testing.T) {
				root := releaseDir(t, "")
				if err := os.RemoveAll(filepath.Join(root, "releases", "COOKIE")); err != nil {
					t.Fatal(err)
				}
				if shell[0] == "busybox" {
					t.Skip("this shell has ln and rm built in")
				}
				// without ln and rm, as in the image, a writable root makes no difference
				bin := programDir(t, "tr", "sed", "dd", "od", "cat")
				got := start(t, shell, []string{"PATH=" + bin}, root, "start")
				if again := start(t, shell, []string{"PATH=" + bin}, root, "start"); !fresh.MatchString(got) || got == again {
					t.Errorf("got %q, then %q", got, again)
				}
			})
			t.Run("of the running node", func(t *testing.T) { runningNode(t, shell) })
		})
	}
}

func programDir(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		at, err := exec.LookPath(n)
		if err != nil {
			t.Skip(err)
		}
		if err := os.Symlink(at, filepath.Join(dir, n)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func madeAndKept(t *testing.T, shell []string) {
	root := releaseDir(t, "")
	got := make([]string, 8)
	var wg sync.WaitGroup
	for i := range got { // started at once, all have the same
		wg.Go(func() { got[i] = start(t, shell, nil, root, "start") })
	}
	wg.Wait()
	for _, g := range got {
		if !fresh.MatchString(g) || g != got[0] {
			t.Errorf("got %q and %q", got[0], g)
		}
	}
	info, err := os.Stat(filepath.Join(root, cookieFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("cookie file: %v, %v", info, err)
	}
	if left, err := filepath.Glob(filepath.Join(root, "releases", ".COOKIE*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// runningNode has a process with the release's environment run, as the node in
// a container under an init does, and asks for its cookie.
func runningNode(t *testing.T, shell []string) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("no /proc here")
	}
	bin := programDir(t, "tr", "sed", "dd", "od", "cat")
	env := []string{"PATH=" + bin}
	root := releaseDir(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	other, node := exec.CommandContext(ctx, "sleep", "60"), exec.CommandContext(ctx, "sleep", "60")
	other.Env = []string{"RELEASE_ROOT=/elsewhere", "RELEASE_COOKIE=others"}
	node.Env = []string{"A=two\nlines \\c", "RELEASE_ROOT=" + root, "RELEASE_COOKIE=the-node's"}
	for _, c := range []*exec.Cmd{other, node} {
		if err := c.Start(); err != nil {
			t.Skip(err)
		}
		defer func() { _, _ = c.Process.Kill(), c.Wait() }()
	}
	if got := start(t, shell, env, root, "rpc"); got != "the-node's" {
		t.Errorf("rpc: got %q", got)
	}
	if got := start(t, shell, env, root, "start"); !fresh.MatchString(got) {
		t.Errorf("start: got %q", got)
	}
}
