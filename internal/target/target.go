// Package target says what a place provides in which a release will run: the
// platform, the C library, every library that the loader finds there with its
// versions and symbols, programs, Erlang/OTP if it has one, certificates,
// locale.
//
// A target is made from a root filesystem, whose files are read and never run,
// or from a capture of one: a JSON document (version 1, described in
// docs/check.md) that holds the same facts without the files, so that what is
// checked against either gives the same findings. Both are taken to be
// hostile: files, bytes and symbols are limited. A fact that could not be
// found is left empty, never guessed.
//
// Profiles are such documents that are built in. They say where their facts
// are from, and what they do not know (Open, Gaps).
package target

import (
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"dram/internal/binary"
	"dram/internal/distro/distros"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/rootfs"
)

// Target is what a place provides. It does not change once made.
type Target struct {
	Name  string // the reference that it was opened by
	Facts Facts
	root  rootfs.FS
	// captured is the exported symbols of a captured target's libraries, by
	// real name; nil where the files are there to be read.
	captured map[string][]binary.Symbol
	profile  *Profile        // nil for one that was read whole
	gaps     map[string]Gaps // of a profile's libraries, by real name
}

// Facts is what is known of a target besides its files. Empty means unknown
// where nothing else is said.
type Facts struct {
	Platform string `json:"platform"` // "linux/amd64"
	Libc     Libc   `json:"libc"`
	OS       OS     `json:"os"`
	OTP      *OTP   `json:"otp,omitempty"`       // nil: it has none
	Shell    string `json:"shell,omitempty"`     // what /bin/sh is in the end; "": there is none
	CABundle string `json:"ca_bundle,omitempty"` // "": there is none
	UTF8     bool   `json:"utf8"`                // it has the locale C.UTF-8
	CPU      string `json:"cpu,omitempty"`       // "x86-64-v3", of a machine; "": unknown, as of a root filesystem
	Kernel   string `json:"kernel,omitempty"`    // "3.10", of a machine or of a system's first release; "": unknown
}

// Libc is the C library of the target's programs.
type Libc struct {
	Kind    string `json:"kind"`    // "glibc" or "musl"; "": no loader that dram knows is there
	Version string `json:"version"` // "2.41"
	Loader  string `json:"loader"`  // "lib64/ld-linux-x86-64.so.2"
}

func (l Libc) String() string { return strings.TrimSpace(l.Kind + " " + l.Version) }

// OS is what os-release(5) says.
type OS struct {
	ID      string `json:"id,omitempty"`      // "debian"
	Version string `json:"version,omitempty"` // "13"
	Name    string `json:"name,omitempty"`    // "Debian GNU/Linux 13 (trixie)"
}

// OTP is the Erlang/OTP that the target itself has.
type OTP struct {
	Root    string            `json:"root"`    // "usr/lib/erlang"
	Release string            `json:"release"` // "27"
	ERTS    string            `json:"erts"`    // "15.2.7"
	Apps    map[string]string `json:"apps"`    // versions by name
}

// New reads what a root filesystem provides. The target keeps the root.
func New(name string, root rootfs.FS) (*Target, error) {
	facts, err := readFacts(root)
	if err != nil {
		return nil, fmt.Errorf("reading target %q: %w", name, err)
	}
	return &Target{Name: name, Facts: facts, root: root}, nil
}

// Root is the target's files. Those of a captured one have no content, but
// rootfs.Described tells of them what the loader asks.
func (t *Target) Root() rootfs.FS { return t.root }

// Machine is the target's processor as ELF files name it, elf.EM_NONE if
// unknown.
func (t *Target) Machine() elf.Machine { return Machine(t.Facts.Platform) }

// Machine is how ELF files name a platform's processor.
func Machine(platform string) elf.Machine {
	switch platform {
	case "linux/amd64":
		return elf.EM_X86_64
	case "linux/arm64":
		return elf.EM_AARCH64
	}
	return elf.EM_NONE
}

// Exports is the symbols that a file of the target offers, by its real name.
func (t *Target) Exports(real string) ([]binary.Symbol, error) {
	if t.captured != nil {
		return t.captured[real], nil
	}
	s, err := ReadSymbols(t.root, real)
	if err != nil {
		return nil, err
	}
	return s.Defined, nil
}

// ReadSymbols reads the dynamic symbols of an ELF file in a root filesystem.
func ReadSymbols(root rootfs.FS, name string) (*binary.Symbols, error) {
	var out *binary.Symbols
	err := withFile(root, name, func(r io.ReaderAt, size int64) (err error) {
		out, err = binary.ReadSymbols(r, size)
		return err
	})
	return out, err
}

// withFile opens a file for random access.
func withFile(root rootfs.FS, name string, use func(r io.ReaderAt, size int64) error) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r, ok := f.(io.ReaderAt)
	if !ok || !info.Mode().IsRegular() {
		return &fs.PathError{Op: "read", Path: name, Err: errors.ErrUnsupported}
	}
	return use(r, info.Size())
}

// Unpacker makes a root filesystem of an image or of a distribution's
// packages, and gives its directory.
type Unpacker interface {
	HasDistro(name string) bool // whether there is a distribution of that name, with its suite
	Unpack(ctx context.Context, r ref.Ref) (dir string, err error)
}

// Reference is one way of naming a target.
type Reference struct {
	Kind    ref.Kind `json:"kind"`
	Form    string   `json:"form"`
	Meaning string   `json:"meaning"`
}

// References is all ways.
func References() []Reference {
	d := distros.All().Default().Info()
	return []Reference{
		{ref.Profile, "profile:NAME[@first|@latest][/amd64|/arm64]", "a system that is built in; without a processor, of this machine's"},
		{ref.Distro, d.Newest().Reference(), "a " + d.Name + ", from its packages: the toolchain of that name"},
		{ref.Image, "image:REF", "an image of a registry"},
		{ref.Layout, "oci:DIR", "an image in an OCI layout"},
		{ref.Tar, "tar:FILE", "an image in a tar"},
		{ref.Dir, "dir:PATH", "a root filesystem in a directory"},
		{ref.Host, "host:", "this machine"},
		{ref.SSH, "ssh:[USER@]HOST[:PORT]", "another machine"},
		{ref.File, "file:TARGET.json", "a target that was captured"},
	}
}

// Use says which references name a target. hasDistro says whether there is a
// distribution of that name; nil knows none.
func Use(hasDistro func(name string) bool) ref.Use {
	s := distros.All().Default().Info().Newest()
	u := ref.Use{
		Noun: "target",
		Hint: "write profile:" + s.String() + ", " + s.Reference() + ", image:REF, oci:DIR, tar:FILE, dir:PATH, host:, ssh:HOST or file:TARGET.json",
		Has: func(k ref.Kind, name string) bool {
			return k == ref.Profile && hasProfile(name) || k == ref.Distro && hasDistro != nil && hasDistro(name)
		},
		Otherwise: "check against what is built in: see dram target list",
	}
	for _, r := range References() {
		u.Kinds = append(u.Kinds, r.Kind)
	}
	return u
}

// Check finds a reference that Open would refuse, as far as nothing has to be read or
// asked for it: of another kind, no profile, nothing there.
func Check(name string, hasDistro func(name string) bool) error {
	r, err := Use(hasDistro).Parse(name)
	if err != nil {
		return err
	}
	switch r.Kind {
	case ref.Profile:
		_, _, err = profileOf(name, r.Value)
	case ref.Dir, ref.File, ref.Layout, ref.Tar:
		if _, gone := os.Stat(r.Value); gone != nil {
			err = problem.New(problem.Usage, "see that the path is right", "opening target %q: %w", name, gone)
		}
	case ref.Distro, ref.Image, ref.Host, ref.SSH, ref.Path:
	}
	return err
}

// Open opens a target by its reference, one that Use takes. unpacker makes a root
// filesystem of an image and of a distribution; nil knows none.
func Open(ctx context.Context, name string, unpacker Unpacker) (*Target, error) {
	use := Use(nil)
	if unpacker != nil {
		use = Use(unpacker.HasDistro)
	}
	r, err := use.Parse(name)
	if err != nil {
		return nil, err
	}
	switch r.Kind {
	case ref.Dir:
		return openDir(name, r.Value)
	case ref.Host:
		return openHost(name)
	case ref.File:
		return openFile(name, r.Value)
	case ref.Profile:
		return openProfile(name, r.Value)
	case ref.SSH:
		return openSSH(ctx, name, r.Value)
	case ref.Layout, ref.Tar, ref.Image, ref.Distro:
		dir, err := unpacker.Unpack(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("opening target %q: %w", name, err)
		}
		return openDir(name, dir)
	default:
		return nil, fmt.Errorf("opening target %q: unknown kind", name)
	}
}

func openHost(ref string) (*Target, error) {
	if runtime.GOOS != "linux" {
		return nil, problem.New(problem.Environment, "name another target: "+Use(nil).Hint, "target %q: this machine runs %s, not Linux", ref, runtime.GOOS)
	}
	t, err := openDir(ref, "/")
	if err != nil {
		return nil, err
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil { // else unknown
		t.Facts.CPU = CPULevel(info)
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		t.Facts.Kernel = strings.TrimSpace(string(release))
	}
	return t, nil
}

func openDir(ref, dir string) (*Target, error) {
	root, err := rootfs.Dir(dir)
	if err != nil {
		return nil, fmt.Errorf("opening target %q: %w", ref, err)
	}
	t, err := New(ref, root)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return t, nil
}

// Close lets go of the target's files.
func (t *Target) Close() error {
	if c, ok := t.root.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// String is the target for people: "distro:debian/13 (Debian GNU/Linux 13 (trixie), glibc 2.41)".
func (t *Target) String() string {
	return fmt.Sprintf("%s (%s, %s, %s)", t.Name, cmp.Or(t.Facts.OS.Name, "unknown system"),
		cmp.Or(t.Facts.Libc.String(), "no C library"), cmp.Or(t.Facts.Platform, "unknown platform"))
}
