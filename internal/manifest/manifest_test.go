package manifest_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/manifest"
)

// tree makes a directory with one file of each sort.
func tree(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "tree")
	err := errors.Join(
		os.MkdirAll(filepath.Join(root, "usr/lib/empty"), 0o755),
		os.WriteFile(filepath.Join(root, "usr/lib/libc.so.6"), []byte("the C library"), 0o755),
		os.WriteFile(filepath.Join(root, "usr/lib/none"), nil, 0o644),
		os.WriteFile(filepath.Join(root, "a b"), []byte("with a space"), 0o600),
		os.Symlink("usr/lib", filepath.Join(root, "lib")),
		syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600),
		os.Symlink("usr", filepath.Join(root, "usr.old")), // sorts between usr and what is in it
	)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func take(t *testing.T, root string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Take(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	back, err := manifest.Parse(m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.Entries(), back.Entries()); diff != "" || back.Digest() != m.Digest() {
		t.Fatalf("written and read: %s", diff)
	}
	return back
}

func TestUnchanged(t *testing.T) {
	root := tree(t)
	m := take(t, root)
	if m.Len() != 10 {
		t.Errorf("%d entries", m.Len())
	}
	diffs, err := m.Compare(t.Context(), root)
	if err != nil || len(diffs) > 0 {
		t.Errorf("compare: %v, %v", diffs, err)
	}
	bad, now, err := m.Verify(t.Context(), root)
	if err != nil || len(bad) > 0 || now.Digest() != m.Digest() {
		t.Errorf("verify: %v, %v", bad, err)
	}
}

// Each change of a file is seen by Compare, by Settle and by Verify.
func TestDifferences(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(at func(string) string) error
		want   []manifest.Difference
	}{
		{"flipped", func(at func(string) string) error {
			return os.WriteFile(at("usr/lib/libc.so.6"), []byte("the D library"), 0o600)
		}, []manifest.Difference{{"usr/lib/libc.so.6", manifest.Content}}},
		{"flipped, and its time set back", func(at func(string) string) error {
			name := at("usr/lib/libc.so.6")
			info, err := os.Stat(name)
			return errors.Join(err, os.WriteFile(name, []byte("the D library"), 0o600), os.Chtimes(name, info.ModTime(), info.ModTime()))
		}, []manifest.Difference{{"usr/lib/libc.so.6", manifest.Content}}},
		{
			"cut", func(at func(string) string) error { return os.Truncate(at("usr/lib/libc.so.6"), 3) },
			[]manifest.Difference{{"usr/lib/libc.so.6", manifest.Size}},
		},
		{
			"grown", func(at func(string) string) error { return os.WriteFile(at("usr/lib/none"), []byte("x"), 0o600) },
			[]manifest.Difference{{"usr/lib/none", manifest.Size}},
		},
		{
			"removed", func(at func(string) string) error { return os.Remove(at("a b")) },
			[]manifest.Difference{{"a b", manifest.Missing}},
		},
		{
			"added", func(at func(string) string) error { return os.WriteFile(at("usr/lib/empty/new"), nil, 0o600) },
			[]manifest.Difference{{"usr/lib/empty/new", manifest.Extra}},
		},
		{
			"renamed", func(at func(string) string) error { return os.Rename(at("a b"), at("a c")) },
			[]manifest.Difference{{"a b", manifest.Missing}, {"a c", manifest.Extra}},
		},
		{
			"mode", func(at func(string) string) error { return os.Chmod(at("usr/lib/libc.so.6"), 0o644) },
			[]manifest.Difference{{"usr/lib/libc.so.6", manifest.Mode}},
		},
		{
			"mode of a directory", func(at func(string) string) error { return os.Chmod(at("usr/lib"), 0o700) },
			[]manifest.Difference{{"usr/lib", manifest.Mode}},
		},
		{
			"mode of it all", func(at func(string) string) error { return os.Chmod(at("."), 0o700) },
			[]manifest.Difference{{".", manifest.Mode}},
		},
		{"link", func(at func(string) string) error {
			return errors.Join(os.Remove(at("lib")), os.Symlink("usr/lob", at("lib")))
		}, []manifest.Difference{{"lib", manifest.Link}}},
		{"a directory in its place", func(at func(string) string) error {
			return errors.Join(os.Remove(at("a b")), os.Mkdir(at("a b"), 0o700))
		}, []manifest.Difference{{"a b", manifest.Type}}},
		{"a pipe in its place", func(at func(string) string) error {
			return errors.Join(os.Remove(at("usr/lib/libc.so.6")), syscall.Mkfifo(at("usr/lib/libc.so.6"), 0o700))
		}, []manifest.Difference{{"usr/lib/libc.so.6", manifest.Type}}},
		{"a link in place of a directory", func(at func(string) string) error {
			return errors.Join(os.Remove(at("usr/lib/empty")), os.Symlink("/etc", at("usr/lib/empty")))
		}, []manifest.Difference{{"usr/lib/empty", manifest.Type}}},
		{
			"all of it gone", func(at func(string) string) error { return os.RemoveAll(at(".")) },
			[]manifest.Difference{{".", manifest.Missing}},
		},
		{"a file in its place", func(at func(string) string) error {
			return errors.Join(os.RemoveAll(at(".")), os.WriteFile(at("."), nil, 0o600))
		}, []manifest.Difference{{".", manifest.Type}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := tree(t)
			m := take(t, root)
			if err := tt.change(func(name string) string { return filepath.Join(root, name) }); err != nil {
				t.Fatal(err)
			}
			diffs, err := m.Compare(t.Context(), root)
			if err != nil {
				t.Fatal(err)
			}
			bad, _, err := m.Settle(t.Context(), root, diffs)
			if diff := cmp.Diff(tt.want, bad); diff != "" || err != nil {
				t.Errorf("looked at: %v %s", err, diff)
			}
			bad, _, err = m.Verify(t.Context(), root)
			if diff := cmp.Diff(tt.want, bad); diff != "" || err != nil {
				t.Errorf("read: %v %s", err, diff)
			}
		})
	}
}

// A copy is touched, but the same; what Settle gives knows it from then on.
func TestTouchedIsNoDamage(t *testing.T) {
	root := tree(t)
	m := take(t, root)
	name := filepath.Join(root, "usr/lib/libc.so.6")
	copied := filepath.Join(root, "copy")
	if err := errors.Join(os.WriteFile(copied, []byte("the C library"), 0o600), os.Chmod(copied, 0o755), os.Rename(copied, name)); err != nil {
		t.Fatal(err)
	}
	diffs, err := m.Compare(t.Context(), root)
	if diff := cmp.Diff([]manifest.Difference{
		{".", manifest.Touched}, {"usr/lib", manifest.Touched}, {"usr/lib/libc.so.6", manifest.Touched},
	}, diffs); diff != "" || err != nil {
		t.Fatal(err, diff)
	}
	bad, now, err := m.Settle(t.Context(), root, diffs)
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	if again, err := now.Compare(t.Context(), root); err != nil || len(again) > 0 || now.Digest() != m.Digest() {
		t.Errorf("once settled: %v, %v", again, err)
	}
}

// Update reads only what changed, and what changed too shortly before to tell.
func TestUpdate(t *testing.T) {
	root := tree(t)
	time.Sleep(100 * time.Millisecond)
	m := take(t, root)
	if err := os.WriteFile(filepath.Join(root, "a b"), []byte("with A space"), 0o600); err != nil {
		t.Fatal(err)
	}
	now, err := manifest.Update(t.Context(), root, m)
	if err != nil {
		t.Fatal(err)
	}
	fresh := take(t, root)
	if diff := cmp.Diff(fresh.Entries(), now.Entries()); diff != "" || now.Digest() != fresh.Digest() || now.Digest() == m.Digest() {
		t.Errorf("updated and taken differ: %s", diff)
	}
}

func TestDigestIsOfContentAlone(t *testing.T) {
	a, b := tree(t), tree(t)
	if err := os.Chtimes(filepath.Join(b, "a b"), time.Now(), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if one, two := take(t, a).Digest(), take(t, b).Digest(); one != two {
		t.Errorf("%s and %s", one, two)
	}
}

// Whatever bit of a manifest's bytes is flipped, it is refused.
func TestDamagedManifest(t *testing.T) {
	whole := take(t, tree(t)).Bytes()
	for i := range whole {
		bad := append([]byte{}, whole...)
		bad[i] ^= 1 << (i % 8)
		if _, err := manifest.Parse(bad); !errors.Is(err, manifest.ErrDamaged) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		if _, err := manifest.Parse(whole[:i]); !errors.Is(err, manifest.ErrDamaged) {
			t.Fatalf("cut after %d bytes: %v", i, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	root := f.TempDir()
	if err := os.WriteFile(filepath.Join(root, "file"), []byte("content"), 0o600); err != nil {
		f.Fatal(err)
	}
	m, err := manifest.Take(f.Context(), root)
	if err != nil {
		f.Fatal(err)
	}
	whole := m.Bytes()
	f.Add(whole[:len(whole)-32])
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := manifest.Parse(manifest.Seal(body))
		if err == nil && m.Len() > len(body) {
			t.Errorf("%d entries out of %d bytes", m.Len(), len(body))
		}
	})
}

func BenchmarkCompare(b *testing.B) {
	root := os.Getenv("DRAM_BENCH_TREE") // a real one, unpacked
	if root == "" {
		root = b.TempDir()
	}
	m, err := manifest.Take(b.Context(), root)
	if err != nil {
		b.Fatal(err)
	}
	whole := m.Bytes()
	b.Logf("%d files, %d bytes", m.Len(), len(whole))
	before := cpu(b)
	for b.Loop() {
		m, err := manifest.Parse(whole)
		if err != nil {
			b.Fatal(err)
		}
		if diffs, err := m.Compare(b.Context(), root); err != nil || len(diffs) > 0 {
			b.Fatal(diffs, err)
		}
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op") // what others do does not show in it
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
