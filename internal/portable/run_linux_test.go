package portable

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const script = "#!/bin/sh\necho \"$0|$*|$RELEASE\"; cat \"${0%/*}/../lib/data\" | cksum\n"

// packed writes an executable of a release with a script and some megabytes of data,
// in members of every kind of block, and gives its path.
func packed(t testing.TB) string {
	t.Helper()
	noise := make([]byte, 300_000)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(noise)
	text := bytes.Repeat([]byte("the same words again and again, nearly: "), 40_000)
	for i := 0; i < len(text); i += 997 {
		text[i] = noise[i%len(noise)]
	}
	files := []struct {
		name, link string
		mode       int64
		content    []byte
	}{
		{"bin/", "", 0o755, nil},
		{"bin/hello", "", 0o755, []byte(script)},
		{"lib/data", "", 0o644, append(noise, text...)},
		{"lib/empty", "", 0o600, nil},
		{"lib/link", "data", 0o777, nil},
		{"lib/" + strings.Repeat("long/", 40) + "name", "", 0o644, []byte("x")},
		{"lib/one", "", 0o644, []byte("1")},
	}
	var whole bytes.Buffer
	for i, level := range []int{gzip.NoCompression, gzip.HuffmanOnly, gzip.BestCompression, gzip.BestSpeed, gzip.DefaultCompression, gzip.BestCompression, gzip.BestCompression} {
		z, err := gzip.NewWriterLevel(&whole, level)
		if err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(z)
		h := &tar.Header{Name: files[i].name, Linkname: files[i].link, Mode: files[i].mode, Size: int64(len(files[i].content)), ModTime: time.Unix(1, 0)}
		if files[i].link != "" {
			h.Typeflag = tar.TypeSymlink
		}
		_ = w.WriteHeader(h)
		_, _ = w.Write(files[i].content)
		if i == len(files)-1 {
			err = w.Close()
		} else {
			err = w.Flush()
		}
		if err := errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256(whole.Bytes())
	p := Payload{
		Tarball: io.NewSectionReader(bytes.NewReader(whole.Bytes()), 0, int64(whole.Len())), Digest: hex.EncodeToString(sum[:]), Name: "hello", Arch: runtime.GOARCH,
	}
	var out bytes.Buffer
	if err := p.Pack(&out); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "a hello")
	if err := os.WriteFile(file, out.Bytes(), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	return file
}

// start runs it with a cache, and gives what it says and its exit code.
func start(t testing.TB, file, cache string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(file, args...)
	cmd.Env = []string{"XDG_CACHE_HOME=" + cache, "RELEASE=own", "PATH=/usr/bin:/bin"}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// unpacked is the folder of the release in a cache.
func unpacked(t testing.TB, cache string) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(cache, "dram-run", "hello-*"))
	for _, d := range dirs {
		if !strings.HasSuffix(d, ".lock") {
			return d
		}
	}
	t.Fatalf("nothing is unpacked in %s: %v", cache, err)
	return ""
}

// right is what a start says that went well.
func right(t testing.TB, file, cache string) {
	t.Helper()
	out, code := start(t, file, cache, "start", "a b")
	want, _ := start(t, file, t.TempDir(), "start", "a b")
	_, want, _ = strings.Cut(want, "|")
	if at, rest, _ := strings.Cut(out, "|"); code != 0 || at != filepath.Join(unpacked(t, cache), "bin/hello") || rest != want {
		t.Fatalf("exit %d: %q, want …%q", code, out, want)
	}
}

// tree is the files of a folder by name: mode, content, inode and time.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(p)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, p)
		out[name] = fmt.Sprint(info.Mode(), " ", info.Sys().(*syscall.Stat_t).Ino)
		switch {
		case info.Mode().IsRegular():
			raw, err := os.ReadFile(p)
			out[name] += fmt.Sprintf(" %x %v", sha256.Sum256(raw), info.ModTime().Unix())
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(p)
			out[name] += to
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRun(t *testing.T) {
	file, cache := packed(t), filepath.Join(t.TempDir(), "no/cache yet")
	right(t, file, cache)
	first := tree(t, unpacked(t, cache))
	if len(first) != 9+40 || !strings.HasPrefix(first["lib/link"], "L") || !strings.HasPrefix(first["lib/empty"], "-rw-------") {
		t.Errorf("%d files: %v", len(first), first)
	}
	right(t, file, cache)
	if again := tree(t, unpacked(t, cache)); fmt.Sprint(again) != fmt.Sprint(first) {
		t.Error("the second start wrote something")
	}
	if out, code := start(t, file, cache); code != 0 || !strings.Contains(out, "||own") {
		t.Errorf("without arguments: exit %d: %s", code, out)
	}
}

// What of the cache is not as it was unpacked is unpacked again, that alone.
func TestRunRepairs(t *testing.T) {
	file, cache := packed(t), t.TempDir()
	right(t, file, cache)
	dir := unpacked(t, cache)
	for name, damage := range map[string]func() error{
		"a file is gone":    func() error { return os.Remove(filepath.Join(dir, "lib/data")) },
		"a file is cut off": func() error { return os.Truncate(filepath.Join(dir, "lib/data"), 7) },
		"a file was changed": func() error {
			return os.WriteFile(filepath.Join(dir, "bin/hello"), []byte(strings.Replace(script, "own", "OWN", 1)), 0o755)
		}, //nolint:gosec // a program
		"a mode was changed": func() error { return os.Chmod(filepath.Join(dir, "bin/hello"), 0o644) }, //nolint:gosec // likewise
		"a link leads elsewhere": func() error {
			return errors.Join(os.Remove(filepath.Join(dir, "lib/link")), os.Symlink("/etc/passwd", filepath.Join(dir, "lib/link")))
		},
		"a file is a link": func() error {
			return errors.Join(os.Remove(filepath.Join(dir, "lib/one")), os.Symlink("/etc/passwd", filepath.Join(dir, "lib/one")))
		},
		"a file is a folder": func() error {
			return errors.Join(os.Remove(filepath.Join(dir, "lib/one")), os.Mkdir(filepath.Join(dir, "lib/one"), 0o700))
		},
		"a folder is gone": func() error { return os.RemoveAll(filepath.Join(dir, "lib")) },
		"a folder is a file": func() error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "bin")), os.WriteFile(filepath.Join(dir, "bin"), nil, 0o600))
		},
		"a start before was killed": func() error {
			return errors.Join(os.Remove(filepath.Join(dir, "lib/one")), os.WriteFile(filepath.Join(dir, "lib/one.dram-new"), []byte("y"), 0o600))
		},
		"all of it is gone":        func() error { return os.RemoveAll(dir) },
		"it and its lock are gone": func() error { return os.RemoveAll(filepath.Dir(dir)) },
		"a folder leads out of here": func() error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "lib")), os.Symlink(t.TempDir(), filepath.Join(dir, "lib")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := tree(t, dir)
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			right(t, file, cache)
			after := tree(t, dir)
			if len(after) != len(before) {
				t.Errorf("%d files, not %d", len(after), len(before))
			}
			for name, was := range before {
				mode, rest, _ := strings.Cut(was, " ")
				_, content, _ := strings.Cut(rest, " ")
				if !strings.HasPrefix(after[name], mode) || !strings.HasSuffix(after[name], content) {
					t.Errorf("%s is %q, was %q", name, after[name], was)
				}
			}
		})
	}
}

// Starts that are killed while they unpack, and many at once, leave nothing behind
// that the next would fall for.
func TestRunAtOnce(t *testing.T) {
	file, cache := packed(t), t.TempDir()
	for i := range 12 {
		cmd := exec.Command(file)
		cmd.Env = []string{"XDG_CACHE_HOME=" + cache}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i) * 2 * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if out, code := start(t, file, cache, "x"); code != 0 || !strings.Contains(out, "|x|own") {
				t.Errorf("exit %d: %s", code, out)
			}
		})
	}
	group.Wait()
	right(t, file, cache)
	if left, _ := filepath.Glob(filepath.Join(unpacked(t, cache), "*/*.dram-new")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What is wrong is named, with what to set.
func TestRunRefuses(t *testing.T) {
	file := packed(t)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(change func([]byte) []byte) string {
		at := filepath.Join(t.TempDir(), "hello")
		if err := os.WriteFile(at, change(bytes.Clone(whole)), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		return at
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := errors.Join(os.MkdirAll(filepath.Join(open, "dram-run"), 0o700), os.Chmod(filepath.Join(open, "dram-run"), 0o777)); err != nil { //nolint:gosec // what is refused
		t.Fatal(err)
	}
	linked := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(linked, "dram-run")); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		file string
		env  []string
		says string
	}{
		"no cache":             {file, nil, "neither XDG_CACHE_HOME nor HOME names a folder; set XDG_CACHE_HOME"},
		"a relative one":       {file, []string{"XDG_CACHE_HOME=x"}, "neither XDG_CACHE_HOME nor HOME"},
		"a file":               {file, []string{"XDG_CACHE_HOME=" + file}, "cannot make the folder"},
		"everybody's":          {file, []string{"XDG_CACHE_HOME=" + open}, "is no folder of yours that you alone can write; set XDG_CACHE_HOME"},
		"a link":               {file, []string{"XDG_CACHE_HOME=" + linked}, "is no folder of yours"},
		"a colon":              {file, []string{"HOME=/tmp/a:b"}, "colon or semicolon"},
		"too long":             {file, []string{"HOME=/tmp/" + strings.Repeat("x", 5000)}, "too long"},
		"nowhere to write":     {file, []string{"HOME=/proc/self"}, "cannot make the folder /proc/self/.cache"},
		"cut off":              {changed(func(b []byte) []byte { return b[:len(b)-1000] }), []string{"HOME=" + t.TempDir()}, "its end is missing; fetch it again"},
		"a byte of its data":   {changed(func(b []byte) []byte { b[len(b)/2] ^= 1; return b }), []string{"HOME=" + t.TempDir()}, "it is damaged; fetch it again"},
		"a byte of its header": {changed(func(b []byte) []byte { b[bytes.Index(b, []byte("\x1f\x8b\x08"))] ^= 1; return b }), []string{"HOME=" + t.TempDir()}, "it is damaged; fetch it again"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(tt.file, "start")
			cmd.Env = append(tt.env, "PATH=/usr/bin:/bin")
			out, err := cmd.CombinedOutput()
			if err == nil || cmd.ProcessState.ExitCode() != 126 || !strings.Contains(string(out), tt.says) || !strings.HasPrefix(string(out), tt.file+": ") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// A cache that cannot be written serves a release that is in it; one where no program
// starts is named.
func TestRunWhereNothingIsWritten(t *testing.T) {
	file, cache := packed(t), t.TempDir()
	right(t, file, cache)
	for name, tt := range map[string]struct{ mount, says string }{
		"read-only, complete": {"mount --bind '" + cache + "' '" + cache + "' && mount -o remount,bind,ro '" + cache + "'", "|x|"},
		"read-only, empty":    {"mount -t tmpfs -o ro tmpfs '" + cache + "'", "cannot make the folder " + cache + "/dram-run (error 030); set XDG_CACHE_HOME"},
		"noexec":              {"mount --bind '" + cache + "' '" + cache + "' && mount -o remount,bind,noexec '" + cache + "'", "which is mounted noexec; set XDG_CACHE_HOME to a folder elsewhere"},
		"full":                {"mount -t tmpfs -o size=200k tmpfs '" + cache + "'", "the disk is full; make room, or set XDG_CACHE_HOME"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", tt.mount+` && XDG_CACHE_HOME='`+cache+`' exec "$0" x`, file)
			out, _ := cmd.CombinedOutput() // what it says tells
			if !strings.Contains(string(out), tt.says) {
				t.Errorf("%s", out)
			}
		})
	}
}

func FuzzTarball(f *testing.F) {
	whole, err := os.ReadFile(packed(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole[len(whole)-400:])
	f.Add(whole[len(whole)-256:])
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := Tarball(bytes.NewReader(b), int64(len(b)))
		if !ok {
			return
		}
		if n, err := io.Copy(io.Discard, r); err != nil || n != r.Size() || n > int64(len(b)) {
			t.Errorf("%d of %d bytes: %v", n, r.Size(), err)
		}
	})
}
