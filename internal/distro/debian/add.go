package debian

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"

	"dram/internal/distro"
	"dram/internal/problem"
)

// addRecipe changes whenever the same packages, added to the same system, would give
// another tree.
const addRecipe = 1

// Adder adds packages to systems that dpkg keeps: Debian's, Ubuntu's, and what is
// made of these. What is missing is resolved against the system's own archive, whose
// signature is checked; dpkg, as the system has it, unpacks and configures it.
type Adder struct{}

// Family is dpkg's.
func (Adder) Family() distro.Family { return distro.Deb }

// Of says whether the system lists its packages as dpkg does.
func (Adder) Of(s *distro.Snapshot) bool { return len(installedFiles(s)) > 0 }

// onto is a system that packages are added to.
type onto struct {
	base      string // names its content
	from      []source
	installed map[string]*entry
}

// Add chooses what is missing of the packages.
func (Adder) Add(ctx context.Context, access distro.Access, a distro.Addition) (*distro.Root, error) {
	return New(access.Store, access.HTTP, access.Tell).add(ctx, access, a)
}

func (c *Client) add(ctx context.Context, access distro.Access, a distro.Addition) (*distro.Root, error) {
	installed, err := readInstalled(a.To, a.Arch)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(a.Packages, func(name string) bool { return installed[name] == nil }) {
		return nil, nil
	}
	if a.To.Programs["dpkg"] == "" {
		return nil, problem.New(problem.Usage, "choose an image that is made to be added to: this one was put together elsewhere",
			"it lists packages and has no dpkg to add any")
	}
	suite, from, err := archiveOf(a.To, access, a.Arch)
	if err != nil {
		return nil, err
	}
	r := Request{
		Suite: suite, Arch: a.Arch, Packages: a.Packages, Refresh: a.Refresh, AllowExpired: access.AllowExpired,
		Mirror: distro.Mirror{Archive: from[0].Base}, content: alone, onto: &onto{a.Base, from, installed},
	}
	answer, err := c.answer(ctx, "added", r, func(u *universe) (resolved, error) {
		u.onto(installed)
		set, err := u.resolve(r)
		return resolved{Set: set}, err
	})
	if errors.Is(err, pgperrors.ErrUnknownIssuer) {
		return nil, problem.New(problem.Usage, "have the image name the archive's public key in its sources (Signed-By), or choose another image", "%w", err)
	}
	if err != nil || len(answer.Set.Packages) == 0 {
		return nil, err
	}
	set := &answer.Set
	set.Suite = suite
	return &distro.Root{
		ID:   fmt.Sprintf("%s-%d", set.ID(), addRecipe),
		Name: fmt.Sprintf("%d packages of %s %s, %d MB", len(set.Packages), cmp.Or(suite.Distribution, a.To.System.ID), from[0].Dist, (set.Size()+1<<20-1)>>20),
		Size: set.Size(),
		Fill: func(ctx context.Context, dir string, configure distro.Configurer, tell func(format string, args ...any)) error {
			return c.telling(tell).install(ctx, set, dir, configure)
		},
	}, nil
}

// archiveOf is where a system's packages come from: of Debian's own suites the mirror
// that dram takes for them, with what else the system's sources name; of any other,
// what these name.
func archiveOf(s *distro.Snapshot, access distro.Access, arch string) (distro.Suite, []source, error) {
	named := aptSources(s.Files)
	if _, suite, ok := (distro.Table{Distribution{}}).Of(s.System); ok {
		from, err := debianSources(s, suite, MirrorOf(access.Etc, access.Mirror), named)
		return suite, from, err
	}
	suite := distro.Suite{Distribution: s.System.ID, Version: s.System.Version, Codename: s.System.Codename}
	if len(named) == 0 && s.System.ID == ubuntu && validName(suite.Codename) {
		named = ubuntuSources(suite.Codename, arch)
	}
	if len(named) == 0 {
		return suite, nil, problem.New(problem.Usage, "choose an image whose /etc/apt names its archive, or one of "+Distribution{}.Info().Name,
			"its package sources name no archive that HTTP reaches")
	}
	embedded, err := ubuntuKeys(s)
	if err != nil {
		return suite, nil, err
	}
	var from []source
	for _, n := range named {
		own := n.own(ubuntu, ubuntuPorts)
		keys := n.keys(s.Files)
		if own {
			keys = append(slices.Clone(embedded), keys...)
			if set := access.Mirror.Archive; slices.Contains([]string{ubuntu, ubuntuPorts}, path.Base(set)) {
				n.base = set
			}
		}
		from = append(from, source{n.base, n.dist, n.components, orNone(keys), !own && len(from) > 0})
	}
	return suite, from, nil
}

// debianSources are those of a suite, and the others that the system's apt is told of.
func debianSources(s *distro.Snapshot, suite distro.Suite, m distro.Mirror, named []aptSource) ([]source, error) {
	keys, err := ArchiveKeys()
	if err != nil {
		return nil, err
	}
	from := sources(suite, m)
	var others []source
	for _, n := range named {
		own := n.keys(s.Files)
		if !n.own("debian", "debian-security") {
			others = append(others, source{n.base, n.dist, n.components, orNone(own), true})
			continue
		}
		keys = append(keys, own...)
		for i := range from {
			for _, c := range n.components {
				if from[i].Dist == n.dist && !slices.Contains(from[i].Components, c) {
					from[i].Components = append(from[i].Components, c)
				}
			}
		}
	}
	for i := range from {
		from[i].keys = unique(keys)
	}
	return append(from, others...), nil
}

// orNone is never nil, so that a source without keys is signed by nobody that is
// known, and not by the archive's own.
func orNone(keys openpgp.EntityList) openpgp.EntityList {
	return append(openpgp.EntityList{}, unique(keys)...)
}

// unique is the keys, each once.
func unique(keys openpgp.EntityList) (out openpgp.EntityList) {
	for _, k := range keys {
		if !slices.ContainsFunc(out, func(o *openpgp.Entity) bool { return bytes.Equal(o.PrimaryKey.Fingerprint, k.PrimaryKey.Fingerprint) }) {
			out = append(out, k)
		}
	}
	return out
}

// Ubuntu's names: in os-release(5), and how its archive's URLs end.
const (
	ubuntu      = "ubuntu"
	ubuntuPorts = "ubuntu-ports" // of all architectures but Intel's
)

// ubuntuSources are what Ubuntu's images name when they name anything.
func ubuntuSources(codename, arch string) (out []aptSource) {
	base := "http://archive.ubuntu.com/" + ubuntu
	if arch != "amd64" {
		base = "http://ports.ubuntu.com/" + ubuntuPorts
	}
	for _, pocket := range []string{"", "-updates", "-security"} {
		out = append(out, aptSource{base: base, dist: codename + pocket, components: []string{component, "universe"}})
	}
	return out
}

// ubuntuKeys are the keys of Ubuntu's own archive, for a system that is Ubuntu or
// made of it.
func ubuntuKeys(s *distro.Snapshot) (openpgp.EntityList, error) {
	if s.System.ID != ubuntu && !slices.Contains(s.System.Like, ubuntu) {
		return nil, nil
	}
	raw, err := archiveKeys.ReadFile("keys/ubuntu/archive.gpg")
	if err != nil {
		return nil, err
	}
	return ReadKeys(strings.NewReader(string(raw)))
}
