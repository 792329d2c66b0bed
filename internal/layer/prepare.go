package layer

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"dram/internal/store"
)

// part is a group made ready: its entries in order, and the key of its bytes.
type part struct {
	name    string
	entries []Entry
	method  method
	end     bool // the archive's end comes behind its entries
	key     string
}

// prepare checks the groups, adds the directories that they leave out in front
// and the archive's end behind, and computes the keys.
func prepare(groups []Group, opts Options) ([]part, error) {
	seen, err := collect(groups)
	if err != nil {
		return nil, err
	}
	if opts.Whole {
		p := part{name: "archive", entries: parents(seen), method: opts.Compression.method(false), end: true}
		for _, g := range groups {
			p.entries = append(p.entries, g.Entries...)
		}
		slices.SortFunc(p.entries, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
		p.key = partKey(p, opts)
		return []part{p}, nil
	}
	var parts []part
	if dirs := parents(seen); len(dirs) > 0 {
		parts = append(parts, part{name: "directories", entries: dirs, method: opts.Compression.method(false)})
	}
	for _, g := range groups {
		if len(g.Entries) > 0 {
			sorted := slices.SortedFunc(slices.Values(g.Entries), func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
			parts = append(parts, part{name: g.Name, entries: sorted, method: opts.Compression.method(g.Dense)})
		}
	}
	parts = append(parts, part{name: "end", end: true, method: opts.Compression.method(false)})
	for i := range parts {
		parts[i].key = partKey(parts[i], opts)
	}
	return parts, nil
}

// collect maps every path to its mode and refuses what no archive may hold.
func collect(groups []Group) (map[string]fs.FileMode, error) {
	seen := map[string]fs.FileMode{}
	for _, g := range groups {
		for _, e := range g.Entries {
			if err := check(e); err != nil {
				return nil, fmt.Errorf("packing %q: %w", g.Name, err)
			}
			if _, ok := seen[e.Path]; ok {
				return nil, fmt.Errorf("packing %q: path %q is there twice", g.Name, e.Path)
			}
			seen[e.Path] = e.Mode
		}
	}
	for p := range seen {
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			if mode, ok := seen[dir]; ok && !mode.IsDir() {
				return nil, fmt.Errorf("packing: path %q lies in %q, which is not a directory", p, dir)
			}
		}
	}
	return seen, nil
}

func check(e Entry) error {
	switch {
	case !fs.ValidPath(e.Path) || e.Path == "." || strings.ContainsRune(e.Path, 0):
		return fmt.Errorf("path %q is not relative and clean", e.Path)
	case e.Mode.IsDir():
		return nil
	case e.Mode.Type() == fs.ModeSymlink:
		if e.Link == "" || strings.ContainsRune(e.Link, 0) {
			return fmt.Errorf("symbolic link %q has the target %q", e.Path, e.Link)
		}
		return nil
	case !e.Mode.IsRegular():
		return fmt.Errorf("%q is neither file, directory nor symbolic link (%s)", e.Path, e.Mode.Type())
	case e.Open == nil || !e.Digest.Valid() || e.Size < 0:
		return fmt.Errorf("file %q has no content, digest or size", e.Path)
	}
	return nil
}

// parents are the directories that entries lie in and that are no entries.
func parents(seen map[string]fs.FileMode) []Entry {
	missing := map[string]bool{}
	for p := range seen {
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			if _, ok := seen[dir]; !ok {
				missing[dir] = true
			}
		}
	}
	// A listed directory's missing parent comes in front of it by being here;
	// a listed directory whose child comes in an earlier group does no harm:
	// extracting makes it and sets the mode later.
	var dirs []Entry
	for dir := range missing {
		dirs = append(dirs, Entry{Path: dir, Mode: fs.ModeDir | 0o755})
	}
	slices.SortFunc(dirs, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return dirs
}

func partKey(p part, opts Options) string {
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "recipe %d %s owner %d:%d epoch %d end %t\n",
		Recipe, p.method, opts.UID, opts.GID, opts.epoch(), p.end)
	for _, e := range p.entries {
		_, _ = fmt.Fprintf(sum, "%q %s %o %d %q %s\n",
			e.Path, e.Mode.Type()|e.Mode&fs.ModeSticky, perm(e), e.Size, e.Link, e.Digest)
		if e.UID != 0 || e.GID != 0 {
			_, _ = fmt.Fprintf(sum, "of %d:%d\n", e.UID, e.GID)
		}
	}
	return store.SumDigest(sum).Hex()
}

func archiveKey(parts []part, opts Options) string {
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "diff id %t\n", !opts.NoDiffID)
	for _, p := range parts {
		_, _ = io.WriteString(sum, p.key+"\n") // a hash never fails
	}
	return store.SumDigest(sum).Hex()
}
