package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// What a process uses is not pruned under it, and no caller has to think of it:
//
//   - Trees and work directories: whoever is given one holds a shared lock on it
//     until Close or the end of the process. To prune one takes the exclusive lock.
//   - Blobs and records, which are many: whoever looks at one marks it with the
//     time. To prune spares what was marked since the oldest living session
//     began. Marking, and looking and removing, exclude one another (gate).
//
// Files in locks/ are never removed, so that there is one lock of a name.

// gateWait is how long marking waits for one removal; a removal takes less than
// a millisecond, unless its process is stopped there.
const gateWait = time.Second

// gate is a shared lock that a process takes once for all its goroutines.
type gate struct {
	mu   sync.Mutex
	n    int
	lock *flock.Flock
}

// gateLock is the lock that marking shares, and each removal takes for itself.
func (s *Store) gateLock() *flock.Flock { return s.flock("prune") }

func (g *gate) enter(lock func() *flock.Flock) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n == 0 {
		g.lock = lock()
		if err := shareFor(gateWait, g.lock); err != nil {
			return err
		}
	}
	g.n++
	return nil
}

// shareFor takes a shared lock that a prune may have for a moment.
func shareFor(wait time.Duration, l *flock.Flock) error {
	for until := time.Now().Add(wait); ; time.Sleep(time.Millisecond) {
		ok, err := l.TryRLock()
		switch {
		case err != nil:
			return fmt.Errorf("locking %q: %w", l.Path(), err)
		case ok:
			return nil
		case time.Now().After(until):
			return fmt.Errorf("locking %q: %w: is a prune of the cache stopped?", l.Path(), os.ErrDeadlineExceeded)
		}
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n--; g.n == 0 {
		_ = g.lock.Close()
	}
}

// use marks the blob or record at path as used, so that it stays as long as
// this session does. os.ErrNotExist means that there is none.
func (s *Store) use(path string) error {
	ses, err := s.begin()
	if err != nil {
		return err
	}
	if s.isMarked(path) {
		return nil
	}
	if err := s.gate.enter(s.gateLock); err != nil {
		return err
	}
	defer s.gate.leave()
	if err := s.setUsed(path, ses.now()); err != nil {
		return err
	}
	s.mark(path)
	return nil
}

// now is the time, but never one before the session began: the clock may have
// been set back.
func (ses *session) now() time.Time {
	if now := time.Now(); now.After(ses.start) {
		return now
	}
	return ses.start
}

func (s *Store) isMarked(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marked[path]
}

func (s *Store) mark(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.marked == nil {
		s.marked = map[string]bool{}
	}
	s.marked[path] = true
}

// setUsed sets when a blob or record was used. A record's time of modification
// says when it was written, so it is its time of access that is set; a blob is
// read by others too, by a backup for one, which is no use of it.
func (s *Store) setUsed(path string, at time.Time) error {
	if info, err := os.Lstat(path); err != nil {
		return err
	} else if !info.Mode().IsRegular() { // a link leads out of the cache, maybe
		return fs.ErrNotExist
	}
	if s.isRecord(path) {
		return os.Chtimes(path, at, time.Time{})
	}
	return os.Chtimes(path, at, at)
}

func (s *Store) isRecord(path string) bool {
	return strings.HasPrefix(path, filepath.Join(s.dir, "records")+string(filepath.Separator))
}

// lastUse is when a blob or record was used or written last.
func (s *Store) lastUse(path string, info fs.FileInfo) time.Time {
	used := info.ModTime()
	if st, ok := info.Sys().(*syscall.Stat_t); ok && s.isRecord(path) {
		if at := atime(st); at.After(used) {
			return at
		}
	}
	return used
}

// removeUnused removes a file that was last used before the time given. Its
// users are kept out meanwhile.
func (s *Store) removeUnused(ctx context.Context, path string, before time.Time) (freed int64, err error) {
	lock := s.gateLock()
	if _, err := lock.TryLockContext(ctx, time.Millisecond); err != nil {
		return 0, err
	}
	defer func() { _ = lock.Close() }()
	info, err := os.Lstat(path)
	if err != nil || !s.lastUse(path, info).Before(before) {
		return 0, nil //nolint:nilerr // it vanished, or it stays
	}
	return onDisk(info), removeIfThere(path)
}

// hold takes the shared lock of a tree or work directory, by share, and keeps
// it until Close.
func (s *Store) hold(name string, share func(*flock.Flock) error) error {
	if _, err := s.begin(); err != nil {
		return err
	}
	if s.holds(name) {
		return nil
	}
	lock := s.flock("use-" + name)
	if err := share(lock); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[name] != nil || s.session == nil { // another goroutine was faster, or closed the store
		return lock.Close()
	}
	if s.held == nil {
		s.held = map[string]*flock.Flock{}
	}
	s.held[name] = lock
	return nil
}

// briefly is for callers without a context.
func briefly(l *flock.Flock) error { return shareFor(gateWait, l) }

// patiently waits until ctx is done.
func patiently(ctx context.Context) func(*flock.Flock) error {
	return func(l *flock.Flock) error {
		if _, err := l.TryRLockContext(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("locking %q: %w", l.Path(), err)
		}
		return nil
	}
}

func (s *Store) holds(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[name] != nil
}

// removeUnheld removes a tree or work directory, and its marker first, unless
// somebody holds it. It goes out of the way under the lock and is removed
// after it, so that nobody waits for long.
func (s *Store) removeUnheld(name, path string) (removed bool, err error) {
	lock := s.flock("use-" + name)
	if ok, err := lock.TryLock(); err != nil || !ok {
		return false, err
	}
	doomed := filepath.Join(s.dir, "tmp", "pruned-"+filepath.Base(path))
	err = removeAny(path + ".ok")
	if err == nil && os.Rename(path, doomed) != nil { // no room, or what a killed prune left is there
		doomed, err = "", RemoveAll(path) // now: once the lock is gone, it may be somebody's again
	}
	if err := errors.Join(err, lock.Close()); err != nil {
		return false, err
	}
	if doomed == "" {
		return true, nil
	}
	return true, RemoveAll(doomed)
}
