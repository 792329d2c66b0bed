package scaffold

import (
	"strings"

	"dram/internal/ref"
	"dram/internal/store"
)

// Toolchain is the image that the Dockerfiles begin with: the reference itself
// where a registry has it as it is to be. Else it is the name under which `dram toolchain load`
// puts it into a daemon, which stays the same when the distribution's packages
// move on.
func Toolchain(r ref.Ref, packages []string) string {
	if r.Kind == ref.Image && len(packages) == 0 {
		return r.Value
	}
	name := strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_':
			return c
		}
		return '-'
	}, r.Value)
	const most = 100 // of the 128 that a tag may have
	name = strings.TrimLeft(name[max(0, len(name)-most):], "-.")
	if len(packages) > 0 {
		name += "-with-" + store.DigestOf([]byte(strings.Join(packages, "\n"))).Hex()[:8]
	}
	return "dram-toolchain:" + name
}
