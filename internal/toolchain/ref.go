package toolchain

import (
	"strings"

	"dram/internal/debian"
	"dram/internal/problem"
	"dram/internal/ref"
)

// Use says which references name a toolchain.
func Use() ref.Use {
	return ref.Use{
		Noun:      "toolchain",
		Kinds:     []ref.Kind{ref.Distro, ref.Image, ref.Layout, ref.Tar, ref.Host},
		Hint:      "write distro:debian/13 (or 11, 12, forky, sid), image:REF, oci:DIR, tar:FILE, or host: with the host engine",
		Has:       func(k ref.Kind, name string) bool { return k == ref.Distro && HasDistro(name) },
		Otherwise: "build with a distribution's Erlang: --toolchain distro:debian/13",
	}
}

// ParseRef reads a reference of a toolchain.
func ParseRef(s string) (ref.Ref, error) {
	r, err := Use().Parse(s)
	if err == nil && r.Kind == ref.Distro && !strings.HasPrefix(r.Value, distroPrefix) {
		return ref.Ref{}, problem.New(problem.Usage, Use().Hint, "toolchain %q: only Debian is known as a distribution", s)
	}
	return r, err
}

const distroPrefix = "debian/"

// HasDistro says whether there is a distribution, with its suite, of that name.
func HasDistro(name string) bool {
	suite, ok := strings.CutPrefix(name, distroPrefix)
	_, err := debian.LookupSuite(suite)
	return ok && err == nil
}

// Suite is the distribution's suite that a reference names: "13".
func Suite(r ref.Ref) string { return strings.TrimPrefix(r.Value, distroPrefix) }
