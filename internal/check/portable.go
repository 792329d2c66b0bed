package check

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"dram/internal/portable"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/target"
)

// maxLibc bounds the C library that a release brings, in bytes.
const maxLibc = 32 << 20

// brought is what a portable release brings, by the launcher of its VM. The nil one
// is of a release that brings nothing.
type brought struct {
	loader, libraries string            // in the release
	launched          map[string]string // programs, each by the path of its launcher
	alone             []release.File    // launchers whose program or loader is not there
	libc              target.Libc
	kernel            string // the oldest that the C library runs on, "" if it does not say
}

// broughtBy finds the launchers of a release, and is the release as it would be
// without them: each program in its own place.
func broughtBy(rel *release.Release) (*release.Release, *brought, error) {
	if !rel.Has(portable.Libraries) {
		return rel, nil, nil
	}
	b := &brought{launched: map[string]string{}}
	for _, f := range rel.Files {
		if err := b.look(rel, f); err != nil {
			return nil, nil, err
		}
	}
	if b.loader == "" && len(b.alone) == 0 {
		return rel, nil, nil
	}
	if err := b.readLibc(rel.FS); err != nil {
		return nil, nil, err
	}
	return b.undo(rel), b, nil
}

// look takes a file in if it is a launcher.
func (b *brought) look(rel *release.Release, f release.File) error {
	if !f.Mode.IsRegular() || f.Mode&0o111 == 0 || f.Size > portable.MaxLauncher {
		return nil
	}
	text, err := rootfs.ReadFile(rel.FS, f.Path, portable.MaxLauncher)
	if err != nil {
		return err
	}
	l, ok := portable.Read(text)
	if !ok {
		return nil
	}
	program, loader := path.Join(path.Dir(f.Path), l.Program), path.Join(path.Dir(f.Path), l.Loader)
	if !rel.Has(program) || !rel.Has(loader) {
		b.alone = append(b.alone, f)
		return nil
	}
	b.launched[f.Path] = program
	if b.loader == "" || path.Base(f.Path) == "beam.smp" {
		b.loader, b.libraries, b.libc = loader, path.Join(path.Dir(f.Path), l.Libraries), target.Libc{Kind: "glibc", Loader: loader}
		if l.Way == portable.Musl {
			b.libc.Kind = "musl"
		}
	}
	return nil
}

// readLibc reads the version of the C library, and which kernel it needs.
func (b *brought) readLibc(fsys rootfs.FS) error {
	text, err := rootfs.ReadFile(fsys, path.Join(b.libraries, "libc.so.6"), maxLibc)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // musl's, which says neither
	}
	if err != nil {
		return err
	}
	b.libc.Version = rootfs.GlibcVersion(text)
	b.kernel = minKernel(text)
	return nil
}

// undo is the release with each program in the place of its launcher.
func (b *brought) undo(rel *release.Release) *release.Release {
	out := *rel
	out.FS = undone{rel.FS, b.launched}
	out.Files = nil
	real := map[string]bool{}
	size := map[string]int64{}
	for _, program := range b.launched {
		real[program] = true
	}
	for _, f := range rel.Files {
		if real[f.Path] {
			size[f.Path] = f.Size
		}
	}
	for _, f := range rel.Files {
		if program, ok := b.launched[f.Path]; ok {
			f.Size = size[program]
		}
		if !real[f.Path] {
			out.Files = append(out.Files, f)
		}
	}
	return &out
}

// undone opens programs where their launchers stand.
type undone struct {
	rootfs.FS
	launched map[string]string
}

func (u undone) name(name string) string {
	if program, ok := u.launched[name]; ok {
		return program
	}
	return name
}

func (u undone) Open(name string) (fs.File, error) { return u.FS.Open(u.name(name)) }

func (u undone) Stat(name string) (fs.FileInfo, error) { return u.FS.Stat(u.name(name)) }

func (u undone) Lstat(name string) (fs.FileInfo, error) { return u.FS.Lstat(u.name(name)) }

// starts says whether the release starts a program by the loader that it brings.
func (b *brought) starts(name string) bool { return b != nil && b.launched[name] != "" }

// place is the target as the release has it, with the session of its loader.
func (b *brought) place(s *Survey) error {
	if b == nil || b.loader == "" {
		return nil
	}
	with := target.Brought{Libc: b.libc}
	if s.rel.Has(portable.Certificates) {
		with.CABundle = s.on(portable.Certificates)
	}
	loader, err := rootfs.NewBroughtLoader(s.root, s.on(b.loader), s.on(b.libraries))
	if err != nil {
		return err
	}
	s.target, s.carried = s.target.With(with), loader.Session()
	return nil
}

// appImages is the programs of a portable release that bring systems of their own.
func (s *Survey) appImages() []*native {
	if s.brought == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.natives), func(n *native) bool { return !n.appImage })
}
