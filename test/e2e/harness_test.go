// Package e2e runs the dram binary as its users do, on real projects with real
// Erlang, Elixir, C compilers and, where a daemon answers, Docker. Toolchains
// come from the Debian mirror that this machine's apt sources name.
//
// The tests share one cache, fresh for each run of the package; set
// DRAM_TEST_CACHE to keep one between runs while working on the tests.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"dram/internal/sandbox"
)

var (
	binary   string // the dram under test
	cacheDir string // shared by the tests of this package
)

// buildFlags are those of the README and the Makefile.
var buildFlags = []string{"-trimpath", "-ldflags=-s -w"}

func TestMain(m *testing.M) {
	sandbox.Main() // returns unless this process was started as a sandbox's init
	if runtime.GOOS != "linux" {
		fmt.Println("the native engine is for Linux; left out: all of test/e2e")
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "dram-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer removeAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // other users run the binary too
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "dram")
	build := exec.Command("go", append(append([]string{"build"}, buildFlags...), "-o", binary, "dram/cmd/dram")...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building dram: %v\n%s", err, out)
		return 1
	}
	cacheDir = os.Getenv("DRAM_TEST_CACHE")
	if cacheDir == "" {
		cacheDir = filepath.Join(dir, "cache")
	}
	return m.Run()
}

func removeAll(dir string) {
	_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}

// real skips a test that needs a toolchain under -short.
func real(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a toolchain from the Debian mirror")
	}
}

// dram is one call of the binary.
type dram struct {
	args       []string
	dir        string // working directory
	cache      string // default: the shared one
	env        []string
	credential *syscall.Credential
	umask      string // through a shell, as "077"
	files      string // how many may be open, through a shell
}

type result struct {
	code           int
	stdout, stderr string
}

func (d dram) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, d.args...)
	if d.umask != "" {
		cmd = exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", "umask " + d.umask + `; exec "$0" "$@"`, binary}, d.args...)...)
	}
	if d.files != "" {
		cmd = exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", "ulimit -n " + d.files + `; exec "$0" "$@"`, binary}, d.args...)...)
	}
	cache := d.cache
	if cache == "" {
		cache = cacheDir
	}
	cmd.Dir = d.dir
	cmd.Env = append(append(os.Environ(), "DRAM_CACHE_DIR="+cache), d.env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	if d.credential != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.credential}
	}
	return cmd
}

func (d dram) run(t *testing.T) result {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := d.command(t.Context())
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("dram %v: %v", d.args, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// ok runs dram and fails the test unless it exits with 0.
func (d dram) ok(t *testing.T) result {
	t.Helper()
	r := d.run(t)
	if r.code != 0 {
		t.Fatalf("dram %v: exit %d\nstdout: %s\nstderr: %s", d.args, r.code, r.stdout, r.stderr)
	}
	return r
}

// fails runs dram and checks exit code, message, hint, and that stdout is empty, but
// for a plan, which shows what it found.
func (d dram) fails(t *testing.T, code int, says ...string) result {
	t.Helper()
	r := d.run(t)
	if plans := len(d.args) > 0 && d.args[0] == "plan"; r.code != code || r.stdout != "" && !plans {
		t.Errorf("dram %v: exit %d, stdout %q; want exit %d and nothing on stdout\nstderr: %s", d.args, r.code, r.stdout, code, r.stderr)
	}
	for _, s := range says {
		if !strings.Contains(r.stderr, s) {
			t.Errorf("dram %v does not say %q:\n%s", d.args, s, r.stderr)
		}
	}
	return r
}

var digestLine = regexp.MustCompile(`^sha256:[0-9a-f]{64}\n$`)

// digest is the result of dram image: the only thing on stdout.
func (r result) digest(t *testing.T) string {
	t.Helper()
	if !digestLine.MatchString(r.stdout) {
		t.Fatalf("stdout is %q, want one digest\nstderr: %s", r.stdout, r.stderr)
	}
	return strings.TrimSpace(r.stdout)
}

// project copies a directory of this module, without what builds leave in it.
func project(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(from))
	copyTree(t, filepath.Join("..", "..", from), to)
	return to
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (d.Name() == "_build" || d.Name() == "deps" || d.Name() == "releases"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		raw, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), raw, info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// write makes files of a project: name, content, name, content …
func write(t *testing.T, dir string, pairs ...string) string {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		p := filepath.Join(dir, filepath.FromSlash(pairs[i]))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(pairs[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// replace edits one file of a project.
func replace(t *testing.T, path, old, with string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(raw, []byte(old)) {
		t.Fatalf("%s does not hold %q", path, old)
	}
	if err := os.WriteFile(path, bytes.Replace(raw, []byte(old), []byte(with), 1), 0o644); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// get asks a loopback port until it answers, for at most 30 s.
func get(t *testing.T, port, path string) string {
	t.Helper()
	var last error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get("http://127.0.0.1:" + port + path)
		if err != nil {
			last = err
			continue
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		_ = resp.Body.Close()
		if err == nil && resp.StatusCode == http.StatusOK {
			return string(body)
		}
		last = fmt.Errorf("status %s, %w", resp.Status, err)
	}
	t.Fatalf("port %s does not answer: %v", port, last)
	return ""
}

// service is a program under test that runs until it is stopped.
type service struct {
	cmd    *exec.Cmd
	stderr *bytes.Buffer
}

// start starts dram as a service.
func (d dram) start(t *testing.T) *service {
	t.Helper()
	s := &service{cmd: d.command(context.WithoutCancel(t.Context())), stderr: &bytes.Buffer{}}
	s.cmd.Stdout, s.cmd.Stderr = s.stderr, s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait()
		}
	})
	return s
}

// stop sends sig and tells the exit code and how long it took.
func (s *service) stop(t *testing.T, sig os.Signal) (code int, took time.Duration) {
	t.Helper()
	begin := time.Now()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode(), time.Since(begin)
}
