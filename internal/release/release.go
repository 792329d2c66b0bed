// Package release reads what a tool assembled, whichever it was (package tool
// tells them apart): a directory with bin/, lib/, releases/ and mostly erts-*/,
// or a tarball of one.
//
// It tells name and version (releases/start_erl.data and the .rel file beside
// the boot scripts), the applications, and of every file its size, digest and
// origin. A release is taken to be hostile: entries, bytes and depth are
// limited, and a link that leads out of it is an error, for what it leads to
// would be in no image. Nothing is executed.
package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/rootfs"
)

// Options is what a release does not tell by itself.
type Options struct {
	// OwnApps are the applications of the project itself; the one named like
	// the release if empty.
	OwnApps []string
	// Survey lists the files without computing digests, and keeps links that
	// lead out of the release: for the check, which speaks of those itself.
	Survey bool
}

// ErrNotRelease is what reading something else ends in.
var ErrNotRelease = errors.New("not a release")

const maxRelFile = 1 << 20 // bytes of a .rel file; real ones have a few thousand

// Read reads the release whose top is the root of fsys. The result keeps fsys.
func Read(ctx context.Context, fsys rootfs.FS, opts Options) (*Release, error) {
	erts, version, err := startErl(fsys)
	if err != nil {
		return nil, err
	}
	name, err := relName(fsys, version)
	if err != nil {
		return nil, err
	}
	own := opts.OwnApps
	if len(own) == 0 {
		own = []string{name}
	}
	c := classifier{own: own, anyLink: opts.Survey}
	files, err := list(ctx, fsys, c)
	if err != nil {
		return nil, fmt.Errorf("reading release %q: %w", name, err)
	}
	if !opts.Survey {
		if err := digest(ctx, fsys, files); err != nil {
			return nil, fmt.Errorf("reading release %q: %w", name, err)
		}
	}
	r := &Release{Name: name, Version: version, Apps: c.apps(files), Files: files, FS: fsys}
	if info, err := fsys.Stat("erts-" + erts); err == nil && info.IsDir() {
		r.ERTS = erts
	}
	return r, nil
}

func notRelease(format string, args ...any) error {
	return problem.New(problem.Usage,
		"name the directory that `mix release` made (it holds bin, lib and releases), or a tarball of it",
		"%w: %s", ErrNotRelease, fmt.Sprintf(format, args...))
}

// startErl reads "ERTS VSN" of releases/start_erl.data.
func startErl(fsys rootfs.FS) (erts, version string, err error) {
	const name = "releases/start_erl.data"
	b, err := rootfs.ReadFile(fsys, name, 1024)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", notRelease("there is no %s", name)
	}
	if err != nil {
		return "", "", fmt.Errorf("reading %s: %w", name, err)
	}
	erts, version, ok := ParseStartErl(b)
	if !ok || grammar.Version(erts) != nil || grammar.Version(version) != nil {
		return "", "", notRelease("%s holds %.100q, expected the versions of ERTS and of the release", name, b)
	}
	return erts, version, nil
}

// ParseStartErl reads a start_erl.data: the versions of ERTS and of what starts
// with it, a release or an installed Erlang/OTP. ok is false of all else.
func ParseStartErl(text []byte) (erts, version string, ok bool) {
	words := strings.Fields(string(text))
	if len(words) != 2 {
		return "", "", false
	}
	return words[0], words[1], true
}

// relName is the name that releases/VSN/*.rel gives the release. Boot scripts
// such as start_clean can have .rel files too: the one with a script in bin/
// goes first.
func relName(fsys rootfs.FS, version string) (string, error) {
	dir := path.Join("releases", version)
	entries, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", notRelease("releases/start_erl.data names version %q, but there is no %s", version, dir)
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", dir, err)
	}
	var names []string
	for _, e := range entries {
		file, ok := strings.CutSuffix(e.Name(), ".rel")
		if !ok || slices.Contains([]string{"start", "start_clean", "no_dot_erlang"}, file) {
			continue
		}
		b, err := rootfs.ReadFile(fsys, path.Join(dir, e.Name()), maxRelFile)
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", path.Join(dir, e.Name()), err)
		}
		rel, _ := beam.ParseRel(b) // of one that is damaged further down, name and version are enough
		if rel.Name != "" && rel.Version == version && grammar.Name(rel.Name) == nil {
			names = append(names, rel.Name)
		}
	}
	for _, n := range names {
		if _, err := fsys.Stat(path.Join("bin", n)); err == nil {
			return n, nil
		}
	}
	if len(names) == 0 {
		return "", notRelease("there is no .rel file of version %q in %s", version, dir)
	}
	return names[0], nil
}
