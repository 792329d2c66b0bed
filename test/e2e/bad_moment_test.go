package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const arch = runtime.GOARCH

// plainCommand is the command outside of a test's time.
func (d dram) plainCommand() *exec.Cmd { return d.command(context.Background()) }

// interrupt starts dram and sends it sig after a while, unless it ended. took
// is how long it then needed to end.
func (d dram) interrupt(t *testing.T, after time.Duration, sig syscall.Signal) (r result, ended bool, took time.Duration) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := d.command(context.WithoutCancel(t.Context()))
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
		ended = true
	case <-time.After(after):
		begin := time.Now()
		if err := cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		<-done
		took = time.Since(begin)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}, ended, took
}

// survivors are processes with mark in their arguments or environment, or with
// an overlay mount that names it.
func survivors(mark string) (out []string) {
	procs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	for _, p := range procs {
		if p == fmt.Sprintf("/proc/%d", os.Getpid()) {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		environ, _ := os.ReadFile(filepath.Join(p, "environ"))
		mounts, _ := os.ReadFile(filepath.Join(p, "mounts"))
		overlay := false
		for line := range strings.Lines(string(mounts)) {
			overlay = overlay || (strings.Contains(line, " overlay ") && strings.Contains(line, mark))
		}
		if overlay || bytes.Contains(cmdline, []byte(mark)) || bytes.Contains(environ, []byte(mark)) {
			out = append(out, p+" "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	return out
}

// gone waits up to 5 s for every process of the build in that cache to end.
func gone(t *testing.T, cache string) {
	t.Helper()
	var left []string
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if left = survivors(cache); len(left) == 0 {
			return
		}
	}
	t.Errorf("still running:\n%s", strings.Join(left, "\n"))
}

// Killed at any moment, the next run gives what an undisturbed one does.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	cache, dir, want := warm(t)
	begin := time.Now()
	undisturbed := dram{args: []string{"image", dir}, cache: cache, env: []string{"DRAM_BUILD_ENV=AGAIN=1"}}.ok(t)
	whole := time.Since(begin)
	if got := undisturbed.digest(t); got != want {
		t.Fatalf("a variable of the build changed the digest to %s", got)
	}
	moments := campaign(t, 8, 100)
	for i := range moments {
		dir := hello(t)
		d := dram{args: []string{"image", dir}, cache: cache, env: []string{fmt.Sprintf("DRAM_BUILD_ENV=AGAIN=%d", i+2)}} // from nothing
		after := whole * time.Duration(2*i+1) / time.Duration(2*moments)
		_, ended, _ := d.interrupt(t, after, syscall.SIGKILL)
		gone(t, cache)
		checkOutputs(t, dir)
		r := d.ok(t)
		if got := r.digest(t); got != want {
			t.Errorf("killed after %s (ended: %v) and run again, it gives %s, want %s", after, ended, got, want)
		}
		nothingUnderWay(t, cache, dir) // what the killed one had there went with the next start
	}
}

// The same while layers are compressed for the first time.
func TestKilledWhileBottling(t *testing.T) {
	t.Parallel()
	_, dir, want := warm(t)
	cache := cold(t)
	d := dram{args: []string{"image", dir}, cache: cache}
	for _, after := range []time.Duration{3 * time.Second, 5 * time.Second} {
		d.interrupt(t, after, syscall.SIGKILL)
		gone(t, cache)
		checkOutputs(t, dir)
	}
	if got := d.ok(t).digest(t); got != want {
		t.Errorf("killed twice, it gives %s, want %s", got, want)
	}
}

// checkOutputs wants every result that has its name to be whole.
func checkOutputs(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "releases")); errors.Is(err, os.ErrNotExist) {
		return
	}
	for _, path := range files(t, filepath.Join(dir, "releases")) {
		switch {
		case strings.HasSuffix(path, ".tmp"): // not its name
		case strings.HasSuffix(path, ".tar.gz"):
			unpack(t, path, t.TempDir())
		case strings.HasSuffix(path, ".tar"):
			readTar(t, path)
		default:
			t.Errorf("there is %s", path)
		}
	}
}

func readTar(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for tr := tar.NewReader(f); ; {
		if _, err := tr.Next(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s is not whole: %v", path, err)
		}
	}
}

// unpack unpacks a release's tarball.
func unpack(t *testing.T, tarball, dir string) {
	t.Helper()
	eachMember(t, tarball, func(h *tar.Header, r io.Reader) error {
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		switch h.Typeflag {
		case tar.TypeDir:
			return os.MkdirAll(path, 0o755)
		case tar.TypeSymlink:
			return os.Symlink(h.Linkname, path)
		}
		raw, err := io.ReadAll(r)
		return errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, raw, h.FileInfo().Mode().Perm()))
	})
}

// eachMember gives a tarball's members in order.
func eachMember(t *testing.T, tarball string, use func(h *tar.Header, r io.Reader) error) {
	t.Helper()
	f, err := os.Open(tarball)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(z); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s is not whole: %v", tarball, err)
		}
		if err := use(h, tr); err != nil {
			t.Fatal(err)
		}
	}
}

// Ctrl-C and SIGTERM end a build within seconds, with 130, and leave nothing.
func TestCancelledBuild(t *testing.T) {
	t.Parallel()
	for i, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cache, dir, want := warm(t)
		if err := os.RemoveAll(filepath.Join(cache, "records", "result")); err != nil {
			t.Fatal(err)
		}
		d := dram{args: []string{"image", dir}, cache: cache}
		for _, after := range []time.Duration{250 * time.Millisecond, time.Duration(i+1) * 400 * time.Millisecond} {
			r, ended, took := d.interrupt(t, after, sig)
			if ended {
				t.Fatalf("the build ended before %s: %s", after, r.stderr)
			}
			if r.code != 130 || r.stdout != "" || took > 5*time.Second {
				t.Errorf("%s after %s: exit %d after %s, stdout %q\n%s", sig, after, r.code, took, r.stdout, r.stderr)
			}
			if !strings.Contains(r.stderr, "error: cancelled\n  hint: run it again") || strings.Contains(r.stderr, "step ") {
				t.Errorf("%s: stderr is\n%s", sig, r.stderr)
			}
			gone(t, cache)
			nothingUnderWay(t, cache, dir)
			if _, err := os.Stat(filepath.Join(dir, "releases")); err == nil {
				t.Error("a cancelled build wrote to releases/")
			}
		}
		if got := d.ok(t).digest(t); got != want {
			t.Errorf("after %s it gives %s, want %s", sig, got, want)
		}
		nothingUnderWay(t, cache, dir)
	}
}

// A service that is stopped ends dram with the service's own code; a run that
// is cancelled before its program began, with 130.
func TestStoppedServicePassesItsCodeOn(t *testing.T) {
	t.Parallel()
	cache, dir, _ := warm(t)
	dram{args: []string{"image", dir}, cache: cache}.ok(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		port := freePort(t)
		s := dram{args: []string{"run", "-e", "PORT=" + port, dir}, cache: cache}.start(t)
		get(t, port, "/health")
		if code, took := s.stop(t, sig); code != 0 || took > 5*time.Second {
			t.Errorf("%s: exit %d after %s, want 0\n%s", sig, code, took, s.stderr)
		}
		gone(t, cache)
	}
	script := `trap 'exit 9' TERM; echo ready; while :; do :; done`
	image := filepath.Join(dir, "releases/hello/hello-0.1.0-linux-"+arch+".tar")
	r, _, _ := dram{args: []string{"run", "-q", image, "--", "/bin/sh", "-c", script}, cache: cache}.interrupt(t, time.Second, syscall.SIGTERM)
	if r.code != 9 || r.stdout != "ready\n" || r.stderr != "" {
		t.Errorf("exit %d, want the program's 9; stdout %q, stderr %q", r.code, r.stdout, r.stderr)
	}
	other := write(t, t.TempDir(), "mix.exs", mixExs("slow"), "lib/slow.ex", "Process.sleep(60_000)\n")
	r, _, _ = dram{args: []string{"run", other}, cache: cache}.interrupt(t, time.Second, syscall.SIGTERM)
	if r.code != 130 || !strings.Contains(r.stderr, "error: cancelled") {
		t.Errorf("cancelled while building: exit %d\n%s", r.code, r.stderr)
	}
	gone(t, cache)
}
