package inspect

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"

	elfbinary "dram/internal/binary"
	"dram/internal/distro"
	"dram/internal/image"
	"dram/internal/oci"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/store"
	"dram/internal/untar"
)

// Bounds of what is read.
const (
	maxEntries = 400_000
	maxName    = 4096      // bytes of a name, and of what a link leads to, as in Linux
	maxNames   = 128 << 20 // of all of them
	maxBytes   = 32 << 30  // of all files
	maxWhole   = 256 << 20 // of a native file, which is looked at whole
	maxText    = 1 << 20   // of a text that is kept
	maxTexts   = 256 << 20 // of all of them
)

// reader is an image or a release while it is read.
type reader struct {
	ctx     context.Context //nolint:containedctx // lives for one Image or Files
	report  *Report
	files   map[string]*File
	nodes   map[string]rootfs.Node
	dirs    map[string]bool // that something lies, or lay, in
	rel     *release.Release
	entries int
	names   int
	bytes   int64
	texts   int64
	below   int // how many layers are the image's base's
	// release says that an archive is a release's: what `dram check` refuses of one is.
	release bool
}

func newReader(ctx context.Context, name string) *reader {
	return &reader{ctx: ctx, report: &Report{Name: name}, files: map[string]*File{}, nodes: map[string]rootfs.Node{}, dirs: map[string]bool{}}
}

// Image inspects an image.
func Image(ctx context.Context, name string, img v1.Image) (*Report, error) {
	r := newReader(ctx, name)
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("inspecting image %q: %w", name, err)
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, fmt.Errorf("inspecting image %q: %w", name, err)
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	r.report.Digest, r.report.Platform = digest.String(), config.OS+"/"+config.Architecture
	r.report.Config = settings(config.Config)
	r.below = image.Below(config)
	names := oci.LayerNames(config)
	for i, l := range layers {
		switch err := r.layer(i, l, names); {
		case err == nil:
		case ctx.Err() != nil || problem.Hint(err) != "" || errors.Is(err, errTooLarge):
			return nil, fmt.Errorf("inspecting image %q: layer %d: %w", name, i+1, err)
		default: // no engine would take it
			return nil, problem.New(problem.Usage, "fetch the image anew, or save it anew where it was made", "inspecting image %q: layer %d: %w", name, i+1, err)
		}
	}
	return r.finish(), nil
}

func (r *reader) layer(i int, l v1.Layer, names []string) error {
	digest, err := l.Digest()
	if err != nil {
		return err
	}
	size, err := l.Size()
	if err != nil {
		return err
	}
	out := Layer{Digest: digest.String(), Size: size}
	if i < len(names) {
		out.Name = names[i]
	}
	plain, err := oci.OpenTar(l)
	if err != nil {
		return err
	}
	defer func() { _ = plain.Close() }() // only read
	before, entries, sum := r.bytes, r.entries, sha256.New()
	body := io.TeeReader(plain, sum)
	if err := r.tar(i, body); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(body, maxBytes)); err != nil { // what follows the archive's end
		return err
	}
	if want, err := l.DiffID(); err != nil || want.Hex != hex.EncodeToString(sum.Sum(nil)) {
		return errors.Join(err, fmt.Errorf("its content is not what the image's configuration says, %s: engines refuse such an image", want))
	}
	out.Plain, out.Files = r.bytes-before, r.entries-entries
	r.report.Layers = append(r.report.Layers, out)
	r.report.Compressed += size
	return nil
}

// Tarball inspects a release's tarball.
func Tarball(ctx context.Context, name string, in io.Reader) (*Report, error) {
	r := newReader(ctx, name)
	r.release = true
	z, err := gzip.NewReader(in)
	if err == nil {
		err = r.tar(0, z)
	}
	if err != nil {
		return nil, fmt.Errorf("inspecting %q: %w", name, err)
	}
	return r.finish(), nil
}

// Directory inspects a release's directory, or any other.
func Directory(ctx context.Context, name string, fsys rootfs.FS) (*Report, error) {
	r := newReader(ctx, name)
	err := fs.WalkDir(fsys, ".", func(at string, d fs.DirEntry, err error) error {
		if err == nil && !utf8.ValidString(at) {
			err = fmt.Errorf("the name of %q is no UTF-8", at)
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		h := &tar.Header{Name: at, Mode: int64(info.Mode().Perm()), Size: info.Size(), Typeflag: tar.TypeReg}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			h.Typeflag, h.Size = tar.TypeSymlink, 0
			h.Linkname, err = fsys.ReadLink(at)
			if err != nil {
				return err
			}
			return r.entry(0, h, strings.NewReader(""))
		case !info.Mode().IsRegular():
			return nil
		}
		f, err := fsys.Open(at)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // only read
		return r.entry(0, h, f)
	})
	if err != nil {
		return nil, fmt.Errorf("inspecting %q: %w", name, err)
	}
	return r.finish(), nil
}

func (r *reader) tar(layer int, in io.Reader) error {
	t := tar.NewReader(store.WithContext(r.ctx, io.NopCloser(in)))
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.release {
			err = untar.CheckEntry(h)
		}
		if err == nil {
			err = r.entry(layer, h, t)
		}
		if err != nil {
			return err
		}
	}
}

const whiteout = ".wh."

// inside is a name as engines take it, who leave no root.
func inside(name string) string { return rootfs.Clean(path.Clean("/" + name)) }

// entry takes in one entry, in place of what stood there.
func (r *reader) entry(layer int, h *tar.Header, content io.Reader) error {
	name := inside(h.Name)
	if len(h.Name) > maxName || len(h.Linkname) > maxName {
		return fmt.Errorf("%.60q has a name of %d bytes, and leads to one of %d: at most %d are right", h.Name, len(h.Name), len(h.Linkname), maxName)
	}
	r.names += len(h.Name) + len(h.Linkname)
	if r.entries++; r.entries > maxEntries || r.names > maxNames || r.bytes+h.Size > maxBytes {
		return errTooLarge
	}
	if err := r.ctx.Err(); err != nil {
		return context.Cause(r.ctx)
	}
	dir, base := path.Split(name)
	switch {
	case !fs.ValidPath(name) || name == ".":
		return nil
	case base == whiteout+whiteout+".opq":
		r.drop(path.Clean(dir), layer, false)
		return nil
	case strings.HasPrefix(base, whiteout):
		r.drop(path.Join(dir, strings.TrimPrefix(base, whiteout)), layer, true)
		return nil
	}
	f := &File{Path: name, Layer: layer, mode: fs.FileMode(h.Mode) & fs.ModePerm, Mode: fmt.Sprintf("%04o", h.Mode&0o7777)}
	node := rootfs.Node{Mode: f.mode}
	switch h.Typeflag {
	case tar.TypeReg:
		if err := r.content(f, &node, h.Size, content); err != nil {
			return err
		}
	case tar.TypeSymlink:
		f.Link, f.mode, node.Link, node.Mode = h.Linkname, f.mode|fs.ModeSymlink, h.Linkname, fs.ModeSymlink|0o777
	case tar.TypeLink: // another name of a file
		to := inside(h.Linkname)
		old, ok := r.files[to]
		if !ok {
			return fmt.Errorf("%q is another name of %q, which is not there: engines refuse such an image", h.Name, h.Linkname)
		}
		*f = *old
		f.Path, f.Size, f.Layer = name, 0, layer
		node = r.nodes[to]
	default: // it takes the place of a file below
		if old, ok := r.files[name]; ok {
			r.forget(name, old)
		}
		return nil
	}
	r.put(name, f, node)
	return nil
}

// drop removes what layers below one had at a name, and below it.
func (r *reader) drop(name string, above int, itself bool) {
	if f, ok := r.files[name]; ok {
		if itself && f.Layer < above {
			r.forget(name, f)
		}
		return
	}
	if itself && !r.dirs[name] {
		return // most entries are files where nothing was before
	}
	for at, f := range r.files {
		if f.Layer < above && (strings.HasPrefix(at, name+"/") || name == ".") {
			r.forget(at, f)
		}
	}
}

func (r *reader) forget(name string, f *File) {
	r.report.Hidden += f.Size
	delete(r.files, name)
	delete(r.nodes, name)
}

// put has a file lie at a name; the directories above are noted.
func (r *reader) put(name string, f *File, node rootfs.Node) {
	if old, ok := r.files[name]; ok && old.Layer == f.Layer || ok && r.dirs[name] {
		r.report.Twice = append(r.report.Twice, name)
	}
	r.drop(name, f.Layer+1, true)
	r.files[name], r.nodes[name] = f, node
	for dir := path.Dir(name); dir != "." && !r.dirs[dir]; dir = path.Dir(dir) {
		r.dirs[dir] = true
		if old, ok := r.files[dir]; ok { // a directory takes the place of a file
			r.forget(dir, old)
		}
	}
}

// content looks at a file's content as it passes.
func (r *reader) content(f *File, node *rootfs.Node, size int64, in io.Reader) error {
	sum := sha256.New()
	head := make([]byte, 16)
	n, err := io.ReadFull(in, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	head = head[:n]
	var whole bytes.Buffer
	to := io.Writer(sum)
	native := elfbinary.Sniff(head) == elfbinary.ELF && size <= maxWhole
	module := path.Ext(f.Path) == ".beam" && size <= maxText*16
	text := !native && !module && size <= maxText && r.texts+size <= maxTexts && keepsText(f.Path, head)
	if native || module || text {
		to = io.MultiWriter(sum, &whole)
	}
	copied, err := io.Copy(to, io.MultiReader(bytes.NewReader(head), in))
	if err != nil {
		return err
	}
	f.Size, f.Digest = copied, "sha256:"+hex.EncodeToString(sum.Sum(nil))
	node.Size = copied
	r.bytes += copied
	switch {
	case native:
		node.ELF, f.Debug = nativeFacts(whole.Bytes())
	case module:
		f.Debug = moduleDebug(whole.Bytes())
	case text:
		r.texts += size
		node.Text = whole.String()
	}
	return nil
}

// keepsText says whether a file's text tells something: scripts, what describes
// releases and applications, lists of packages.
func keepsText(name string, head []byte) bool {
	switch path.Ext(name) {
	case ".app", ".rel", ".data", ".sh":
		return true
	}
	return bytes.HasPrefix(head, []byte("#!")) || distro.Lists(name) || strings.HasPrefix(name, "etc/")
}

// nativeFacts is what a loader reads of an ELF file, and how much of it only debuggers
// read.
func nativeFacts(b []byte) (*elfbinary.File, int64) {
	file, err := elfbinary.ReadELF(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		file = nil
	}
	e, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return file, 0
	}
	var debug int64
	for _, s := range e.Sections {
		if strings.HasPrefix(s.Name, ".debug") || strings.HasPrefix(s.Name, ".zdebug") || s.Name == ".symtab" || s.Name == ".strtab" {
			debug += int64(min(s.FileSize, uint64(len(b)))) //nolint:gosec // at most the file
		}
	}
	return file, min(debug, int64(len(b)))
}

// moduleDebug is how many bytes of a BEAM file the VM does not load: what it was
// compiled of, and its documentation. Line numbers are not among them.
func moduleDebug(b []byte) (debug int64) {
	if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return 0
		}
		var plain bytes.Buffer
		if _, err := plain.ReadFrom(io.LimitReader(z, maxText*16)); err != nil {
			return 0
		}
		b = plain.Bytes()
	}
	if len(b) < 12 || string(b[:4]) != "FOR1" || string(b[8:12]) != "BEAM" {
		return 0
	}
	for b = b[12:]; len(b) >= 8; {
		id, size := string(b[:4]), int64(binary.BigEndian.Uint32(b[4:8]))
		if size > int64(len(b))-8 {
			return debug
		}
		switch id {
		case "Dbgi", "Abst", "Docs", "ExCk":
			debug += size + 8
		}
		b = b[min(8+(size+3)&^3, int64(len(b))):]
	}
	return debug
}
