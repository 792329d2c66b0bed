package check

import (
	"cmp"
	"debug/elf"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dram/internal/binary"
	"dram/internal/release"
	"dram/internal/target"
)

var formatRule = Rule{
	ID: "format", Title: "native files are ELF files, whole ones", Worst: Fail, Run: format,
	Doc: Doc{
		Looks: "Files that are opened as libraries or started as programs: that they are ELF files, not cut short, and no files of macOS or Windows, " +
			"empty files, or pointers that Git LFS has not replaced. A NIF library must not be linked as a program, where the C library refuses that.",
		Seen: `{load_failed,"Failed to load NIF library: '/app/lib/exqlite-0.27.0/priv/sqlite3_nif.so: invalid ELF header'"}`,
		Do:   "Keep what was compiled on a developer's machine out of the build (priv/*.so in .dockerignore), so that the build compiles it. Fetch Git LFS files before the build: git lfs pull.",
	},
}

var (
	badFormat = Cause{
		ID: "not-elf", Summary: "it is a #{format} file, not an ELF file", Prints: `"invalid ELF header"`, Remedy: "#{build}", Needs: "a Linux build of #{base}",
	}
	damaged       = badFormat.with(Cause{ID: "damaged", Summary: "it is a damaged ELF file"})
	folderLibrary = badFormat.with(Cause{ID: "folder", Summary: "it is a folder that has a library's name", Detail: "a folder", Prints: `"cannot read file data: Is a directory"`})
	cutShort      = badFormat.with(Cause{ID: "cut-short", Summary: "it is cut short", Detail: "the file has #{size} bytes, its headers name more", Prints: `"file too short"`})
	asProgram     = badFormat.with(Cause{
		ID: "program", Summary: "it is linked as a program, not as a library", Remedy: "link it with -shared instead of -pie",
		Prints: `"cannot dynamically load position-independent executable"`, Needs: "a library #{base}",
	})
	otherSystem = badFormat.with(Cause{
		ID: "os-abi", Summary: "it says that it is for #{abi}, not for Linux", Prints: `"ELF file OS ABI invalid"`, Needs: "a Linux build of #{base}",
	})
	unopenable = badFormat.with(Cause{
		ID: "header", Summary: "its header is none of a library that the loader takes", Detail: "#{odd}", Prints: `"#{odd}"`, Needs: "a library #{base}",
	})
	notLinked = badFormat.with(Cause{
		ID: "no-program", Summary: "it is an ELF file that is no program", Prints: `"Exec format error"`, Needs: "the program #{base}",
	})
	lfsPointer = badFormat.with(Cause{
		ID: "lfs-pointer", Summary: "it is a Git LFS pointer, not the file itself", Remedy: "fetch the files before the build: git lfs pull",
	})
	lfsData        = lfsPointer.with(Cause{Symptom: "whatever reads it gets three lines of text"})
	emptyLibrary   = badFormat.with(Cause{ID: "empty", Summary: "it is an empty file", Prints: `"file too short"`})
	foreignProgram = badFormat.with(Cause{
		ID: "foreign-program", Summary: "it is a #{format} file, which Linux does not run", Symptom: "none, unless something starts it",
	})
	foreignLibrary = badFormat.with(Cause{
		ID: "foreign-library", Summary: "it is #{foreign}, not an ELF file for Linux",
		Remedy: "#{build}\nkeep priv/*.so out of the sources (.dockerignore), so that the build makes it anew",
	})
)

// format: what is opened by the name of a library must be an ELF file.
func format(s *Survey) (out []Finding) {
	for _, n := range s.natives {
		if f, bad := s.formatFinding(n); bad {
			out = append(out, f)
		}
	}
	for _, f := range s.rel.Files {
		if f.Mode.IsDir() && strings.HasSuffix(f.Path, ".so") {
			out = append(out, Finding{Verdict: Warn, Subject: subject(f), Cause: folderLibrary})
		}
	}
	return out
}

func (s *Survey) formatFinding(n *native) (f Finding, bad bool) {
	f = Finding{Verdict: n.worst(), Subject: n.subject()}
	switch {
	case n.format == binary.ELF && n.err != nil:
		f.Cause, f.Evidence.Detail = damaged, n.err.Error()
	case n.format == binary.ELF && n.elf.Truncated:
		f.Cause, f.Facts = cutShort, Params{"size": strconv.FormatInt(n.Size, 10)}
		if s.target.Facts.Libc.Kind == "musl" {
			f.Verdict = Warn // which maps it, and ends where what is not there is touched
		}
	case n.format == binary.ELF && s.refusesPrograms() && n.role == plugin && (n.elf.Type == elf.ET_EXEC || n.elf.Flags1&elf.DF_1_PIE != 0):
		f.Cause = asProgram
	case n.format == binary.ELF && s.refusesABI(n):
		f.Verdict, f.Cause, f.Params = n.verdict(), otherSystem, Params{"abi": strings.TrimPrefix(n.elf.OSABI.String(), "ELFOSABI_")}
	case n.format == binary.ELF && n.noProgram():
		f.Cause = notLinked
	case n.format == binary.ELF && s.refusesHeader(n):
		f.Cause, f.Facts = unopenable, Params{"odd": cmp.Or(n.elf.Odd, "ELF load command alignment not page-aligned")}
	case n.format == binary.ELF:
		return f, false
	case n.format == binary.LFSPointer && isLibrary(n.Path):
		f.Cause = lfsPointer
	case n.format == binary.LFSPointer:
		f.Verdict, f.Cause = Warn, lfsData
	case n.format == binary.Empty:
		f.Cause = emptyLibrary
		f.Verdict = s.ifNamed(n, f.Verdict)
	case !isLibrary(n.Path): // for another system, as .dylib and .dll say too
		f.Verdict, f.Cause, f.Params, f.Evidence.Detail = Warn, foreignProgram, Params{"format": n.format.String()}, n.foreign.String()
	case n.format == binary.Other:
		f.Verdict = s.ifNamed(n, f.Verdict)
		f.Cause, f.Params = &badFormat, Params{"format": n.format.String()}
	default:
		if elsewhere.MatchString(n.Path) {
			f.Verdict = min(f.Verdict, Warn)
		}
		f.Cause, f.Params = foreignLibrary, Params{"foreign": n.foreign.String()}
	}
	return f, true
}

// elsewhere is how paths tell that a file is for another system, beside those for
// this one.
var elsewhere = regexp.MustCompile(`(?i)(^|[/._-])(darwin|macos|osx|apple|windows|win32|win64|mingw|msvc|freebsd)([/._-]|$)`)

// numbered is the name of a library that only others name: no module loads it.
var numbered = regexp.MustCompile(`\.so(\.[0-9]+)+$`)

// ifNamed is a verdict about what has the name of a numbered library, and is none:
// data, unless a native file needs it.
func (s *Survey) ifNamed(n *native, v Verdict) Verdict {
	base := path.Base(n.Path)
	if !numbered.MatchString(base) || slices.ContainsFunc(s.natives, func(o *native) bool { return o.elf != nil && slices.Contains(o.elf.Needed, base) }) {
		return v
	}
	return min(v, Warn)
}

// refusesABI: glibc opens no library that is marked for another system; the kernel and
// musl do not look.
func (s *Survey) refusesABI(n *native) bool {
	return s.target.Facts.Libc.Kind == "glibc" && n.role != executable && n.role != object && n.elf.OSABI != elf.ELFOSABI_NONE && n.elf.OSABI != elf.ELFOSABI_LINUX
}

// refusesPrograms: glibc opens no programs as libraries since 2.30; musl does.
func (s *Survey) refusesPrograms() bool {
	c := s.target.Facts.Libc
	return c.Kind == "glibc" && (c.Version == "" || target.CompareVersions(c.Version, "2.30") >= 0)
}

// refusesHeader: glibc looks at more of a header than the kernel and musl do, which want
// what is linked, and for them.
func (s *Survey) refusesHeader(n *native) bool {
	c := s.target.Facts.Libc
	aligns := n.elf.Unaligned && c.Kind == "glibc" && c.Version != "" && target.CompareVersions(c.Version, "2.36") < 0 // which looks at the addresses instead
	if n.elf.Odd == "" && !aligns || !isLibrary(n.Path) || n.role == executable || !machineOK(n.elf, s.target.Machine()) {
		return false
	}
	return c.Kind == "glibc" || n.role == object || !n.elf.Dynamic
}

// noProgram says whether what has the place of a program of the VM's is none that the
// kernel starts.
func (n *native) noProgram() bool {
	return n.Origin == release.ERTS && slices.Contains(vmPrograms(), path.Base(n.Path)) && (n.role == object || !n.elf.Mapped)
}
