package toolchain

import (
	"strings"

	"dram/internal/distro/distros"
	"dram/internal/problem"
)

// Kind is where a toolchain comes from.
type Kind string

// The kinds of reference, as written before the colon.
const (
	Distro Kind = "distro" // distro:debian/13, from the signed package archive
	Image  Kind = "image"  // image:REF, from a registry
	Layout Kind = "oci"    // oci:DIR, an OCI image layout
	Tar    Kind = "tar"    // tar:FILE, as `docker save` writes it, or a tarred OCI layout
	Host   Kind = "host"   // host:, this machine as it is, for the host engine
)

// Ref names a toolchain.
type Ref struct {
	Kind  Kind
	Value string // "debian/13", "hexpm/elixir:…", a path
}

func (r Ref) String() string { return string(r.Kind) + ":" + r.Value }

func refHint() string {
	return "write " + distros.All().Forms() + ", image:REF, oci:DIR, tar:FILE, or host: with the host engine"
}

// ParseRef reads a reference. Whether there is what it names is not looked at.
func ParseRef(s string) (Ref, error) {
	kind, value, ok := strings.Cut(s, ":")
	switch k := Kind(kind); {
	case ok && k == Host && value == "":
		return Ref{Kind: k}, nil
	case !ok || value == "":
		return Ref{}, problem.New(problem.Usage, refHint(), "toolchain %q is no reference", s)
	case k == Distro, k == Image, k == Layout, k == Tar:
		return Ref{Kind: k, Value: value}, nil
	}
	return Ref{}, problem.New(problem.Usage, refHint(), "toolchain %q: unknown kind %q", s, kind)
}
