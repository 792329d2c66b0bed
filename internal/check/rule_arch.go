package check

import (
	"debug/elf"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/binary"
	"dram/internal/target"
)

var archRule = Rule{
	ID: "arch", Title: "native files are for the target's processor", Worst: Fail, Run: arch,
	Doc: Doc{
		Looks: "The processor that each native file is compiled for, against the target's. A file for another processor is only warned about where the same one for the target's is beside it.",
		Seen:  `/app/lib/my_app-0.1.0/priv/port: Exec format error`,
		Do:    "Build the release for the target's platform (--platform linux/arm64). If only one dependency is wrong, it ships its file compiled: have it compiled in your build.",
	},
}

var (
	otherArch = Cause{
		ID: "other-processor", Summary: "it is built for #{machine}, the target is #{platform}",
		Prints: `"cannot open shared object file: No such file or directory", although the file is there`,
		Remedy: "build the release for #{platform}", Needs: "a build for #{platform}",
	}
	otherArchProgram = otherArch.with(Cause{Prints: `"Exec format error"`})
	otherArchMusl    = otherArch.with(Cause{Prints: "the VM dies of SIGSEGV"})
	otherClass       = otherArch.with(Cause{Prints: `"wrong ELF class: ELFCLASS32"`})
	byName           = otherArch.with(Cause{ID: "by-name", Symptom: "none, if the program takes the one for its processor by its name; there is none for this one"})
	besideRight      = otherArch.with(Cause{ID: "beside-right-one", Symptom: "none: one for the target is beside it"})
)

// namedFor says whether a file lies under the name of its own processor or system, so
// that who runs on another one does not take it.
func namedFor(n *native) bool {
	dir := strings.ToLower(n.Path)
	if _, inside, ok := strings.Cut(dir, "/priv/"); ok {
		dir = inside
	}
	if elsewhere.MatchString(dir) || n.elf.Machine == elf.EM_X86_64 && x8664.MatchString(dir) {
		return true
	}
	for word := range strings.FieldsFuncSeq(dir, func(r rune) bool { return strings.ContainsRune("/._-", r) }) {
		if slices.Contains(namesOf(n.elf.Machine), word) {
			return true
		}
	}
	return false
}

var x8664 = regexp.MustCompile(`x86[-_]64`)

// namesOf are what people call a processor.
func namesOf(m elf.Machine) []string {
	switch m { //nolint:exhaustive // others have no names that are sure
	case elf.EM_AARCH64:
		return []string{"aarch64", "arm64", "armv8"}
	case elf.EM_ARM:
		return []string{"arm", "armv6", "armv7", "armv6l", "armv7l", "armhf", "armel", "arm32"}
	case elf.EM_386:
		return []string{"i386", "i486", "i586", "i686", "x86", "ia32", "386"}
	case elf.EM_X86_64:
		return []string{"amd64", "x64"}
	case elf.EM_RISCV:
		return []string{"riscv64", "riscv"}
	}
	return nil
}

// archWords are how names of files tell a processor.
var archWords = regexp.MustCompile(`x86[-_]64|amd64|x64|i[3-6]86|x86|aarch64|arm64|armv?[0-9a-z]*|riscv64|s390x|ppc64le`)

// arch: a file for another processor is no fault where the same one for the
// target's is beside it.
func arch(s *Survey) (out []Finding) {
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
		machine := machineName(n.elf)
		f := Finding{
			Verdict: n.worst(), Subject: n.subject(), Cause: archCause(n, s.target), Params: Params{"machine": machine},
			Evidence: Evidence{Wants: []string{machine}, Newest: s.target.Facts.Platform},
		}
		switch {
		case right[plain(n)]:
			f.Verdict, f.Cause = Warn, besideRight
		case namedFor(n):
			f.Verdict, f.Cause = min(f.Verdict, Warn), byName
		}
		out = append(out, f)
	}
	return out
}

func archCause(n *native, t *target.Target) *Cause {
	switch {
	case n.role == executable:
		return otherArchProgram
	case t.Facts.Libc.Kind == "musl":
		return otherArchMusl
	case n.elf.Class != elf.ELFCLASS64:
		return otherClass
	}
	return &otherArch
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
