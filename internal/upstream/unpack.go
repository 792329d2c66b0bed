package upstream

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/therootcompany/xz"

	"dram/internal/fsutil"
	"dram/internal/problem"
	"dram/internal/untar"
)

const (
	maxUnpacked = 2 << 30 // bytes; Erlang/OTP has some 400 MB
	maxEntries  = 100_000 // it has 13,000
	maxXZ       = 128 << 20
)

// Unpack unpacks a file that was fetched into an empty directory, without the one
// directory that sources lie in, and sees that it is the version it is called.
func (c *Client) Unpack(ctx context.Context, w Wanted, f File, dir string) error {
	err := c.unpack(ctx, f, dir)
	if err == nil {
		err = unwrap(dir)
	}
	if err == nil {
		err = is(w, dir)
	}
	if err != nil && ctx.Err() == nil {
		return problem.New(problem.Failure, "fetch it from elsewhere: it is not what its name says", "unpacking %s: %w", f.Name, err)
	}
	return err
}

func (c *Client) unpack(ctx context.Context, f File, dir string) error {
	opts := untar.Options{MaxBytes: maxUnpacked, MaxEntries: maxEntries}
	if strings.HasSuffix(f.Name, ".zip") {
		raw, err := fsutil.Open(c.Store.BlobPath(f.Digest))
		if err != nil {
			return err
		}
		defer func() { _ = raw.Close() }() // only read
		return unzip(ctx, raw, dir, opts)
	}
	raw, err := c.Open(f)
	if err != nil {
		return err
	}
	defer func() { _ = raw.Close() }() // only read
	return untarball(ctx, raw, dir, opts)
}

// untarball unpacks a tar, compressed by gzip or xz.
func untarball(ctx context.Context, raw io.Reader, dir string, opts untar.Options) error {
	br := bufio.NewReaderSize(raw, 1<<16)
	magic, err := br.Peek(6)
	if err != nil {
		return err
	}
	var body io.Reader
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		body, err = gzip.NewReader(br)
	case bytes.Equal(magic, []byte("\xfd7zXZ\x00")):
		body, err = xz.NewReader(br, maxXZ)
	default:
		err = errors.New("it is neither gzip nor xz")
	}
	if err != nil {
		return err
	}
	_, err = untar.Extract(ctx, body, dir, opts)
	return err
}

// unzip unpacks a zip by way of a tar, so that one place keeps names and links
// inside and counts.
func unzip(ctx context.Context, raw *os.File, dir string, opts untar.Options) error {
	info, err := raw.Stat()
	if err != nil {
		return err
	}
	z, err := zip.NewReader(raw, info.Size())
	if err != nil {
		return err
	}
	if len(z.File) > opts.MaxEntries {
		return fmt.Errorf("%w: it has %d entries", untar.ErrLimit, len(z.File))
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(asTar(z, w)) }()
	_, err = untar.Extract(ctx, r, dir, opts)
	_ = r.Close() // ends who writes
	return err
}

// asTar writes the files of a zip as a tar. What is no file and no directory is left
// out: compiled modules and their scripts are files.
func asTar(z *zip.Reader, out io.Writer) error {
	w := tar.NewWriter(out)
	for _, f := range z.File {
		info := f.FileInfo()
		h := &tar.Header{Name: f.Name, Typeflag: tar.TypeReg, Mode: int64(info.Mode().Perm() | 0o644), Size: int64(f.UncompressedSize64)}
		switch {
		case strings.HasSuffix(f.Name, "/"):
			h.Typeflag, h.Size, h.Mode = tar.TypeDir, 0, 0o755
		case !info.Mode().IsRegular() || h.Size < 0:
			continue
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		body, err := f.Open()
		if err != nil {
			return err
		}
		_, err = io.Copy(w, body) //nolint:gosec // who reads the tar counts bytes and ends it
		if err = errors.Join(err, body.Close()); err != nil {
			return fmt.Errorf("%q: %w", f.Name, err)
		}
	}
	return w.Close()
}

// unwrap moves what lies in the one directory of dir up into dir.
func unwrap(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only a handle
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil || len(entries) != 1 || !entries[0].IsDir() {
		return err
	}
	const aside = ".unwrapping"
	if err := root.Rename(entries[0].Name(), aside); err != nil {
		return err
	}
	inner, err := fs.ReadDir(root.FS(), aside)
	if err != nil {
		return err
	}
	for _, e := range inner {
		if err := root.Rename(aside+"/"+e.Name(), e.Name()); err != nil {
			return err
		}
	}
	return root.Remove(aside)
}

// is says whether what was unpacked is the version that was wanted, by what it says
// itself.
func is(w Wanted, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only read from
	name := map[Software]string{OTP: "OTP_VERSION", Elixir: "VERSION"}[w.Software]
	raw, err := fsutil.ReadIn(root, name, 4<<10)
	if err != nil {
		return fmt.Errorf("it is no %s: %w", w.Software.Title(), err)
	}
	if got := strings.TrimSpace(string(raw)); got != w.Version {
		return fmt.Errorf("it is %s %q", w.Software.Title(), got)
	}
	return nil
}
