package upstream

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"dram/internal/problem"
	"dram/internal/untar"
)

type member struct {
	name, body string
	mode       fs.FileMode
}

func tarOf(t *testing.T, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Typeflag: tar.TypeReg, Mode: int64(m.mode.Perm()), Size: int64(len(m.body))}
		if m.mode&fs.ModeSymlink != 0 {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, m.body, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(m.body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gz(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func xzOf(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := xz.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipOf(t *testing.T, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		h.SetMode(m.mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(m.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpacked is what Unpack makes of the bytes of a file.
func unpacked(t *testing.T, w Wanted, name string, raw []byte) (string, error) {
	t.Helper()
	c := client(t, "")
	d, _, err := c.Store.PutBlob(t.Context(), bytes.NewReader(raw), "")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return dir, c.Unpack(t.Context(), w, File{Name: name, Version: w.Version, Digest: d}, dir)
}

func tree(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// All that a place may hold is unpacked alike: without the directory around it.
func TestUnpack(t *testing.T) {
	source := tarOf(t, member{"otp_src_27.2/OTP_VERSION", "27.2\n", 0o644}, member{"otp_src_27.2/erts/configure", "#!/bin/sh\n", 0o755}, member{"otp_src_27.2/otp_src_27.2/x", "", 0o644})
	beams := zipOf(t, member{"bin/", "", 0o755 | fs.ModeDir}, member{"bin/elixir", "#!/bin/sh\n", 0o755}, member{"VERSION", "1.18.1", 0o644}, member{"lib/elixir/ebin/elixir.app", "x", 0o600}, member{"bin/link", "/etc/passwd", 0o777 | fs.ModeSymlink})
	for _, tt := range []struct {
		name string
		w    Wanted
		raw  []byte
		want string
	}{
		{"otp_src_27.2.tar.gz", otp272, gz(t, source), "OTP_VERSION erts/configure otp_src_27.2/x"},
		{"otp_src_27.2.tar.xz", otp272, xzOf(t, source), "OTP_VERSION erts/configure otp_src_27.2/x"},
		{"elixir-1.18.1-otp-27.zip", elixir, beams, "VERSION bin/elixir lib/elixir/ebin/elixir.app"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := unpacked(t, tt.w, tt.name, tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			if got := tree(t, dir); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// What is not what it is called, or is hostile, is an error and stays inside.
func TestUnpackHostile(t *testing.T) {
	version := member{"x/OTP_VERSION", "27.2\n", 0o644}
	bomb := strings.Repeat("\x00", 1<<20)
	for _, tt := range []struct {
		name, file string
		w          Wanted
		raw        []byte
		says       string
	}{
		{"another version", "o.tar.gz", otp272, gz(t, tarOf(t, member{"x/OTP_VERSION", "26.0\n", 0o644})), `it is Erlang/OTP "26.0"`},
		{"no version", "o.tar.gz", otp272, gz(t, tarOf(t, member{"x/README", "", 0o644})), "it is no Erlang/OTP"},
		{"a version that is a link", "o.tar.gz", otp272, gz(t, tarOf(t, member{"x/OTP_VERSION", "/etc/hostname", fs.ModeSymlink | 0o777})), "it is no Erlang/OTP"},
		{"up", "o.tar.gz", otp272, gz(t, tarOf(t, version, member{"../evil", "x", 0o644})), "unsafe name"},
		{"no archive", "o.tar.gz", otp272, []byte("<html>404</html>"), "neither gzip nor xz"},
		{"empty", "o.tar.gz", otp272, nil, "EOF"},
		{"cut short", "o.tar.gz", otp272, gz(t, tarOf(t, version))[:60], "EOF"},
		{"no zip", "e.zip", elixir, []byte("PK"), "zip"},
		{"up in a zip", "e.zip", elixir, zipOf(t, member{"../evil", "x", 0o644}), "unsafe name"},
		{"a zip of another Elixir", "e.zip", elixir, zipOf(t, member{"VERSION", "1.17.0", 0o644}), `it is Elixir "1.17.0"`},
		{"a zip that ends early", "e.zip", elixir, spoiled(zipOf(t, member{"VERSION", "1.18.1" + bomb, 0o644})), "VERSION"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := unpacked(t, tt.w, tt.file, tt.raw)
			if problem.Code(err) != 1 || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("err = %v", err)
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "evil")); err == nil {
				t.Error("it got out")
			}
		})
	}
}

// spoiled is a zip whose first member's content is not what it was.
func spoiled(raw []byte) []byte {
	at := bytes.Index(raw, []byte("VERSION")) + len("VERSION") + 4
	for i := range 40 {
		raw[at+i] ^= 0xff
	}
	return raw
}

// What a zip unpacks to is bounded, whatever its members say of themselves.
func TestUnzipIsBounded(t *testing.T) {
	raw := zipOf(t, member{"a", strings.Repeat("\x00", 1<<20), 0o644}, member{"b", "", 0o644}, member{"c", "", 0o644})
	at := filepath.Join(t.TempDir(), "z")
	if err := os.WriteFile(at, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, opts := range []untar.Options{{MaxBytes: 1 << 19, MaxEntries: 10}, {MaxBytes: 1 << 30, MaxEntries: 2}} {
		f, err := os.Open(at)
		if err != nil {
			t.Fatal(err)
		}
		if err := unzip(t.Context(), f, t.TempDir(), opts); !errors.Is(err, untar.ErrLimit) {
			t.Errorf("%+v: %v", opts, err)
		}
		_ = f.Close()
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add("x.zip", []byte("PK\x05\x06"+strings.Repeat("\x00", 18)))
	f.Add("x.tar.gz", []byte("\x1f\x8b\x08"))
	f.Add("x.tar.xz", []byte("\xfd7zXZ\x00"))
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "in")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		opened, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = opened.Close() }()
		opts := untar.Options{MaxBytes: 1 << 20, MaxEntries: 100}
		if strings.HasSuffix(name, ".zip") {
			_ = unzip(t.Context(), opened, dir, opts)
		} else {
			_ = untarball(t.Context(), opened, dir, opts)
		}
		if got, err := os.ReadDir(outer); err != nil || len(got) != 1 {
			t.Errorf("it got out: %v, %v", got, err)
		}
	})
}
