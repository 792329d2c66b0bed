package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// The same source gives the same tarball and image digest under another user,
// path, umask, locale, time zone and number of processors, with a toolchain
// made anew.
func TestSameBytesWhoeverBuilds(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	first := dram{args: []string{"image", dir}}.ok(t).digest(t)

	top, err := os.MkdirTemp("", "dram-other-") //nolint:usetesting // another user must reach it, and t.TempDir is below a directory of this one
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeAll(top) })
	other := filepath.Join(top, "ein ganz anderer: Ort, ñ")
	copyTree(t, dir, other)
	d := dram{
		args: []string{"image", other}, cache: filepath.Join(top, "cache"), umask: "077",
		env: []string{"LANG=tr_TR.UTF-8", "LC_ALL=C", "TZ=Asia/Kathmandu", "GOMAXPROCS=1", "HOME=" + top, "MIX_ENV=test", "ERL_FLAGS=+S 1"},
	}
	if os.Geteuid() == 0 {
		d.credential = &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: false}
		chown(t, top, 65534)
	}
	if second := d.ok(t).digest(t); second != first {
		t.Errorf("image digests differ: %s and %s", first, second)
	}
	const tarball = "releases/hello/releases/0.1.0/hello.tar.gz"
	a, b := listing(t, filepath.Join(dir, "releases")), listing(t, filepath.Join(other, "releases"))
	for path, sum := range a {
		if b[path] != sum {
			t.Errorf("%s differs", path)
		}
	}
	if len(a) != 2 || a["hello/releases/0.1.0/hello.tar.gz"] == "" {
		t.Errorf("results are %v, want %s and the image", a, tarball)
	}
}

// The clock of everything that runs in the sandbox is set to another year, and
// the sources bear other times: the same digest. The package that lends the
// clock is in the toolchain alone.
func TestSameBytesAtAnotherTime(t *testing.T) {
	real(t)
	first := dram{args: []string{"image", project(t, "examples/hello")}}.ok(t).digest(t)

	dir := project(t, "examples/hello")
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	err := filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(p, old, old))
	})
	if err != nil {
		t.Fatal(err)
	}
	faked := []string{
		"LD_PRELOAD=/usr/lib/" + multiarch() + "/faketime/libfaketime.so.1", "FAKETIME=@2031-02-03 04:05:06",
		"FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1",
	}
	exec := []string{"toolchain", "exec", "distro:debian/13", "--package", "faketime"}
	image := []string{"image", dir, "--toolchain", "distro:debian/13", "--package", "faketime"}
	for _, kv := range faked {
		exec = append(exec, "-e", kv)
		image = append(image, "--build-env", kv)
	}
	if year := (dram{args: append(exec, "--", "elixir", "-e", "IO.puts(Date.utc_today().year)")}).ok(t).stdout; year != "2031\n" {
		t.Fatalf("the clock in the sandbox says %q: this test would show nothing", year)
	}
	if second := (dram{args: image}).ok(t).digest(t); second != first {
		t.Errorf("image digests differ: %s and %s", first, second)
	}
}

func multiarch() string {
	return map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
}

func chown(t *testing.T, dir string, uid int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, uid, uid)
	})
	if err != nil {
		t.Fatal(err)
	}
}
