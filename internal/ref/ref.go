// Package ref is the grammar by which people name toolchains, targets, releases
// and images: in flags, in arguments, in dram.toml.
//
//	reference = kind ":" value
//	kind      = "distro" | "profile" | "image" | "oci" | "tar" | "dir" | "host" | "ssh" | "file"
//
// The value of host is empty, that of any other kind is not; the rest of a value's
// form is the matter of who opens it. Where a Use says so, a path may stand alone:
// what does not begin with a kind and a colon is one, and "./" before it makes a
// path of anything.
//
// A place takes some of the kinds (Use). What it does not take is refused with the
// nearest reference that it does. docs/references.md has the whole table.
package ref

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind is what a reference names.
type Kind string

// The kinds, as written before the colon.
const (
	Distro  Kind = "distro"  // distro:NAME/SUITE, a distribution from its signed packages
	Profile Kind = "profile" // profile:NAME, a system that is built in
	Image   Kind = "image"   // image:REF, an image of a registry
	Layout  Kind = "oci"     // oci:DIR, an OCI image layout
	Tar     Kind = "tar"     // tar:FILE, an image in a tar, compressed or not
	Dir     Kind = "dir"     // dir:PATH, a root filesystem in a directory
	Host    Kind = "host"    // host:, this machine
	SSH     Kind = "ssh"     // ssh:[USER@]HOST[:PORT], another machine
	File    Kind = "file"    // file:FILE, a target that was captured
	Path    Kind = ""        // a path that stands alone
)

// Kinds are all that have a name.
func Kinds() []Kind { return []Kind{Distro, Profile, Image, Layout, Tar, Dir, Host, SSH, File} }

// Local says whether a value of the kind is a path of this machine.
func (k Kind) Local() bool {
	return k == Layout || k == Tar || k == Dir || k == File || k == Path
}

// Noun is what a reference of the kind names, for messages.
func (k Kind) Noun() string {
	switch k {
	case Distro:
		return "a distribution"
	case Profile:
		return "a built-in profile"
	case Image:
		return "an image of a registry"
	case Layout:
		return "an image layout"
	case Tar:
		return "an image in a tar"
	case Dir:
		return "a directory"
	case Host:
		return "this machine"
	case SSH:
		return "another machine"
	case File:
		return "a captured target"
	case Path:
		return "a path alone"
	}
	return string(k)
}

// Ref is a reference.
type Ref struct {
	Kind  Kind
	Value string // "debian/13", "hexpm/elixir:1.18", a path
}

// String is the reference as it is written; it parses to the same one.
func (r Ref) String() string {
	if r.Kind == Path {
		return r.Value
	}
	return string(r.Kind) + ":" + r.Value
}

var (
	errBare  = errors.New("it does not say of which kind it is")
	errEmpty = errors.New("nothing follows the colon")
	errHost  = errors.New("host: is this machine, and nothing follows it")
)

// Parse reads a reference that begins with its kind.
func Parse(s string) (Ref, error) {
	kind, value, ok := strings.Cut(s, ":")
	r := Ref{Kind(kind), value}
	switch {
	case !ok || !word(kind):
		return Ref{}, errBare
	case !slices.Contains(Kinds(), r.Kind):
		return Ref{}, fmt.Errorf("there is no kind %q", kind)
	case r.Kind == Host && value != "":
		return Ref{}, errHost
	case r.Kind != Host && value == "":
		return Ref{}, errEmpty
	}
	return r, nil
}

// word says whether s could be the name of a kind.
func word(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}
