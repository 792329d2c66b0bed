package check

import (
	"strings"

	"dram/internal/rootfs"
)

var interpreterRule = Rule{
	ID: "interpreter", Title: "the loader that a program names is on the target", Worst: Fail, Run: interpreter,
	Doc: Doc{
		Looks: "The program loader that each native program names (/lib64/ld-linux-x86-64.so.2 of glibc, /lib/ld-musl-x86_64.so.1 of musl) in the target. " +
			"A program made for glibc does not start on Alpine, and one made for musl not on Debian.",
		Seen: `/app/erts-15.2.7/bin/erlexec: not found (exit 127), although the file is there`,
		Do:   "Build the release in a toolchain with the target's C library.",
	},
}

var otherLoader = Cause{
	ID: "other-loader", Summary: "it is made for #{made}, and its loader #{loader} is not on the target", Detail: "the target has #{libc}",
	Prints: `"#{base}: not found" (exit 127), although the file is there`,
	Remedy: "build the release where the C library is the target's, #{libc}", Needs: "a target with #{made}",
}

// foreignRoot says whether the target is a system, for it has a shell, and has none
// of the loaders that programs name elsewhere.
func (s *Survey) foreignRoot() bool {
	return s.target.Facts.Platform == "" && s.target.Profile() == nil && s.target.Facts.Shell != ""
}

// interpreter: the kernel says "not found" of the program itself.
func interpreter(s *Survey) (out []Finding) {
	for _, n := range s.natives {
		if n.role != executable || n.elf.Interp == "" || !machineOK(n.elf, s.target.Machine()) && !s.foreignRoot() || s.brought.starts(n.Path) {
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
			Verdict: n.verdict(), Subject: n.subject(), Cause: &otherLoader, Params: Params{"made": libc, "loader": n.elf.Interp},
			Evidence: Evidence{Wants: []string{n.elf.Interp}, Provider: s.target.Facts.Libc.Loader},
		})
	}
	return out
}
