package plan

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/match"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/toolchain"
	"dram/internal/version"
)

// placing is what is known of the place where the release is to run.
type placing struct {
	narrows bool           // only what runs there is looked at
	suites  []distro.Suite // whose releases run there, its own first
}

// CheckTarget is where the release will run, as the settings say it.
func CheckTarget(c config.Config) (string, error) {
	if c.RunsOn != "" && c.CheckTarget != "" && c.RunsOn != c.CheckTarget {
		return "", problem.New(problem.Usage, "leave one of them out: --for checks the release against that place, too",
			"%s names %s, and %s names %s", c.Origin("build.for"), c.RunsOn, c.Origin("check.target"), c.CheckTarget)
	}
	return cmp.Or(c.CheckTarget, c.RunsOn), nil
}

// matching says whether only what runs where the release will is looked at.
func (m *maker) matching() bool { return m.place.narrows }

// suites are those of the distribution that may be chosen, the first to be tried
// first.
func (m *maker) suites() []distro.Suite {
	if m.matching() {
		return m.place.suites
	}
	return m.in.Distro.Suites
}

// newest is what is said of the suite that is chosen, "whose" follows.
func (m *maker) newest() string {
	if m.matching() {
		return fmt.Sprintf("of the %ss whose releases run on %s the newest", m.in.Distro.Name, m.in.Place.Name())
	}
	return fmt.Sprintf("the newest %s stable", m.in.Distro.Name)
}

// byPlace chooses a toolchain whose releases run where this one will: the system
// itself, or else the newest that fits; where none does, the release brings its
// libraries.
func (m *maker) byPlace(ctx context.Context) error {
	place := m.in.Place
	m.decide("for", place.Ref, m.set("build.for"))
	if on := place.Platform(); on != "" && on != m.plan.Platform {
		return problem.New(problem.Usage, "build for it with --platform "+on+", or name the place for that processor",
			"%s is %s, and the build is for %s", place.Ref, on, m.plan.Platform)
	}
	if m.in.Config.Toolchain != "" || m.plan.Engine == HostEngine {
		if err := m.toolchainFor(ctx); err != nil {
			return err
		}
		return m.fitsPlace()
	}
	if err := m.narrow(); err != nil {
		return err
	}
	if done, err := m.byOwnImage(ctx); done || err != nil {
		return err
	}
	why := m.nothing("has releases that are known to run")
	if len(m.place.suites) > 0 {
		m.place.narrows = true
		why = m.toolchainFor(ctx)
		m.place.narrows = false
		if why == nil || ctx.Err() != nil {
			return why
		}
	}
	return m.portable(ctx, why)
}

// narrow finds the suites that fit, and says of each how it does.
func (m *maker) narrow() error {
	for _, s := range m.in.Distro.Suites {
		own := m.in.Place.Own(s)
		if !s.Stable && !own {
			continue
		}
		fit, err := m.in.Place.Suite(s)
		if err != nil {
			return err
		}
		m.decide("considered", s.Reference(), describe(fit, own))
		if !fit.OK() {
			continue
		}
		s.Stable = true // the place's own counts as that, too
		if own {
			m.place.suites = append([]distro.Suite{s}, m.place.suites...)
		} else {
			m.place.suites = append(m.place.suites, s)
		}
	}
	return nil
}

func describe(fit match.Fit, own bool) string {
	says := fit.String()
	if !fit.OK() {
		says = "refused: " + says
	}
	if own {
		says = "the system itself; " + says
	}
	return says
}

// nothing is the problem that no suite runs at the place and is as it has to be.
func (m *maker) nothing(how string) error {
	return problem.New(problem.Usage, "build with --portable, or name another toolchain", "no stable %s %s on %s", m.in.Distro.Name, how, m.in.Place.Name())
}

// portable has the release bring its libraries; why nothing else will do is said.
func (m *maker) portable(ctx context.Context, why error) error {
	if fit := m.in.Place.Portable(m.in.Distro.Newest()); !fit.OK() {
		return problem.New(problem.Usage, "update it, or bring a toolchain of its own: --toolchain image:REF", "nothing that is built here runs on %s: %s", m.in.Place.Name(), fit)
	}
	if err := m.toolchainFor(ctx); err != nil {
		return err
	}
	m.plan.Portable = true
	m.decide("portable", "the release brings its C library and what else it needs", "nothing else will do: "+firstLine(why))
	return nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// byOwnImage chooses an image of the very system where the release will run, if the
// repository has one with the versions that are asked for.
func (m *maker) byOwnImage(ctx context.Context) (done bool, err error) {
	id, release, ok := m.in.Place.Tagged()
	c := m.in.Config
	if !ok || c.OTP != "" || c.Elixir != "" || m.plan.build.Elixir().None {
		return false, nil
	}
	wants, err := m.requirements()
	if err != nil {
		return false, err
	}
	repository := cmp.Or(c.Repository, config.DefaultRepository)
	name := fmt.Sprintf("image:%s for %s %s", repository, id, release)
	all, err := m.in.Tags(ctx, repository, m.facts.Asked.Elixir.Version)
	if err != nil {
		m.decide("considered", name, "the registry does not say which there are: "+firstLine(err))
		return false, ctx.Err()
	}
	asked := m.facts.Asked
	tags := slices.DeleteFunc(tagsOf(all, id), func(t tag) bool {
		return !ofRelease(t, release) || wants.refuses(t.elixir) != nil || !m.below(t.elixir)
	})
	tags = fitting(tags, asked.Elixir.Version, asked.Erlang.Version)
	if len(tags) == 0 {
		m.decide("considered", name, "there is none with the versions that are asked for")
		return false, nil
	}
	m.choose("image:"+repository+":"+m.bestTag(tags).text, "the newest image of the system itself that the project's versions allow")
	return true, nil
}

// ofRelease says whether an image is of a release of its distribution: by its name, or
// by its number.
func ofRelease(t tag, release string) bool {
	return t.suite == release || t.suite == "" && (t.date == release || strings.HasPrefix(t.date, release+"."))
}

// below says whether the project's tool works whole with an Elixir.
func (m *maker) below(elixir string) bool {
	asks := m.plan.build.Elixir()
	have, err := version.Parse(elixir)
	return asks.Below == "" || err == nil && below(have, asks)
}

// runsThere says whether what an image of the distribution builds runs where the
// release will.
func (m *maker) runsThere(t tag) bool {
	return !m.matching() || slices.ContainsFunc(m.place.suites, func(s distro.Suite) bool { return s.Codename == t.suite })
}

// fitsPlace refuses a toolchain that was set and whose releases do not run at the
// place, as far as that is known of it.
func (m *maker) fitsPlace() error {
	s, ok := m.suiteOf(m.plan.Toolchain)
	if !ok {
		m.plan.Notes = append(m.plan.Notes, fmt.Sprintf("whether what %s builds runs on %s is known when it is built and checked", m.plan.Toolchain, m.in.Place.Name()))
		return nil
	}
	fit, err := m.in.Place.Suite(s)
	if err != nil {
		return err
	}
	if len(fit.Lacks) > 0 {
		return problem.New(problem.Usage, "leave --toolchain out, and dram chooses one that fits; or have the release bring its libraries: --portable",
			"what toolchain %s builds does not run on %s: %s", m.plan.Toolchain, m.in.Place.Ref, fit)
	}
	m.decide("considered", m.plan.Toolchain, describe(fit, m.in.Place.Own(s)))
	return nil
}

// suiteOf is the suite that a toolchain is of, if its name tells.
func (m *maker) suiteOf(name string) (distro.Suite, bool) {
	r, err := toolchain.ParseRef(name)
	if err != nil {
		return distro.Suite{}, false
	}
	suite := ""
	switch id, rest, _ := strings.Cut(r.Value, "/"); r.Kind {
	case ref.Distro:
		if id == m.in.Distro.ID {
			suite = rest
		}
	case ref.Image:
		_, text, _ := strings.Cut(r.Value, ":")
		if tags := tagsOf([]string{text}, m.in.Distro.ID); len(tags) == 1 {
			suite = tags[0].suite
		}
	case ref.Layout, ref.Tar, ref.Host, ref.Profile, ref.Dir, ref.SSH, ref.File, ref.Path:
	}
	s, err := m.in.Distro.Suite(suite)
	return s, err == nil
}
