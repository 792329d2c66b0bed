package engine

import (
	"cmp"
	"encoding/json"

	"dram/internal/source"
	"dram/internal/store"
)

// Fetching are the job's steps that run apart, with the files that they need
// alone: those at its beginning that say which.
func (j Job) Fetching() []Step {
	for i, s := range j.Steps {
		if s.Needs == nil {
			return j.Steps[:i]
		}
	}
	return j.Steps
}

// Building are the others, which run with the whole source.
func (j Job) Building() []Step { return j.Steps[len(j.Fetching()):] }

// Remotes are the repositories of source that any step may fetch from.
func (j Job) Remotes() []string {
	var all []string
	for _, s := range j.Steps {
		all = append(all, s.Remotes...)
	}
	return all
}

// Refetches says whether some step fetches without a lock: it may bring other
// versions than the last time.
func (j Job) Refetches() bool {
	for _, s := range j.Fetching() {
		if s.InputDigest == "" {
			return true
		}
	}
	return false
}

// Needed is what of the source the steps of Fetching see.
func (j Job) Needed() *source.Tree {
	needs := map[string]bool{}
	for _, s := range j.Fetching() {
		for _, n := range s.Needs {
			needs[n] = true
		}
	}
	t := &source.Tree{Dir: j.Source.Dir}
	for _, f := range j.Source.Files {
		if needs[f.Path] {
			t.Files = append(t.Files, f)
		}
	}
	return t
}

// FetchKey names what the steps of Fetching come to, as far as it does not
// depend on the day.
func (j Job) FetchKey() string {
	if len(j.Fetching()) == 0 {
		return ""
	}
	parts := []any{j.toolchain(), j.Platform, j.Env, j.CacheDirs, j.Needed().Digest()}
	for _, s := range j.Fetching() {
		parts = append(parts, s.Name, s.Argv, s.Env, s.InputDigest, s.Network)
		if s.Dir != "" {
			parts = append(parts, s.Dir)
		}
	}
	return keyOf(parts...)
}

// PlaceKey names the place where the steps of Building run, which begin with
// what the name fetched stands for.
func (j Job) PlaceKey(fetched string) string {
	return keyOf(j.Key, j.Lineage, fetched, j.toolchain(), j.Platform, j.Env, j.CacheDirs)
}

func (j Job) toolchain() string { return cmp.Or(string(j.Toolchain.ID), j.Root) }

func keyOf(parts ...any) string {
	raw, err := json.Marshal(parts)
	if err != nil {
		panic(err) // strings and lists of them always encode
	}
	return store.DigestOf(raw).Hex()
}
