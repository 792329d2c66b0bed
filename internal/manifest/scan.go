package manifest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// maxEntries bounds what a directory may hold.
const maxEntries = 1 << 22

// scan gives an entry for everything in root, without digests, in any order.
func scan(ctx context.Context, root string) ([]Entry, error) {
	var st unix.Stat_t
	if err := unix.Lstat(root, &st); err != nil {
		return nil, &fs.PathError{Op: "lstat", Path: root, Err: err}
	}
	out := []Entry{entryOf(".", &st)}
	if !out[0].Mode.IsDir() {
		return nil, &fs.PathError{Op: "scan", Path: root, Err: unix.ENOTDIR}
	}
	for dirs := []string{"."}; len(dirs) > 0; {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		at := dirs[len(dirs)-1]
		dirs = dirs[:len(dirs)-1]
		found, err := scanDir(root, at)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			if e.Mode.IsDir() {
				dirs = append(dirs, e.Path)
			}
		}
		if out = append(out, found...); len(out) > maxEntries {
			return nil, fmt.Errorf("it holds more than %d files", maxEntries)
		}
	}
	return out, nil
}

// scanDir gives what lies in one directory of root.
func scanDir(root, at string) ([]Entry, error) {
	dir, err := openDir(root, at)
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil // as with files
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }() // only read
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	out := make([]Entry, 0, len(names))
	for _, name := range names {
		e, err := statAt(int(dir.Fd()), name, path.Join(at, name))
		if err != nil {
			return nil, err
		}
		if e.Mode.Type() == fs.ModeSymlink {
			if e.Link, err = os.Readlink(filepath.Join(root, filepath.FromSlash(e.Path))); err != nil {
				return nil, err
			}
		}
		out = append(out, e)
	}
	return out, nil
}

func openDir(root, at string) (*os.File, error) {
	return os.OpenFile(filepath.Join(root, filepath.FromSlash(at)), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// statAt is the entry of a name in an open directory; path is that in root.
func statAt(dir int, name, path string) (Entry, error) {
	var st unix.Stat_t
	err := again(func() error { return unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		return Entry{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return entryOf(path, &st), nil
}

// again does a system call until no signal interrupts it.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func entryOf(name string, st *unix.Stat_t) Entry {
	e := Entry{Path: name, Mode: fileMode(uint32(st.Mode)), Seen: Stat{
		Modified: st.Mtim.Nano(), Changed: st.Ctim.Nano(), Inode: st.Ino,
	}}
	if e.Mode.IsRegular() {
		e.Size = st.Size
	}
	return e
}

// fileMode is a mode as stat(2) has it, as package fs has it.
func fileMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	switch m & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	default:
		mode |= fs.ModeIrregular
	}
	for _, bit := range []struct {
		raw  uint32
		mode fs.FileMode
	}{{unix.S_ISUID, fs.ModeSetuid}, {unix.S_ISGID, fs.ModeSetgid}, {unix.S_ISVTX, fs.ModeSticky}} {
		if m&bit.raw != 0 {
			mode |= bit.mode
		}
	}
	return mode
}

// readAll fills in digests, as many at once as there are processors.
func readAll(ctx context.Context, root string, entries []*Entry, failed func(error) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for part := range slices.Chunk(entries, 32) {
		group.Go(func() error {
			buf := make([]byte, 128<<10)
			for _, e := range part {
				if err := ctx.Err(); err != nil {
					return context.Cause(ctx)
				}
				var err error
				if e.Digest, err = hashFile(root, *e, buf); err != nil {
					e.Digest = broken
					if err := failed(err); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// maxFile bounds a file that is read, in bytes: a sparse one may claim anything.
const maxFile = 16 << 30

// hashFile reads a file whole. What its owner may not read has no digest.
func hashFile(root string, e Entry, buf []byte) (digest [sha256.Size]byte, err error) {
	if e.Size > maxFile {
		return digest, fmt.Errorf("%q is too large: %d bytes, more than %d", e.Path, e.Size, int64(maxFile))
	}
	f, err := os.OpenFile(filepath.Join(root, filepath.FromSlash(e.Path)), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrPermission) {
		return digest, nil
	}
	if err != nil {
		return digest, err
	}
	defer func() { _ = f.Close() }() // only read
	sum := sha256.New()
	n, err := io.CopyBuffer(sum, struct{ io.Reader }{io.LimitReader(f, e.Size+1)}, buf)
	if err == nil && n != e.Size {
		err = fmt.Errorf("%q changed while it was read", e.Path)
	}
	sum.Sum(digest[:0])
	return digest, err
}
