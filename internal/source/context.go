package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

// Context is a directory that holds a project and what its build sees beside it. The
// zero value is the project alone.
type Context struct {
	Dir    string   // absolute
	At     string   // where in it the project lies, with slashes
	Beside []string // directories and files, relative to it
}

// parts are the least directories and files that are all of it.
func (c Context) parts() []string {
	all := slices.Sorted(slices.Values(append(slices.Clone(c.Beside), c.At)))
	var out []string
	for _, name := range all {
		if !slices.ContainsFunc(out, func(o string) bool { return o == "." || o == name || strings.HasPrefix(name, o+"/") }) {
			out = append(out, name)
		}
	}
	return out
}

// readContext reads the parts of a context, and nothing else of it. Each part is read
// as a project of its own is, by its own .dockerignore; what the context's own leaves
// out stays out as well, where it speaks of the project.
func readContext(ctx context.Context, opts Options) (*Tree, error) {
	c := opts.Context
	root, err := fsutil.OpenRoot(c.Dir)
	if err != nil {
		return nil, problem.New(problem.Usage, "name a directory that can be read", "reading the context: %w", err)
	}
	defer func() { _ = root.Close() }() // only read
	ignore, err := c.ignored(root)
	if err != nil {
		return nil, err
	}
	t := &Tree{Dir: c.Dir}
	for _, part := range c.parts() {
		read, err := c.read(ctx, root, part, opts)
		if err != nil {
			return nil, err
		}
		if err := t.add(read, part, ignore); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(t.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	if len(t.Files) > maxFiles {
		return nil, tooLarge()
	}
	t.Notes = append(t.Notes, t.dangling()...)
	return t, nil
}

// ignored is the context's own .dockerignore, nil where there is none, or it is for
// something else than the project: it leaves that out.
func (c Context) ignored(root *os.Root) (*matcher, error) {
	if slices.Contains(c.parts(), ".") { // which reads it
		return nil, nil
	}
	if _, err := root.Lstat(ignoreFile); err != nil {
		return nil, nil //nolint:nilerr // there is none
	}
	r, err := ignored(root)
	if err != nil {
		return nil, err
	}
	out, err := r.matcher.matches(path.Join(c.At, "mix.exs"))
	if err != nil || out {
		return nil, err
	}
	return r.matcher, nil
}

// read reads one part. Its place is gone to without a link: what one leads to is no part
// of what was named.
func (c Context) read(ctx context.Context, root *os.Root, part string, opts Options) (*Tree, error) {
	at := ""
	for elem := range strings.SplitSeq(part, "/") {
		at = path.Join(at, elem)
		info, err := root.Lstat(filepath.FromSlash(at))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, problem.New(problem.Usage, "see that it is there, or leave it out of mix.exs and of dram.toml", "the build is to see %q, and %q has no such directory or file", part, c.Dir)
		case err != nil:
			return nil, unreadable(at, err)
		case info.Mode()&fs.ModeSymlink != 0:
			return nil, problem.New(problem.Usage, "name what the link leads to", "the build is to see %q, and %q is a symbolic link", part, at)
		}
	}
	if part != c.At {
		opts.Secrets = within(part, c.At, opts.Secrets)
	}
	info, err := root.Lstat(filepath.FromSlash(part))
	if err != nil {
		return nil, unreadable(part, err)
	}
	if !info.IsDir() {
		return readFile(ctx, root, part, opts)
	}
	sub, err := root.OpenRoot(filepath.FromSlash(part))
	if err != nil {
		return nil, unreadable(part, err)
	}
	defer func() { _ = sub.Close() }() // only read
	return readDir(ctx, filepath.Join(c.Dir, filepath.FromSlash(part)), sub, opts)
}

// within are the patterns for files of a part, as that has their names; they are given
// as the project has them.
func within(part, at string, patterns []string) []string {
	var out []string
	for _, p := range patterns {
		name := path.Join(at, p)
		if part == "." {
			out = append(out, name)
		} else if rest, ok := strings.CutPrefix(name, part+"/"); ok {
			out = append(out, rest)
		}
	}
	return out
}

// readFile reads a part that is one file: its name is then what the part is called.
func readFile(ctx context.Context, root *os.Root, name string, opts Options) (*Tree, error) {
	dir, err := root.OpenRoot(filepath.FromSlash(path.Dir(name)))
	if err != nil {
		return nil, unreadable(name, err)
	}
	defer func() { _ = dir.Close() }() // only read
	none, err := newMatcher(nil)
	if err != nil {
		return nil, err
	}
	w := &walker{ctx: ctx, tree: &Tree{}, rules: rules{matcher: none}, root: dir}
	info, err := dir.Lstat(path.Base(name))
	if err == nil {
		err = w.file(path.Base(name), fs.FileInfoToDirEntry(info))
	}
	if err == nil {
		err = w.tree.hash(ctx, dir, nil)
	}
	if err != nil {
		return nil, err
	}
	if err := w.tree.withhold(none, opts.Secrets); err != nil {
		return nil, err
	}
	for i := range w.tree.Files {
		w.tree.Files[i].Path = "."
	}
	return w.tree, nil
}

// add takes a part's files in, but those that the context leaves out.
func (t *Tree) add(part *Tree, at string, ignore *matcher) error {
	for _, f := range part.Files {
		f.Path = path.Join(at, f.Path)
		if ignore != nil {
			out, err := ignore.matches(f.Path)
			if err != nil {
				return badIgnore(err)
			}
			if out {
				continue
			}
		}
		t.Files = append(t.Files, f)
	}
	for _, w := range part.Withheld {
		t.Withheld = append(t.Withheld, Withheld{path.Join(at, w.Path), w.Why})
	}
	for _, note := range part.Notes {
		t.Notes = append(t.Notes, at+": "+note)
	}
	return nil
}

// From is the tree as a directory in it has the paths: what lies outside of that begins
// with "../".
func (t *Tree) From(at string) *Tree {
	if at == "" || at == "." {
		return t
	}
	seen := &Tree{Dir: t.Dir, Notes: t.Notes, Withheld: t.Withheld, at: at, Files: slices.Clone(t.Files)}
	for i := range seen.Files {
		seen.Files[i].Path = relativeTo(at, seen.Files[i].Path)
	}
	slices.SortFunc(seen.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return seen
}

// relativeTo is a path of a tree as the directory at has it.
func relativeTo(at, name string) string {
	up := ""
	for at != "." && name != at && !strings.HasPrefix(name, at+"/") {
		at, up = path.Dir(at), up+"../"
	}
	if at == "." {
		return up + name
	}
	return up + strings.TrimPrefix(name, at+"/")
}

// reading are the directories of a project in which a build looks for more than it is
// told of.
var reading = []string{"lib", "src", "priv", "assets", "config", "c_src", "native", "include", "apps", "web", "rel"}

// dangling notes links that lead out of what the build sees, where something may read
// them; elsewhere they are carried as they are.
func (t *Tree) dangling() (notes []string) {
	for _, f := range t.Files {
		if !f.Leaves || !t.isRead(f.Path) || t.holds(path.Join(path.Dir(f.Path), f.Link)) {
			continue
		}
		notes = append(notes, fmt.Sprintf("%s is a link that leads out of what the build sees, to %s: nothing is found there; copy what it leads to, "+
			"or have the build see that by --include", f.Path, f.Link))
	}
	return notes
}

// isRead says whether a build looks at a path: it lies beside a mix.exs, or in one of
// the directories that are read.
func (t *Tree) isRead(name string) bool {
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		_, has := slices.BinarySearchFunc(t.Files, path.Join(dir, "mix.exs"), func(f File, want string) int { return strings.Compare(f.Path, want) })
		if has {
			rest := relativeTo(dir, name)
			first, _, below := strings.Cut(rest, "/")
			return slices.Contains(reading, first) || !below && (IsCode(rest) || path.Ext(rest) == ".lock")
		}
		if dir == "." {
			return false
		}
	}
}

// holds says whether the tree has a file of that name, or below it.
func (t *Tree) holds(name string) bool {
	i, has := slices.BinarySearchFunc(t.Files, name, func(f File, want string) int { return strings.Compare(f.Path, want) })
	return has || i < len(t.Files) && strings.HasPrefix(t.Files[i].Path, name+"/")
}
