package local

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/source"
	"dram/internal/store"
)

// Steps make files in the copy of the source: a NIF in priv/, node_modules,
// digested assets. Removing them all before each build would be wrong where
// their maker does not run again (Mix compiles a module once; `use Rustler`
// makes its library then), and leaving them all would let a build see what an
// earlier one left. So what volatile steps made goes, and the rest stays as
// long as nothing but Elixir or Erlang code was edited or added: their
// compilers know what to do again. After any other change all of it goes, and
// what was compiled from the source with it.

// stage makes the source what the job says.
func (r *run) stage(ctx context.Context) (source.Changes, error) {
	var generated []string
	known := r.engine.store.Get("generated", r.job.Key, &generated)
	changed, err := source.Sync(ctx, r.job.Source, r.source(), append(r.keptTops(), generated...)...)
	if err != nil {
		return changed, err
	}
	switch {
	case !known && len(changed.Strays) > 0:
	case len(generated) > 0 && (len(changed.Removed) > 0 || slices.ContainsFunc(changed.Staged, notCode)):
	default:
		return changed, nil
	}
	return changed, r.afresh(ctx)
}

// notCode says whether a file is none whose compiler knows what depends on it.
func notCode(name string) bool {
	switch path.Ext(name) {
	case ".ex", ".exs", ".eex", ".leex", ".heex", ".erl", ".hrl", ".xrl", ".yrl":
		return false
	}
	return true
}

// afresh removes all that was made of the source.
func (r *run) afresh(ctx context.Context) error {
	if _, err := source.Sync(ctx, r.job.Source, r.source(), r.keptTops()...); err != nil {
		return err
	}
	for _, dir := range r.job.Derived {
		for _, k := range r.job.Keep {
			if rest, ok := strings.CutPrefix(dir, k+"/"); ok {
				if err := store.RemoveAll(filepath.Join(r.kept(k), filepath.FromSlash(rest))); err != nil {
					return err
				}
			}
		}
	}
	done := r.readDone()
	for _, s := range r.job.Steps {
		if s.Generates {
			delete(done, s.Name)
		}
	}
	return r.engine.store.Put("steps", r.job.Key, done)
}

// noteGenerated remembers what there is beside the source by now: what steps
// make that do not run again.
func (r *run) noteGenerated() error {
	generated, err := source.Generated(r.job.Source, r.source(), r.keptTops()...)
	if err != nil {
		return err
	}
	for _, s := range r.job.Steps { // the next fetch makes a lock file that is not in the source anew
		generated = slices.DeleteFunc(generated, func(name string) bool { return name == s.Lock })
	}
	return r.engine.store.Put("generated", r.job.Key, generated)
}
