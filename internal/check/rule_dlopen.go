package check

import (
	"debug/elf"
	"path"
	"strings"

	"dram/internal/rootfs"
)

var dlopenRule = Rule{
	ID: "dlopen", Title: "what the VM opens may be opened when it runs", Worst: Fail, Run: dlopen,
	Doc: Doc{
		Looks: "NIF libraries and drivers, and the libraries that they bring, that are linked so that a running program may not open them (-z nodlopen), on glibc; " +
			"and those that are compiled with AddressSanitizer; and libraries that need functions which the loader has to choose (ifunc), on musl, which cannot.",
		Seen: `Failed to load NIF library: 'priv/fast.so: shared object cannot be dlopen()ed'`,
		Do:   "Link the library without -Wl,-z,nodlopen; compile without ifunc (target_clones, -mfunction-return aside) for musl.",
	},
}

var (
	notToOpen = Cause{
		ID: "nodlopen", Summary: "#{base} is linked so that a running program may not open it (-z nodlopen)",
		Prints: `"shared object cannot be dlopen()ed"`, Remedy: "link it without -Wl,-z,nodlopen", Needs: "a link without -z nodlopen",
	}
	bringsNotToOpen = notToOpen.with(Cause{ID: "brings-nodlopen", Summary: "it brings #{library}, which a running program may not open (-z nodlopen)"})
	sanitizer       = notToOpen.with(Cause{
		ID: "asan", Summary: "it brings #{library} of AddressSanitizer, which ends a program that did not begin with it",
		Prints: `"ASan runtime does not come first in initial library list", and the VM ends`,
		Remedy: "compile it without -fsanitize=address, or start the VM with LD_PRELOAD=#{library}", Needs: "a build without AddressSanitizer",
	})
	indirect = notToOpen.with(Cause{
		ID: "ifunc", Summary: "it has functions that the loader has to choose (ifunc), which #{libc} cannot",
		Prints: `"unsupported relocation type" or "symbol not found"`,
		Remedy: "compile it without ifunc (target_clones, __attribute__((ifunc)))", Needs: "a build without ifunc",
	})
)

// dlopen: what the loader refuses for a word in its header, in the process of the VM.
func dlopen(s *Survey) (out []Finding) {
	for _, n := range s.natives {
		if !n.loaded || !n.inVM && n.role == executable {
			continue
		}
		f := Finding{Verdict: n.verdict(), Subject: n.subject(), Cause: &notToOpen}
		if n.process.Musl {
			if s.indirect(n) {
				f.Cause = indirect
				out = append(out, f)
			}
			continue
		}
		for _, o := range later(n.process) {
			switch {
			case strings.HasPrefix(path.Base(o.Path), "libasan.so."):
				f.Cause, f.Params = sanitizer, Params{"library": path.Base(o.Path)}
			case o.File.Flags1&elf.DF_1_NOOPEN == 0:
				continue
			case o.Real != s.on(n.Path):
				f.Cause, f.Params = bringsNotToOpen, Params{"library": o.Path}
			}
			out = append(out, f)
			break
		}
	}
	return out
}

// later is what a process opens when it runs.
func later(p rootfs.Process) []rootfs.Object { return p.Objects[min(p.Later, len(p.Objects)):] }
