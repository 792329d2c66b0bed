// Package untar unpacks tar archives of unknown origin into a directory: image
// layers (OCI image-layer specification, whiteouts included), releases, and the
// files of packages. It reads ustar, PAX and GNU archives (archive/tar), already
// decompressed.
//
// Nothing is written outside the directory, whatever names and links the
// archive holds: links are followed as if the directory were the root, by
// absolute targets and ".." too, and every call to the system goes through
// os.Root. Bytes, entries and the length of names are limited. It works as an
// ordinary user: owners are not set, set-user-id bits and extended attributes
// are dropped, devices and pipes are left out and reported. Modes are set
// explicitly, so that the umask does not matter; those of directories come
// last, so that what lies in an unwritable one can be written.
//
// Of layers, an entry replaces what is there, but a directory keeps what is in it.
// Packages (Options.Owner) never replace a directory, and one of two decides a
// path, which must not depend on which comes first: where it would, that is
// ErrConflict.
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
	"strings"
	"syscall"

	"dram/internal/fsutil"
	"dram/internal/problem"
	"dram/internal/store"
)

// ErrLimit is what an archive that passes a limit ends in, ErrName one with a
// name or link that no sound archive has, ErrConflict one that cannot be in a tree
// beside another.
var (
	ErrLimit    = errors.New("archive is too large")
	ErrName     = errors.New("archive has an unsafe name")
	ErrConflict = errors.New("packages cannot both have a path")
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
	// Owner has the archive be one of several that fill the tree in any order. Nil:
	// it is a layer over those before it.
	Owner *Owner
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

// Extract unpacks the archive in r into the empty directory dir.
func Extract(ctx context.Context, r io.Reader, dir string, opts Options) (Result, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Result{}, fmt.Errorf("opening %q to unpack into: %w", dir, err)
	}
	defer func() { _ = root.Close() }() // only a handle
	t, err := NewTree(root)
	if err != nil {
		return Result{}, err
	}
	result, err := t.Extract(ctx, r, opts)
	if err != nil {
		return result, err // and no time is spent on the modes of what is to be removed
	}
	return result, t.Finish()
}

// Extract unpacks the archive in r into a tree, over what is there.
func (t *Tree) Extract(ctx context.Context, r io.Reader, opts Options) (Result, error) {
	w := t.Writer(opts)
	defer w.Close()
	err := w.Each(ctx, r, w.Entry)
	return w.result, err
}

// Each has take look at each entry of an archive, within the writer's bounds.
func (w *Writer) Each(ctx context.Context, r io.Reader, take func(*tar.Header, io.Reader) error) error {
	// Headers count too: an archive of nothing but headers must end.
	raw := &limited{r: store.WithContext(ctx, r), left: w.opts.MaxBytes + int64(w.opts.MaxEntries)*4096}
	for tr := tar.NewReader(raw); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = w.bound(h)
		}
		if err != nil {
			return damaged(fmt.Errorf("reading archive: %w", err))
		}
		if err := take(h, tr); err != nil {
			return damaged(fmt.Errorf("unpacking %.200q: %w", h.Name, err))
		}
	}
}

// bound counts an entry by what its header promises, so that a bomb is cut before
// anything of it is written.
func (w *Writer) bound(h *tar.Header) error {
	if err := w.count(len(h.Name) + len(h.Linkname)); err != nil {
		return err
	}
	if h.Size < 0 || h.Size > w.opts.MaxBytes-w.result.Bytes {
		return fmt.Errorf("%w: it is larger than %d bytes", ErrLimit, w.opts.MaxBytes)
	}
	if regular(h) {
		w.result.Bytes += h.Size
	}
	return nil
}

// count counts an entry, or a directory that no entry but the names of others
// ask for, with a name of n bytes.
func (w *Writer) count(n int) error {
	if w.result.Entries++; w.result.Entries > w.opts.MaxEntries {
		return fmt.Errorf("%w: it has more than %d entries", ErrLimit, w.opts.MaxEntries)
	}
	if w.names += n; w.names > maxNames {
		return fmt.Errorf("%w: names of more than %d bytes", ErrLimit, maxNames)
	}
	return nil
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

// CheckEntry refuses an entry whose name or link no sound archive of a release has, as
// Extract with LinksInside does, for who only reads it.
func CheckEntry(h *tar.Header) error {
	names := []string{h.Name}
	if h.Typeflag == tar.TypeLink {
		names = append(names, h.Linkname)
	}
	for _, name := range names {
		elems, err := elements(name)
		if err == nil && h.Typeflag == tar.TypeSymlink {
			err = checkLink(strings.Join(elems, "/"), h.Linkname, Options{LinksInside: true})
		}
		if err != nil {
			return damaged(fmt.Errorf("unpacking %.200q: %w", h.Name, err))
		}
	}
	return nil
}

// checkLink refuses a symbolic link that is none, or that leads out where that is not
// allowed.
func checkLink(name, target string, opts Options) error {
	if target == "" || len(target) > maxName || strings.ContainsRune(target, 0) {
		return fmt.Errorf("%w: a malformed symbolic link, with a target of %d bytes", ErrName, len(target))
	}
	if opts.LinksInside && !fsutil.LinkStays(name, target) {
		return fmt.Errorf("%w: a link to %.200q, outside the archive", ErrName, target)
	}
	return nil
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
