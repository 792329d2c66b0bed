package plan

import (
	"context"
	"fmt"

	"dram/internal/config"
	"dram/internal/project"
	"dram/internal/tool"
)

// byErlang is a toolchain for a tool without Elixir: the distribution's newest stable
// suite, or the newest whose Erlang is what a version file asks for, or else the
// image that has it.
func (m *maker) byErlang(ctx context.Context, asks tool.Elixir) error {
	asked := m.facts.Asked.Erlang
	if o := m.erlangOffer(); asked.Version == "" && o.Erlang != "" {
		asked = project.Version{Version: o.Erlang, File: o.File}
		if ok, err := m.ofSeries(ctx, o); ok || err != nil {
			return err
		}
	}
	for _, s := range m.suites() {
		switch {
		case !s.Stable:
			continue
		case asked.Version == "" && asks.Least.Version == "":
			m.choose(s.Reference(), m.newest())
			return nil
		}
		v, err := m.in.Versions(ctx, s.String())
		if err != nil {
			return fmt.Errorf("asking what %s %s has: %w", m.in.Distro.Name, s.Version, err)
		}
		if asked.Version == "" {
			if compareVersions(v.Erlang, asks.Least.Version) >= 0 {
				m.choose(s.Reference(), fmt.Sprintf("%s; its Erlang %s is new enough for %s, which asks for %s", m.newest(), v.Erlang, asks.Least.File, asks.Least.Version))
				return nil
			}
			continue
		}
		if within(v.Erlang, asked.Version) {
			m.choose(s.Reference(), fmt.Sprintf("%s with Erlang %s, as %s asks", m.newest(), asked.Version, asked.File))
			return nil
		}
	}
	if asked.Version == "" {
		asked = asks.Least
	}
	if m.matching() {
		return m.nothing("with Erlang " + asked.Version + " has releases that are known to run")
	}
	m.choose("image:"+asks.Image(asked.Version), fmt.Sprintf("Erlang %s, as %s asks, which no %s stable has", asked.Version, asked.File, m.in.Distro.Name))
	return nil
}

// erlangOffer is what a file that is not obeyed builds with, if that names an Erlang.
func (m *maker) erlangOffer() (none project.Offer) {
	if m.matching() || m.in.Config.Dockerfile == config.IgnoreDockerfile {
		return none
	}
	for _, o := range m.facts.Offers {
		if o.Erlang != "" {
			return o
		}
	}
	return none
}

// ofSeries is the distribution's newest stable suite whose Erlang is of the series that
// a file builds with.
func (m *maker) ofSeries(ctx context.Context, o project.Offer) (bool, error) {
	for _, s := range m.suites() {
		if !s.Stable {
			continue
		}
		v, err := m.in.Versions(ctx, s.String())
		if err != nil {
			return false, fmt.Errorf("asking what %s %s has: %w", m.in.Distro.Name, s.Version, err)
		}
		if alikeUpTo(1, v.Erlang, o.Erlang) {
			m.choose(s.Reference(), fmt.Sprintf("Erlang %s: of the series that %s builds with", v.Erlang, o.File))
			return true, nil
		}
	}
	return false, nil
}
