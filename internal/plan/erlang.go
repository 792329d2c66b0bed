package plan

import (
	"context"
	"fmt"
)

// byErlang is a toolchain for a tool without Elixir: the distribution's newest stable
// suite, or the newest whose Erlang is what a version file asks for, or else the
// image that has it.
func (m *maker) byErlang(ctx context.Context, image func(string) string) error {
	asked := m.facts.Asked.Erlang
	for _, s := range m.suites() {
		switch {
		case !s.Stable:
			continue
		case asked.Version == "":
			m.choose(s.Reference(), m.newest())
			return nil
		}
		v, err := m.in.Versions(ctx, s.String())
		if err != nil {
			return fmt.Errorf("asking what %s %s has: %w", m.in.Distro.Name, s.Version, err)
		}
		if within(v.Erlang, asked.Version) {
			m.choose(s.Reference(), fmt.Sprintf("%s with Erlang %s, as %s asks", m.newest(), asked.Version, asked.File))
			return nil
		}
	}
	if m.matching() {
		return m.nothing("with Erlang " + asked.Version + " has releases that are known to run")
	}
	m.choose("image:"+image(asked.Version), fmt.Sprintf("Erlang %s, as %s asks, which no %s stable has", asked.Version, asked.File, m.in.Distro.Name))
	return nil
}
