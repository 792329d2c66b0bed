package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dram/internal/environ"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/rehearse"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/sandbox"
	"dram/internal/target"
	"dram/internal/tool/tools"
	"dram/internal/toolchain"
	"dram/internal/ui"
)

// RehearseOptions say how a release is rehearsed.
type RehearseOptions struct {
	As            ref.Use  // what the reference was given for
	Env           []string // "K=V", on top of the image's
	Circumstances []rehearse.Circumstance
	Patience      time.Duration // how long a start may take
}

// RehearsalPlaces says which targets a release can be started on: those whose files
// are at hand.
func RehearsalPlaces() ref.Use {
	const instead = "a start needs the place's own files: name it as distro:NAME/SUITE, image:REF, oci:DIR, tar:FILE or dir:PATH"
	use := target.Use(toolchain.HasDistro)
	use.Kinds = []ref.Kind{ref.Distro, ref.Image, ref.Layout, ref.Tar, ref.Dir}
	use.Hint = "write distro:NAME/SUITE, image:REF, oci:DIR, tar:FILE or dir:PATH"
	use.Instead = map[ref.Kind]string{ref.Profile: instead, ref.Host: instead, ref.SSH: instead, ref.File: instead}
	return use
}

// RehearseImage starts an image's release in each of the circumstances.
func (p *Pipeline) RehearseImage(ctx context.Context, from ref.Ref, opts RehearseOptions) (*rehearse.Report, error) {
	spec, config, err := p.imageSpec(ctx, from, RunOptions{As: opts.As, Env: opts.Env})
	if err != nil {
		return nil, err
	}
	s := &rehearse.Subject{Spec: spec, Volumes: slices.Sorted(maps.Keys(config.Volumes))}
	name := from.String()
	found, err := p.openInImage(ctx, from, nil)
	switch {
	case err == nil:
		name = describe(s, found.rel, found.at)
		found.done()
	case !errors.Is(err, release.ErrNotRelease): // what is none can be started all the same
		return nil, err
	}
	root, err := rootfs.Dir(spec.Lower[0])
	if err != nil {
		return nil, err
	}
	s.Needs = unset(root, spec.Env)
	if err := root.Close(); err != nil {
		return nil, err
	}
	return p.rehearse(ctx, s, &rehearse.Report{Release: name, Place: from.String()}, opts)
}

// RehearseOn starts a release, wherever it is, on the root of a target.
func (p *Pipeline) RehearseOn(ctx context.Context, from ref.Ref, place string, opts RehearseOptions) (*rehearse.Report, error) {
	root, err := p.rootOf(ctx, place)
	if err != nil {
		return nil, err
	}
	if err := sandbox.Emulates(p.Toolchains.Arch); err != nil {
		return nil, fmt.Errorf("rehearsing %s: %w", from, err)
	}
	found, err := p.openAny(ctx, from, nil)
	if err != nil {
		return nil, err
	}
	defer found.done()
	layer, done, err := p.Store.TempDir("rehearsed")
	if err != nil {
		return nil, err
	}
	defer done()
	const at = "app"
	if err := lay(found.rel, layer, at); err != nil {
		return nil, fmt.Errorf("rehearsing %s: %w", from, err)
	}
	view, err := rootfs.Dir(layer)
	if err != nil {
		return nil, err
	}
	defer func() { _ = view.Close() }() // only read
	s := &rehearse.Subject{Spec: onTarget(found.rel, layer, root, opts.Env)}
	s.Needs = unset(view, s.Spec.Env)
	r := &rehearse.Report{Release: describe(s, found.rel, at), Place: place}
	return p.rehearse(ctx, s, r, opts)
}

// onTarget is how a release is started that somebody unpacked for a user of its own.
func onTarget(rel *release.Release, layer, root string, env []string) sandbox.Spec {
	const owner = 1000
	argv := []string{"/app/bin/" + rel.Name}
	boot := tools.Boot(rel)
	if boot.Command != "" {
		argv = append(argv, boot.Command)
	}
	return sandbox.Spec{
		Lower: []string{layer, root}, Argv: argv, Dir: "/app", User: owner, Group: owner,
		Env: environ.Merge([]string{"PATH=" + defaultPath, "HOME=/tmp", "LANG=C.UTF-8"}, boot.Env, env),
	}
}

// describe notes how the release is asked, and gives its name.
func describe(s *rehearse.Subject, rel *release.Release, at string) string {
	s.Script = "/" + path.Join(at, "bin", rel.Name)
	s.Asks = tools.Boot(rel).Asks
	return rel.Name + " " + rel.Version
}

// rootOf is the root filesystem of a target that has one.
func (p *Pipeline) rootOf(ctx context.Context, place string) (string, error) {
	use := RehearsalPlaces()
	r, err := use.Parse(place)
	if err != nil {
		return "", err
	}
	if r.Kind != ref.Dir {
		return unpacker{Pipeline: p, use: use}.Unpack(ctx, r)
	}
	info, err := os.Stat(r.Value)
	if err == nil && !info.IsDir() {
		err = errors.New("not a directory")
	}
	if err != nil {
		return "", problem.New(problem.Usage, "name a directory that holds a root filesystem", "opening target %q: %w", place, err)
	}
	return filepath.Abs(r.Value)
}

func (p *Pipeline) rehearse(ctx context.Context, s *rehearse.Subject, r *rehearse.Report, opts RehearseOptions) (*rehearse.Report, error) {
	s.Temp = func() (string, func(), error) { return p.Store.TempDir("rehearsal") }
	s.Patience, s.Grace = opts.Patience, 10*time.Second // as docker stop has it
	const shortest = 8                                  // characters of a value that nobody would print by chance
	for _, kv := range opts.Env {
		if _, value, _ := strings.Cut(kv, "="); len(value) >= shortest {
			s.Hidden = append(s.Hidden, value)
		}
	}
	begun := time.Now()
	stage := p.UI.Start("rehearse", r.Release)
	var err error
	r.Rows, err = rehearse.All(ctx, s, opts.Circumstances, func(done, of int) { stage.Update(fmt.Sprintf("%d of %d", done, of)) })
	if err != nil {
		return nil, fmt.Errorf("rehearsing %s: %w", r.Release, err)
	}
	stage.Done("%s in %d circumstances, %s", r.Release, len(r.Rows), ui.Seconds(time.Since(begun)))
	return r, nil
}

// lay copies a release to a place in an empty directory, as a layer.
func lay(rel *release.Release, dir, at string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // its files were closed, each by itself
	if err := root.MkdirAll(at, 0o755); err != nil {
		return err
	}
	for _, f := range rel.Files {
		to := path.Join(at, f.Path)
		switch {
		case f.Mode.IsDir():
			err = root.MkdirAll(to, 0o755)
		case f.Mode&fs.ModeSymlink != 0:
			err = root.Symlink(f.Link, to)
		default:
			err = copyOut(rel.FS, f, root, to)
		}
		if err != nil {
			return err
		}
	}
	return opaque(filepath.Join(dir, at))
}

func copyOut(from rootfs.FS, f release.File, root *os.Root, to string) error {
	in, err := from.Open(f.Path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	out, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.Mode.Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(in, f.Size))
	return errors.Join(err, out.Chmod(f.Mode.Perm()), out.Close())
}
