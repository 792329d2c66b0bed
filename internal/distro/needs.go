package distro

import (
	"slices"
	"strings"
)

// Need is what the steps of a build call and a toolchain may lack. Who finds out
// that a project needs it speaks of the need; what meets it is called otherwise in
// each family of distributions.
type Need string

// The needs.
const (
	Git   Need = "git"
	SSH   Need = "ssh"
	C     Need = "a C compiler and make"
	CMake Need = "cmake"
	Cargo Need = "cargo"
	Zig   Need = "zig"
	Node  Need = "node"
	NPM   Need = "npm"
	Curl  Need = "curl"
	Wget  Need = "wget"
	// What images have of data.
	TimeZones Need = "time zones"
	Locales   Need = "locales"
	Gleam     Need = "gleam"
	// What code for another processor is compiled with.
	CrossAMD64 Need = "a C compiler for linux/amd64"
	CrossARM64 Need = "a C compiler for linux/arm64"
)

// Cross is the need of compiling C for an architecture on another one; "" for one that
// nothing is known of.
func Cross(arch string) Need {
	return map[string]Need{"amd64": CrossAMD64, "arm64": CrossARM64}[arch]
}

// Want is a need of a build, or a package that it can do without.
type Want struct {
	Need Need `json:"need,omitempty"`
	// Package, in place of a need, is a package by its name in a family. Where that is
	// not known elsewhere, or an archive lacks it, nothing is added.
	Package string `json:"package,omitempty"`
	Family  Family `json:"family,omitempty"`
	Perhaps bool   `json:"perhaps,omitempty"` // the build may do without
	// Must says that nothing is built without it, and what to do where a system lacks it
	// and no package of its distribution is known.
	Must string `json:"-"`
}

// Names are the packages of a family that are it; none where none is known.
func (w Want) Names(f Family) []string {
	if w.Package == "" {
		return w.Need.Packages(f)
	}
	if name := Translate(w.Package, w.Family, f); name != "" {
		return []string{name}
	}
	return nil
}

// String is what is wanted, in words.
func (w Want) String() string {
	if w.Package == "" {
		return string(w.Need)
	}
	return "package " + w.Package + " of " + string(w.Family)
}

// need is a row of the table.
type need struct {
	of       Need
	programs []string          // that are there where the need is met
	packages map[Family]string // that meet it, parted by spaces
	files    []string          // that are there where it is met
}

func needs() []need {
	same := func(name string) map[Family]string {
		return map[Family]string{Deb: name, Apk: name, RPM: name, SUSE: name, Pacman: name}
	}
	timezones := same("tzdata")
	timezones[SUSE] = "timezone"
	return []need{
		{Git, []string{"git"}, same("git"), nil},
		{SSH, []string{"ssh"}, map[Family]string{
			Deb: "openssh-client", Apk: "openssh-client", RPM: "openssh-clients", SUSE: "openssh-clients", Pacman: "openssh",
		}, nil},
		{C, []string{"cc", "make"}, map[Family]string{
			Deb: "gcc g++ make libc6-dev", Apk: "build-base", RPM: "gcc gcc-c++ make glibc-devel",
			SUSE: "gcc gcc-c++ make glibc-devel", Pacman: "gcc make",
		}, nil},
		{CMake, []string{"cmake"}, same("cmake"), nil},
		{Cargo, []string{"cargo"}, map[Family]string{Deb: "cargo", Apk: "cargo", RPM: "cargo", SUSE: "cargo", Pacman: "rust"}, nil},
		{Zig, []string{"zig"}, map[Family]string{Apk: "zig", RPM: "zig", SUSE: "zig", Pacman: "zig"}, nil},
		{Node, []string{"node"}, same("nodejs"), nil},
		{NPM, []string{"npm"}, same("npm"), nil},
		{Curl, []string{"curl"}, same("curl"), nil},
		{Wget, []string{"wget"}, same("wget"), nil},
		{TimeZones, nil, timezones, []string{"usr/share/zoneinfo/Europe/Berlin"}},
		{Locales, nil, map[Family]string{Deb: "locales-all", SUSE: "glibc-locale"}, []string{"usr/lib/locale/de_DE.utf8/LC_CTYPE"}},
		{Gleam, []string{"gleam"}, map[Family]string{Apk: "gleam", Pacman: "gleam"}, nil},
		{CrossAMD64, []string{"x86_64-linux-gnu-gcc", "x86_64-linux-gnu-g++"}, map[Family]string{
			Deb: "gcc-x86-64-linux-gnu g++-x86-64-linux-gnu libc6-dev-amd64-cross",
		}, nil},
		{CrossARM64, []string{"aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++"}, map[Family]string{
			Deb: "gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross",
		}, nil},
	}
}

func (n Need) row() need {
	all := needs()
	if i := slices.IndexFunc(all, func(row need) bool { return row.of == n }); i >= 0 {
		return all[i]
	}
	return need{}
}

// Programs are there where the need is met.
func (n Need) Programs() []string { return n.row().programs }

// Packages are those of a family that meet the need; none where no family is known.
func (n Need) Packages(f Family) []string { return strings.Fields(n.row().packages[f]) }
