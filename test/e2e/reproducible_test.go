package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The same source gives the same tarball and image digest under another user,
// path, umask, locale, time zone, number of processors and at another time,
// with a toolchain made anew.
func TestSameBytesWhoeverBuilds(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	first := dram{args: []string{"image", dir}}.ok(t).digest(t)

	top, err := os.MkdirTemp("", "dram-other-")
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
