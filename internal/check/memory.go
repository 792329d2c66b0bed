package check

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"

	"dram/internal/release"
)

// Memory is what checks remember of earlier ones: modules of which nothing was
// found, by all that decided it. To judge 1,600 takes 0.1 s of CPU time, and an
// edit changes few. A nil Memory remembers nothing.
type Memory struct {
	recipe string
	before map[moduleKey]bool // not written to
	mu     sync.Mutex
	now    map[moduleKey]bool
}

type moduleKey [sha256.Size]byte

// NewMemory makes one of what Bytes gave earlier, or of nothing.
func NewMemory(kept []byte) *Memory {
	m := &Memory{recipe: Recipe(), before: map[moduleKey]bool{}, now: map[moduleKey]bool{}}
	if len(kept)%sha256.Size != 0 {
		return m
	}
	for k := range slices.Chunk(kept, sha256.Size) {
		m.before[moduleKey(k)] = true
	}
	return m
}

// Bytes is what to keep for the next check, and whether it is something else than
// what was kept.
func (m *Memory) Bytes() (kept []byte, changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := slices.SortedFunc(maps.Keys(m.now), func(a, b moduleKey) int { return bytes.Compare(a[:], b[:]) })
	for _, k := range keys {
		kept = append(kept, k[:]...)
	}
	return kept, !maps.Equal(m.now, m.before)
}

// key names a module by all that the rules' judgement depends on, besides raw its
// content.
func (m *Memory) key(f release.File, raw []byte, otp int) (k moduleKey) {
	if m == nil {
		return k
	}
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s %d %d %q\n", m.recipe, otp, f.Origin, f.Path) // a hash takes all
	_, _ = h.Write(raw)
	return moduleKey(h.Sum(nil))
}

// harmless says whether nothing was found of a module, and remembers that it was
// asked for.
func (m *Memory) harmless(k moduleKey) bool {
	if m == nil || !m.before[k] {
		return false
	}
	m.mu.Lock()
	m.now[k] = true
	m.mu.Unlock()
	return true
}

// found notes what was found of a module.
func (m *Memory) found(k moduleKey, a aboutModule, err error) {
	if m == nil || err != nil || a != (aboutModule{}) {
		return
	}
	m.mu.Lock()
	m.now[k] = true
	m.mu.Unlock()
}
