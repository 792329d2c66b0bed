// Package manifest says what a directory held: every file's path, mode, size,
// link target and SHA-256 digest, and how it looked when it was taken (time of
// modification and of change, inode). With it a directory that was made once
// can be told from what became of it.
//
//   - Take reads a directory, all of it.
//   - Compare looks at it again without reading files. What differs in more than
//     times and inode is another file for sure; what differs in those alone may
//     have been copied, restored or touched, and only its content tells.
//   - Verify reads all of it again.
//
// Links are not followed. Owners and extended attributes do not count: a cache
// has one user. Times count for Compare alone, not for what the directory is.
package manifest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Entry is one file of a directory: what it is, and how it was seen.
type Entry struct {
	Path   string // slash-separated, relative to the directory; "." is itself
	Mode   fs.FileMode
	Size   int64 // bytes, of a regular file
	Link   string
	Digest [sha256.Size]byte // of a regular file's content; zero if it could not be read
	Seen   Stat
}

// Stat is what tells, without reading it, that a file was written to: times are
// in nanoseconds since 1970.
type Stat struct {
	Modified, Changed int64
	Inode             uint64
}

// SHA256 is the entry's digest as the cache writes it: "sha256:" and hex.
func (e Entry) SHA256() string { return "sha256:" + hex.EncodeToString(e.Digest[:]) }

func (e Entry) read() bool { return e.Digest != [sha256.Size]byte{} }

// Manifest is what a directory held. It does not change once made.
type Manifest struct {
	taken   time.Time
	entries []Entry // by directory, then by name
	digest  string

	once   sync.Once
	byPath map[string]int
}

// Take reads the directory root. It fails if a file changes meanwhile.
func Take(ctx context.Context, root string) (*Manifest, error) { return Update(ctx, root, nil) }

// Update is Take, but takes over the digests of files that look as they did in
// an earlier manifest of the directory, which may be nil. A file that was
// changed shortly before that was taken is read all the same: what changed it
// again within a tick of the file system's clock would not show.
func Update(ctx context.Context, root string, before *Manifest) (*Manifest, error) {
	return update(ctx, root, before, func(err error) error { return err })
}

// update asks failed what becomes of a file that cannot be read: an error ends
// it all, nil goes on with the digest broken.
func update(ctx context.Context, root string, before *Manifest, failed func(error) error) (*Manifest, error) {
	taken := time.Now()
	entries, err := scan(ctx, root)
	if err != nil {
		return nil, fmt.Errorf("taking stock of %q: %w", root, err)
	}
	var unread []*Entry
	for i, e := range entries {
		if !e.Mode.IsRegular() {
			continue
		}
		if old, ok := before.settled(e); ok {
			entries[i].Digest = old
			continue
		}
		unread = append(unread, &entries[i])
	}
	if err := readAll(ctx, root, unread, failed); err != nil {
		return nil, fmt.Errorf("taking stock of %q: %w", root, err)
	}
	return New(taken, entries), nil
}

// broken is the digest of a file that the disk does not give.
var broken = sha256.Sum256([]byte("broken"))

// tick is more than what file systems' clocks may be behind, or coarser.
const tick = 50 * time.Millisecond

// settled is the digest of a file that looks as it did.
func (m *Manifest) settled(e Entry) (digest [sha256.Size]byte, ok bool) {
	if m == nil {
		return digest, false
	}
	old, ok := m.Lookup(e.Path)
	ok = ok && old.Mode == e.Mode && old.Size == e.Size && old.Seen == e.Seen &&
		e.Seen.Changed < m.taken.Add(-tick).UnixNano()
	return old.Digest, ok
}

// New makes a manifest of entries that were seen at a time.
func New(taken time.Time, entries []Entry) *Manifest {
	m := &Manifest{taken: taken, entries: slices.Clone(entries)}
	sortEntries(m.entries)
	m.digest = contentDigest(m.entries)
	return m
}

// Digest names what the directory held, "sha256:" and hex: the same paths,
// modes, link targets and contents have the same, whenever they were made.
func (m *Manifest) Digest() string { return m.digest }

// Len is the number of files, directories included.
func (m *Manifest) Len() int { return len(m.entries) }

// Size is that of all its regular files, in bytes.
func (m *Manifest) Size() int64 {
	var n int64
	for _, e := range m.entries {
		n += e.Size
	}
	return n
}

// Entries gives all of them, by directory and then by name.
func (m *Manifest) Entries() []Entry { return slices.Clone(m.entries) }

// Lookup is the entry of a path.
func (m *Manifest) Lookup(name string) (Entry, bool) {
	m.once.Do(func() {
		m.byPath = make(map[string]int, len(m.entries))
		for i, e := range m.entries {
			m.byPath[e.Path] = i
		}
	})
	i, ok := m.byPath[name]
	if !ok {
		return Entry{}, false
	}
	return m.entries[i], true
}

// In gives what lies in a directory, by name.
func (m *Manifest) In(dir string) []Entry {
	from, _ := slices.BinarySearchFunc(m.entries, dir, func(e Entry, dir string) int { return strings.Compare(dirOf(e.Path), dir) })
	to := from
	for to < len(m.entries) && dirOf(m.entries[to].Path) == dir {
		to++
	}
	return m.entries[from:to:to]
}

// contentDigest is of all but what was seen: times and inodes.
func contentDigest(entries []Entry) string {
	sum := sha256.New()
	for _, e := range entries {
		_, _ = fmt.Fprintf(sum, "%q %o %d %q %x\n", e.Path, uint32(e.Mode), e.Size, e.Link, e.Digest) // a hash takes all
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// sortEntries puts what lies in one directory together.
func sortEntries(entries []Entry) { slices.SortFunc(entries, order) }

func order(a, b Entry) int {
	if c := strings.Compare(dirOf(a.Path), dirOf(b.Path)); c != 0 {
		return c
	}
	return strings.Compare(a.Path, b.Path)
}

// dirOf is where an entry lies; "" for the directory itself, so that it is the
// first.
func dirOf(name string) string {
	if name == "." {
		return ""
	}
	return path.Dir(name)
}
