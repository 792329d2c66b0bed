package scaffold

import (
	"strings"

	"dram/internal/store"
	"dram/internal/toolchain"
)

// Toolchain is the image that the Dockerfiles begin with: the reference itself
// where a registry has it. Else it is the name under which `dram toolchain load`
// puts it into a daemon, which stays the same when the distribution's packages
// move on.
func Toolchain(ref toolchain.Ref, packages []string) string {
	if ref.Kind == toolchain.Image {
		return ref.Value
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_':
			return r
		}
		return '-'
	}, ref.Value)
	const most = 100 // of the 128 that a tag may have
	name = strings.TrimLeft(name[max(0, len(name)-most):], "-.")
	if len(packages) > 0 {
		name += "-with-" + store.DigestOf([]byte(strings.Join(packages, "\n"))).Hex()[:8]
	}
	return "dram-toolchain:" + name
}
