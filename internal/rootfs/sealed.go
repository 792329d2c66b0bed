package rootfs

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"
	"time"

	"dram/internal/manifest"
)

// SealedFS is a directory of this machine as its manifest has it: names, modes
// and links come from there, and a file's content is compared with its digest
// before it is given. So nothing that is read of it was damaged, and nothing
// that was deleted passes for never having been there. Its methods may be called
// concurrently.
type SealedFS struct {
	dir      *DirFS
	m        *manifest.Manifest
	damaged  func(manifest.Difference) error
	verified sync.Map // real names

	mu  sync.Mutex
	err error
}

var _ FS = (*SealedFS)(nil)

// Sealed opens the directory dir, which m is the manifest of. damaged makes an
// error of what differs from it.
func Sealed(dir string, m *manifest.Manifest, damaged func(manifest.Difference) error) (*SealedFS, error) {
	d, err := Dir(dir)
	if err != nil {
		return nil, err
	}
	return &SealedFS{dir: d, m: m, damaged: damaged}, nil
}

// Close lets go of the directory.
func (s *SealedFS) Close() error { return s.dir.Close() }

// Err is the first damage that was found, for those who take a file that cannot
// be read for one that is not there.
func (s *SealedFS) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Digest is the digest of a regular file, as store.Digest has it, and its size
// in bytes, without reading it.
func (s *SealedFS) Digest(name string) (digest string, size int64, err error) {
	real, err := s.real("digest", name, true)
	if err != nil {
		return "", 0, err
	}
	e, ok := s.m.Lookup(real)
	if !ok || !e.Mode.IsRegular() {
		return "", 0, &fs.PathError{Op: "digest", Path: name, Err: fs.ErrInvalid}
	}
	return e.SHA256(), e.Size, nil
}

func (s *SealedFS) lstat(name string) (fs.FileInfo, error) {
	e, ok := s.m.Lookup(name)
	if !ok {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return entryInfo{e}, nil
}

func (s *SealedFS) readlink(name string) (string, error) {
	e, ok := s.m.Lookup(name)
	if !ok || e.Mode.Type() != fs.ModeSymlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return e.Link, nil
}

func (s *SealedFS) real(verb, name string, last bool) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: verb, Path: name, Err: fs.ErrInvalid}
	}
	real, _, err := walk(s, name, last)
	return real, err
}

// Open opens a file whose content is what it should be, or a directory.
func (s *SealedFS) Open(name string) (fs.File, error) {
	real, err := s.real("open", name, true)
	if err != nil {
		return nil, err
	}
	e, _ := s.m.Lookup(real)
	switch {
	case e.Mode.IsDir():
		entries, err := s.ReadDir(real)
		return &madeDirFile{info: entryInfo{e}, entries: entries}, err
	case !e.Mode.IsRegular():
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("neither a file nor a directory")}
	}
	f, kind, err := s.open(e)
	if kind != "" {
		return nil, s.found(manifest.Difference{Path: real, Kind: kind})
	}
	return f, err
}

// open opens a regular file, or says how it differs.
func (s *SealedFS) open(e manifest.Entry) (fs.File, manifest.Kind, error) {
	f, err := s.dir.root.OpenFile(e.Path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, manifest.Missing, nil
	}
	if err != nil {
		return nil, "", err
	}
	if _, ok := s.verified.Load(e.Path); ok {
		return f, "", nil
	}
	kind, err := compare(f, e)
	if kind != "" || err != nil {
		return nil, kind, errors.Join(err, f.Close())
	}
	s.verified.Store(e.Path, true)
	return f, "", nil
}

// compare reads a file and puts it back to its beginning. What the disk does not
// give differs.
func compare(f *os.File, e manifest.Entry) (manifest.Kind, error) {
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return manifest.Type, nil
	case info.Size() != e.Size:
		return manifest.Size, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(f, e.Size+1)); err != nil || [sha256.Size]byte(sum.Sum(nil)) != e.Digest {
		return manifest.Content, nil //nolint:nilerr // as said above
	}
	_, err = f.Seek(0, io.SeekStart)
	return "", err
}

func (s *SealedFS) found(d manifest.Difference) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.damaged(d)
	if s.err == nil {
		s.err = err
	}
	return err
}

// Stat follows links.
func (s *SealedFS) Stat(name string) (fs.FileInfo, error) {
	real, err := s.real("stat", name, true)
	if err != nil {
		return nil, err
	}
	return s.lstat(real)
}

// Lstat does not follow a link in the last place.
func (s *SealedFS) Lstat(name string) (fs.FileInfo, error) {
	real, err := s.real("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return s.lstat(real)
}

// ReadLink is the target of a symbolic link.
func (s *SealedFS) ReadLink(name string) (string, error) {
	real, err := s.real("readlink", name, false)
	if err != nil {
		return "", err
	}
	return s.readlink(real)
}

// ReadDir lists a directory, sorted by name.
func (s *SealedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	real, err := s.real("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if e, ok := s.m.Lookup(real); !ok || !e.Mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	var out []fs.DirEntry
	for _, e := range s.m.In(real) {
		out = append(out, fs.FileInfoToDirEntry(entryInfo{e}))
	}
	sortEntries(out)
	return out, nil
}

// entryInfo is the facts of a manifest's entry.
type entryInfo struct{ e manifest.Entry }

func (i entryInfo) Name() string       { return path.Base(i.e.Path) }
func (i entryInfo) Size() int64        { return i.e.Size }
func (i entryInfo) Mode() fs.FileMode  { return i.e.Mode }
func (i entryInfo) ModTime() time.Time { return time.Unix(0, i.e.Seen.Modified) }
func (i entryInfo) IsDir() bool        { return i.e.Mode.IsDir() }
func (entryInfo) Sys() any             { return nil }
