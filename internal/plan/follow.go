package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/environ"
	"dram/internal/project"
	"dram/internal/tool"
)

// What the project's own Dockerfile installs, sets and runs is followed where no setting
// says otherwise and dram can do the like: versions of Elixir and Erlang, packages by the
// names of the toolchain's distribution, variables, ports, plain commands. The rest is
// noted by package tool. Whatever is followed is a decision that names the Dockerfile.

// following is what is followed of the Dockerfile beside what stands in for settings.
type following struct {
	follows bool
	offered []distro.Want // to the toolchain
	run     []distro.Want // of those, what the image has too
	steps   []config.Step
}

// follow takes in what settings leave open.
func (m *maker) follow(ctx context.Context) {
	d, c := m.facts.Docker, m.in.Config
	if !d.Makes || c.Dockerfile == config.IgnoreDockerfile {
		return
	}
	m.follows = true
	if env := d.ForEnv(); env != "" && c.MixEnv == "" {
		m.in.Config = m.in.Config.By(m.facts.DockerFile, "build.mix_env")
		m.in.Config.MixEnv = env
	}
	m.offers(d.Build, d.BuildBy, "toolchain.packages", &m.in.Config.Build)
	m.offers(d.Run, d.RunBy, "image.packages", &m.in.Config.Run)
	m.in.Config.BuildEnv = m.under("build env", d.Env, c.BuildEnv)
	open := slices.DeleteFunc(slices.Clone(d.RunEnv), func(kv string) bool { return withoutSecrets([]string{kv})[0] != kv || strings.HasSuffix(kv, "=") })
	m.in.Config.ImageEnv = m.under("image env", open, c.ImageEnv)
	if len(c.Expose) == 0 && len(d.Expose) > 0 {
		m.in.Config = m.in.Config.By(m.facts.DockerFile, "image.expose")
		m.in.Config.Expose = d.Expose
	}
	declares := slices.ContainsFunc(m.facts.Releases, func(r project.Release) bool { return r.Name == d.Release })
	if len(c.Releases) == 0 && m.facts.DefaultRelease == "" && declares && len(m.facts.Releases) > 1 {
		m.in.Config = m.in.Config.By(m.facts.DockerFile, "release")
		m.in.Config.Releases = []string{d.Release}
	}
	m.laid(ctx)
}

// under is variables that were set, and below them those of the Dockerfile.
func (m *maker) under(name string, theirs, set []string) []string {
	theirs = slices.DeleteFunc(slices.Clone(theirs), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		_, is := environ.Lookup(set, name)
		return is
	})
	if len(theirs) == 0 {
		return set
	}
	m.decide(name, strings.Join(withoutSecrets(theirs), ", "), m.facts.DockerFile+" sets them")
	return slices.Sorted(slices.Values(slices.Concat(theirs, set)))
}

// scripting are packages of what runs JavaScript: who builds with it says which is needed.
// rustup stands for Rust, which is added as a need, and whose packages it conflicts with.
var scripting = []string{"nodejs", "npm", "yarn", "yarnpkg", "rustup"}

// offers adds packages that the Dockerfile installs, as far as it is known what they
// are called elsewhere; taken are those.
func (m *maker) offers(names []string, by, key string, taken *[]string) {
	from := distro.InstalledBy(by)
	if m.in.Config.Origin(key) != "" || from == distro.NoFamily || strings.HasPrefix(m.in.Config.Toolchain, "host:") {
		return
	}
	image := m.in.Config.Toolchain != "" && !strings.HasPrefix(m.in.Config.Toolchain, "distro:")
	for _, name := range tool.Without(names, scripting) {
		w := distro.Want{Package: name, Family: from}
		if image || len(w.Names(distro.System{ID: m.in.Distro.ID}.Family())) > 0 {
			*taken = append(*taken, name)
			m.offered = append(m.offered, w)
			if key == "image.packages" {
				m.run = append(m.run, w)
			}
		}
	}
}

// toOffered says which packages are added that the Dockerfile installs.
func (m *maker) toOffered(context.Context) error {
	if m.plan.Engine == HostEngine {
		return nil
	}
	m.plan.Image.Offered = m.run
	m.acrossOffered()
	m.plan.Needs = append(m.plan.Needs, m.offered...)
	for _, list := range []struct {
		names []string
		where string
	}{{m.in.Config.Build, "to build"}, {m.in.Config.Run, "into its image: so does dram"}} {
		if len(list.names) > 0 {
			m.decide("packages", strings.Join(list.names, ", ")+", by the names of the toolchain's distribution, as far as that has them",
				m.facts.DockerFile+" installs them "+list.where)
		}
	}
	return nil
}

// acrossOffered has the packages of the image in what it is made of for another platform
// than this machine's, where nothing of that is run.
func (m *maker) acrossOffered() {
	switch {
	case m.plan.Across == nil || len(m.run) == 0:
	case strings.HasPrefix(m.plan.Toolchain, "distro:"):
		m.plan.Across.Runtime.Needs = append(m.plan.Across.Runtime.Needs, m.run...)
	default:
		m.plan.Notes = append(m.plan.Notes, fmt.Sprintf("%s is not added to an image of %s, of which nothing is run: it has what its toolchain has; --emulate adds it",
			strings.Join(m.in.Config.Run, ", "), m.plan.Platform))
	}
}

// Follow takes in a command of the Dockerfile as a step; it says whether it did.
func (p planner) Follow(s config.Step) bool {
	m := p.m
	if !m.follows || len(m.in.Config.Steps) > 0 {
		return false
	}
	m.steps = append(m.steps, s)
	m.saysStep(s, m.facts.DockerFile+" runs it")
	return true
}

// byOffer is the toolchain with the versions that a file which is not obeyed builds
// with: the distribution's own, or an image with them. ok is false where neither is to be
// had, and then others serve.
func (m *maker) byOffer(ctx context.Context) (ok bool) {
	if m.matching() || m.in.Config.Dockerfile == config.IgnoreDockerfile {
		return false
	}
	i := slices.IndexFunc(m.facts.Offers, func(o project.Offer) bool { return o.Elixir != "" })
	if i < 0 {
		return false
	}
	o := m.facts.Offers[i]
	wants, err := m.requirements()
	if err != nil || wants.refuses(o.Elixir) != nil {
		return false
	}
	for _, s := range m.suites() {
		v, err := m.in.Versions(ctx, s.String())
		if err == nil && s.Stable && wants.refuses(v.Elixir) == nil && alikeUpTo(2, v.Elixir, o.Elixir) && alikeUpTo(1, v.Erlang, o.Erlang) {
			m.choose(s.Reference(), fmt.Sprintf("Elixir %s, Erlang %s: of the series that %s builds with", v.Elixir, v.Erlang, o.File))
			return true
		}
	}
	return m.asOffered(ctx, o, o.Elixir, o.Erlang) || m.asOffered(ctx, o, upTo(2, o.Elixir), upTo(1, o.Erlang)) || m.inOffered(ctx, o)
}

// asOffered takes an image with the versions that a file builds with, or of their series.
func (m *maker) asOffered(ctx context.Context, o project.Offer, elixir, erlang string) bool {
	facts, upstream := m.facts, m.in.Upstream
	asked := *facts
	asked.Asked = project.Asked{Elixir: project.Version{Version: elixir, File: o.File}, Erlang: project.Version{Version: erlang, File: o.File}}
	m.facts, m.in.Upstream = &asked, nil
	err := m.byAskedVersions(ctx)
	m.in.Upstream = upstream
	if err != nil {
		m.facts = facts // which notes what the file builds with
		return false
	}
	if last := &m.plan.Decisions[len(m.plan.Decisions)-1]; elixir != o.Elixir || erlang != o.Erlang {
		last.Reason = strings.TrimSuffix(fmt.Sprintf("of the series that %s builds with: Elixir %s, Erlang %s", o.File, o.Elixir, o.Erlang), ", Erlang ")
	}
	return true
}

// upTo is the first n numbers of a version.
func upTo(n int, v string) string {
	parts := strings.Split(v, ".")
	return strings.Join(parts[:min(n, len(parts))], ".")
}

// alikeUpTo says whether versions begin with the same numbers, up to n of them; one that
// is not known is like any.
func alikeUpTo(n int, a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	n = min(n, len(as), len(bs))
	return a != "" && (b == "" || slices.Equal(as[:n], bs[:n]))
}
