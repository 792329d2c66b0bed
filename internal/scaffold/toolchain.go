package scaffold

import (
	"slices"
	"strings"

	"dram/internal/plan"
	"dram/internal/ref"
	"dram/internal/store"
	"dram/internal/toolchain"
)

// Made says whether a toolchain is made on this machine, and has to be put into a
// daemon: no registry has it as it is to be.
func Made(r ref.Ref, add plan.Additions) bool {
	return r.Kind != ref.Image || len(add.Packages)+len(add.Needs) > 0 || add.Upstream != (toolchain.Upstream{})
}

// Toolchain is the image that the Dockerfiles begin with: the reference itself
// where a registry has it as it is to be. Else it is the name under which `dram toolchain load`
// puts it into a daemon, which stays the same when the distribution's packages
// move on.
func Toolchain(r ref.Ref, add plan.Additions) string {
	if !Made(r, add) {
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
	adds := slices.Clone(add.Packages)
	for _, n := range add.Needs {
		adds = append(adds, "need "+n.String())
	}
	more := strings.Join(adds, "\n")
	if add.Upstream != (toolchain.Upstream{}) {
		more += "\x00" + add.Upstream.String()
	}
	if more != "" {
		name += "-with-" + store.DigestOf([]byte(more)).Hex()[:8]
	}
	return "dram-toolchain:" + name
}
