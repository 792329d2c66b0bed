package rootfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
)

// Limits of the loader's cache. A desktop with everything has 6,000 libraries in
// 700 KB.
const (
	maxCacheBytes   = 16 << 20
	maxCacheEntries = 200_000
	maxCacheLevels  = 64
)

// The format of ld.so.cache (glibc's dl-cache.h, ldconfig(8)): the new one, which
// stands alone or behind the old one of libc5's time.
const (
	cacheMagicOld   = "ld.so-1.7.0"
	cacheMagicNew   = "glibc-ld.so.cache1.1"
	cacheHeadNew    = 48
	cacheEntryNew   = 24
	cacheEntryOld   = 12
	cacheExtension  = 0xeaa42174
	cacheLevelsTag  = 1
	cacheLevelFlag  = 1 << 62 // of an entry's hwcap: its low half is a level's number
	cacheTLSFlag    = 1 << 63 // of an entry's hwcap, of old: the folder "tls"
	cacheFlagsX8664 = 0x0303
	cacheFlagsARM64 = 0x0a03
)

var errCache = errors.New("it is no cache of the loader")

// ldCache is what ld.so.cache says, in its order.
type ldCache struct{ entries map[string][]cached }

// cached is one library of the cache.
type cached struct {
	path   string
	flags  uint32
	level  string // of processors, "x86-64-v3", or legacy; "" for all
	legacy bool   // it lies in a folder of the kind that glibc 2.37 forgot
}

// readCache reads a cache.
func readCache(b []byte) (*ldCache, error) {
	if bytes.HasPrefix(b, []byte(cacheMagicOld)) {
		if len(b) < len(cacheMagicOld)+5 {
			return nil, errCache
		}
		n := binary.LittleEndian.Uint32(b[12:])
		if n > maxCacheEntries {
			return nil, errCache
		}
		end := (16 + int(n)*cacheEntryOld + 7) &^ 7
		if end > len(b) {
			return nil, errCache
		}
		b = b[end:]
	}
	if len(b) < cacheHeadNew || !bytes.HasPrefix(b, []byte(cacheMagicNew)) {
		return nil, errCache
	}
	n := int(binary.LittleEndian.Uint32(b[20:]))
	if n > maxCacheEntries || cacheHeadNew+n*cacheEntryNew > len(b) {
		return nil, errCache
	}
	out := &ldCache{entries: make(map[string][]cached, n)}
	levels := cacheLevels(b)
	for i := range n {
		out.add(b, b[cacheHeadNew+i*cacheEntryNew:], levels)
	}
	return out, nil
}

// add takes in one entry; the loader passes over what it cannot use.
func (c *ldCache) add(b, e []byte, levels []string) {
	name, ok1 := cacheString(b, binary.LittleEndian.Uint32(e[4:]))
	path, ok2 := cacheString(b, binary.LittleEndian.Uint32(e[8:]))
	if !ok1 || !ok2 {
		return
	}
	out := cached{path: path, flags: binary.LittleEndian.Uint32(e)}
	switch hwcap := binary.LittleEndian.Uint64(e[16:]); {
	case hwcap == 0:
	case hwcap&cacheLevelFlag != 0 && hwcap&cacheTLSFlag == 0:
		i := int(uint32(hwcap)) //nolint:gosec // the low half
		if i >= len(levels) {
			return
		}
		out.level = levels[i]
	case hwcap&^cacheTLSFlag == 0:
		out.legacy = true
	default:
		out.level, out.legacy = "x86-64-v3", true // haswell and beyond
	}
	c.entries[name] = append(c.entries[name], out)
}

func cacheString(b []byte, at uint32) (string, bool) {
	if uint64(at) >= uint64(len(b)) {
		return "", false
	}
	text, _, ended := bytes.Cut(b[at:min(len(b), int(at)+maxName)], []byte{0})
	return string(text), ended
}

// cacheLevels is the names of levels that entries number.
func cacheLevels(b []byte) (out []string) {
	at := int(binary.LittleEndian.Uint32(b[32:]))
	if at == 0 || at > len(b)-8 || binary.LittleEndian.Uint32(b[at:]) != cacheExtension {
		return nil
	}
	sections := int(binary.LittleEndian.Uint32(b[at+4:]))
	for i := range min(sections, maxCacheLevels) {
		s := at + 8 + 16*i
		if s > len(b)-16 {
			return nil
		}
		offset, size := int(binary.LittleEndian.Uint32(b[s+8:])), int(binary.LittleEndian.Uint32(b[s+12:]))
		if binary.LittleEndian.Uint32(b[s:]) != cacheLevelsTag || offset > len(b) || size > len(b)-offset {
			continue
		}
		for ; size >= 4 && len(out) < maxCacheLevels; offset, size = offset+4, size-4 {
			name, _ := cacheString(b, binary.LittleEndian.Uint32(b[offset:]))
			out = append(out, name)
		}
	}
	return out
}

// lookup is where the cache says that a library is, for a machine and a level of
// processors. more says that a processor of a higher level gets another.
func (c *ldCache) lookup(name string, flags uint32, level string, legacy bool) (path string, more bool) {
	best := -1
	for _, e := range c.entries[name] {
		if e.flags != 1 && e.flags != flags || e.legacy && !legacy {
			continue
		}
		rank := slices.Index(levels(), e.level)
		if e.level != "" && (rank < 0 || rank > slices.Index(levels(), level)) {
			more = more || rank >= 0
			continue
		}
		if e.legacy {
			rank = 0
		}
		if path == "" || rank > best {
			path, best = e.path, rank
		}
	}
	return path, more
}

// directories is the folders of all that the cache has, in its order of names.
func (c *ldCache) directories() (out []string) {
	seen := map[string]bool{}
	for _, list := range c.entries {
		for _, e := range list {
			if i := bytes.LastIndexByte([]byte(e.path), '/'); i > 0 && e.level == "" && !e.legacy && !seen[e.path[:i]] {
				seen[e.path[:i]] = true
				out = append(out, Clean(e.path[:i]))
			}
		}
	}
	slices.Sort(out)
	return out
}

// levels are those of x86-64 processors (x86-64 psABI), the least first.
func levels() []string { return []string{"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"} }
