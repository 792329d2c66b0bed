package plan

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"dram/internal/cross"
	"dram/internal/distro"
	"dram/internal/engine"
	"dram/internal/environ"
	"dram/internal/problem"
	"dram/internal/store"
	"dram/internal/tool"
	"dram/internal/toolchain"
)

// Across is how a release for another platform is made without running anything of that:
// what compiles is this machine's toolchain, and Erlang's native files, the libraries and
// the programs of the image are taken from that platform's own.
type Across struct {
	On string `json:"on"` // the platform whose toolchain compiles: "linux/amd64"
	// Runtime is what that platform's own toolchain has.
	Runtime Additions `json:"runtime,omitzero"`
	// Native is what tells that there is native code to be compiled for it; it is looked
	// for in the release as well.
	Native []string `json:"native,omitempty"`
}

// crossed are the architectures that are built for from another one, of all that the
// project is built for. Builders that were named build for the platforms that are theirs.
func (m *maker) crossed() []string {
	c, host := m.in.Config, cmp.Or(m.in.Host, m.in.Arch)
	if c.Emulate || m.plan.Engine == BuildKitEngine && len(c.Builders) > 0 || m.plan.Engine == HostEngine || m.in.ByHand {
		return nil
	}
	var out []string
	for _, platform := range append(c.Targets(), "linux/"+m.in.Arch) {
		if _, arch, _ := strings.Cut(platform, "/"); arch != host && cross.Known(arch) && cross.Known(host) && !slices.Contains(out, arch) {
			out = append(out, arch)
		}
	}
	slices.Sort(out)
	return out
}

// across decides whether the platform's own programs build.
func (m *maker) across(context.Context) error {
	host := cmp.Or(m.in.Host, m.in.Arch)
	if host == m.in.Arch || m.in.ByHand {
		return nil
	}
	if m.plan.Engine == HostEngine {
		return problem.New(problem.Usage, "build with --engine native, or on a machine of that platform",
			"the host engine builds with this machine's Erlang (linux/%s), and not for linux/%s", host, m.in.Arch)
	}
	if !slices.Contains(m.crossed(), m.in.Arch) {
		return nil
	}
	if otp := m.in.Config.OTP; otp != "" {
		return problem.New(problem.Usage, "leave --otp out, choose an image that has it for both platforms (--toolchain image:REF), or build on a machine of that platform",
			"Erlang/OTP %s is compiled here of its source, and not for %s on linux/%s", otp, m.plan.Platform, host)
	}
	m.plan.Across = &Across{On: "linux/" + host}
	m.decide("compiled on", m.plan.Across.On, "BEAM code is the same on both, and nothing of "+m.plan.Platform+" is run; --emulate has its own toolchain build")
	return nil
}

// compilers has the toolchain compile native code for the other platforms.
func (m *maker) compilers() {
	archs, found := m.crossed(), m.facts.Natives()
	if m.plan.Across != nil {
		m.plan.Across.Native = found
		what, why := "nothing, as far as is known before", "no native code was found; that of the release is looked at when it is built"
		if len(found) > 0 {
			what, why = strings.Join(found, ", "), "compiled once more for "+m.plan.Platform+", by "+cross.Triple(m.in.Arch)+"-gcc"
		}
		m.decide("cross-compiled", what, why)
	}
	if len(archs) == 0 || len(found) == 0 {
		return
	}
	for _, arch := range archs {
		m.need(tool.Need{What: distro.Cross(arch), Why: found[0], Perhaps: true})
	}
	m.plan.Cross = archs
}

// ownRuntime is what the platform's own toolchain has: what was asked for, and what
// images have of data.
func (m *maker) ownRuntime() {
	if m.plan.Across == nil {
		return
	}
	own := Additions{Packages: slices.Clone(m.plan.Packages), PublicOnly: m.plan.PublicOnly, Crossing: toolchain.Crossing{Runtime: true}}
	family, suite := familyOf(m.plan.Toolchain)
	for _, n := range m.needs {
		if n.What != distro.TimeZones && n.What != distro.Locales {
			continue
		}
		if !suite {
			own.Needs = append(own.Needs, distro.Want{Need: n.What, Perhaps: n.Perhaps, Must: n.Must})
			continue
		}
		own.Packages = append(own.Packages, tool.Without(n.What.Packages(family), own.Packages)...)
	}
	m.plan.Across.Runtime = own
	m.decide("runtime", cmp.Or(m.plan.Toolchain, "open")+" for "+m.plan.Platform, "unpacked and not run: Erlang's native files, the libraries and the programs of the image are taken from it")
}

// familyOf is the family of a toolchain that is a distribution's own.
func familyOf(toolchain string) (f distro.Family, suite bool) {
	name, suite := strings.CutPrefix(toolchain, "distro:")
	if !suite {
		return distro.NoFamily, false
	}
	id, _, _ := strings.Cut(name, "/")
	return distro.System{ID: id}.Family(), true
}

// Compiles is the platform that compiles.
func (p *Plan) Compiles() string {
	if p.Across != nil {
		return p.Across.On
	}
	return p.Platform
}

// CrossJob is a job of the plan that compiles native code for the plan's platform.
func (p *Plan) CrossJob(job engine.Job) engine.Job {
	job.Key = store.DigestOf([]byte(job.Key + " for " + p.Platform)).Hex()
	job.Env = environ.Merge(job.Env, cross.Env(p.Arch()), p.BuildEnv)
	return job
}

// CrossAdditions are what the toolchain that compiles has where native code is compiled
// for the plan's platform though none was seen before.
func (p *Plan) CrossAdditions() Additions {
	arch, add := p.Arch(), p.Additions
	if slices.Contains(add.Cross, arch) {
		return add
	}
	add.Cross = append(slices.Clone(add.Cross), arch)
	need := distro.Cross(arch)
	if family, suite := familyOf(p.Toolchain); suite {
		add.Packages = slices.Concat(add.Packages, tool.Without(need.Packages(family), add.Packages))
	} else {
		add.Needs = append(slices.Clone(add.Needs), distro.Want{Need: need, Perhaps: true})
	}
	return add
}

// acrossLine is how the release is made for another platform, as a part of what names a
// result; "" where its own toolchain makes it.
func (p *Plan) acrossLine() string {
	if p.Across == nil {
		return ""
	}
	return fmt.Sprintf("across %d %d on %s\n", acrossRecipe, cross.Recipe, p.Across.On)
}

// acrossRecipe changes whenever releases for other platforms are put together otherwise.
const acrossRecipe = 1
