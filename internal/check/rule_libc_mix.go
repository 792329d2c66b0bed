package check

import "strings"

var libcMixRule = Rule{
	ID: "libc-mix", Title: "native files are made for the target's C library", Worst: Warn, Run: libcMix,
	Doc: Doc{
		Looks: "Libraries made for glibc that musl loads. musl ignores symbol versions and has many of glibc's symbols, so that such a library can load and still be wrong about the size of a structure.",
		Seen:  "a call into the NIF gives wrong values, or the VM dies of SIGSEGV",
		Do:    "Build the release in a toolchain with the target's C library.",
	},
}

var otherLibc = Cause{
	ID: "other-libc", Summary: "it is made for #{made}, the target has #{libc}",
	Symptom: "it may load, for all symbols are there, and still fail later: structures differ",
	Remedy:  "build the release on a system with #{kind}", Needs: "a build with #{kind}",
}

// libcMix: musl ignores symbol versions, so that a library made for glibc can
// load there, and can also be wrong about the size of a structure.
func libcMix(s *Survey) (out []Finding) {
	have := s.target.Facts.Libc.Kind
	for _, n := range s.natives {
		if !n.loaded || n.role == executable {
			continue
		}
		made := madeFor(n.elf.Needed)
		if made == "" && len(n.elf.Filters) > 0 {
			made = "glibc" // musl knows no filters: the file's own functions are called
		}
		if made == "" || have == "" || made == have || have == "glibc" { // glibc: its loader finds no musl, see soname
			continue
		}
		out = append(out, Finding{
			Verdict: Warn, Subject: n.subject(), Cause: &otherLibc, Params: Params{"made": made}, Facts: Params{"kind": have},
			Evidence: Evidence{Wants: []string{made}, Newest: s.target.Facts.Libc.String()},
		})
	}
	return out
}

// madeFor is the C library that a file is linked with, by the libraries that it
// names.
func madeFor(needed []string) (libc string) {
	for _, need := range needed {
		switch {
		case strings.HasPrefix(need, "libc.musl-"), need == "libc.so":
			libc = "musl"
		case need == "libc.so.6":
			libc = "glibc"
		}
	}
	return libc
}
