package buildkit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"dram/internal/problem"
	"dram/internal/source"
	"dram/internal/store"
)

// tree is a source as BuildKit walks it: directories before what is in them,
// names compared part by part.
type tree struct {
	entries []*types.Stat
	open    func(name string) (io.ReadCloser, error)
}

// sourceFS is the source for BuildKit's file sync, which asks for the files
// whose size, mode or time differ from what it has. So each file's time says
// what is in it; steps are told of changes in another way (build.sh).
func sourceFS(t *source.Tree) fsutil.FS {
	s := &tree{}
	digests := make(map[string]store.Digest, len(t.Files))
	dirs := map[string]bool{}
	for _, f := range t.Files {
		st := &types.Stat{Path: filepath.FromSlash(f.Path), Size: f.Size, Mode: 0o644, ModTime: contentTime(f.Digest)}
		switch {
		case f.Link != "":
			st.Mode, st.Linkname, st.Size = uint32(fs.ModeSymlink|0o777), f.Link, 0
		case f.Exec:
			st.Mode = 0o755
		}
		s.entries = append(s.entries, st)
		digests[f.Path] = f.Digest
		for d := path.Dir(f.Path); d != "." && !dirs[d]; d = path.Dir(d) {
			dirs[d] = true
			s.entries = append(s.entries, &types.Stat{Path: filepath.FromSlash(d), Mode: uint32(fs.ModeDir | 0o755), ModTime: time.Second.Nanoseconds()})
		}
	}
	slices.SortFunc(s.entries, func(a, b *types.Stat) int { return strings.Compare(sortable(a.Path), sortable(b.Path)) })
	s.open = func(name string) (io.ReadCloser, error) {
		want, ok := digests[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		f, err := openIn(t.Dir, name)
		if err != nil {
			return nil, err
		}
		return &verified{f: f, name: name, want: want, sum: sha256.New()}, nil
	}
	return s
}

// openIn opens a file of the project; nothing outside it.
func openIn(dir, name string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return root.Open(filepath.FromSlash(name))
}

// contentTime is a time between 1970 and 2004, in nanoseconds, for a content.
func contentTime(d store.Digest) int64 {
	raw, err := hex.DecodeString(d.Hex())
	if err != nil || len(raw) < 8 {
		return time.Second.Nanoseconds()
	}
	const span = 1 << 30 // seconds
	return int64(binary.BigEndian.Uint64(raw)%span+1)*int64(time.Second) + int64(binary.BigEndian.Uint32(raw[4:])%uint32(time.Second))
}

func sortable(p string) string { return strings.ReplaceAll(filepath.ToSlash(p), "/", "\x00") }

// fileFS holds one file.
func fileFS(name string, body []byte) fsutil.FS {
	return &tree{
		entries: []*types.Stat{{Path: name, Size: int64(len(body)), Mode: 0o644, ModTime: contentTime(store.DigestOf(body))}},
		open: func(n string) (io.ReadCloser, error) {
			if n != name {
				return nil, fs.ErrNotExist
			}
			return io.NopCloser(bytes.NewReader(body)), nil
		},
	}
}

// Walk calls fn for every entry at or below target.
func (t *tree) Walk(ctx context.Context, target string, fn fs.WalkDirFunc) error {
	below := strings.Trim(filepath.ToSlash(filepath.Clean(target)), "/.")
	skipped := ""
	for _, st := range t.entries {
		name := filepath.ToSlash(st.Path)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case below != "" && name != below && !strings.HasPrefix(name, below+"/"):
			continue
		case skipped != "" && strings.HasPrefix(name, skipped+"/"):
			continue
		}
		err := fn(st.Path, &fsutil.DirEntryInfo{Stat: st.Clone()}, nil)
		if errors.Is(err, filepath.SkipDir) {
			if skipped = name; !fs.FileMode(st.Mode).IsDir() {
				skipped = path.Dir(name)
			}
			continue
		}
		if errors.Is(err, filepath.SkipAll) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Open opens a file that Walk told of.
func (t *tree) Open(name string) (io.ReadCloser, error) { return t.open(filepath.ToSlash(name)) }

// verified fails at its end if the file is not the one that was hashed.
type verified struct {
	f    *os.File
	name string
	want store.Digest
	sum  hash.Hash
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.f.Read(p)
	v.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && store.SumDigest(v.sum) != v.want {
		return n, problem.New(problem.Failure, "run dram again", "%q changed while it was read", v.name)
	}
	return n, err
}

func (v *verified) Close() error { return v.f.Close() }
