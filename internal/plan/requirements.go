package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/version"
)

// requirement is what one mix.exs requires of Elixir.
type requirement struct {
	text, file string
	wants      version.Requirement
}

// requirements are those of all mix.exs files that are compiled together. No file
// at all requires nothing.
type requirements []requirement

// requirements reads what the project's files require.
func (m *maker) requirements() (requirements, error) {
	all := m.facts.Requirements
	if own := m.facts.ElixirRequirement; own != "" {
		all = append([]project.Version{{Version: own, File: "mix.exs"}}, all...)
	}
	var out requirements
	for _, v := range all {
		if slices.ContainsFunc(out, func(r requirement) bool { return r.text == v.Version }) {
			continue
		}
		wants, err := version.ParseRequirement(v.Version)
		if err != nil {
			return nil, problem.New(problem.Build, "see Elixir's documentation of Version for the syntax", "%s: elixir: %w", v.File, err)
		}
		out = append(out, requirement{v.Version, v.File, wants})
	}
	return out, nil
}

// match says whether all are satisfied.
func (r requirements) match(v version.Version) bool { return r.refusing(v) == nil }

// refusing is the first that v does not satisfy, nil if there is none.
func (r requirements) refusing(v version.Version) *requirement {
	for i, one := range r {
		if !one.wants.Match(v) {
			return &r[i]
		}
	}
	return nil
}

// refuses says which of the requirements the text of a version does not satisfy; nil
// if that cannot be told.
func (r requirements) refuses(text string) *requirement {
	v, err := version.Parse(text)
	if err != nil {
		return nil
	}
	return r.refusing(v)
}

// String is the requirements as mix.exs files have them: `"~> 1.15"`, and which
// file says what where it is not the project's own alone.
func (r requirements) String() string {
	parts := make([]string, 0, len(r))
	for _, one := range r {
		part := fmt.Sprintf("%q", one.text)
		if one.file != "mix.exs" {
			part += " of " + one.file
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " and ")
}

// conflict is the problem with a version that one file or flag gives and another
// forbids.
func conflict(who, has string, by *requirement) error {
	return problem.New(problem.Usage, "change one of them: Mix refuses an Elixir that mix.exs does not allow",
		"%s Elixir %s, and %s requires %q", who, has, by.file, by.text)
}

// agrees finds a toolchain that was set and that mix.exs forbids, and notes one with
// another version than a version file asks for.
func (m *maker) agrees(ctx context.Context) error {
	wants, err := m.requirements()
	if err != nil || len(wants) == 0 && m.facts.Asked.Elixir.Version == "" {
		return err
	}
	has := m.toolchainElixir(ctx)
	if has == "" {
		return nil // the build will tell
	}
	if by := wants.refuses(has); by != nil {
		return conflict("toolchain "+m.plan.Toolchain+" has", has, by)
	}
	if asked := m.facts.Asked.Elixir; asked.Version != "" && !within(has, asked.Version) {
		m.plan.Notes = append(m.plan.Notes, fmt.Sprintf("%s asks for Elixir %s, and toolchain %s (%s) has %s",
			asked.File, asked.Version, m.plan.Toolchain, m.set("toolchain.ref"), has))
	}
	return nil
}

// offer notes what other files build with, where dram builds with another version.
func (m *maker) offer(ctx context.Context) error {
	asked := m.facts.Asked
	if m.in.Config.Toolchain != "" || asked.Elixir.Version != "" || asked.Erlang.Version != "" || len(m.facts.Offers) == 0 {
		return nil
	}
	has := m.toolchainElixir(ctx)
	for _, o := range m.facts.Offers {
		if o.Elixir == "" || m.plan.Toolchain == "image:"+o.Image || has != "" && alikeUpTo(2, has, o.Elixir) {
			continue
		}
		m.plan.Notes = append(m.plan.Notes, offered(o))
	}
	return nil
}

// offered says what a file builds with and how to have that.
func offered(o project.Offer) string {
	if o.Image != "" {
		return fmt.Sprintf("%s builds with %s: --toolchain image:%s does so, too", o.File, o.Image, o.Image)
	}
	asks, write := "Elixir "+o.Elixir, "elixir "+o.Elixir
	if o.Erlang != "" {
		asks, write = asks+", Erlang "+o.Erlang, write+" and erlang "+o.Erlang
	}
	return fmt.Sprintf("%s asks for %s: write %s into .tool-versions to have that", o.File, asks, write)
}
