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
	// What images have of data.
	TimeZones Need = "time zones"
	Locales   Need = "locales"
	Gleam     Need = "gleam"
)

// Want is a need of a build.
type Want struct {
	Need    Need `json:"need"`
	Perhaps bool `json:"perhaps,omitempty"` // the build may do without
	// Must says that nothing is built without it, and what to do where a system lacks it
	// and no package of its distribution is known.
	Must string `json:"-"`
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
		{TimeZones, nil, timezones, []string{"usr/share/zoneinfo/Europe/Berlin"}},
		{Locales, nil, map[Family]string{Deb: "locales-all", SUSE: "glibc-locale"}, []string{"usr/lib/locale/de_DE.utf8/LC_CTYPE"}},
		{Gleam, []string{"gleam"}, map[Family]string{Apk: "gleam", Pacman: "gleam"}, nil},
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
