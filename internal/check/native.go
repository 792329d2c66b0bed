package check

import (
	"debug/elf"
	"errors"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/binary"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/target"
)

// role is what a native file is for.
type role int

const (
	library    role = iota // something that other native files need
	plugin                 // a NIF library or a driver, which the VM opens
	executable             // a program, such as a port
	object                 // compiled, not linked; never loaded
)

// native is one native file of the release.
type native struct {
	release.File
	format  binary.Format
	foreign binary.Foreign // of a file for another system
	err     error          // why it could not be read as what it looks like
	elf     *binary.File   // nil unless it is a sound ELF file
	symbols *binary.Symbols
	nif     *binary.NIF // nil if it has no static entry
	vector  binary.Vector
	role    role
	helper  string // its name, if the release starts without it; see Without
	orphan  bool   // a library that nothing else in the release needs
	idle    bool   // no code path of a start leads into its application
	loaded  bool   // process is what is loaded with it
	// appImage: it brings a system of its own, behind itself in the file.
	appImage bool
	inVM     bool // the process is the VM's
	process  rootfs.Process
	loadErr  error // why that could not be told
}

func newNative(f release.File, r io.ReaderAt) (*native, error) {
	n := &native{File: f, format: binary.ELF}
	n.elf, n.err = binary.ReadELF(r, f.Size)
	if n.err == nil {
		n.symbols, n.err = binary.ReadSymbols(r, f.Size)
	}
	if errors.Is(n.err, binary.ErrFormat) {
		n.elf = nil
		return n, nil
	}
	if n.err != nil {
		return nil, n.err
	}
	n.role, n.appImage = roleOf(n), binary.IsAppImage(r)
	n.nif = readNIF(n.symbols, r, f.Size)
	if f.Origin == release.Own || f.Origin == release.Dependency {
		n.vector, _ = binary.ReadVector(r, f.Size) // it was just read
	}
	return n, nil
}

func roleOf(n *native) role {
	exports := func(name string) bool {
		return slices.ContainsFunc(n.symbols.Defined, func(s binary.Symbol) bool { return s.Name == name })
	}
	switch {
	case n.elf.Type == elf.ET_REL || n.elf.Type == elf.ET_CORE:
		return object
	case isLibrary(n.Path) && (exports("nif_init") || exports("driver_init")):
		return plugin // even if it is linked as a program; see format
	case n.elf.Type == elf.ET_EXEC, n.elf.Interp != "" && !isLibrary(n.Path), n.elf.Flags1&elf.DF_1_PIE != 0 && !isLibrary(n.Path):
		return executable
	case exports("nif_init"), exports("driver_init"):
		return plugin
	}
	return library
}

// loadable says whether the target's loader has anything to do with it.
func (n *native) loadable(t *target.Target) bool {
	return n.elf != nil && n.elf.Dynamic && !n.elf.Truncated && n.role != object && machineOK(n.elf, t.Machine())
}

var sonamePattern = regexp.MustCompile(`\.so(\.[0-9]+)*$`)

func isLibrary(name string) bool { return sonamePattern.MatchString(name) }

// verdict is how bad it is when the file cannot be loaded: nobody may ever ask
// for a library that nothing in the release names, nor for the tools of
// development that lie beside the VM.
func (n *native) verdict() Verdict {
	if n.helper != "" || n.orphan || n.idle || n.Origin == release.ERTS && n.role == executable && !slices.Contains(vmPrograms(), path.Base(n.Path)) {
		return Warn
	}
	return Fail
}

// vmPrograms are those of erts-*/bin that a running release starts.
func vmPrograms() []string {
	return []string{"beam.smp", "erlexec", "erl_child_setup", "epmd", "inet_gethost", "heart", "run_erl", "to_erl", "start"}
}

// worst is the verdict about a native file that is not loaded: milder where the
// release starts without the file.
func (n *native) worst() Verdict {
	if n.helper != "" || n.idle {
		return Warn
	}
	return Fail
}

// subject is the file as what a finding is about.
func (n *native) subject() Subject {
	out := subject(n.File)
	out.Use, out.Helper = n.use(), n.helper
	return out
}

// use is what the file is for.
func (n *native) use() Use {
	switch {
	case n.role == plugin:
		return UsePlugin
	case n.role != executable:
		return UseLibrary
	case n.Origin != release.ERTS:
		return UsePort
	case slices.Contains([]string{"beam.smp", "erlexec", "erl_child_setup"}, path.Base(n.Path)):
		return UseStart
	}
	return UseRuntime
}

// native is the native file of a path in the release; nil if there is none.
func (s *Survey) native(name string) *native {
	i, ok := slices.BinarySearchFunc(s.natives, name, func(n *native, p string) int { return strings.Compare(n.Path, p) })
	if !ok {
		return nil
	}
	return s.natives[i]
}

// appName is the name of the application that owns a file.
func appName(f release.File) string {
	name, _, _ := strings.Cut(f.App, "-")
	return name
}
