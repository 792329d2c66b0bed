package check

import (
	"path"
	"regexp"

	"dram/internal/binary"
	"dram/internal/rootfs"
)

// provider is the file in a process that a soname means.
func provider(p rootfs.Process, soname string) (rootfs.Object, bool) {
	for _, o := range p.Objects {
		if o.File.Soname == soname || path.Base(o.Path) == soname {
			return o, true
		}
	}
	return rootfs.Object{}, false
}

// wanted is the symbols that the loader has to find for a file, in order.
// Those that a program has a copy of count too.
func (n *native) wanted() []binary.Symbol {
	var out []binary.Symbol
	for _, sym := range n.symbols.Undefined {
		if !sym.Weak {
			out = append(out, sym)
		}
	}
	for _, sym := range n.symbols.Defined {
		if sym.Library != "" {
			out = append(out, sym)
		}
	}
	return out
}

var firstDigit = regexp.MustCompile(`[0-9]`)

// Family is a symbol version without its number: "GLIBC_" of "GLIBC_2.38".
func Family(label string) string {
	if i := firstDigit.FindStringIndex(label); i != nil {
		return label[:i[0]]
	}
	return label
}
