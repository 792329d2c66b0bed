package distro

import "slices"

// Family is the distributions that share a package manager and, mostly, the names
// of packages.
type Family string

// The families, by what installs packages; NoFamily is that of a system whose
// os-release says nothing that is known.
const (
	NoFamily Family = ""
	Deb      Family = "deb"
	Apk      Family = "apk"
	RPM      Family = "rpm"
	SUSE     Family = "zypper"
	Pacman   Family = "pacman"
)

// families are the distributions of each, by their IDs in os-release(5). What is
// made of one of them says so in ID_LIKE.
func families() map[Family][]string {
	return map[Family][]string{
		Deb:    {"debian", "ubuntu"},
		Apk:    {"alpine", "wolfi", "chainguard", "postmarketos"},
		RPM:    {"fedora", "rhel", "centos", "rocky", "almalinux", "ol", "amzn"},
		SUSE:   {"suse", "opensuse", "opensuse-leap", "opensuse-tumbleweed", "sles", "sle-micro", "sle_hpc"},
		Pacman: {"arch", "archarm"},
	}
}

// Family is the system's, by its own ID first and then by what it is like.
func (s System) Family() Family {
	for _, id := range append([]string{s.ID}, s.Like...) {
		for f, ids := range families() {
			if slices.Contains(ids, id) {
				return f
			}
		}
	}
	return NoFamily
}
