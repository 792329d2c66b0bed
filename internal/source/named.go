package source

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

// CheckNamed finds out, without reading them, whether the project in dir has files of
// those names, with slashes, that a build sees.
func CheckNamed(ctx context.Context, dir string, names []string) error {
	w, err := newWalker(ctx, dir, Options{})
	if err != nil {
		return err
	}
	defer func() { _ = w.root.Close() }() // only looked into
	for _, name := range names {
		if _, err := w.at(name); err != nil {
			return err
		}
	}
	return nil
}

// Named is what a build sees of the project in dir that lies at, or below, one of the
// names. It is an error if there is nothing, or if it holds what is nobody's business.
func Named(ctx context.Context, dir string, names []string, opts Options) (*Tree, error) {
	w, err := newWalker(ctx, dir, opts)
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.root.Close() }()
	for _, name := range names {
		if err := w.named(name); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(w.tree.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	w.tree.Files = slices.CompactFunc(w.tree.Files, func(a, b File) bool { return a.Path == b.Path })
	if err := w.tree.hash(ctx, w.root, opts.Store); err != nil {
		return nil, err
	}
	if err := w.tree.withhold(w.matcher, opts.Secrets); err != nil {
		return nil, err
	}
	for _, f := range w.tree.Withheld {
		return nil, problem.New(problem.Usage, "give it when it runs, or, if everybody may have it, --include-secret "+f.Path,
			"%q is not put into the image: %s", f.Path, f.Why)
	}
	return w.tree, nil
}

// named takes in what lies at a name.
func (w *walker) named(name string) error {
	parent, err := w.at(name)
	if err != nil {
		return err
	}
	info, err := w.root.Stat(filepath.FromSlash(name))
	switch {
	case err != nil:
		return unreadable(name, err)
	case info.IsDir():
		return w.dir(name, parent)
	case !info.Mode().IsRegular():
		return problem.New(problem.Usage, "name a file or a directory", "%q is a %s", name, fsutil.Kind(info.Mode()))
	}
	w.tree.Files = append(w.tree.Files, File{Path: name, Exec: info.Mode()&0o100 != 0, Size: info.Size(), info: info})
	return nil
}

// at says whether a build sees what lies at a name, and how patterns match it.
func (w *walker) at(name string) (info patternmatcher.MatchInfo, err error) {
	if link, target := fsutil.LeavingLink(w.root, name); link != "" {
		return info, problem.New(problem.Usage, "copy what it leads to into the project", "%q leaves the project: symbolic link %q points to %q", name, link, target)
	}
	if _, err := w.root.Stat(filepath.FromSlash(name)); errors.Is(err, fs.ErrNotExist) {
		return info, problem.New(problem.Usage, "see that the path is relative to the project's directory, and that nothing has yet to make it", "the project has no file %q", name)
	} else if err != nil {
		return info, unreadable(name, err)
	}
	at, out := "", false
	for element := range strings.SplitSeq(name, "/") {
		at = path.Join(at, element)
		if out, info, err = w.matcher.below(at, info); err != nil {
			return info, badIgnore(err)
		}
	}
	if out {
		return info, problem.New(problem.Usage, "let it in: !"+name+" at the end of "+ignoreFile, "%q is left out of the build by %s", name, w.patterns)
	}
	return info, nil
}
