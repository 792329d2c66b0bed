package attack

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// world is what one attack may reach: a project, a cache, and around them
// canaries that belong to the user dram runs as, so that nothing but dram itself
// keeps them safe.
//
//	outer/inner/project/   the project
//	outer/inner/beside/    a directory beside it
//	outer/cache/           the cache
//	canary/                what an attack names: $OUT
//	home/, tmp/            the user's
type world struct {
	t                                       *testing.T
	user                                    user
	base, project, cache, canary, home, tmp string
}

func newWorld(t *testing.T, u user) *world {
	t.Helper()
	base, err := os.MkdirTemp(scratch, "world-") //nolint:usetesting // other users may enter it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeAll(base) })
	w := &world{
		t: t, user: u, base: base,
		project: filepath.Join(base, "outer/inner/project"), cache: filepath.Join(base, "outer/cache"),
		canary: filepath.Join(base, "canary"), home: filepath.Join(base, "home"), tmp: filepath.Join(base, "tmp"),
	}
	for _, dir := range []string{w.project, w.cache, w.home, w.tmp} {
		w.must(os.MkdirAll(dir, 0o755))
	}
	for _, dir := range []string{w.canary, filepath.Join(base, "outer/inner/beside"), filepath.Join(w.home, ".ssh")} {
		w.canaries(dir)
	}
	return w
}

// canaries fills a directory with one of each kind of file, and with names that
// an attack may end in.
func (w *world) canaries(dir string) {
	w.t.Helper()
	w.write(dir, map[string]string{
		"file": "canary\n", "run.sh": "#!/bin/sh\n", "secret": "a secret\n", "empty": "",
		"hello/bin/hello": "stranger\n", "prod/rel/hello/bin/hello": "stranger\n", "prod/lib/hello/ebin/hello.app": "stranger\n",
		"rel/hello/releases/start_erl.data": "15.0 6.6.6\n", "releases/hello/x": "x\n", "index.json": `{"schemaVersion":2}`,
		"source/mix.exs": "canary\n", "build.log": "canary\n", "mix.exs": "canary\n",
	})
	w.must(errors.Join(
		os.Chmod(filepath.Join(dir, "run.sh"), 0o750),
		os.Chmod(filepath.Join(dir, "secret"), 0o600),
		os.Symlink("file", filepath.Join(dir, "link")),
		os.Symlink("/nowhere", filepath.Join(dir, "dangling")),
		os.Link(filepath.Join(dir, "file"), filepath.Join(dir, "hard")),
		os.Mkdir(filepath.Join(dir, "emptydir"), 0o711),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644),
	))
	old := time.Unix(1_000_000_000, 123_456_789)
	for _, name := range []string{"file", "run.sh", "emptydir", "hello", "releases"} {
		w.must(os.Chtimes(filepath.Join(dir, name), old, old))
	}
}

// text is s with the names of places in it replaced: $PROJECT, $CACHE, $OUT (the
// canaries), $HOME, $TOY (a toolchain), $BASE, $DEEP (a relative path to $OUT that
// goes up from however deep), $UP (one from the project to $BASE).
func (w *world) text(s string) string {
	return strings.NewReplacer(
		"$PROJECT", w.project, "$CACHE", w.cache, "$OUT", w.canary, "$HOME", w.home, "$TOY", "tar:"+toyFile,
		"$BASE", w.base, "$DEEP", strings.Repeat("../", 40)+strings.TrimPrefix(w.canary, "/"), "$UP", "../../..",
	).Replace(s)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// write makes files below dir.
func (w *world) write(dir string, files map[string]string) {
	w.t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		w.must(os.MkdirAll(filepath.Dir(path), 0o755))
		w.must(os.WriteFile(path, []byte(w.text(text)), 0o644))
	}
}

// link makes a symbolic link in the project.
func (w *world) link(target, name string) {
	w.t.Helper()
	path := filepath.Join(w.project, name)
	w.must(os.MkdirAll(filepath.Dir(path), 0o755))
	w.must(os.Symlink(w.text(target), path))
}

// pipe makes a named pipe in the project, which nobody ever writes to.
func (w *world) pipe(name string) {
	w.t.Helper()
	path := filepath.Join(w.project, name)
	w.must(os.MkdirAll(filepath.Dir(path), 0o755))
	w.must(syscall.Mkfifo(path, 0o644))
}

// giveAway makes everything the user's that dram runs as.
func (w *world) giveAway() {
	w.t.Helper()
	if w.user.credential == nil {
		return
	}
	id := int(w.user.credential.Uid)
	w.must(filepath.WalkDir(w.base, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, id, id))
	}))
}

// look describes everything but the cache, by path.
func (w *world) look() map[string]string {
	w.t.Helper()
	seen := map[string]string{}
	w.must(filepath.WalkDir(w.base, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == w.cache {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		seen[path] = describe(path, info)
		return nil
	}))
	return seen
}

func describe(path string, info fs.FileInfo) string {
	says := fmt.Sprintf("%v %d bytes, of %v", info.Mode(), info.Size(), info.ModTime().UTC())
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		says += fmt.Sprintf(", %d:%d, %d links", st.Uid, st.Gid, st.Nlink)
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		says += fmt.Sprintf(", to %q %v", target, err)
	case info.Mode().IsRegular():
		says += ", " + digest(path)
	}
	return says
}

// digest is of the first bytes: an attack's file may have a terabyte.
func digest(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	_, err = io.Copy(h, io.LimitReader(f, 8<<20))
	return fmt.Sprintf("%x %v", h.Sum(nil), err)
}

func removeAll(dir string) {
	_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}
