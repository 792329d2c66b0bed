// Package untar unpacks tar archives of unknown origin into a directory: image
// layers (OCI image-layer specification, whiteouts included) and releases. It
// reads ustar, PAX and GNU archives (archive/tar), already decompressed.
//
// Nothing is written outside the directory, whatever names and links the
// archive holds: links are followed as if the directory were the root, by
// absolute targets and ".." too, and every call to the system goes through
// os.Root. Bytes, entries and the length of names are limited. It works as an
// ordinary user: owners are not set, set-user-id bits and extended attributes
// are dropped, devices and pipes are left out and reported. Modes are set
// explicitly, so that the umask does not matter; those of directories come
// last, so that what lies in an unwritable one can be written. An entry
// replaces what is there, but a directory keeps what is in it.
//
// After an error the directory holds a part of the archive, and is the
// caller's to remove.
package untar

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"syscall"

	"dram/internal/problem"
	"dram/internal/store"
)

// ErrLimit is what an archive that passes a limit ends in, ErrName one with a
// name or link that no sound archive has.
var (
	ErrLimit = errors.New("archive is too large")
	ErrName  = errors.New("archive has an unsafe name")
)

// Options says what is allowed and how entries are understood. Zero limits
// mean the defaults given.
type Options struct {
	MaxBytes   int64 // of all files, default 16 GiB
	MaxEntries int   // default 1,000,000
	// Whiteouts makes ".wh.NAME" remove what earlier archives unpacked as NAME,
	// and ".wh..wh..opq" all that they unpacked in its directory.
	Whiteouts bool
	// LinksInside refuses symbolic links with targets outside the archive,
	// absolute ones included. Without it they are made as they are: whoever
	// reads the tree must follow them as if it were the root.
	LinksInside bool
}

// Result is what was unpacked.
type Result struct {
	Entries int // directories that the archive does not list included
	Bytes   int64
	Skipped []Skipped
}

// Skipped is an entry that was left out.
type Skipped struct {
	Path string
	Kind string // "character device", "block device" or "named pipe"
}

// The limits that no option changes.
const (
	maxName  = 4096      // bytes, as in Linux
	maxDepth = 200       // directories
	maxNames = 256 << 20 // bytes of all names together
)

// Extract unpacks the archive in r into the existing directory dir.
func Extract(ctx context.Context, r io.Reader, dir string, opts Options) (Result, error) {
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = 16 << 30
	}
	if opts.MaxEntries <= 0 {
		opts.MaxEntries = 1_000_000
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Result{}, fmt.Errorf("opening %q to unpack into: %w", dir, err)
	}
	defer func() { _ = root.Close() }() // only a handle
	// Headers count too: an archive of nothing but headers must end.
	raw := &limited{r: store.WithContext(ctx, r), left: opts.MaxBytes + int64(opts.MaxEntries)*4096}
	x := &extractor{
		opts: opts, root: root, known: &node{}, dirs: map[string]string{}, buf: make([]byte, 256<<10),
	}
	defer x.leave()
	if err := x.all(tar.NewReader(raw)); err != nil {
		return x.result, err // and no time is spent on the modes of what is to be removed
	}
	return x.result, x.finish()
}

// Bounded is r, failing once it gives more than n bytes.
func Bounded(r io.Reader, n int64) io.Reader { return &limited{r: r, left: n} }

type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n, fmt.Errorf("%w: it unpacks to more than it may", ErrLimit)
	}
	return n, err
}

func (x *extractor) all(tr *tar.Reader) error {
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return damaged(fmt.Errorf("reading archive: %w", err))
		}
		if err := x.count(len(h.Name) + len(h.Linkname)); err != nil {
			return damaged(fmt.Errorf("reading archive: %w", err))
		}
		if err := x.entry(h, tr); err != nil {
			return damaged(fmt.Errorf("unpacking %.200q: %w", h.Name, err))
		}
	}
}

// count counts an entry, or a directory that no entry but the names of others
// ask for, with a name of n bytes.
func (x *extractor) count(n int) error {
	if x.result.Entries++; x.result.Entries > x.opts.MaxEntries {
		return fmt.Errorf("%w: more than %d entries", ErrLimit, x.opts.MaxEntries)
	}
	if x.names += n; x.names > maxNames {
		return fmt.Errorf("%w: names of more than %d bytes", ErrLimit, maxNames)
	}
	return nil
}

// damaged gives faults of the archive a hint; others, such as a full disk,
// keep their own.
func damaged(err error) error {
	if errors.Is(err, ErrLimit) || errors.Is(err, ErrName) || errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		return problem.New(problem.Failure, "the archive is damaged or hostile: get it anew, from a source that you trust", "%w", err)
	}
	if errors.Is(err, syscall.ENOSPC) {
		return problem.New(problem.Environment, "make room on that disk, or point the cache at another one", "%w", err)
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return problem.New(problem.Environment, "allow more open files: ulimit -n 4096", "%w", err)
	}
	return err
}

// elements is a name's elements. An absolute name means the same inside the
// root; ".." has no place in an archive.
func elements(name string) ([]string, error) {
	if len(name) > maxName || strings.ContainsRune(name, 0) {
		return nil, fmt.Errorf("%w: %d bytes long, or with a NUL", ErrName, len(name))
	}
	var out []string
	for e := range strings.SplitSeq(name, "/") {
		switch e {
		case "", ".":
		case "..":
			return nil, fmt.Errorf("%w: it holds \"..\"", ErrName)
		default:
			out = append(out, e)
		}
	}
	if len(out) > maxDepth {
		return nil, fmt.Errorf("%w: more than %d directories deep", ErrName, maxDepth)
	}
	return out, nil
}

// entry unpacks one entry.
func (x *extractor) entry(h *tar.Header, r io.Reader) error {
	elems, err := elements(h.Name)
	if err != nil || len(elems) == 0 {
		return err // the top itself is the caller's directory
	}
	base := elems[len(elems)-1]
	dir, err := x.dir(elems[:len(elems)-1])
	if err != nil {
		return err
	}
	if err := x.enter(dir); err != nil {
		return err
	}
	if x.opts.Whiteouts && strings.HasPrefix(base, ".wh.") {
		return x.whiteout(dir, strings.TrimPrefix(base, ".wh."))
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeRegA, tar.TypeCont, tar.TypeGNUSparse: //nolint:staticcheck // TypeRegA is what old archives hold
		err = x.file(dir, base, h, r)
	case tar.TypeDir:
		err = x.mkdir(dir, base, h)
	case tar.TypeSymlink:
		err = x.symlink(dir, base, h.Linkname)
	case tar.TypeLink:
		err = x.hardlink(dir, base, h.Linkname)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		kind := map[byte]string{tar.TypeChar: "character device", tar.TypeBlock: "block device", tar.TypeFifo: "named pipe"}
		x.result.Skipped = append(x.result.Skipped, Skipped{path.Join(dir, base), kind[h.Typeflag]})
		return nil
	case tar.TypeXGlobalHeader:
		return nil
	default:
		return fmt.Errorf("%w: entries of type %q are not known", tar.ErrHeader, h.Typeflag)
	}
	if err == nil {
		x.known.make(path.Join(dir, base))
	}
	return err
}
