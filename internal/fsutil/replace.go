package fsutil

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A file that somebody reads while it is written is never seen half: it is written
// beside its place and renamed there when it is whole. Everything is done in a root
// that no name or link leaves, which is why no library does it (renameio knows
// paths alone).

// Draft is a file on its way to a place in a root. Whoever makes one calls Discard
// in the end.
type Draft struct {
	*os.File
	root      *os.Root
	tmp, name string // with slashes
	closed    bool
}

// NewDraft makes a new file beside a place in a root, with perm as far as the umask
// lets it, and removes what killed runs left there. The file is locked while it is
// written, by which another run tells it from such a rest.
func NewDraft(root *os.Root, name string, perm fs.FileMode) (*Draft, error) {
	sweep(root, name)
	d := &Draft{root: root, name: name}
	var err error
	for range 100 { // a name that is taken is as good as never
		d.tmp = beside(name) + rand.Text()[:10] + ".tmp"
		d.File, err = root.OpenFile(filepath.FromSlash(d.tmp), os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if err == nil && !d.hold() {
			_ = d.Close()
			err = fs.ErrExist
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// beside is how the names of drafts of a file begin.
func beside(name string) string { return path.Join(path.Dir(name), "."+path.Base(name)+".") }

// hold locks a new file. It fails if another run took it for abandoned before.
func (d *Draft) hold() bool {
	if errors.Is(lock(d.File), syscall.EWOULDBLOCK) {
		return false
	}
	mine, err := d.Stat()
	if err != nil {
		return false
	}
	there, err := d.root.Lstat(filepath.FromSlash(d.tmp))
	return err == nil && os.SameFile(mine, there)
}

// Finish closes a draft that is whole.
func (d *Draft) Finish(how Durability) error {
	d.closed = true
	return Finish(d.File, how)
}

// Commit gives a finished draft its place.
func (d *Draft) Commit() error {
	err := d.root.Rename(filepath.FromSlash(d.tmp), filepath.FromSlash(d.name))
	if err == nil {
		d.tmp = ""
	}
	return err
}

// Discard removes a draft that was not committed.
func (d *Draft) Discard() {
	if !d.closed {
		d.closed = true
		_ = d.Close() // what was written is not wanted
	}
	if d.tmp != "" {
		_ = d.root.Remove(filepath.FromSlash(d.tmp))
		d.tmp = ""
	}
}

// Replace writes a file in a root, with exactly that mode: all of it, or nothing is
// changed.
func Replace(root *os.Root, name string, perm fs.FileMode, how Durability, write func(io.Writer) error) error {
	d, err := NewDraft(root, name, 0o600)
	if err != nil {
		return err
	}
	defer d.Discard()
	if err := write(d); err != nil {
		return err
	}
	if err := errors.Join(d.Chmod(perm), d.Finish(how)); err != nil {
		return err
	}
	return d.Commit()
}

// ReplaceAt is Replace at a path that somebody named.
func ReplaceAt(at string, perm fs.FileMode, how Durability, write func(io.Writer) error) error {
	root, err := OpenRoot(filepath.Dir(at))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // files in it were closed, and that was looked at
	return Replace(root, filepath.Base(at), perm, how, write)
}

// lock takes the exclusive lock of an open file, which ends with its process.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// sweep removes what killed runs left beside a place.
func sweep(root *os.Root, name string) {
	dir := path.Dir(name)
	d, err := root.Open(filepath.FromSlash(dir))
	if err != nil {
		return // at worst they stay
	}
	defer func() { _ = d.Close() }()
	entries, _ := d.ReadDir(-1)
	for _, e := range entries {
		rest := path.Join(dir, e.Name())
		if strings.HasPrefix(rest, beside(name)) && strings.HasSuffix(rest, ".tmp") && e.Type().IsRegular() && abandoned(root, rest) {
			_ = root.Remove(filepath.FromSlash(rest))
		}
	}
}

// abandoned says whether nobody writes a file any more: its lock can be had, or,
// where the file system has no locks, it is older than any run takes.
func abandoned(root *os.Root, name string) bool {
	f, err := root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|nonblock, 0)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // only locked
	err = lock(f)
	if err == nil || errors.Is(err, syscall.EWOULDBLOCK) {
		return err == nil
	}
	info, err := f.Stat()
	return err == nil && time.Since(info.ModTime()) > 24*time.Hour
}
