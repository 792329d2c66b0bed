// Package source says which files of a project the build sees, and stages
// them. What .dockerignore excludes is not seen (the pattern language is
// Docker's, by Docker's own library); where a project has none, a built-in list
// serves. The developer's _build and deps and dram's own output never go in.
package source

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/patternmatcher"
	"golang.org/x/sync/errgroup"

	"dram/internal/fsutil"
	"dram/internal/problem"
	"dram/internal/secret"
	"dram/internal/store"
)

// Bounds of what is taken for a project.
const (
	maxFiles = 500_000
	maxBytes = 8 << 30
)

// File is one file or symbolic link of the source. Directories are implied.
type File struct {
	Path   string // slash-separated, relative
	Exec   bool   // the owner may execute it
	Link   string // a symbolic link's target, else ""
	Size   int64
	Digest store.Digest // of the content, or of the link's target
	Leaves bool         // a link that leads out of the project

	info   fs.FileInfo
	secret secret.Finding // what it holds that is nobody's business
}

// Tree is the source that a build sees, sorted by path.
type Tree struct {
	Dir   string // absolute
	Files []File
	Notes []string // what was left out though nobody asked for that
	// Withheld is what was left out for what it holds, sorted by path.
	Withheld []Withheld

	at string // the directory in Dir that paths are relative to, "" for Dir itself
}

// Options say what else is left out, and where hashes are remembered.
type Options struct {
	// Output is dram's output directory; what lies in it is no source.
	Output string
	// Built are directories at the project's top that its tool builds in.
	Built []string
	// Compiled says that the directory holds compiled code: that is its source.
	Compiled bool
	// Store remembers the digests of unchanged files, if set.
	Store *store.Store
	// Secrets are patterns, as in .dockerignore, of files that the build may see
	// although they hold a private key or a credential.
	Secrets []string
	// Context is what the build sees beside the project; paths are relative to it then.
	Context Context
}

// Digest names the source: paths, executable bits, links and contents, and
// nothing else.
func (t *Tree) Digest() store.Digest {
	h := sha256.New()
	for _, f := range t.Files {
		kind := "file"
		switch {
		case f.Link != "":
			kind = "link"
		case f.Exec:
			kind = "exec"
		}
		_, _ = fmt.Fprintf(h, "%s %s %q\n", kind, f.Digest, f.Path)
	}
	return store.SumDigest(h)
}

// Read finds and hashes the source of the project in dir.
func Read(ctx context.Context, dir string, opts Options) (*Tree, error) {
	if opts.Context.Dir != "" {
		return readContext(ctx, opts)
	}
	abs, root, err := openProject(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	t, err := readDir(ctx, abs, root, opts)
	if err != nil {
		return nil, err
	}
	t.Notes = append(t.Notes, t.dangling()...)
	return t, nil
}

func openProject(dir string) (abs string, root *os.Root, err error) {
	if abs, err = filepath.Abs(dir); err != nil {
		return "", nil, err
	}
	if root, err = fsutil.OpenRoot(abs); err != nil {
		return "", nil, problem.New(problem.Usage, "name the project's directory", "reading the source: %w", err)
	}
	return abs, root, nil
}

// readDir reads the source in a directory that is open.
func readDir(ctx context.Context, abs string, root *os.Root, opts Options) (*Tree, error) {
	w, err := walkerIn(ctx, abs, root, opts)
	if err != nil {
		return nil, err
	}
	if err := w.dir(".", patternmatcher.MatchInfo{}); err != nil {
		return nil, fmt.Errorf("reading the source of %q: %w", abs, err)
	}
	slices.SortFunc(w.tree.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	w.noteUntracked()
	if err := w.tree.hash(ctx, root, opts.Store); err != nil {
		return nil, err
	}
	return w.tree, w.tree.withhold(w.matcher, opts.Secrets)
}

// newWalker opens the project in dir. The caller closes its root.
func newWalker(ctx context.Context, dir string, opts Options) (*walker, error) {
	abs, root, err := openProject(dir)
	if err != nil {
		return nil, err
	}
	w, err := walkerIn(ctx, abs, root, opts)
	if err != nil {
		_ = root.Close() // only looked into
	}
	return w, err
}

func walkerIn(ctx context.Context, abs string, root *os.Root, opts Options) (*walker, error) {
	w := &walker{ctx: ctx, tree: &Tree{Dir: abs}, root: root, built: opts.Built}
	var err error
	if w.rules, err = ignored(root); err != nil {
		return nil, err
	}
	if opts.Compiled && w.builtin {
		if w.rules, err = compiledRules(); err != nil {
			return nil, err
		}
	}
	if out, err := filepath.Rel(abs, opts.Output); err == nil && opts.Output != "" && filepath.IsLocal(out) && out != "." {
		w.output = filepath.ToSlash(out)
	}
	return w, nil
}

// walker collects files.
type walker struct {
	rules
	ctx    context.Context //nolint:containedctx // lives for one Read
	root   *os.Root
	tree   *Tree
	output string
	built  []string
	bytes  int64
	// untracked are libraries below priv that the built-in patterns leave out.
	untracked []string
}

func (w *walker) dir(name string, parent patternmatcher.MatchInfo) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	f, err := w.root.Open(name)
	if err != nil {
		return unreadable(name, err)
	}
	entries, err := f.ReadDir(-1)
	_ = f.Close()
	if err != nil {
		return unreadable(name, err)
	}
	project := name == "." || slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "mix.exs" })
	for _, e := range entries {
		child := path.Join(name, e.Name())
		if child == w.output || e.IsDir() && slices.Contains(w.built, child) || neverSource(child, e.IsDir(), project) {
			continue
		}
		out, info, err := w.matcher.below(child, parent)
		if err != nil {
			return badIgnore(fmt.Errorf("matching %q: %w", child, err))
		}
		switch {
		case e.IsDir() && (!out || w.matcher.mayReturn(child)):
			err = w.dir(child, info)
		case !e.IsDir() && (!out || w.committed(child)):
			err = w.file(child, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// neverSource holds for what builds make at the top of any Mix project in the
// tree (an umbrella's applications, path dependencies), and for git's own.
func neverSource(name string, isDir, inProject bool) bool {
	base := path.Base(name)
	return base == ".git" || isDir && inProject && (base == "_build" || base == "deps") || isDir && name == "releases"
}

func (w *walker) file(name string, e fs.DirEntry) error {
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it vanished while the directory was read
	}
	if err != nil {
		return unreadable(name, err)
	}
	f := File{Path: name, Size: info.Size(), info: info}
	switch {
	case info.Mode().IsRegular():
		f.Exec = info.Mode()&0o100 != 0
	case info.Mode()&fs.ModeSymlink != 0:
		if f.Link, err = w.root.Readlink(name); err != nil {
			return unreadable(name, err)
		}
		f.Size, f.Leaves = 0, w.leaves(name, f.Link)
	default:
		w.tree.Notes = append(w.tree.Notes, fmt.Sprintf("%s is left out: it is a %s", name, kind(info.Mode())))
		return nil
	}
	w.bytes += f.Size
	w.tree.Files = append(w.tree.Files, f)
	if len(w.tree.Files) > maxFiles || w.bytes > maxBytes {
		return tooLarge()
	}
	return nil
}

func tooLarge() error {
	return problem.New(problem.Usage, "exclude what the build does not need in "+ignoreFile,
		"the source is larger than %d files or %d GiB", maxFiles, maxBytes>>30)
}

func kind(m fs.FileMode) string {
	switch {
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	}
	return "device"
}

// leaves says whether a link leads out of the project, as text or through
// other links. One that leads nowhere stays: it is none of our business.
func (w *walker) leaves(name, target string) bool {
	if !fsutil.Local(path.Dir(name), target) {
		return true
	}
	_, err := w.root.Stat(filepath.FromSlash(name))
	return err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) &&
		!errors.Is(err, syscall.ELOOP) && !errors.Is(err, syscall.ENOTDIR)
}

func unreadable(name string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return problem.New(problem.Usage, "make it readable, or exclude it in "+ignoreFile, "%q cannot be read: %w", name, err)
	}
	return err
}

// hash fills in the digests, several files at a time.
func (t *Tree) hash(ctx context.Context, root *os.Root, st *store.Store) error {
	known := loadHashes(st, t.Dir)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i := range t.Files {
		f := &t.Files[i]
		switch {
		case f.Link != "":
			f.Digest = store.DigestOf([]byte(f.Link))
		case known.find(f):
		default:
			group.Go(func() error {
				return f.read(ctx, root)
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return known.save(t)
}

// read fills in a file's digest, and what it holds.
func (f *File) read(ctx context.Context, root *os.Root) error {
	r, err := fsutil.OpenIn(root, f.Path)
	if err != nil {
		return unreadable(f.Path, err)
	}
	defer func() { _ = r.Close() }()
	h, look := sha256.New(), secret.New(f.Path)
	if _, err := copyContext(ctx, io.MultiWriter(h, look), r); err != nil {
		return unreadable(f.Path, err)
	}
	f.Digest, f.secret = store.SumDigest(h), look.Finding()
	return nil
}
