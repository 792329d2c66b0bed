package check

import (
	"dram/internal/binary"
	"dram/internal/target"
)

var execStackRule = Rule{
	ID: "exec-stack", Title: "no library asks for an executable stack", Worst: Fail, Run: execStack,
	Doc: Doc{
		Looks: "Libraries that ask for an executable stack (PT_GNU_STACK with PF_X, or none), which glibc refuses for what is opened later since 2.41. Older ones, and programs at their start, are not refused.",
		Seen:  `Failed to load NIF library: 'priv/fast.so: cannot enable executable stack as shared object requires: Invalid argument'`,
		Do:    "Link the library with -Wl,-z,noexecstack. Mostly an assembler file lacks its .note.GNU-stack section.",
	},
}

var (
	executableStack = Cause{
		ID: "asked-for", Summary: "it asks for an executable stack, which #{libc} refuses",
		Prints: `"cannot enable executable stack as shared object requires: Invalid argument"`,
		Remedy: "link it with -Wl,-z,noexecstack\nmostly an assembler file lacks its .note.GNU-stack section", Needs: "a link with -z noexecstack",
	}
	executableStackUnknown = executableStack.with(Cause{
		ID: "unknown", Summary: "it asks for an executable stack, and the version of the target's glibc is unknown",
	})
)

// execStack: glibc 2.41 stopped making the stack executable for what is opened
// later. At the start of a program it still does.
func execStack(s *Survey) (out []Finding) {
	c := s.target.Facts.Libc
	if c.Kind != "glibc" || (c.Version != "" && target.CompareVersions(c.Version, "2.41") < 0) {
		return nil
	}
	for _, n := range s.natives {
		if !n.loaded || !n.inVM && n.role == executable || n.elf.Stack == binary.StackPlain {
			continue
		}
		f := Finding{
			Verdict: n.verdict(), Subject: n.subject(), Cause: &executableStack,
			Evidence: Evidence{Wants: []string{"PT_GNU_STACK with PF_X"}, Newest: c.String()},
		}
		if n.elf.Stack == binary.StackUnsaid {
			f.Evidence.Wants = []string{"no PT_GNU_STACK at all, which means the same"}
		}
		if c.Version == "" {
			f.Verdict, f.Cause = Unknown, executableStackUnknown
		}
		out = append(out, f)
	}
	return out
}
