package check

import (
	"slices"

	"dram/internal/binary"
	"dram/internal/target"
)

var relrRule = Rule{
	ID: "relr", Title: "the loader knows packed relative relocations", Worst: Fail, Run: relr,
	Doc: Doc{
		Looks: "Files with packed relative relocations (DT_RELR), which some systems' linkers make by default, on a C library that does not know them: glibc before 2.36, musl before 1.2.4. " +
			"Such a loader leaves pointers unrelocated.",
		Seen: "the VM dies of SIGSEGV when it loads the NIF, without a message",
		Do:   "Link without -z pack-relative-relocs, or build in a toolchain of the target's own system.",
	},
}

var (
	packed = Cause{
		ID: "packed", Summary: "it has packed relative relocations (DT_RELR), which #{libc} does not know", Prints: "SIGSEGV, without a message",
		Remedy: "link without -z pack-relative-relocs, or #{build}", Needs: "#{kind} #{first} or newer",
	}
	packedLabel    = packed.with(Cause{Prints: "\"version `" + relrLabel + "' not found\""})
	packedUnknown  = Cause{ID: "unknown", Summary: "it has packed relative relocations (DT_RELR), and the version of the target's C library is unknown"}
	packedPatching = Cause{ID: "patched", Summary: "it has packed relative relocations (DT_RELR), which #{libc} knows only where the distribution brought them back"}
)

// relrLabel is what linkers make files want that have DT_RELR and need libc.
const relrLabel = "GLIBC_ABI_DT_RELR"

// relr: loaders that do not know DT_RELR leave pointers unrelocated, and say
// nothing.
func relr(s *Survey) (out []Finding) {
	c := s.target.Facts.Libc
	first := map[string]string{"glibc": "2.36", "musl": "1.2.4"}[c.Kind]
	if first == "" || (c.Version != "" && target.CompareVersions(c.Version, first) >= 0) {
		return nil
	}
	for _, n := range s.natives {
		if !n.loaded || !n.elf.RelR {
			continue
		}
		f := Finding{
			Verdict: n.verdict(), Subject: n.subject(), Cause: &packed, Facts: Params{"kind": c.Kind, "first": first},
			Evidence: Evidence{Wants: []string{"DT_RELR"}, Newest: c.String()},
		}
		if slices.ContainsFunc(n.elf.VersionNeeds, wantsRelrLabel) {
			f.Evidence.Wants, f.Cause = []string{relrLabel}, packedLabel
		}
		switch {
		case s.target.Open(target.Patches):
			f.Verdict, f.Cause = Unknown, f.Cause.with(packedPatching)
		case c.Version == "":
			f.Verdict, f.Cause = Unknown, f.Cause.with(packedUnknown)
		}
		out = append(out, f)
	}
	return out
}

func wantsRelrLabel(v binary.VersionNeed) bool {
	return slices.ContainsFunc(v.Versions, func(v binary.Version) bool { return v.Name == relrLabel })
}
