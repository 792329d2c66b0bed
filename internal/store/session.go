package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// A session is an opened store's place in tmp: a file that it holds locked, and
// beside it a directory with all its work in progress. The lock ends with the
// process, however that ends, so that whoever opens the cache next can tell
// what a killed process left and remove it at once; and the file's time tells
// those who prune since when this process relies on what it finds.
type session struct {
	lock  *flock.Flock
	dir   string
	start time.Time // by the file system's clock
	ended chan struct{}
}

// shared is what a store's methods share: all of it guarded by mu.
type shared struct {
	mu      sync.Mutex
	session *session
	held    map[string]*flock.Flock // locks on trees and work directories, kept until Close
	marked  map[string]bool         // blobs and records that this session marked as used
	gate    gate
}

// Begin makes sure that the cache can be written to. Every other method begins
// by itself; calling Begin first gives the failure its own words.
func (s *Store) Begin() error {
	_, err := s.begin()
	return err
}

func (s *Store) begin() (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != nil {
		return s.session, nil
	}
	made, err := newSession(filepath.Join(s.dir, "tmp"))
	if err != nil {
		return nil, unusable(s.dir, err)
	}
	s.session = made
	go func() { // else the garbage collector closes the locks of a store that is no longer looked at
		<-made.ended
		runtime.KeepAlive(s)
	}()
	return made, nil
}

// newSession locks first and makes the directory then: what has no lock, or a
// free one, belongs to nobody.
func newSession(tmp string) (*session, error) {
	for {
		f, err := os.CreateTemp(tmp, "run-*.lock")
		if err != nil {
			return nil, err
		}
		path := f.Name()
		_ = f.Close()
		lock := flock.New(path)
		ok, err := lock.TryLock()
		if err != nil {
			_ = os.Remove(path)
			return nil, err
		}
		if !ok {
			continue // a sweep was faster: the file is its own to remove
		}
		info, err := lock.Stat()
		if err != nil || !isFile(info, path) {
			_ = lock.Close()
			continue // swept between its making and its locking
		}
		dir := strings.TrimSuffix(path, ".lock")
		if err := os.Mkdir(dir, 0o700); err != nil {
			_ = os.Remove(path)
			_ = lock.Close()
			return nil, err
		}
		return &session{lock: lock, dir: dir, start: info.ModTime(), ended: make(chan struct{})}, nil
	}
}

// isFile says whether path still is the file that was opened: two processes
// hold the same lock only if it is.
func isFile(opened fs.FileInfo, path string) bool {
	now, err := os.Lstat(path)
	return err == nil && os.SameFile(opened, now)
}

// Close ends the session: its work in progress goes, and what it used may be
// pruned. The end of the process does the same but for the work in progress,
// which the next Open removes. A store that is used again begins another.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != nil {
		_ = RemoveAll(s.session.dir)
		_ = os.Remove(s.session.lock.Path()) // before it is unlocked: nobody waits for it
		_ = s.session.lock.Close()
		close(s.session.ended)
	}
	for _, l := range s.held {
		_ = l.Close()
	}
	s.session, s.held, s.marked = nil, nil, nil
}

// temp is where work in progress lies.
func (s *Store) temp() (string, error) {
	ses, err := s.begin()
	if err != nil {
		return "", err
	}
	return ses.dir, nil
}

// sweepFor sweeps, and goes on beside the caller when that takes long: a killed
// build may have left gigabytes, and who cancels dram does not wait for them.
func (s *Store) sweepFor(long time.Duration) {
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		s.sweep()
	}()
	select {
	case <-swept:
	case <-time.After(long):
	}
}

// sweep removes what killed processes left in tmp: all that has a free lock,
// or none. An older dram made directories before their locks, and files
// without any: those get a minute and a day.
func (s *Store) sweep() {
	entries, err := os.ReadDir(filepath.Join(s.dir, "tmp"))
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(s.dir, "tmp", e.Name())
		info, err := e.Info()
		switch {
		case err != nil:
		case filepath.Ext(path) == ".lock" && info.Mode().IsRegular():
			sweepLocked(path)
		case filepath.Ext(path) == ".lock": // opening a pipe would wait for ever
			_ = RemoveAll(path)
		case e.IsDir():
			if _, err := os.Lstat(path + ".lock"); err != nil && time.Since(info.ModTime()) > time.Minute {
				_ = RemoveAll(path)
			}
		case time.Since(info.ModTime()) > 24*time.Hour:
			_ = os.Remove(path)
		}
	}
}

// sweepLocked removes a dead process's lock and what lies beside it. It holds
// the lock as long, and looks that it is still the file with that name, so that
// neither a second sweep nor a session that begins this moment has "the same".
func sweepLocked(path string) {
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY)) // not made if it is gone
	if ok, err := lock.TryLock(); err != nil || !ok {
		return // in use
	}
	defer func() { _ = lock.Close() }()
	if info, err := lock.Stat(); err != nil || !isFile(info, path) {
		return
	}
	if RemoveAll(strings.TrimSuffix(path, ".lock")) == nil {
		_ = os.Remove(path)
	}
}

// oldest is when the oldest living session began; now, if there is none.
func (s *Store) oldest() time.Time {
	oldest := time.Now()
	locks, err := filepath.Glob(filepath.Join(s.dir, "tmp", "*.lock"))
	if err != nil {
		return oldest
	}
	for _, path := range locks {
		info, err := os.Lstat(path)
		if err != nil || !info.Mode().IsRegular() || !info.ModTime().Before(oldest) {
			continue
		}
		lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
		if ok, err := lock.TryLock(); err == nil && ok {
			_ = lock.Close()
			continue // dead
		} else if err == nil {
			oldest = info.ModTime()
		}
	}
	return oldest
}

// TempDir makes a directory on the cache's file system; done removes it. If the
// process is killed first, the next Open removes it.
func (s *Store) TempDir(prefix string) (dir string, done func(), err error) {
	temp, err := s.temp()
	if err != nil {
		return "", nil, err
	}
	if dir, err = os.MkdirTemp(temp, prefix+"-*"); err != nil {
		return "", nil, tempError(err)
	}
	return dir, func() { _ = RemoveAll(dir) }, nil
}
