package image

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"dram/internal/binary"
	"dram/internal/layer"
	"dram/internal/portable"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/store"
	"dram/internal/tool/tools"
)

// PortableOptions are what a portable release depends on besides the release.
type PortableOptions struct {
	TarballOptions
	Root         rootfs.FS // the toolchain's root, which the loader and the libraries come from
	Architecture string    // as Go names it
}

// Portable is a release with the loader and the libraries that it needs, and a
// launcher in place of each program, so that it starts by these wherever it lies and
// whatever C library the machine has. It is decided what it holds, and nothing is
// written. It does not change once made.
type Portable struct {
	Missing []rootfs.Missing // what the release needs and the root lacks
	Left    []string         // programs that start by the machine's loader, for they need another one than the VM

	rel   *release.Release
	opts  PortableOptions
	files []File
}

// NewPortable decides what a portable release holds.
func NewPortable(rel *release.Release, opts PortableOptions) (*Portable, error) {
	if err := hasErlang(rel); err != nil {
		return nil, err
	}
	files, err := tarballContents(rel, opts.TarballOptions)
	if err != nil {
		return nil, err
	}
	p := &Portable{rel: rel, opts: opts, files: files}
	if slices.ContainsFunc(files, func(f File) bool { return f.Path == portable.Dir || strings.HasPrefix(f.Path, portable.Dir+"/") }) {
		return nil, problem.New(problem.Usage, "give it another name: a portable release has there what it brings",
			"release %q has %q at its top", rel.Name, portable.Dir)
	}
	if err := p.bring(); err != nil {
		return nil, fmt.Errorf("making release %q portable: %w", rel.Name, err)
	}
	slices.SortStableFunc(p.files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return p, nil
}

// bring puts launchers in place of the programs, and what these need beside them.
func (p *Portable) bring() error {
	whole := rootfs.Mount(p.opts.Root, appDir, p.rel.FS)
	natives, err := p.natives()
	if err != nil {
		return err
	}
	loader, err := mainLoader(whole, p.rel, natives)
	if err != nil {
		return err
	}
	var start, programs []string
	for name, f := range natives {
		switch {
		case f.Interp == "" && f.Dynamic:
			start = append(start, appDir+"/"+name)
		case f.Interp == "":
		case !loader.is(whole, f.Interp):
			p.Left = append(p.Left, name)
		default:
			start = append(start, appDir+"/"+name)
			if !strings.Contains(path.Base(name), ".so") {
				programs = append(programs, name)
			}
		}
	}
	slices.Sort(p.Left)
	tools, err := p.programs(loader)
	if err != nil {
		return err
	}
	var sources []string
	for _, f := range tools {
		sources, programs = append(sources, f.source), append(programs, f.Path)
	}
	slices.Sort(start)
	p.files = append(p.files, tools...)
	l, err := p.libraries(whole, start, sources)
	if err != nil {
		return err
	}
	if loader.name, err = l.name(loader.real); err != nil {
		return err
	}
	loader.way = l.way
	return errors.Join(p.launchers(programs, loader), p.scripts(), p.env(loader), p.data())
}

// natives is the ELF files of the release as they ship, but those that bring a system
// of their own.
func (p *Portable) natives() (map[string]*binary.File, error) {
	out := map[string]*binary.File{}
	for _, f := range p.files {
		if !f.Mode.IsRegular() || f.source == "" || !mayNeed(f) {
			continue
		}
		elf, err := readELF(p.rel.FS, f.source)
		if err != nil {
			return nil, err
		}
		if elf != nil {
			out[f.Path] = elf
		}
	}
	return out, nil
}

// readELF reads a file of a release; nil if it is no sound ELF file, or one whose
// program reads what follows it in the file (AppImage), which would not be found.
func readELF(fsys rootfs.FS, name string) (*binary.File, error) {
	r, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // only read from
	info, err := r.Stat()
	if err != nil {
		return nil, err
	}
	at, ok := r.(io.ReaderAt)
	if !ok {
		return nil, fmt.Errorf("reading %q: %w: no random access", name, errors.ErrUnsupported)
	}
	f, err := binary.ReadELF(at, info.Size())
	if errors.Is(err, binary.ErrFormat) {
		return nil, nil
	}
	if err != nil || f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN || binary.IsAppImage(at) {
		return nil, err
	}
	return f, nil
}

// loaderFile is the loader that a portable release brings.
type loaderFile struct {
	real string // in the root
	name string // in the release's folder of libraries
	way  portable.Way
}

func (l loaderFile) is(root rootfs.FS, interp string) bool {
	real, err := rootfs.Resolve(root, interp)
	return err == nil && real == l.real
}

// mainLoader is that of the VM.
func mainLoader(root rootfs.FS, rel *release.Release, natives map[string]*binary.File) (loaderFile, error) {
	for _, name := range []string{"beam.smp", "beam", "erlexec"} {
		f := natives["erts-"+rel.ERTS+"/bin/"+name]
		if f == nil || f.Interp == "" {
			continue
		}
		real, err := rootfs.Resolve(root, f.Interp)
		if err != nil {
			return loaderFile{}, problem.New(problem.Check, "build the release in this toolchain instead of bringing it along",
				"the VM's loader %s is not in the toolchain", f.Interp)
		}
		return loaderFile{real: real}, nil
	}
	return loaderFile{}, problem.New(problem.Usage, "build it without --portable, it starts on any Linux by itself",
		"no program of the release's Erlang asks for a loader: it is linked statically")
}

// launchers puts a launcher in place of each program, and the program beside it.
func (p *Portable) launchers(programs []string, loader loaderFile) error {
	for _, name := range programs {
		text, err := portable.Launcher(p.opts.Architecture, name, loader.name, loader.way)
		if err != nil {
			return problem.New(problem.Usage, "build it without --portable", "%w", err)
		}
		i := slices.IndexFunc(p.files, func(f File) bool { return f.Path == name })
		beside := p.files[i]
		beside.Path = portable.Beside(name)
		if slices.ContainsFunc(p.files, func(f File) bool { return f.Path == beside.Path }) {
			return problem.New(problem.Usage, "give it another name", "%q is there already, where the program %q goes", beside.Path, name)
		}
		p.files[i] = written(p.files[i], text)
		p.files = append(p.files, beside)
	}
	return nil
}

// programs is what the start scripts call, from the root, for machines that have it
// not. The shell is the machine's: scripts name it by its path.
func (p *Portable) programs(loader loaderFile) ([]File, error) {
	_, found, err := programs(p.opts.Root, p.rel, p.files, Options{})
	if err != nil {
		return nil, err
	}
	var out []File
	for _, tool := range found {
		elf, err := readELF(p.opts.Root, tool.Real)
		if err != nil {
			return nil, err
		}
		if tool.Name == "sh" || elf == nil || !loader.is(p.opts.Root, elf.Interp) {
			continue
		}
		digest, size, err := sum(p.opts.Root, tool.Real)
		if err != nil {
			return nil, fmt.Errorf("reading %q of the toolchain: %w", tool.Real, err)
		}
		f := systemFile{Path: portable.Programs + "/" + tool.Name, Mode: 0o755, Size: size, Digest: digest, Source: tool.Real}
		out = append(out, p.fromRoot(f))
	}
	return out, nil
}

// scripts has the scripts in bin/ find these programs.
func (p *Portable) scripts() error {
	for i, f := range p.files {
		if path.Dir(f.Path) != "bin" || !f.Mode.IsRegular() || f.Size > maxScript {
			continue
		}
		text, err := read(f)
		if err != nil {
			return err
		}
		first, rest, ok := bytes.Cut(text, []byte("\n"))
		if ok && isShell(text) && !bytes.Contains(text, []byte(portable.Mark)) {
			p.files[i] = written(f, slices.Concat(first, []byte("\n"), portable.Path(), rest))
		}
	}
	return nil
}

// written is a file with another content.
func written(f File, content []byte) File {
	f.Size, f.Digest, f.Open, f.made = int64(len(content)), store.DigestOf(content), bytesOpener(content), content
	return f
}

// env has the script that each command runs find what the machine has none of.
func (p *Portable) env(loader loaderFile) error {
	boot := tools.Boot(p.rel)
	i := slices.IndexFunc(p.files, func(f File) bool { return boot.Cookie.Env != "" && f.Path == boot.Cookie.EnvOf(p.rel.Version) })
	if i < 0 || boot.Root == "" {
		return nil // a tool that nothing is known of
	}
	lines, err := portable.Env(boot.Root, loader.name)
	if err != nil {
		return err
	}
	p.files[i] = written(p.files[i], slices.Concat(p.files[i].made, []byte("\n"), lines))
	return nil
}

// data is certificates, and the locale C.UTF-8, which glibc has in files.
func (p *Portable) data() error {
	t := tree{root: p.opts.Root, files: map[string]systemFile{}}
	if err := t.certificates(); err != nil {
		return err
	}
	for _, f := range t.sorted() {
		f.Path = portable.Certificates
		p.add(f)
	}
	t = tree{root: p.opts.Root, files: map[string]systemFile{}}
	if err := t.locale(); err != nil {
		return err
	}
	for _, f := range t.sorted() {
		_, name, _ := strings.Cut(strings.ToLower(f.Path), "/c.utf") // "-8/LC_TIME" or "8/LC_TIME"
		_, below, ok := strings.Cut(f.Path[len(f.Path)-len(name):], "/")
		if ok && f.Mode.IsRegular() {
			f.Path = portable.Locales + "/C.UTF-8/" + below
			p.add(f)
		}
	}
	return nil
}

// add takes in a file of the root, readable by all.
func (p *Portable) add(f systemFile) { p.files = append(p.files, p.fromRoot(f)) }

func (p *Portable) fromRoot(f systemFile) File {
	return File{Entry: f.entry(p.opts.Root), Origin: release.ERTS, App: portable.Dir, outside: true, source: f.Source}
}

// Build makes the tarball, or finds it in the store.
func (p *Portable) Build(ctx context.Context, st *store.Store) (*layer.Archive, error) {
	a, err := layer.Build(ctx, st, byApp(p.files, func(f File) string { return f.App }), layer.Options{Epoch: p.opts.Epoch, NoDiffID: true})
	if err != nil {
		return nil, fmt.Errorf("packing release %q: %w", p.rel.Name, err)
	}
	return a, damage(p.opts.Root)
}

// Executable makes one file of the tarball that Build made, which unpacks itself and
// starts the release.
func (p *Portable) Executable(st *store.Store, tarball *layer.Archive) (*layer.Archive, error) {
	f, err := os.Open(st.BlobPath(tarball.Digest))
	if err != nil {
		return nil, fmt.Errorf("packing release %q: %w", p.rel.Name, err)
	}
	defer func() { _ = f.Close() }() // only read
	w, err := st.NewBlob()
	if err != nil {
		return nil, err
	}
	defer w.Discard()
	whole := portable.Payload{
		Tarball: io.NewSectionReader(f, 0, tarball.Size), Digest: tarball.Digest.Hex(), Name: p.rel.Name, Arch: p.opts.Architecture,
	}
	if err := whole.Pack(w); err != nil {
		return nil, err
	}
	out := &layer.Archive{}
	out.Digest, out.Size, err = w.Commit()
	return out, err
}

// View is what Build puts into the tarball.
func (p *Portable) View() rootfs.FS {
	return viewOf(p.files, func(f File) (fs.File, error) {
		if f.outside {
			return p.opts.Root.Open(f.source)
		}
		return p.rel.FS.Open(f.source)
	})
}
