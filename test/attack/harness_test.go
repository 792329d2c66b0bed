// Package attack runs the dram binary on hostile projects, caches, layouts and
// steps, and asserts what must not happen. It is a table: each attack names what
// must not happen, lays itself out in a world of its own, and runs as root (where
// the tests do) and as an ordinary user. Whatever the attack, the harness holds
// that
//
//   - nothing outside the project and the cache is changed, made or removed: a
//     tree of canaries beside them is compared afterwards, bit by bit;
//   - nothing in the project is changed, but for what the attack says;
//   - dram ends by itself within a bound of time and of memory.
//
// None of the attacks needs a network or a real toolchain (see toy_test.go). To add
// some, write a file with a Test function that calls try with a table.
package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	binary  string // the dram under test
	toyFile string // an image with a shell for a toolchain
	scratch string // a directory that everybody may read
)

func TestMain(m *testing.M) {
	if runtime.GOOS != "linux" {
		fmt.Println("the native engine is for Linux; left out: all of test/attack")
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "dram-attack-"); err == nil {
		err = os.Chmod(scratch, 0o755) // other users run the binary too
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer removeAll(scratch)
	binary = filepath.Join(scratch, "dram")
	build := exec.Command("go", "build", "-o", binary, "dram/cmd/dram")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building dram: %v\n%s", err, out)
		return 1
	}
	toyFile = filepath.Join(scratch, "toy.tar")
	if err := writeToy(toyFile); err != nil {
		fmt.Fprintf(os.Stderr, "making a toy toolchain: %v\n", err)
		return 1
	}
	return m.Run()
}

// attack is one row of a table.
type attack struct {
	name string // what must not happen
	// files are the project's, by path; in texts, arguments and variables the
	// names of a world's places are replaced (see world.text).
	files map[string]string
	// lay lays out what files cannot say: links, pipes, a cache, a layout.
	lay func(w *world)
	// each are the commands to run, one after another, all with the same
	// expectations; `dram plan` and `dram build` of the project where it is empty.
	each []string
	env  []string
	code int      // the exit code of each
	any  bool     // each exit code is right
	says []string // what stderr must hold
	hush []string // what neither stdout nor stderr may hold
	// writes are paths in the project, and $OUT or $HOME, that may change: what
	// begins with one of them. releases/ where it is nil and dram succeeds.
	writes []string
	within time.Duration // 20 s if 0
	memory int64         // bytes, 400 MB if 0
	after  func(w *world, r result)
}

// user is whom dram runs as.
type user struct {
	name       string
	credential *syscall.Credential // nil: whoever runs the tests
}

// ordinary is the id of a user who is nobody in particular.
const ordinary = 65534

func users() []user {
	if os.Geteuid() != 0 {
		return []user{{name: "user"}}
	}
	return []user{{name: "root"}, {"user", &syscall.Credential{Uid: ordinary, Gid: ordinary}}}
}

// try runs the attacks, as each user.
func try(t *testing.T, attacks []attack) {
	t.Helper()
	for _, a := range attacks {
		for _, u := range users() {
			t.Run(a.name+"/as "+u.name, func(t *testing.T) {
				t.Parallel()
				newWorld(t, u).attacked(a)
			})
		}
	}
}

// attacked lays the attack out, runs it, and looks around.
func (w *world) attacked(a attack) {
	w.t.Helper()
	w.write(w.project, a.files)
	if a.lay != nil {
		a.lay(w)
	}
	w.giveAway()
	before := w.look()
	each := a.each
	if len(each) == 0 {
		each = []string{"plan $PROJECT", "build $PROJECT --toolchain $TOY"}
	}
	for _, command := range each {
		w.t.Logf("dram %s", w.text(command))
		w.judge(a, w.dram(a, strings.Fields(command)...))
	}
	w.compare(before, a)
}

// judge holds what a run did against what the attack expects of it.
func (w *world) judge(a attack, r result) {
	w.t.Helper()
	if r.code != a.code && !a.any {
		w.t.Errorf("exit code %d, want %d", r.code, a.code)
	}
	for _, want := range a.says {
		if !strings.Contains(r.stderr, w.text(want)) {
			w.t.Errorf("stderr lacks %q", w.text(want))
		}
	}
	for _, no := range a.hush {
		if strings.Contains(r.stdout+r.stderr, w.text(no)) {
			w.t.Errorf("the output holds %q", w.text(no))
		}
	}
	if r.code != 0 && !strings.Contains(r.stderr, "error: ") {
		w.t.Error("stderr has no error")
	}
	if strings.Contains(r.stderr, "panic:") || strings.Contains(r.stderr, "goroutine ") {
		w.t.Error("dram panicked")
	}
	most := a.memory
	if most == 0 {
		most = 400 << 20
	}
	if r.memory > most {
		w.t.Errorf("dram took %d MB of memory, at most %d are right", r.memory>>20, most>>20)
	}
	if a.after != nil {
		a.after(w, r)
	}
	if w.t.Failed() {
		w.t.Logf("exit %d after %v\nstdout: %.2000s\nstderr: %.4000s", r.code, r.took, r.stdout, r.stderr)
	}
}

// compare says what changed that must not.
func (w *world) compare(before map[string]string, a attack) {
	w.t.Helper()
	may := a.writes
	if may == nil && a.code == 0 {
		may = []string{"releases"}
	}
	after := w.look()
	for _, place := range may {
		place = w.text(place)
		if !filepath.IsAbs(place) {
			place = filepath.Join(w.project, place)
		}
		for _, tree := range []map[string]string{before, after} {
			for path := range tree {
				if path == place || strings.HasPrefix(path, place+"/") {
					delete(tree, path)
				}
			}
		}
		// Who may write to a place changes the times of the directory that has it.
		before[filepath.Dir(place)], after[filepath.Dir(place)] = "", ""
	}
	if d := cmp.Diff(before, after); d != "" {
		w.t.Errorf("changed outside of the cache (-before +after):\n%s", d)
	}
}

type result struct {
	code           int
	stdout, stderr string
	memory         int64 // bytes, at most, of dram and what it started
	took           time.Duration
}

// dram runs dram in the world; it fails the test if it does not end in time.
func (w *world) dram(a attack, args ...string) result {
	w.t.Helper()
	within := a.within
	if within == 0 {
		within = 20 * time.Second
	}
	var out, errOut bytes.Buffer
	cmd := w.command(w.t.Context(), a.env, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	overdue := time.AfterFunc(within, func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGQUIT) // which tells where it hangs
		time.Sleep(time.Second)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	})
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("dram %v: %v", args, err)
	}
	if !overdue.Stop() {
		w.t.Fatalf("dram %v did not end within %v:\n%.8000s", args, within, errOut.String())
	}
	r := result{code: cmd.ProcessState.ExitCode(), stdout: out.String(), stderr: errOut.String(), took: time.Since(begun)}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.memory = usage.Maxrss << 10
	}
	return r
}

// command is a call of dram as the world's user, in a process group of its own.
func (w *world) command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	argv := make([]string, len(args))
	for i, arg := range args {
		argv[i] = w.text(arg)
	}
	cmd := exec.CommandContext(ctx, binary, argv...)
	cmd.Dir = w.home
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.home, "DRAM_CACHE_DIR=" + w.cache, "TMPDIR=" + w.tmp,
		"DRAM_MIRROR=http://127.0.0.1:9/debian", "DRAM_SECURITY_MIRROR=http://127.0.0.1:9/security", // nobody listens
		"DRAM_ALLOW=otp", // the toy's release has no Erlang
	}
	for _, kv := range env {
		cmd.Env = append(cmd.Env, w.text(kv))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: w.user.credential}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}
