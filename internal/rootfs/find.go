package rootfs

import (
	"debug/elf"
	"path"
	"slices"
	"strings"

	"dram/internal/binary"
)

// find looks for a library; at is "" if it is nowhere, or if the loader gives up
// over a file of that name, and miss says where it was looked for.
func (p *process) find(o *object, name string) (at string, miss Missing, err error) {
	if strings.Contains(name, "/") {
		return p.findPath(o, name)
	}
	f := finding{process: p, name: name}
	if p.own != nil {
		f.folders, f.above = p.own.folders(p.abi, p.level)
	}
	plain := o.file.Flags1&elf.DF_1_NODEFLIB != 0 && !p.abi.musl
	for _, d := range p.paths(o) {
		if at, done, err := f.in(d); done || err != nil {
			return at, f.Missing, err
		}
	}
	if at, done := f.cached(plain); done {
		return at, f.Missing, nil
	}
	for _, d := range p.system {
		if plain && d.builtin {
			continue
		}
		if at, done, err := f.in(d); done || err != nil {
			return at, f.Missing, err
		}
	}
	return "", f.Missing, nil
}

// finding is one search for one library.
type finding struct {
	*process
	Missing
	name           string
	folders, above []string // inside each directory: those that come first, and those of better processors
}

// in looks in one directory. done says that the search ends here, found or not.
func (f *finding) in(d place) (at string, done bool, err error) {
	for _, folder := range append(slices.Clone(f.folders), "") {
		dir := d.dir // with what ".." it has, which links decide about
		if folder != "" {
			dir += "/" + folder
		}
		if folder != "" && f.realDir(dir) == "" {
			continue
		}
		if f.lookups++; f.lookups > maxLookups {
			return "", true, errEntangled
		}
		at := Clean(dir + "/" + f.name)
		f.Considered = append(f.Considered, at)
		switch f.judge(f.realDir(dir), at) {
		case pass:
			continue
		case refuse:
			return "", true, nil
		case take:
		}
		if d.config {
			f.useConfig(d.dir)
		}
		f.betterIn(d)
		return at, true, nil
	}
	f.betterIn(d)
	return "", false, nil
}

// betterIn notes whether a better processor finds a file in one of its folders.
func (f *finding) betterIn(d place) {
	for _, folder := range f.above {
		if dir := f.realDir(path.Join(d.dir, folder)); dir != "" {
			if _, _, err := walk(f.low, path.Join(dir, f.name), true); err == nil {
				f.better = true
			}
		}
	}
}

// cached looks in the loader's cache. plain leaves out what lies in directories that
// are built in.
func (f *finding) cached(plain bool) (at string, done bool) {
	if !f.own.known() || f.own.cache == nil || f.brought != nil {
		return "", false
	}
	flags := uint32(cacheFlagsX8664)
	if f.abi.machine == elf.EM_AARCH64 {
		flags = cacheFlagsARM64
	}
	name, better := f.own.cache.lookup(f.name, flags, f.level, f.own.legacy)
	f.better = f.better || better
	if name == "" || plain && f.own.trusted(name) {
		return "", false
	}
	at = Clean(name)
	f.Considered = append(f.Considered, at)
	switch f.judge(f.realDir(path.Dir(at)), at) {
	case pass:
		return "", false
	case refuse:
		return "", true
	case take:
	}
	if !slices.Contains(f.builtinDirs(), f.realDir(path.Dir(at))) {
		f.useConfig(path.Dir(at))
	}
	return at, true
}

func (p *process) builtinDirs() (out []string) {
	for _, d := range p.own.dirs {
		out = append(out, p.realDir(d))
	}
	return out
}

// findPath is a needed name with a slash: a path and nothing else.
func (p *process) findPath(o *object, name string) (string, Missing, error) {
	f := finding{process: p, name: name}
	names := []string{name} // as it stands: so musl takes it
	if !p.abi.musl {
		names = p.expand(name, o)
	}
	for _, at := range names {
		f.Considered = append(f.Considered, Clean(at))
		if strings.HasPrefix(at, "/") && f.judge(".", Clean(at)) == take {
			return Clean(at), f.Missing, nil
		}
	}
	return "", f.Missing, nil
}

// verdict is what a loader does with a file that has the name it looks for.
type verdict int

const (
	pass   verdict = iota // it looks further
	take                  // it takes it
	refuse                // it gives up
)

// judge looks at the file at a path, whose directory has a real name. glibc passes
// over files for other machines and gives up over what is no library at all; musl
// takes the first that is there for what it looks for.
func (f *finding) judge(dir, at string) verdict {
	if dir == "" {
		return pass
	}
	name := at
	if dir != "." {
		name = path.Join(dir, path.Base(at))
	}
	real, _, err := walk(f.low, name, true)
	if err != nil {
		return pass
	}
	if info, err := f.low.lstat(real); err != nil || info.IsDir() {
		f.Refused, f.Why = at, "cannot read file data: Is a directory"
		return refuse
	}
	about := f.read(real)
	v, why := f.abi.judge(about)
	if v == refuse {
		f.Refused, f.Why = at, why
	}
	return v
}

// judge is what a loader does with a file, and what it says of one that it refuses
// (glibc's open_verify, musl's map_library).
func (a *abi) judge(about facts) (v verdict, why string) {
	f := about.elf
	switch {
	case f == nil && about.format == binary.ELF && about.size >= elfHeader:
		return refuse, "cannot read file data"
	case f == nil && about.size < elfHeader && !a.musl:
		return refuse, "file too short"
	case f == nil && a.musl:
		return refuse, "Exec format error"
	case f == nil:
		return refuse, "invalid ELF header"
	case a.runs(f) && (a.musl || knownABI(f)):
		return a.opens(f)
	case a.musl:
		return refuse, "it is for another machine"
	case f.Class != a.class:
		return pass, ""
	case f.Data != a.data:
		return refuse, "ELF file data encoding not little-endian"
	case !knownABI(f):
		return refuse, "ELF file OS ABI invalid"
	}
	return pass, ""
}

// opens says whether a loader takes a file for its own machine. That glibc takes no
// programs is so since 2.30.
func (a *abi) opens(f *binary.File) (v verdict, why string) {
	switch {
	case a.musl && (f.Type != elf.ET_DYN && f.Type != elf.ET_EXEC || !f.Dynamic):
		return refuse, "Exec format error"
	case a.musl:
		return take, ""
	case f.Odd != "":
		return refuse, f.Odd
	case f.Type == elf.ET_EXEC:
		return refuse, "cannot dynamically load executable"
	case f.Flags1&elf.DF_1_PIE != 0:
		return refuse, "cannot dynamically load position-independent executable"
	}
	return take, ""
}

const elfHeader = 64

// knownABI says whether glibc takes a library's EI_OSABI.
func knownABI(f *binary.File) bool {
	return f.OSABI == elf.ELFOSABI_NONE || f.OSABI == elf.ELFOSABI_LINUX
}
