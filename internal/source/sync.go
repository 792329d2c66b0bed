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
	"path/filepath"
	"slices"
	"time"

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

// Sync makes dst hold exactly the tree, but for the top-level names in keep,
// which it does not touch. Files that did not change are not touched either,
// so that Mix, which goes by time and size, compiles what changed and no more.
// It tells which paths it wrote or removed. If it is killed, the next Sync
// mends what it left.
func Sync(ctx context.Context, t *Tree, dst string, keep ...string) (changed []string, err error) {
	root, err := os.OpenRoot(dst)
	if err != nil {
		return nil, fmt.Errorf("staging the source: %w", err)
	}
	defer func() { _ = root.Close() }()
	from, err := os.OpenRoot(t.Dir)
	if err != nil {
		return nil, fmt.Errorf("staging the source: %w", err)
	}
	defer func() { _ = from.Close() }()
	s := &syncer{from: from, to: root, record: dst + ".json", want: map[string]bool{}}
	s.load()
	if changed, err = s.all(ctx, t, keep); err != nil {
		return nil, fmt.Errorf("staging the source: %w", err)
	}
	return changed, nil
}

type syncer struct {
	from, to *os.Root
	record   string
	state    staged
	time     time.Time // what changed files get
	want     map[string]bool
}

func (s *syncer) load() {
	raw, err := os.ReadFile(s.record)
	if err != nil || json.Unmarshal(raw, &s.state) != nil || s.state.Files == nil {
		s.state.Files = map[string]string{} // first time, or damaged: everything is staged again
	}
	s.time = time.Unix(max(time.Now().Unix(), s.state.Last+1), 0)
}

func (s *syncer) all(ctx context.Context, t *Tree, keep []string) (changed []string, err error) {
	var todo []File
	for _, f := range t.Files {
		s.want[f.Path] = true
		for d := filepath.Dir(f.Path); d != "."; d = filepath.Dir(d) {
			s.want[d] = true
		}
		if s.state.Files[f.Path] != mark(f) || !s.there(f) {
			todo = append(todo, f)
		}
	}
	extra, err := s.extra(keep)
	if err != nil || len(todo)+len(extra) == 0 {
		return nil, err
	}
	// The record goes first, without what is about to change: killed in
	// between, the next Sync does it again.
	for _, f := range todo {
		delete(s.state.Files, f.Path)
	}
	s.state.Last = s.time.Unix()
	if err := s.save(); err != nil {
		return nil, err
	}
	for _, name := range extra {
		if err := s.to.RemoveAll(name); err != nil {
			return nil, err
		}
		changed = append(changed, name)
	}
	for _, f := range todo {
		if err := s.put(ctx, f); err != nil {
			return nil, err
		}
		changed = append(changed, f.Path)
	}
	s.state.Files = make(map[string]string, len(t.Files))
	for _, f := range t.Files {
		s.state.Files[f.Path] = mark(f)
	}
	slices.Sort(changed)
	return changed, s.save()
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

// extra lists what dst holds and the tree does not, but for keep.
func (s *syncer) extra(keep []string) (names []string, err error) {
	err = fs.WalkDir(s.to.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case slices.Contains(keep, name):
			return skip(d)
		case !s.want[name]:
			names = append(names, name)
			return skip(d)
		}
		return nil
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
	if info, err := s.to.Lstat(f.Path); err == nil && info.IsDir() {
		if err := s.to.RemoveAll(f.Path); err != nil {
			return err
		}
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
	if err != nil {
		return err
	}
	return s.to.Rename(tmp, f.Path)
}

func (s *syncer) copy(ctx context.Context, f File, tmp string) (err error) {
	in, err := s.from.Open(f.Path)
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
	tmp := s.record + ".new"
	if err := os.WriteFile(tmp, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, s.record)
}
