package toolchain

import (
	"dram/internal/distro/distros"
	"dram/internal/ref"
)

// Use says which references name a toolchain.
func Use() ref.Use {
	return ref.Use{
		Noun:      "toolchain",
		Kinds:     []ref.Kind{ref.Distro, ref.Image, ref.Layout, ref.Tar, ref.Host},
		Hint:      "write " + distros.All().Forms() + ", image:REF, oci:DIR, tar:FILE, or host: with the host engine",
		Has:       func(k ref.Kind, name string) bool { return k == ref.Distro && HasDistro(name) },
		Otherwise: "build with a distribution's Erlang: --toolchain " + distros.All().Example(),
	}
}

// ParseRef reads a reference of a toolchain. Whether there is what it names is not
// looked at.
func ParseRef(s string) (ref.Ref, error) { return Use().Parse(s) }

// HasDistro says whether there is a distribution, with its suite, of that name.
func HasDistro(name string) bool {
	_, _, err := distros.All().Find(name)
	return err == nil
}
