package check

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"dram/internal/binary"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/target"
	"dram/internal/tool"
	"dram/internal/tool/tools"
)

const (
	maxScript  = 1 << 20 // bytes of a script or a configuration that is read
	maxNatives = 20_000
)

// Survey is what the rules look at: the release's files, read once, and what
// the loader does with them on the target.
type Survey struct {
	rel     *release.Release
	boot    tool.Boot
	target  *target.Target
	image   *Image
	says    []string  // what the image's configuration says, "K=V"
	at      string    // where the release lies
	root    rootfs.FS // the target with the release in it
	session *rootfs.Session
	brought *brought        // what a portable release brings; nil if it is none
	carried *rootfs.Session // of the loader that it brings, or session
	files   map[string]*release.File
	natives []*native
	scripts []script // sorted by path
	vm      string   // the VM's program in root, "" if there is none
	erts    string   // version of the ERTS that runs the release, "" if unknown
	exports map[string]exports
	memory  *Memory
	memo
}

// memo is what is found out once, when it is asked for first.
type memo struct {
	// aboutModules is what readModules read, by path; nil before.
	aboutModules map[string]aboutModule
	start        *start              // see starting
	otherStarts  map[string]*start   // see others
	links        map[string][]string // see linksTo
	bootLoads    map[string]bool     // see bootModules
	idleApps     map[string]bool     // see idle

	moduleNames   map[string]bool      // see hasModule
	consultations map[string]consulted // see consult
}

// Release is what is checked.
func (s *Survey) Release() *release.Release { return s.rel }

// Target is where it will run.
func (s *Survey) Target() *target.Target { return s.target }

// script is a file of the release that begins with "#!" or is sourced by one.
type script struct {
	release.File
	text string
}

// exports is the versions of each symbol that a file offers.
type exports map[string][]string

func newSurvey(ctx context.Context, in Input) (*Survey, error) {
	at := rootfs.Clean(in.At)
	if at == "." {
		at = "app"
	}
	rel, brings, err := broughtBy(in.Release)
	if err != nil {
		return nil, err
	}
	in.Release = rel
	s := &Survey{
		rel: in.Release, brought: brings, boot: bootOf(in), target: in.Target, image: in.Image, memory: in.Memory, says: in.Settings, at: at, root: rootfs.Mount(in.Target.Root(), at, in.Release.FS),
		files: map[string]*release.File{}, exports: map[string]exports{},
	}
	for i := range in.Release.Files {
		f := &in.Release.Files[i]
		s.files[f.Path] = f
	}
	s.alias()
	s.findERTS()
	loader, err := rootfs.NewLoader(s.root)
	if err != nil {
		return nil, err
	}
	s.session = loader.WithLevel(in.processor()).WithLibraryPath(s.variable("LD_LIBRARY_PATH")).Session()
	s.carried = s.session
	if err := brings.place(s); err != nil {
		return nil, err
	}
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	s.findVM()
	return s, s.load(ctx)
}

// alias has files found by the names that links to their folders give them, too.
func (s *Survey) alias() {
	links := 0
	for _, f := range s.rel.Files {
		if f.Mode&fs.ModeSymlink == 0 || links == maxLinkedFolders {
			continue
		}
		to := path.Join(path.Dir(f.Path), f.Link)
		if path.IsAbs(f.Link) {
			to, _ = s.inRelease(rootfs.Clean(f.Link))
		}
		if folder := s.files[to]; folder == nil || !folder.Mode.IsDir() {
			continue
		}
		links++
		for i := range s.rel.Files {
			inner := &s.rel.Files[i]
			if rest, ok := strings.CutPrefix(inner.Path, to+"/"); ok && s.files[f.Path+"/"+rest] == nil {
				s.files[f.Path+"/"+rest] = inner
			}
		}
	}
}

// maxLinkedFolders bounds the links to folders that are followed.
const maxLinkedFolders = 16

// bootOf is how the release starts.
func bootOf(in Input) tool.Boot {
	if in.Tools != nil {
		return in.Tools.Boot(in.Release)
	}
	return tools.Boot(in.Release)
}

// read looks into every file that can be native code or a script.
func (s *Survey) read(ctx context.Context) error {
	looked := make([]any, len(s.rel.Files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range s.rel.Files {
		if !f.Mode.IsRegular() || !worthOpening(f) {
			continue
		}
		g.Go(func() (err error) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			looked[i], err = s.look(f)
			if err != nil {
				return fmt.Errorf("reading %q: %w", f.Path, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, l := range looked {
		switch l := l.(type) {
		case *native:
			l.helper, l.idle = s.helper(l.File), s.idle(l.File)
			s.natives = append(s.natives, l)
		case script:
			s.scripts = append(s.scripts, l)
		}
	}
	if len(s.natives) > maxNatives {
		return fmt.Errorf("the release has %d native files, more than %d", len(s.natives), maxNatives)
	}
	return nil
}

// worthOpening leaves out what is never native code nor run: most of a
// release is BEAM files.
func worthOpening(f release.File) bool {
	if f.Mode&0o111 != 0 || f.Size == 0 && strings.Contains(path.Base(f.Path), ".so") {
		return true
	}
	switch path.Ext(f.Path) {
	case ".beam", ".app", ".appup", ".hrl", ".erl", ".ex", ".exs", ".eex", ".heex", ".asn1", ".mib", ".bin", ".funcs", ".boot", ".script",
		".rel", ".config", ".json", ".md", ".txt", ".html", ".css", ".js", ".map", ".svg", ".png", ".jpg", ".gif", ".ico", ".woff",
		".woff2", ".ttf", ".gz", ".br", ".h", ".c", ".cpp", ".o", ".a", ".po", ".pot", ".mo", ".bat", ".dict":
		return false
	}
	return true
}

// look reads one file: a *native, a script, or nil for data.
func (s *Survey) look(f release.File) (any, error) {
	r, err := s.rel.FS.Open(f.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // only read
	at, ok := r.(io.ReaderAt)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	head := make([]byte, min(f.Size, int64(binary.SniffLen)))
	if _, err := at.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	format := binary.Sniff(head)
	switch format {
	case binary.ELF:
		return newNative(f, at)
	case binary.MachO, binary.PE:
		head = make([]byte, min(f.Size, binary.ForeignLen))
		if _, err := at.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return &native{File: f, format: format, foreign: binary.ReadForeign(head)}, nil
	case binary.LFSPointer:
		return &native{File: f, format: format}, nil
	case binary.Script:
		return readScript(f, at)
	case binary.Other, binary.Empty:
		if isLibrary(f.Path) {
			return &native{File: f, format: format}, nil
		}
		if path.Base(f.Path) == "env.sh" && strings.HasPrefix(f.Path, "releases/") {
			return readScript(f, at)
		}
	}
	return nil, nil
}

func readScript(f release.File, r io.ReaderAt) (any, error) {
	b := make([]byte, min(f.Size, maxScript))
	if _, err := r.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return script{f, string(b)}, nil
}

// text is a small file of the release, "" if it is not there.
func (s *Survey) text(name string) string {
	if f := s.files[name]; f == nil || !f.Mode.IsRegular() || f.Size > maxScript {
		return ""
	}
	b, err := rootfs.ReadFile(s.rel.FS, name, maxScript)
	if err != nil {
		return ""
	}
	return string(bytes.ToValidUTF8(b, nil))
}

// unreadFile says whether a file of the release is too large for text.
func (s *Survey) unreadFile(name string) bool {
	return s.files[name] != nil && s.files[name].Size > maxScript
}

// begins says whether a file of the release begins with some bytes.
func (s *Survey) begins(name, with string) bool {
	if f := s.files[name]; f == nil || !f.Mode.IsRegular() {
		return false
	}
	f, err := s.rel.FS.Open(name)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // only read
	head := make([]byte, len(with))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == with
}

// inRelease is the release's path of a name in root.
func (s *Survey) inRelease(name string) (string, bool) { return strings.CutPrefix(name, s.at+"/") }

// on is a release's path as it is on the target.
func (s *Survey) on(name string) string { return path.Join(s.at, name) }

// findERTS takes the ERTS that the script of a Mix release starts for the
// release's own if releases/start_erl.data, which that script does not read for
// it, names one that is not there.
func (s *Survey) findERTS() {
	if s.rel.ERTS != "" {
		return
	}
	name := scriptERTS.FindString(s.text(path.Join("releases", s.rel.Version, "elixir")))
	if f := s.files[name]; f != nil && f.Mode.IsDir() {
		rel := *s.rel
		rel.ERTS = strings.TrimPrefix(name, "erts-")
		s.rel = &rel
	}
}

// findVM finds the VM that runs the release: its own, else the target's.
func (s *Survey) findVM() {
	dir := ""
	if s.rel.ERTS != "" {
		dir, s.erts = s.on("erts-"+s.rel.ERTS), s.rel.ERTS
	} else if o := s.target.Facts.OTP; o != nil {
		dir, s.erts = path.Join(o.Root, "erts-"+o.ERTS), o.ERTS
	}
	if dir == "" {
		return
	}
	for _, name := range []string{"beam.smp", "beam"} {
		at := path.Join(dir, "bin", name)
		if info, err := s.root.Stat(at); err == nil && info.Mode().IsRegular() {
			s.vm = at
			return
		}
	}
}

// offers is what a file in root exports. A file that cannot be read offers
// nothing.
func (s *Survey) offers(real string) exports {
	if e, ok := s.exports[real]; ok {
		return e
	}
	out := exports{}
	var list []binary.Symbol
	if name, ok := s.inRelease(real); ok {
		if n := s.native(name); n != nil && n.symbols != nil {
			list = n.symbols.Defined
		}
	} else {
		list, _ = s.target.Exports(real)
	}
	for _, sym := range list {
		if sym.Hidden && s.target.Facts.Libc.Kind == "musl" {
			continue // it looks for no versions, and passes these over
		}
		out[sym.Name] = append(out[sym.Name], sym.Version)
	}
	s.exports[real] = out
	return out
}

// readNIF is the static NIF entry of a file, if it has one.
func readNIF(f *binary.Symbols, r io.ReaderAt, size int64) *binary.NIF {
	if !slices.ContainsFunc(f.Defined, func(s binary.Symbol) bool { return s.Name == "nif_init" }) {
		return nil
	}
	nif, err := binary.ReadNIF(r, size)
	if err != nil {
		return nil // filled at run time
	}
	return nif
}

// machineOK says whether a file is for a processor.
func machineOK(f *binary.File, m elf.Machine) bool {
	return f.Machine == m && f.Class == elf.ELFCLASS64 && f.Data == elf.ELFDATA2LSB
}
