package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// small mounts a tmpfs of that size on a new directory.
func small(t *testing.T, bytes string) string {
	t.Helper()
	real(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+bytes); err != nil {
		t.Skipf("no small disk can be made here: mounting a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func resize(t *testing.T, dir, bytes string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size="+bytes); err != nil {
		t.Fatal(err)
	}
}

// used is how many bytes a file system holds.
func used(t *testing.T, dir string) int64 {
	t.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	return int64(fs.Blocks-fs.Bfree) * fs.Bsize
}

// The disk of the cache is full, at whatever moment: said with what to do, and
// once there is room, it goes on.
func TestFullDiskOfTheCache(t *testing.T) {
	t.Parallel()
	disk := small(t, "2g")
	_, dir, want := warm(t)
	cache := filepath.Join(disk, "cache")
	coldAt(t, cache)
	toolchain := used(t, disk)
	d := dram{args: []string{"image", dir}, cache: cache}
	for _, room := range []int64{0, 1, 3, 8, 20, 30} {
		resize(t, disk, strconv.FormatInt(toolchain+room<<20, 10))
		r := d.run(t)
		if r.code != 1 && r.code != 5 || r.stdout != "" || !strings.Contains(strings.ToLower(r.stderr), "no space left") {
			t.Errorf("with %d MB: exit %d, stdout %q\n%s", room, r.code, r.stdout, r.stderr)
		}
		if !strings.Contains(r.stderr, "DRAM_CACHE_DIR") || !strings.Contains(r.stderr, "  hint: ") {
			t.Errorf("with %d MB the hint does not say what to do:\n%s", room, r.stderr)
		}
		if _, err := os.Stat(filepath.Join(dir, "releases")); err == nil {
			t.Errorf("with %d MB something was written to releases/", room)
		}
	}
	resize(t, disk, "2g")
	if got := d.ok(t).digest(t); got != want {
		t.Errorf("after room was made: %s, want %s", got, want)
	}
	nothingUnderWay(t, cache, dir)
}

// The disk of the output is full.
func TestFullDiskOfTheOutput(t *testing.T) {
	t.Parallel()
	disk := small(t, "4m")
	cache, dir, want := warm(t)
	for _, args := range [][]string{
		{"image", "-o", filepath.Join(disk, "x.tar"), dir},
		{"image", "-o", "oci:" + filepath.Join(disk, "layout"), dir},
		{"image", "--output-dir", filepath.Join(disk, "out"), dir},
		{"build", "--output-dir", filepath.Join(disk, "out"), dir},
	} {
		d := dram{args: args, cache: cache}
		r := d.fails(t, 1, "no space left on device", "  hint: ", "write elsewhere with -")
		if args[1] == "--output-dir" && !strings.Contains(r.stderr, "write elsewhere with --output-dir") {
			t.Errorf("the hint does not name --output-dir:\n%s", r.stderr)
		}
		for _, path := range files(t, disk) {
			if name := filepath.Base(path); strings.HasSuffix(name, ".tmp") || name == "x.tar" || name == "index.json" || name == "hello.tar.gz" {
				t.Errorf("dram %v left %s", args, path)
			}
		}
	}
	resize(t, disk, "100m")
	for _, out := range []string{filepath.Join(disk, "x.tar"), "oci:" + filepath.Join(disk, "layout")} {
		if got := (dram{args: []string{"image", "-o", out, dir}, cache: cache}).ok(t).digest(t); got != want {
			t.Errorf("after room was made: %s, want %s", got, want)
		}
	}
}

// A project that cannot be written to: its results cannot be put there, and the
// message says how to put them elsewhere; then nothing in it is touched.
func TestReadOnlyProject(t *testing.T) {
	t.Parallel()
	cache, dir, want := warm(t)
	before := listing(t, dir)
	readOnly(t, dir)
	for _, command := range []string{"build", "image"} {
		r := dram{args: []string{command, dir}, cache: cache}.fails(t, 1, `releases/hello`, "write elsewhere with --output-dir")
		if !strings.Contains(r.stderr, "read-only") && !strings.Contains(r.stderr, "permission denied") {
			t.Errorf("the reason is missing:\n%s", r.stderr)
		}
	}
	r := dram{args: []string{"image", "--output-dir", t.TempDir(), dir}, cache: cache}.ok(t)
	if got := r.digest(t); got != want {
		t.Errorf("it gives %s, want %s", got, want)
	}
	if after := listing(t, dir); len(after) != len(before) {
		t.Errorf("the project had %d files and has %d", len(before), len(after))
	}
}

// readOnly makes dir read-only until the test ends: by a mount for root, whom
// permissions do not stop.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
		return
	}
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
}

// A machine that forbids user namespaces: dram says so, with the remedy.
func TestNoUserNamespaces(t *testing.T) {
	t.Parallel()
	cache, dir, _ := warm(t)
	if err := os.RemoveAll(filepath.Join(cache, "records", "result")); err != nil {
		t.Fatal(err)
	}
	noDocker := []string{"DOCKER_HOST=unix://" + filepath.Join(cache, "none.sock")}
	r := withoutNamespaces(t, dram{args: []string{"doctor"}, cache: cache, env: noDocker})
	if r.code != 5 || !strings.Contains(r.stdout, "NO   user namespaces") || !strings.Contains(r.stdout, "remedy: sudo sysctl -w user.max_user_namespaces") {
		t.Errorf("doctor: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r = withoutNamespaces(t, dram{args: []string{"image", dir, "--engine", "native"}, cache: cache})
	if r.code != 5 || r.stdout != "" || !strings.Contains(r.stderr, "user namespaces") || !strings.Contains(r.stderr, "hint: sudo sysctl -w user.max_user_namespaces") {
		t.Errorf("image: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "releases")); err == nil {
		t.Error("it wrote to releases/")
	}
	ok := dram{args: []string{"doctor"}, cache: cache}.ok(t)
	if native, _, _ := strings.Cut(ok.stdout, "engine buildkit"); strings.Contains(native, "NO") || !strings.Contains(ok.stdout, "auto chooses native") {
		t.Errorf("doctor on this machine:\n%s", ok.stdout)
	}
	nothingUnderWay(t, cache, dir)
}

// withoutNamespaces runs dram where user namespaces are forbidden: in one that
// may have no more of them.
func withoutNamespaces(t *testing.T, d dram) result {
	t.Helper()
	inner := d.plainCommand()
	cmd := exec.Command("/bin/sh", append([]string{
		"-c", `echo 0 >/proc/sys/user/max_user_namespaces || exit 99; exec "$0" "$@"`,
	}, inner.Args...)...)
	cmd.Env = inner.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() == 99 {
		t.Skipf("user namespaces cannot be forbidden here: %v %s", err, errOut.String())
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}
