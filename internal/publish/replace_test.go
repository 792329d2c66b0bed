package publish_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"dram/internal/publish"
)

// What a killed run left beside a result goes with the next one; what another run
// writes this moment, and what is no file of dram's, stays.
func TestKilledRunsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	beside := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	_ = beside(".a.tar.KILLED.tmp").Close()
	_ = beside(".b.tar.KILLED.tmp").Close()
	if err := unix.Flock(int(beside(".a.tar.WRITTEN.tmp").Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, ".a.tar.PIPE.tmp"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := publish.Tar(t.Context(), publish.Anywhere(filepath.Join(dir, "a.tar")), image(t, openStore(t), "one"), names); err != nil {
		t.Fatal(err)
	}
	only(t, dir, ".a.tar.PIPE.tmp", ".a.tar.WRITTEN.tmp", ".b.tar.KILLED.tmp", "a.tar")
}
