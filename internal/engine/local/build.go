package local

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/source"
)

// maxLock bounds a lock file that a step left, in bytes.
const maxLock = 16 << 20

// build runs the steps that build, and gives the directory of their result. The
// place is not yet known to be whole then: see keeping.
func (r *run) build(ctx context.Context, f *fetched) (string, error) {
	staged := r.place.Source() // while steps run, it may lie elsewhere
	changed, err := source.Sync(ctx, r.job.Source, staged, append(r.keptTops(), r.state.Generated...)...)
	if err != nil {
		return "", err
	}
	if f.Lock != nil {
		if err := replaceInside(staged, f.LockName, f.Lock); err != nil {
			return "", err
		}
	}
	if !r.state.Assembled || reshapes(changed) || f.Lock != nil || slices.ContainsFunc(r.job.Building(), downloads) {
		if err := r.clearExport(); err != nil {
			return "", err
		}
	}
	r.state.Assembled = false
	err = r.steps(ctx)
	if !ended(err) || ctx.Err() != nil {
		return "", errors.Join(err, ctx.Err())
	}
	if err := errors.Join(err, source.Passed(staged)); err != nil {
		return "", errors.Join(err, r.keep(ctx))
	}
	dir, err := r.exported()
	if err != nil {
		return "", errors.Join(err, r.keep(ctx))
	}
	r.state.Assembled = true
	return dir, nil
}

// Mix assembles a release over the one before: it makes the directories of its
// applications and of its version anew, but leaves those of applications and
// versions that are no longer in it, and files of overlays that are gone. So the
// earlier release is removed first, unless it was assembled whole and nothing
// but code was edited or added since, which cannot leave anything behind.
// Removing it each time would cost as much as assembling it: ext4 looks long for
// inodes that were not deleted just now.

// reshapes says whether a change to the source may change which applications,
// versions and overlays a release has.
func reshapes(c source.Changes) bool {
	return len(c.Removed) > 0 || slices.ContainsFunc(c.Staged, func(name string) bool {
		return !source.IsCode(name) || path.Ext(name) == ".exs"
	})
}

// downloads says whether a step may bring something else each time.
func downloads(s engine.Step) bool { return s.Network && s.InputDigest == "" }

// steps runs those that are to run.
func (r *run) steps(ctx context.Context) error {
	noted := false
	for _, s := range r.job.Building() {
		if s.Volatile && !noted {
			noted = true
			if err := r.noteGenerated(); err != nil {
				return err
			}
		}
		skip := s.InputDigest != "" && r.state.Done[s.Name] == s.InputDigest
		r.ev.Step(s, skip)
		if skip {
			continue
		}
		if err := r.step(ctx, s); err != nil {
			if noted || !ended(err) {
				return err
			}
			return errors.Join(err, r.noteGenerated())
		}
		if s.InputDigest != "" {
			r.state.Done[s.Name] = s.InputDigest
		}
	}
	if noted {
		return nil
	}
	return r.noteGenerated()
}

// noteGenerated remembers what there is beside the source by now: what steps
// make that do not run again.
func (r *run) noteGenerated() (err error) {
	r.state.Generated, err = source.Generated(r.job.Source, r.place.Source(), r.keptTops()...)
	for _, s := range r.job.Fetching() { // a lock file that is not in the source is made by the next fetch
		r.state.Generated = slices.DeleteFunc(r.state.Generated, func(name string) bool { return name == s.Lock })
	}
	return err
}

// exportedIn is the kept directory, on the host, that the job's result lies in,
// and where in it.
func (r *run) exportedIn() (dir, rest string, err error) {
	for _, k := range r.job.CacheDirs {
		if rest, ok := strings.CutPrefix(r.job.Export, k+"/"); ok && filepath.IsLocal(filepath.FromSlash(rest)) {
			return r.place.Kept(k), filepath.FromSlash(rest), nil
		}
	}
	return "", "", problem.New(problem.Failure, "", "exporting %q: it lies in no kept directory", r.job.Export)
}

func (r *run) clearExport() error {
	dir, rest, err := r.exportedIn()
	if err != nil {
		return err
	}
	if err := makeDir(dir); err != nil {
		return err
	}
	return removeInside(dir, rest)
}

// exported is the directory of the result. Steps may have put a link in its
// place or on the way, which would have another directory taken for it.
func (r *run) exported() (string, error) {
	dir, rest, err := r.exportedIn()
	if err != nil {
		return "", err
	}
	err = plainDir(dir, rest)
	if link, ok := errors.AsType[*linkError](err); ok {
		at := path.Join(strings.TrimSuffix(r.job.Export, "/"+filepath.ToSlash(rest)), filepath.ToSlash(link.name))
		return "", problem.New(problem.Build, "have the build leave a directory there", "a step of the build left a %s at %s, where the release is to lie",
			link.kind, at)
	}
	if errors.Is(err, os.ErrNotExist) {
		return "", r.job.NoRelease()
	}
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, rest), nil
}
