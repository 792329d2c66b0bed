package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dram/internal/fsutil"
	"dram/internal/store"
)

const (
	powerCutDir = "DRAM_TEST_POWER_CUT" // tells this program to write into that directory until it is killed
	cuts        = 12
	treeFiles   = 120
)

// content is what a file holds, of a few bytes to some pages, all its own.
func content(names ...any) []byte {
	seed := []byte(fmt.Sprintln(names...))
	return bytes.Repeat(seed, 1+int(store.DigestOf(seed)[10])*3)
}

type named struct {
	Digest store.Digest
	Size   int64
}

// resultSize is large enough for a result to be half on disk.
const resultSize = 2 << 20

// result is what the n-th result holds.
func result(n int) []byte {
	line := fmt.Appendf(nil, "%08d\n", n)
	return bytes.Repeat(line, resultSize/len(line))
}

// TestPowerCutWriter is no test but the process whose power is cut: trees as
// toolchains are, blobs, records that name them, and a result that is replaced
// over and over.
func TestPowerCutWriter(t *testing.T) {
	dir := os.Getenv(powerCutDir)
	if dir == "" {
		t.Skip("started by TestPowerCut")
	}
	s := againAt(t, dir)
	go replaceResults(t, filepath.Join(filepath.Dir(dir), "result"))
	for i := range 100 {
		_, err := s.Tree(t.Context(), "root", fmt.Sprint(i), func(_ context.Context, dir string) error {
			for n := range treeFiles {
				path := filepath.Join(dir, fmt.Sprint("d", n%7), fmt.Sprint(n))
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content("tree", i, n), 0o644)); err != nil {
					return err
				}
			}
			return os.Symlink("d0/0", filepath.Join(dir, "link"))
		})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 5 {
			var b named
			raw := bytes.Repeat(content("blob", i, n), 5)
			if b.Digest, b.Size, err = s.PutBlob(t.Context(), bytes.NewReader(raw), ""); err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{fmt.Sprint(i, "-", n), fmt.Sprint("latest-", n)} {
				if err := s.Put("member", key, b); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// replaceResults replaces a result over and over, so that one is on its way
// whenever the file system writes its journal.
func replaceResults(t *testing.T, at string) {
	for n := 0; ; n++ {
		err := fsutil.ReplaceAt(at, 0o644, fsutil.Kept, func(w io.Writer) error {
			_, err := w.Write(result(n))
			return err
		})
		if err != nil {
			t.Error(err)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// oneResult says whether what is there is one of the results, all of it.
func oneResult(raw []byte) bool {
	n, err := strconv.Atoi(string(raw[:min(len(raw), 8)]))
	return err == nil && bytes.Equal(raw, result(n))
}

// The power is cut at twelve moments while a cache on an ext4 is written to:
// whatever counts as there afterwards is whole.
func TestPowerCut(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Parallel()
	disk := newDisk(t)
	writer := exec.Command(os.Args[0], "-test.run=^TestPowerCutWriter$")
	writer.Env = append(os.Environ(), powerCutDir+"="+filepath.Join(disk.at, "cache"))
	var out bytes.Buffer
	writer.Stdout, writer.Stderr = &out, &out
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	var snapshots []string
	for i := range cuts {
		time.Sleep(500*time.Millisecond + rand.N(time.Second))
		snapshots = append(snapshots, disk.snapshot(t, writer.Process, i))
	}
	if err := writer.Process.Kill(); err != nil {
		t.Errorf("the writer ended by itself: %v\n%s", err, out.String())
	}
	_ = writer.Wait() // killed
	disk.unmount(t)
	var whole, blobs int
	for i, image := range snapshots {
		trees, b := afterCut(t, image, i)
		whole, blobs = whole+trees, blobs+b
	}
	t.Logf("after %d power cuts, %d trees and %d blobs counted as there", cuts, whole, blobs)
	if whole < cuts || blobs < cuts {
		t.Errorf("only %d trees and %d blobs were there in %d cuts: the test shows little", whole, blobs, cuts)
	}
}

// afterCut boots from a snapshot: mounting replays the journal.
func afterCut(t *testing.T, image string, cut int) (trees, blobs int) {
	t.Helper()
	disk := attach(t, image)
	defer disk.unmount(t)
	s := againAt(t, filepath.Join(disk.at, "cache"))
	defer s.Close()
	for i := range 100 {
		if !s.HasTree("root", fmt.Sprint(i)) {
			continue
		}
		trees++
		bad := 0
		for n := range treeFiles {
			raw, err := os.ReadFile(filepath.Join(s.TreePath("root", fmt.Sprint(i)), fmt.Sprint("d", n%7), fmt.Sprint(n)))
			if err != nil || !bytes.Equal(raw, content("tree", i, n)) {
				bad++
			}
		}
		if bad > 0 {
			t.Errorf("cut %d: tree %d has its marker, and %d of its %d files are damaged", cut, i, bad, treeFiles)
		}
	}
	if raw, err := os.ReadFile(filepath.Join(disk.at, "result")); err == nil && !oneResult(raw) {
		t.Errorf("cut %d: half a result of %d bytes has its name", cut, len(raw))
	}
	records, err := filepath.Glob(filepath.Join(s.Dir(), "records", "member", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range records {
		var b named
		if !s.Get("member", strings.TrimSuffix(filepath.Base(path), ".json"), &b) {
			continue // half a record is none
		}
		if s.HasBlob(b.Digest, b.Size) && s.VerifyBlob(b.Digest) != nil {
			t.Errorf("cut %d: record %s names a blob that is there and damaged", cut, filepath.Base(path))
		}
	}
	err = filepath.WalkDir(filepath.Join(s.Dir(), "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		blobs++
		raw, err := os.ReadFile(path)
		if store.DigestOf(raw).Hex() != d.Name() {
			t.Errorf("cut %d: blob %s has %d other bytes", cut, d.Name(), len(raw))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return trees, blobs
}

// disk is an ext4 in a file, mounted.
type disk struct {
	image, device, at string
}

// newDisk makes one, small, whose journal is written each second.
func newDisk(t *testing.T) *disk {
	t.Helper()
	for _, tool := range []string{"mkfs.ext4", "losetup", "mount", "umount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no power can be cut here: %v", err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("no power can be cut here: mounting an ext4 takes root")
	}
	image := filepath.Join(t.TempDir(), "disk")
	if out, err := exec.Command("sh", "-c", `truncate -s 256M "$0" && mkfs.ext4 -q -F "$0"`, image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v\n%s", err, out)
	}
	return attach(t, image)
}

// attach mounts an image.
func attach(t *testing.T, image string) *disk {
	t.Helper()
	out, err := exec.Command("losetup", "--find", "--show", image).CombinedOutput()
	if err != nil {
		t.Skipf("no power can be cut here: losetup: %v\n%s", err, out)
	}
	d := &disk{image: image, device: strings.TrimSpace(string(out)), at: t.TempDir()}
	if out, err := exec.Command("mount", "-t", "ext4", "-o", "commit=1,noauto_da_alloc", d.device, d.at).CombinedOutput(); err != nil {
		_ = exec.Command("losetup", "--detach", d.device).Run()
		t.Fatalf("mount: %v\n%s", err, out)
	}
	t.Cleanup(func() { d.unmount(t) })
	return d
}

func (d *disk) unmount(t *testing.T) {
	t.Helper()
	if d.device == "" {
		return
	}
	if out, err := exec.Command("umount", d.at).CombinedOutput(); err != nil {
		t.Errorf("umount: %v\n%s", err, out)
	}
	if out, err := exec.Command("losetup", "--detach", d.device).CombinedOutput(); err != nil {
		t.Errorf("losetup: %v\n%s", err, out)
	}
	d.device = ""
}

// snapshot is what the disk holds this moment, as after a power cut: what was
// not written out is not in it. The writer is stopped, and the copy is taken
// anew if the kernel wrote meanwhile: else it would mix two moments.
func (d *disk) snapshot(t *testing.T, writer *os.Process, n int) string {
	t.Helper()
	if err := writer.Signal(syscall.SIGSTOP); err != nil {
		t.Fatalf("the writer ended: %v", err)
	}
	defer func() { _ = writer.Signal(syscall.SIGCONT) }()
	to := fmt.Sprint(d.image, "-", n)
	for range 100 {
		before := d.written(t)
		if out, err := exec.Command("cp", "--sparse=always", d.image, to).CombinedOutput(); err != nil {
			t.Fatalf("cp: %v\n%s", err, out)
		}
		if before != "" && before == d.written(t) {
			return to
		}
	}
	t.Fatal("the disk does not come to rest")
	return ""
}

// written tells how much was written to the disk so far; "" while some is
// under way.
func (d *disk) written(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(d.device), "stat"))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(raw)) // Documentation/block/stat.rst: 5 writes, 7 sectors written, 9 in flight
	if len(fields) < 9 || fields[8] != "0" {
		return ""
	}
	return fields[4] + " " + fields[6]
}
