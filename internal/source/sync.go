package source

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dram/internal/fsutil"
	"dram/internal/problem"
	"dram/internal/store"
)

// staged is what Sync left in a directory, kept beside it.
type staged struct {
	Files map[string]string `json:"files"` // path → kind and digest
	// Last is the newest time given to a file, in seconds since 1970. Mix takes
	// a file for changed when its time is newer, so each Sync that changes
	// something gives a later one, even if the clock went back.
	Last int64 `json:"last"`
}

// Changes is what a Sync did, each list sorted. A directory stands for all that
// was in it.
type Changes struct {
	Staged  []string // files written, since they are new, changed, or were spoilt
	Removed []string // what once was source
	Strays  []string // removed too: what a build left
}

// Sync makes dst hold exactly the tree, but for the paths in keep, which it
// does not touch. Files that did not change are not touched either, so that
// Mix, which goes by time and size, compiles what changed and no more. If it is
// killed, the next Sync mends what it left.
func Sync(ctx context.Context, t *Tree, dst string, keep ...string) (changed Changes, err error) {
	root, err := fsutil.OpenRoot(dst)
	if err != nil {
		return changed, fmt.Errorf("staging the source: %w", err)
	}
	defer func() { _ = root.Close() }()
	from, err := fsutil.OpenRoot(t.Dir)
	if err != nil {
		return changed, fmt.Errorf("staging the source: %w", err)
	}
	defer func() { _ = from.Close() }()
	s := &syncer{from: from, to: root, record: dst + ".json", want: map[string]bool{}}
	s.load()
	if changed, err = s.all(ctx, t, keep); err != nil {
		return Changes{}, fmt.Errorf("staging the source: %w", err)
	}
	return changed, nil
}

// Passed has the next Sync give changed files a later time than now: what was
// compiled meanwhile bears it, and Mix goes by whole seconds.
func Passed(dst string) error {
	s := &syncer{record: dst + ".json"}
	raw, err := os.ReadFile(s.record)
	if err != nil || json.Unmarshal(raw, &s.state) != nil || s.state.Files == nil {
		return nil //nolint:nilerr // Sync looks at the files themselves then
	}
	s.state.Last = max(s.state.Last, time.Now().Unix())
	return s.save()
}

type syncer struct {
	from, to *os.Root
	record   string
	state    staged
	time     time.Time       // what changed files get
	want     map[string]bool // what dst is to hold; true for directories
	keep     map[string]bool
}

func (s *syncer) load() {
	raw, err := os.ReadFile(s.record)
	if err != nil || json.Unmarshal(raw, &s.state) != nil || s.state.Files == nil {
		// First time, or damaged: everything is staged again, later than what is there.
		s.state = staged{Files: map[string]string{}, Last: newest(s.to.FS())}
	}
	s.time = time.Unix(max(time.Now().Unix(), s.state.Last+1), 0)
}

// newest is the latest time, in seconds since 1970, of any file there.
func newest(dst fs.FS) (last int64) {
	_ = fs.WalkDir(dst, ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be read has no say
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			last = max(last, info.ModTime().Unix())
		}
		return nil
	})
	return last
}

// wants says what dst holds when all is done: the tree, what is kept, and the
// directories of both.
func (s *syncer) wants(t *Tree, keep []string) {
	s.keep = make(map[string]bool, len(keep))
	for _, f := range t.Files {
		s.want[f.Path] = false
		for d := path.Dir(f.Path); d != "."; d = path.Dir(d) {
			s.want[d] = true
		}
	}
	for _, k := range keep {
		s.keep[k] = true
		for d := path.Dir(k); d != "."; d = path.Dir(d) {
			if _, known := s.want[d]; !known {
				s.want[d] = true
			}
		}
	}
}

func (s *syncer) all(ctx context.Context, t *Tree, keep []string) (changed Changes, err error) {
	s.wants(t, keep)
	extra, err := s.extra()
	if err != nil {
		return changed, err
	}
	var todo []File
	for _, f := range t.Files {
		if s.state.Files[f.Path] != mark(f) || below(f.Path, extra) || !s.there(f) {
			todo = append(todo, f)
		}
	}
	if len(todo)+len(extra) == 0 {
		return changed, nil
	}
	changed.Removed, changed.Strays = s.sort(extra)
	// The record goes first, without what is about to change: killed in
	// between, the next Sync does it again.
	for _, f := range todo {
		delete(s.state.Files, f.Path)
	}
	s.state.Last = s.time.Unix()
	if err := s.save(); err != nil {
		return changed, err
	}
	for _, name := range extra {
		if err := s.remove(name); err != nil {
			return changed, err
		}
	}
	for _, f := range todo {
		if err := s.put(ctx, f); err != nil {
			return changed, err
		}
		changed.Staged = append(changed.Staged, f.Path)
	}
	s.state.Files = make(map[string]string, len(t.Files))
	for _, f := range t.Files {
		s.state.Files[f.Path] = mark(f)
	}
	return changed, s.save()
}

// sort tells what once was source from what never was.
func (s *syncer) sort(extra []string) (removed, strays []string) {
	was := make(map[string]bool, len(s.state.Files))
	for name := range s.state.Files {
		for ; name != "."; name = path.Dir(name) {
			was[name] = true
		}
	}
	for _, name := range extra {
		if was[name] {
			removed = append(removed, name)
		} else {
			strays = append(strays, name)
		}
	}
	return removed, strays
}

func mark(f File) string {
	return fmt.Sprintf("%t %t %s", f.Exec, f.Link != "", f.Digest)
}

// there says whether a file that was staged still looks as it did; a build may
// have written over it.
func (s *syncer) there(f File) bool {
	info, err := s.to.Lstat(f.Path)
	if err != nil {
		return false
	}
	if f.Link != "" {
		target, err := s.to.Readlink(f.Path)
		return err == nil && target == f.Link
	}
	return info.Mode().IsRegular() && info.Size() == f.Size && info.ModTime().Unix() <= s.state.Last && info.ModTime().Nanosecond() == 0
}

// below says whether a file lies in, or is, what is about to be removed: a
// build may have put a link in the place of its directory.
func below(name string, removed []string) bool {
	return slices.ContainsFunc(removed, func(r string) bool { return name == r || strings.HasPrefix(name, r+"/") })
}

// remove removes a file or directory, one without permissions too.
func (s *syncer) remove(name string) error {
	if s.to.RemoveAll(name) == nil {
		return nil
	}
	_ = fs.WalkDir(s.to.FS(), name, func(p string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = s.to.Chmod(p, 0o700)
		}
		return nil
	})
	return s.to.RemoveAll(name)
}

// extra lists what dst holds and is not wanted, or is wanted as another type.
func (s *syncer) extra() (names []string, err error) {
	err = fs.WalkDir(s.to.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		dir, wanted := s.want[name]
		switch {
		case name == "." && err == nil:
			return nil
		case s.keep[name] && (!dir || d != nil && d.IsDir()):
			return skip(d)
		case !wanted || d != nil && dir != d.IsDir():
			names = append(names, name)
			return skip(d)
		}
		return err
	})
	return names, err
}

func skip(d fs.DirEntry) error {
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// put stages one file: beside its place, then renamed.
func (s *syncer) put(ctx context.Context, f File) error {
	if err := s.to.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil { //nolint:gosec // the build's user sees it; the store is 0700
		return err
	}
	const tmp = ".dram-staging"
	if err := s.to.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var err error
	if f.Link != "" {
		err = s.to.Symlink(f.Link, tmp)
	} else {
		err = s.copy(ctx, f, tmp)
	}
	if err == nil {
		err = s.to.Rename(tmp, f.Path)
	}
	if err != nil {
		_ = s.to.Remove(tmp)
	}
	return err
}

func (s *syncer) copy(ctx context.Context, f File, tmp string) (err error) {
	in, err := fsutil.OpenIn(s.from, f.Path)
	if err != nil {
		return unreadable(f.Path, err)
	}
	defer func() { _ = in.Close() }()
	mode := fs.FileMode(0o644)
	if f.Exec {
		mode = 0o755
	}
	out, err := s.to.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = copyContext(ctx, io.MultiWriter(out, h), in)
	if err := errors.Join(err, out.Chmod(mode), out.Close()); err != nil {
		return err
	}
	if store.SumDigest(h) != f.Digest {
		return problem.New(problem.Failure, "run dram again", "%q changed while it was read", f.Path)
	}
	return s.to.Chtimes(tmp, s.time, s.time)
}

func (s *syncer) save() error {
	raw, err := json.Marshal(s.state)
	if err != nil {
		return err
	}
	return fsutil.ReplaceAt(s.record, 0o600, fsutil.Whole, func(w io.Writer) error {
		_, err := w.Write(raw)
		return err
	})
}
