// Package debian makes a root filesystem from a signed Debian package archive,
// in Go alone: no apt, dpkg, tar or xz of the host is called.
//
// It reads the archive as Debian's repository format describes it: InRelease
// (a clear-signed OpenPGP message, verified with the archive's embedded keys),
// the Packages indexes that it names by SHA-256, and the packages (deb(5))
// that those name by SHA-256. What comes of the network or of a package is
// hostile until its digest is right, and bounded even then. No path of a
// package leaves the root, no device node and no setuid bit gets into it.
//
// The way through: Suites and MirrorOf say what and where from,
// Client.Resolve turns the wanted packages into an exact Set, and
// Client.Unpack fills a directory from it, running the packages' own scripts
// through a distro.Configurer. The same Set gives the same tree. Distribution
// is all that for those who ask no more than of any distribution.
package debian

import (
	"fmt"

	"github.com/ProtonMail/go-crypto/openpgp"

	"dram/internal/distro"
)

// id is Debian's name in references and in os-release(5).
const id = "debian"

// Suites lists the known suites: the stable ones, newest first, then testing
// and unstable. Stable suites have updates and security beside the main archive.
func Suites() []distro.Suite {
	return []distro.Suite{
		{Distribution: id, Version: "13", Codename: "trixie", VersionID: "13", Stable: true},
		{Distribution: id, Version: "12", Codename: "bookworm", VersionID: "12", Stable: true},
		{Distribution: id, Version: "11", Codename: "bullseye", VersionID: "11", Stable: true},
		{Distribution: id, Version: "forky", Codename: "forky", VersionID: "14"},
		{Distribution: id, Version: "sid", Codename: "sid"},
	}
}

// source is one InRelease and the indexes of its components below it.
type source struct {
	Base       string // the archive, without a slash at the end
	Dist       string // the directory under dists/
	Components []string
	keys       openpgp.EntityList // that may sign it; nil: the archive's own
	dispensed  bool               // one that cannot be had is left out, and said
}

// String is what of a source decides what comes of it.
func (s source) String() string {
	out := fmt.Appendf(nil, "%s %s %v", s.Base, s.Dist, s.Components)
	for _, k := range s.keys {
		out = fmt.Appendf(out, " %x", k.PrimaryKey.Fingerprint)
	}
	return string(out)
}

// sources are the places that together hold a suite's packages.
func sources(s distro.Suite, m distro.Mirror) []source {
	at := func(base, dist string) source { return source{Base: base, Dist: dist, Components: []string{component}} }
	out := []source{at(m.Archive, s.Codename)}
	if s.Stable {
		out = append(out, at(m.Archive, s.Codename+"-updates"), at(m.Security, s.Codename+"-security"))
	}
	return out
}
