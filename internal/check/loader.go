package check

import (
	"debug/elf"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/binary"
	"dram/internal/rootfs"
	"dram/internal/target"
)

// platform: without it hardly any rule can say something.
func platform(s *survey) []Finding {
	if s.target.Facts.Platform != "" || len(s.natives) == 0 {
		return nil
	}
	return []Finding{{
		Verdict: Unknown, Summary: "the target has no program loader that dram knows: it may be no root filesystem at all",
		Evidence: Evidence{Detail: "looked for glibc's and musl's loaders for x86-64 and aarch64"},
		Remedy:   "name a root filesystem that has the C library which the release needs", Needs: "a target with a C library",
	}}
}

// format: what is opened by the name of a library must be an ELF file.
func format(s *survey) (out []Finding) {
	for _, n := range s.natives {
		f := Finding{Verdict: n.atWorst(Fail), Subject: subject(n.File), Remedy: s.builder(n.File), Needs: "a Linux build of " + path.Base(n.Path)}
		f.Symptom = n.symptom(`"invalid ELF header"`)
		switch {
		case n.format == binary.ELF && n.err != nil:
			f.Summary, f.Evidence.Detail = "it is a damaged ELF file", n.err.Error()
		case n.format == binary.ELF && n.elf.Truncated:
			f.Summary, f.Evidence.Detail = "it is cut short", fmt.Sprintf("the file has %d bytes, its headers name more", n.Size)
			f.Symptom = n.symptom(`"file too short"`)
		case n.format == binary.ELF && s.refusesPrograms() && n.role == plugin && (n.elf.Type == elf.ET_EXEC || n.elf.Flags1&elf.DF_1_PIE != 0):
			f.Summary, f.Remedy = "it is linked as a program, not as a library", "link it with -shared instead of -pie"
			f.Symptom, f.Needs = n.symptom(`"cannot dynamically load position-independent executable"`), "a library "+path.Base(n.Path)
		case n.format == binary.ELF:
			continue
		case n.format == binary.LFSPointer:
			f.Summary = "it is a Git LFS pointer, not the file itself"
			f.Remedy = "fetch the files before the build: git lfs pull"
			if !isLibrary(n.Path) {
				f.Verdict, f.Symptom = Warn, "whatever reads it gets three lines of text"
			}
		case n.format == binary.Empty:
			f.Summary, f.Symptom = "it is an empty file", n.symptom(`"file too short"`)
		case !isLibrary(n.Path): // for another system, as .dylib and .dll say too
			f.Verdict, f.Summary = Warn, fmt.Sprintf("it is a %s file, which Linux does not run", n.format)
			f.Evidence.Detail = n.foreign.String()
			f.Symptom = "none, unless something starts it"
		default:
			f.Summary = fmt.Sprintf("it is a %s file, not an ELF file", n.format)
			if n.format != binary.Other {
				f.Summary = fmt.Sprintf("it is %s, not an ELF file for Linux", n.foreign)
				f.Remedy += "; keep priv/*.so out of the sources (.dockerignore), so that the build makes it anew"
			}
		}
		out = append(out, f)
	}
	return out
}

// refusesPrograms: glibc opens no programs as libraries since 2.30; musl does.
func (s *survey) refusesPrograms() bool {
	c := s.target.Facts.Libc
	return c.Kind == "glibc" && (c.Version == "" || target.CompareVersions(c.Version, "2.30") >= 0)
}

// archWords are how names of files tell a processor.
var archWords = regexp.MustCompile(`x86[-_]64|amd64|x64|i[3-6]86|x86|aarch64|arm64|armv?[0-9a-z]*|riscv64|s390x|ppc64le`)

// arch: a file for another processor is no fault where the same one for the
// target's is beside it.
func arch(s *survey) (out []Finding) {
	want := s.target.Machine()
	if want == elf.EM_NONE {
		return nil
	}
	right := map[string]bool{}
	plain := func(n *native) string { return n.App + ":" + archWords.ReplaceAllString(path.Base(n.Path), "") }
	for _, n := range s.natives {
		if n.elf != nil && machineOK(n.elf, want) {
			right[plain(n)] = true
		}
	}
	for _, n := range s.natives {
		if n.elf == nil || machineOK(n.elf, want) || n.role == object {
			continue
		}
		f := Finding{
			Verdict: n.atWorst(Fail), Subject: subject(n.File),
			Summary:  fmt.Sprintf("it is built for %s, the target is %s", machineName(n.elf), s.target.Facts.Platform),
			Evidence: Evidence{Wants: []string{machineName(n.elf)}, Newest: s.target.Facts.Platform},
			Symptom:  n.symptom(archSymptom(n, s.target)),
			Remedy:   "build the release for " + s.target.Facts.Platform, Needs: "a build for " + s.target.Facts.Platform,
		}
		if right[plain(n)] {
			f.Verdict, f.Symptom = Warn, "none: one for the target is beside it"
		}
		out = append(out, f)
	}
	return out
}

func archSymptom(n *native, t *target.Target) string {
	switch {
	case n.role == executable:
		return `"Exec format error"`
	case t.Facts.Libc.Kind == "musl":
		return "the VM dies of SIGSEGV"
	case n.elf.Class != elf.ELFCLASS64:
		return `"wrong ELF class: ELFCLASS32"`
	}
	return `"cannot open shared object file: No such file or directory", although the file is there`
}

func machineName(f *binary.File) string {
	name := strings.ToLower(strings.TrimPrefix(f.Machine.String(), "EM_"))
	if known := map[elf.Machine]string{elf.EM_X86_64: "linux/amd64", elf.EM_AARCH64: "linux/arm64"}[f.Machine]; known != "" {
		name = known
	}
	if f.Class == elf.ELFCLASS32 {
		name += " (32 bits)"
	}
	return name
}

// loader: a search that passes its limits, or files that change meanwhile.
func loader(s *survey) (out []Finding) {
	for _, n := range s.natives {
		if n.loadErr == nil {
			continue
		}
		out = append(out, Finding{
			Verdict: Unknown, Subject: subject(n.File), Summary: "what the loader does with it could not be told",
			Evidence: Evidence{Detail: n.loadErr.Error()}, Remedy: "see what the file names as its libraries: readelf -d", Needs: "a " + path.Base(n.Path) + " that can be followed",
		})
	}
	return out
}

// interpreter: the kernel says "not found" of the program itself.
func interpreter(s *survey) (out []Finding) {
	for _, n := range s.natives {
		if n.role != executable || n.elf.Interp == "" || !machineOK(n.elf, s.target.Machine()) {
			continue
		}
		if _, err := rootfs.Resolve(s.root, n.elf.Interp); err == nil {
			continue
		}
		libc := "glibc"
		if strings.Contains(n.elf.Interp, "musl") {
			libc = "musl"
		}
		out = append(out, Finding{
			Verdict: n.verdict(), Subject: subject(n.File),
			Summary:  fmt.Sprintf("it is made for %s, and its loader %s is not on the target", libc, n.elf.Interp),
			Evidence: Evidence{Wants: []string{n.elf.Interp}, Provider: s.target.Facts.Libc.Loader, Detail: "the target has " + s.target.Facts.Libc.String()},
			Symptom:  n.symptom(fmt.Sprintf(`"%s: not found" (exit 127), although the file is there`, path.Base(n.Path))),
			Remedy:   "build the release where the C library is the target's, " + s.target.Facts.Libc.String(), Needs: "a target with " + libc,
		})
	}
	return out
}

// soname: each missing library once, with who asks for it first.
func soname(s *survey) (out []Finding) {
	seen := map[[2]string]bool{}
	for _, n := range s.natives {
		noLoader := func(m rootfs.Missing) bool { return m.Soname == n.elf.Interp && m.File == s.on(n.Path) }
		if slices.ContainsFunc(n.process.Missing, noLoader) {
			continue // without the loader, no library is looked for; see interpreter
		}
		for _, m := range n.process.Missing {
			key := [2]string{m.File, m.Soname}
			if seen[key] {
				continue
			}
			seen[key] = true
			out = append(out, s.missingLibrary(n, m))
		}
	}
	return openLibraries(append(out, s.uninstalled()...))
}

func (s *survey) missingLibrary(n *native, m rootfs.Missing) Finding {
	at := n
	detail := ""
	if name, ok := s.inRelease(m.File); !ok {
		detail = m.File + " of the target needs it"
	} else if i := slices.IndexFunc(s.natives, func(o *native) bool { return o.Path == name }); i >= 0 {
		at = s.natives[i]
	}
	f := Finding{
		Verdict: at.verdict(), Subject: subject(at.File),
		Summary:  fmt.Sprintf("it needs %s, which is not on the target", m.Soname),
		Evidence: Evidence{Wants: []string{m.Soname}, Considered: m.Considered, Detail: detail},
		Symptom:  at.symptom(fmt.Sprintf(`"%s: cannot open shared object file: No such file or directory"`, m.Soname)),
		Remedy:   s.libraryRemedy(m.Soname, at), Needs: m.Soname + " on the target",
	}
	if n.process.Musl {
		f.Symptom = at.symptom(fmt.Sprintf(`"Error loading shared library %s: No such file or directory (needed by /%s)"`, m.Soname, s.on(at.Path)))
	}
	if !s.target.Absent(m.Soname) {
		return unknown(f, fmt.Sprintf("it needs %s, and whether the target has it is not known", m.Soname))
	}
	if s.target.Profile() != nil {
		f.Summary = fmt.Sprintf("it needs %s, of which %s has no package", m.Soname, s.system())
	}
	return f
}

// libcMix: musl ignores symbol versions, so that a library made for glibc can
// load there, and can also be wrong about the size of a structure.
func libcMix(s *survey) (out []Finding) {
	for _, n := range s.natives {
		if !n.loaded || n.role == executable {
			continue
		}
		made := ""
		for _, need := range n.elf.Needed {
			switch {
			case strings.HasPrefix(need, "libc.musl-"), need == "libc.so":
				made = "musl"
			case need == "libc.so.6":
				made = "glibc"
			}
		}
		have := s.target.Facts.Libc.Kind
		if made == "" || have == "" || made == have || have == "glibc" { // glibc: its loader finds no musl, see soname
			continue
		}
		out = append(out, Finding{
			Verdict: Warn, Subject: subject(n.File),
			Summary:  fmt.Sprintf("it is made for %s, the target has %s", made, s.target.Facts.Libc),
			Evidence: Evidence{Wants: []string{made}, Newest: s.target.Facts.Libc.String()},
			Symptom:  "it may load, for all symbols are there, and still fail later: structures differ",
			Remedy:   "build the release on a system with " + have, Needs: "a build with " + have,
		})
	}
	return out
}

// relr: loaders that do not know DT_RELR leave pointers unrelocated, and say
// nothing.
func relr(s *survey) (out []Finding) {
	first := map[string]string{"glibc": "2.36", "musl": "1.2.4"}[s.target.Facts.Libc.Kind]
	version := s.target.Facts.Libc.Version
	if first == "" || (version != "" && target.CompareVersions(version, first) >= 0) {
		return nil
	}
	for _, n := range s.natives {
		if !n.loaded || !n.elf.RelR {
			continue
		}
		f := Finding{
			Verdict: n.verdict(), Subject: subject(n.File),
			Summary:  fmt.Sprintf("it has packed relative relocations (DT_RELR), which %s does not know", s.target.Facts.Libc),
			Evidence: Evidence{Wants: []string{"DT_RELR"}, Newest: s.target.Facts.Libc.String()},
			Symptom:  n.symptom("SIGSEGV, without a message"),
			Remedy:   "link without -z pack-relative-relocs, or " + s.builder(n.File),
			Needs:    fmt.Sprintf("%s %s or newer", s.target.Facts.Libc.Kind, first),
		}
		if slices.ContainsFunc(n.elf.VersionNeeds, wantsRelrLabel) {
			f.Evidence.Wants = []string{relrLabel}
			f.Symptom = n.symptom(fmt.Sprintf("\"version `%s' not found\"", relrLabel))
		}
		if version == "" {
			f.Verdict, f.Summary = Unknown, "it has packed relative relocations (DT_RELR), and the version of the target's C library is unknown"
		}
		out = append(out, s.ofOpen(target.Patches, f, "it has packed relative relocations (DT_RELR), which "+s.target.Facts.Libc.String()+" knows only where the distribution brought them back"))
	}
	return out
}

// relrLabel is what linkers make files want that have DT_RELR and need libc.
const relrLabel = "GLIBC_ABI_DT_RELR"

func wantsRelrLabel(v binary.VersionNeed) bool {
	return slices.ContainsFunc(v.Versions, func(v binary.Version) bool { return v.Name == relrLabel })
}

// execStack: glibc 2.41 stopped making the stack executable for what is opened
// later. At the start of a program it still does.
func execStack(s *survey) (out []Finding) {
	c := s.target.Facts.Libc
	if c.Kind != "glibc" || (c.Version != "" && target.CompareVersions(c.Version, "2.41") < 0) {
		return nil
	}
	for _, n := range s.natives {
		if !n.loaded || !n.inVM && n.role == executable || n.elf.Stack == binary.StackPlain {
			continue
		}
		f := Finding{
			Verdict: n.verdict(), Subject: subject(n.File),
			Summary:  "it asks for an executable stack, which " + c.String() + " refuses",
			Evidence: Evidence{Wants: []string{"PT_GNU_STACK with PF_X"}, Newest: c.String()},
			Symptom:  n.symptom(`"cannot enable executable stack as shared object requires: Invalid argument"`),
			Remedy:   "link it with -Wl,-z,noexecstack; mostly an assembler file lacks its .note.GNU-stack section", Needs: "a link with -z noexecstack",
		}
		if n.elf.Stack == binary.StackUnsaid {
			f.Evidence.Wants = []string{"no PT_GNU_STACK at all, which means the same"}
		}
		if c.Version == "" {
			f.Verdict, f.Summary = Unknown, "it asks for an executable stack, and the version of the target's glibc is unknown"
		}
		out = append(out, f)
	}
	return out
}

// isa: no root filesystem tells which processor it will run on; a machine, or
// a capture of one, does.
func isa(s *survey) (out []Finding) {
	if s.target.Facts.Libc.Kind != "glibc" {
		return nil // musl does not look
	}
	has := s.target.Facts.CPU
	for _, n := range s.natives {
		wants := isaOf(n)
		if !n.loaded || wants <= levelOf(binary.ISABaseline.String()) || has != "" && wants <= levelOf(has) {
			continue
		}
		f := Finding{
			Verdict: Unknown, Subject: subject(n.File),
			Summary:  fmt.Sprintf("it wants an %s processor, and nothing is known of the target's", n.elf.ISA),
			Evidence: Evidence{Wants: []string{n.elf.ISA.String()}},
			Symptom:  n.symptom(`on an older processor, "CPU ISA level is lower than required"`),
			Remedy:   "compile it without -march=" + n.elf.ISA.String() + ", or allow the rule isa if the processors are known", Needs: "processors of level " + n.elf.ISA.String(),
		}
		if has != "" {
			f.Verdict, f.Summary = n.verdict(), fmt.Sprintf("it wants an %s processor, the target's is %s", n.elf.ISA, has)
			f.Evidence.Newest, f.Symptom = has, n.symptom(`"CPU ISA level is lower than required"`)
		}
		out = append(out, f)
	}
	return out
}

// levelOf ranks the levels of the x86-64 psABI; -1 for none.
func levelOf(name string) int {
	return slices.Index([]string{"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"}, name)
}

// isaOf is the level that a file asks for, -1 for none.
func isaOf(n *native) int {
	if n.elf == nil {
		return -1
	}
	return levelOf(n.elf.ISA.String())
}
