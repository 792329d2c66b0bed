// Package layer makes deterministic tar archives, compressed by gzip or zstd, and
// makes each part of them only once.
//
// An archive is a list of groups, a group a list of entries. A group becomes
// one gzip member (RFC 1952, section 2.2: a file is a series of members) or one
// zstd frame (RFC 8878, section 3: frames follow one another), kept in the store
// by what it holds, so that a group that did not change is not compressed again;
// the archive is the members in order, kept too. What is found damaged or missing
// in the store is made anew.
//
// The bytes depend on the entries and the options alone: ustar headers, PAX
// where ustar cannot hold a value, paths in order, one owner without names, one
// time, modes 0755 and 0644 (the sticky bit and write permission of shared
// directories stay), and never set-user-id. Directories that entries lie in and
// that nobody listed are added, 0755, in front.
package layer

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"golang.org/x/sync/errgroup"

	"dram/internal/oci"
	"dram/internal/store"
)

// Recipe is part of every key. Raise it whenever the bytes of an archive may
// change though the entries and options do not.
const Recipe = 2

// DefaultEpoch is the time of every entry, in seconds since 1970, unless told
// otherwise. It is 1 and not 0 because tar programs take 0 for "no time".
const DefaultEpoch = 1

// Entry is one file, directory or symbolic link of an archive.
type Entry struct {
	Path   string       // slash-separated, relative, clean
	Mode   fs.FileMode  // type and permission bits
	Size   int64        // bytes, regular files only
	Link   string       // target of a symbolic link
	Digest store.Digest // of a regular file's content
	// UID and GID own it, where it is not the archive's owner.
	UID, GID int
	Exact    bool // the permission bits are as they are, not those of all files
	// Open gives a regular file's content. It is called at most once at a time
	// and only when the group is compressed.
	Open func() (io.ReadCloser, error)
}

// Group is what is compressed together: the larger, the smaller the archive;
// the smaller, the less is done again after a change.
type Group struct {
	Name    string // for errors only
	Entries []Entry
	// Dense takes four times the work for 7 % less (package dense): for what is
	// compressed rarely and shipped often.
	Dense bool
}

// Options are what an archive's bytes depend on besides its entries.
type Options struct {
	UID, GID int
	Epoch    int64 // seconds since 1970; 0 means DefaultEpoch
	// NoDiffID spares the archive's DiffID and UncompressedSize, which cost
	// decompressing all of it; a tarball needs neither.
	NoDiffID bool
	// Whole has the archive be one member, for readers that stop where that ends.
	Whole bool
	// Compression is how; the zero value is the usual way.
	Compression Compression
}

func (o Options) epoch() int64 {
	if o.Epoch <= 0 {
		return DefaultEpoch
	}
	return o.Epoch
}

// Archive is a finished archive, in the store.
type Archive struct {
	Digest           store.Digest `json:"digest"`
	Size             int64        `json:"size"`    // bytes
	DiffID           store.Digest `json:"diff_id"` // digest of the tar bytes
	UncompressedSize int64        `json:"uncompressed_size"`
	Members          int          `json:"members"`
	Format           Format       `json:"format,omitempty"` // of the compression

	// Reused is the number of members that were in the store already; all of
	// them if the archive itself was.
	Reused int `json:"-"`

	st *store.Store
}

// Open opens the archive's bytes; its reader fails with store.ErrCorrupt in
// place of io.EOF if they are not those promised.
func (a *Archive) Open() (io.ReadCloser, error) { return a.st.OpenBlob(a.Digest) }

// Build makes the archive of groups or finds it in st.
func Build(ctx context.Context, st *store.Store, groups []Group, opts Options) (*Archive, error) {
	parts, err := prepare(groups, opts)
	if err != nil {
		return nil, err
	}
	key := archiveKey(parts, opts)
	if a, ok := kept(ctx, st, key); ok {
		a.Reused = a.Members
		return a, nil
	}
	b := builder{st: st, opts: opts, parts: parts, made: make([]bool, len(parts))}
	members, err := b.members(ctx)
	if err != nil {
		return nil, err
	}
	a, err := b.assemble(ctx, members)
	if err != nil {
		return nil, fmt.Errorf("assembling a layer: %w", err)
	}
	if err := st.Put("archive", key, a); err != nil {
		return nil, err
	}
	return a, nil
}

// kept finds a whole archive, reading it to be sure.
func kept(ctx context.Context, st *store.Store, key string) (*Archive, bool) {
	a := Archive{st: st}
	if !st.Get("archive", key, &a) || !st.HasBlob(a.Digest, a.Size) {
		return nil, false
	}
	r, err := a.Open()
	if err != nil {
		return nil, false
	}
	defer func() { _ = r.Close() }() // only read from
	if _, err := io.Copy(io.Discard, store.WithContext(ctx, r)); err != nil {
		return nil, false
	}
	return &a, true
}

type builder struct {
	st    *store.Store
	opts  Options
	parts []part
	made  []bool // which members were compressed now
}

// members compresses what is not in the store, as many groups at once as there
// are processors.
func (b *builder) members(ctx context.Context) ([]member, error) {
	members := make([]member, len(b.parts))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range b.parts {
		g.Go(func() error {
			m, ok := findMember(b.st, p.key)
			if !ok {
				var err error
				if m, err = makeMember(ctx, b.st, p, b.opts); err != nil {
					return fmt.Errorf("packing %q: %w", p.name, err)
				}
				b.made[i] = true
			}
			members[i] = m
			return nil
		})
	}
	return members, g.Wait()
}

// OpenTar opens the archive's tar bytes; what Open says of its reader holds.
func (a *Archive) OpenTar() (io.ReadCloser, error) {
	r, err := a.Open()
	if err != nil {
		return nil, err
	}
	return oci.Plain(r)
}
