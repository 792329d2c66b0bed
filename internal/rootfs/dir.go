package rootfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

// DirFS is a directory of this machine as a root filesystem. It holds the
// directory open until Close, and its methods may be called concurrently.
type DirFS struct {
	root  *os.Root
	quick quick
}

var _ FS = (*DirFS)(nil)

// Dir opens the directory path as a root filesystem.
func Dir(path string) (*DirFS, error) {
	root, err := fsutil.OpenRoot(path)
	if err != nil {
		return nil, problem.New(problem.Failure, "name a directory that exists and may be read",
			"opening root filesystem %q: %w", path, err)
	}
	q, err := openQuick(root)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &DirFS{root, q}, nil
}

// Close lets go of the directory.
func (d *DirFS) Close() error { return errors.Join(d.quick.close(), d.root.Close()) }

// Path is the directory's path on this machine.
func (d *DirFS) Path() string { return d.root.Name() }

func (d *DirFS) lstat(name string) (fs.FileInfo, error) { return d.root.Lstat(name) }
func (d *DirFS) readlink(name string) (string, error)   { return d.root.Readlink(name) }

// follow does op on name. os.Root follows links by itself but for those that
// lead out of the root on this machine, such as absolute ones, which it
// refuses; only then is the name resolved here, which costs more.
func follow[T any](d *DirFS, verb, name string, last bool, op func(name string) (T, error)) (T, error) {
	var none T
	if !fs.ValidPath(name) {
		return none, &fs.PathError{Op: verb, Path: name, Err: fs.ErrInvalid}
	}
	out, err := op(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return out, err
	}
	real, _, werr := walk(d, name, last)
	if werr != nil {
		return none, werr
	}
	return op(real)
}

// Open opens a file or directory for reading. Pipes, sockets and devices are
// refused: opening them can wait for ever, or do something.
func (d *DirFS) Open(name string) (fs.File, error) {
	return follow(d, "open", name, true, func(name string) (fs.File, error) {
		f, ok := d.quick.open(name)
		if !ok {
			var err error
			if f, err = d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
				return nil, err
			}
		}
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
			err = &fs.PathError{Op: "open", Path: name, Err: errors.New("neither a file nor a directory")}
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return f, nil
	})
}

// Stat follows links.
func (d *DirFS) Stat(name string) (fs.FileInfo, error) {
	return follow(d, "stat", name, true, d.root.Stat)
}

// Lstat does not follow a link in the last place.
func (d *DirFS) Lstat(name string) (fs.FileInfo, error) {
	return follow(d, "lstat", name, false, d.root.Lstat)
}

// ReadLink is the target of a symbolic link.
func (d *DirFS) ReadLink(name string) (string, error) {
	return follow(d, "readlink", name, false, d.root.Readlink)
}

// ReadDir lists a directory, sorted by name.
func (d *DirFS) ReadDir(name string) ([]fs.DirEntry, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	dir, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.ErrUnsupported}
	}
	entries, err := dir.ReadDir(-1)
	sortEntries(entries)
	return entries, err
}

// ReadFile reads a whole file of at most limit bytes.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, problem.New(problem.Failure, "", "reading %q: the file is larger than %d bytes", name, limit)
	}
	return b, nil
}
