package store

import (
	"testing"
	"time"

	"dram/internal/manifest"
)

// Conceal makes damage of a tree look like none, as that of a bad disk does: its
// manifest keeps what the files held and learns how they look.
func Conceal(t *testing.T, s *Store, kind, key string) {
	t.Helper()
	m, err := s.manifestOf(kind, key)
	if err != nil {
		t.Fatal(err)
	}
	now, err := manifest.Take(t.Context(), s.TreePath(kind, key))
	if err != nil {
		t.Fatal(err)
	}
	entries := m.Entries()
	for i, e := range entries {
		got, _ := now.Lookup(e.Path)
		entries[i].Seen = got.Seen
	}
	if err := s.keepManifest(kind, key, manifest.New(time.Now().Add(time.Hour), entries)); err != nil {
		t.Fatal(err)
	}
}
