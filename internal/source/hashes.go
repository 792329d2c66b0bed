package source

import (
	"context"
	"fmt"
	"io"
	"syscall"
	"time"

	"dram/internal/secret"
	"dram/internal/store"
)

// racy is how old a file must be for its times to tell that it did not change:
// a younger one may change again within the clock's grain.
const racy = 2 * time.Second

// stamp is what tells a file's versions apart without reading them.
type stamp struct {
	Size   int64        `json:"s"`
	Mtime  int64        `json:"m"` // nanoseconds
	Ctime  int64        `json:"c"`
	Inode  uint64       `json:"i"`
	Digest store.Digest `json:"d"`
	// What the file holds, by the rules of package secret that record names.
	Kind secret.Kind `json:"k,omitempty"`
	What string      `json:"w,omitempty"`
	At   int64       `json:"a,omitempty"`
}

// record is the kind of the records of hashes: those that other rules looked
// for secrets by are not asked.
func record() string { return fmt.Sprintf("source-%d", secret.Rules) }

// hashes remembers the digests of a project's files between runs.
type hashes struct {
	st   *store.Store
	dir  string
	at   time.Time
	seen map[string]stamp
	miss bool
}

func loadHashes(st *store.Store, dir string) *hashes {
	h := &hashes{st: st, dir: dir, at: time.Now(), seen: map[string]stamp{}}
	if st != nil {
		st.Get(record(), dir, &h.seen)
	}
	return h
}

func stampOf(f *File) (stamp, bool) {
	st, ok := f.info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}, false
	}
	return stamp{Size: f.Size, Mtime: f.info.ModTime().UnixNano(), Ctime: ctime(st), Inode: st.Ino}, true
}

// find fills in the digest of a file that did not change since it was hashed.
func (h *hashes) find(f *File) bool {
	now, ok := stampOf(f)
	old, known := h.seen[f.Path]
	now.Digest, now.Kind, now.What, now.At = old.Digest, old.Kind, old.What, old.At
	if !ok || !known || now != old || !old.Digest.Valid() {
		h.miss = true
		return false
	}
	f.Digest, f.secret = old.Digest, secret.Finding{Kind: old.Kind, What: old.What, At: old.At}
	return true
}

// save keeps the digests of files old enough to be recognised.
func (h *hashes) save(t *Tree) error {
	if h.st == nil || (!h.miss && len(h.seen) == len(t.Files)) {
		return nil
	}
	next := make(map[string]stamp, len(t.Files))
	for i := range t.Files {
		f := &t.Files[i]
		s, ok := stampOf(f)
		settled := h.at.Sub(f.info.ModTime()) > racy && h.at.Sub(time.Unix(0, s.Ctime)) > racy
		if ok && settled && f.Link == "" {
			s.Digest, s.Kind, s.What, s.At = f.Digest, f.secret.Kind, f.secret.What, f.secret.At
			next[f.Path] = s
		}
	}
	return h.st.Put(record(), h.dir, next)
}

func copyContext(ctx context.Context, w io.Writer, r io.Reader) (int64, error) {
	return io.Copy(w, store.WithContext(ctx, r))
}
