package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/tool"
	"dram/internal/toolchain"
)

// Additions are what the toolchain is to have beside what it comes with.
type Additions struct {
	Packages []string `json:"packages,omitempty"` // by the names of its distribution
	// Needs are met by packages that are found once the toolchain's files tell which
	// distribution it is of, and where it lacks them.
	Needs []distro.Want `json:"needs,omitempty"`
	// PublicOnly keeps an image's package manager from this machine and private networks.
	PublicOnly bool `json:"-"`
	// Upstream is what it has of the projects' own releases.
	Upstream toolchain.Upstream `json:"upstream,omitzero"`
	toolchain.Crossing
}

// Set is what settings add to a toolchain, whatever the project.
func Set(c config.Config) Additions {
	return Additions{Packages: c.Packages, Upstream: toolchain.Upstream{OTP: c.OTP, Elixir: c.Elixir}}
}

// Options are the additions as toolchains take them.
func (a Additions) Options() toolchain.Options {
	return toolchain.Options{Packages: a.Packages, Needs: a.Needs, PublicOnly: a.PublicOnly, Upstream: a.Upstream, Crossing: a.Crossing}
}

func (p planner) Need(n tool.Need) { p.m.need(n) }

// need takes in what the project was found to need, once for each.
func (m *maker) need(n tool.Need) {
	i := slices.IndexFunc(m.needs, func(o tool.Need) bool { return o.What == n.What })
	switch {
	case i < 0:
		m.needs = append(m.needs, n)
	case m.needs[i].Perhaps && !n.Perhaps:
		m.needs[i] = n
	}
}

// additions decides what is added to the toolchain: what was asked for, and what the
// project needs.
func (m *maker) additions(context.Context) error {
	m.plan.Packages, m.plan.PublicOnly = m.in.Config.Packages, m.plan.Isolated
	if more := tool.Without(m.in.Config.ImagePackages, m.plan.Packages); len(more) > 0 {
		m.plan.Packages = slices.Concat(m.plan.Packages, more)
	}
	m.compilers()
	m.ownRuntime()
	if m.plan.Toolchain == "" {
		m.toUnknown()
		return nil
	}
	from, err := toolchain.ParseRef(m.plan.Toolchain)
	switch {
	case err != nil:
		return nil //nolint:nilerr // whoever opens it says so
	case from.Kind == ref.Host:
		return m.onHost()
	case from.Kind == ref.Distro:
		return m.toDistribution(from.Value)
	default:
		m.toImage(from)
	}
	return nil
}

// toUnknown says what a toolchain is to have that is yet to be found.
func (m *maker) toUnknown() {
	if len(m.plan.Packages) > 0 {
		m.decide("packages", strings.Join(m.plan.Packages, ", "), m.set("toolchain.packages"))
	}
	for _, n := range m.needs {
		m.decide("packages", string(n.What)+" if the toolchain lacks it", n.Why+" needs it")
	}
}

// onHost refuses packages: they are this machine's to install.
func (m *maker) onHost() error {
	if len(m.plan.Packages) == 0 {
		return nil
	}
	return problem.New(problem.Usage, "install them here by its own package manager, and leave --package out; or build with --engine native",
		"packages are not added to this machine: %s", strings.Join(m.plan.Packages, ", "))
}

// toDistribution adds the packages of a distribution that its toolchains come without.
func (m *maker) toDistribution(value string) error {
	m.packages("")
	id, _, _ := strings.Cut(value, "/")
	brings := m.brings(id)
	for _, n := range m.needs {
		if slices.Contains(brings, n.What) {
			continue
		}
		names := n.What.Packages(distro.System{ID: id}.Family())
		if len(names) == 0 && n.Must != "" {
			return problem.New(problem.Usage, n.Must, "%s needs %s, which toolchain %s has not", n.Why, n.What, m.plan.Toolchain)
		}
		if len(names) == 0 {
			m.plan.Notes = append(m.plan.Notes, fmt.Sprintf("%s needs %s, and which package of %s has it is not known: --package NAME", n.Why, n.What, id))
			continue
		}
		if missing := tool.Without(names, m.plan.Packages); len(missing) > 0 {
			m.plan.Packages = slices.Concat(m.plan.Packages, missing)
			m.decide("packages", strings.Join(missing, ", "), n.Why+" needs "+string(n.What))
		}
	}
	return nil
}

// packages says which were asked for, and by which setting.
func (m *maker) packages(where string) {
	if asked := m.in.Config.Packages; len(asked) > 0 {
		m.decide("packages", strings.Join(asked, ", ")+where, m.set("toolchain.packages"))
	}
	if more := tool.Without(m.in.Config.ImagePackages, m.in.Config.Packages); len(more) > 0 {
		m.decide("packages", strings.Join(more, ", ")+where, "image.packages has them, which come from the toolchain: "+m.set("image.packages"))
	}
}

// brings are the needs that toolchains of a distribution meet by themselves.
func (m *maker) brings(id string) []distro.Need {
	if m.in.Distro.ID == id {
		return m.in.Distro.Brings
	}
	for _, d := range distros.All() {
		if d.Info().ID == id {
			return d.Info().Brings
		}
	}
	return nil
}

// toImage has what the image lacks added to it, when it is seen to lack it.
func (m *maker) toImage(r ref.Ref) {
	const where = ", from the archive that the image's distribution has"
	m.packages(where)
	for _, n := range m.needs {
		m.plan.Needs = append(m.plan.Needs, distro.Want{Need: n.What, Perhaps: n.Perhaps, Must: n.Must})
		m.decide("packages", string(n.What)+" if the image lacks it"+where, n.Why+" needs it")
	}
	if m.in.Added == nil || len(m.plan.Packages)+len(m.plan.Needs) == 0 {
		return
	}
	if found := m.in.Added(r, m.plan.Additions); found != "" {
		m.decide("added", found, "what the image was last found to lack")
	}
}
