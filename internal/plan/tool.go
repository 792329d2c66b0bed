package plan

import (
	"context"
	"slices"

	"dram/internal/config"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/tool"
	"dram/internal/version"
)

// Boot is how the release will start, before it is there.
func (p *Plan) Boot() tool.Boot {
	return p.by.Boot(&release.Release{Name: p.Release, Version: p.Version})
}

// Built are the directories of the project that its tool builds in.
func (p *Plan) Built() []string { return p.by.About().Built }

// Compiled says that what is built from is compiled code.
func (p *Plan) Compiled() bool { return p.by.About().Compiled }

// planner is the plan being made, as the project's tool sees it.
type planner struct{ m *maker }

func (p planner) Settings() config.Config           { return p.m.in.Config }
func (p planner) Origin(key string) string          { return p.m.set(key) }
func (p planner) Decide(name, value, reason string) { p.m.decide(name, value, reason) }
func (p planner) Note(text string)                  { p.m.plan.Notes = append(p.m.plan.Notes, text) }

// tool asks the project's tool how it builds.
func (m *maker) tool(context.Context) (err error) {
	m.plan.build, err = m.in.Project.Plan(planner{m})
	return err
}

func (m *maker) release(context.Context) error {
	r, err := m.plan.build.Release()
	if m.in.ByHand {
		return nil
	}
	if err != nil {
		return err
	}
	if m.plan.UpgradeFrom != "" && !slices.ContainsFunc(m.plan.Decisions, func(d Decision) bool { return d.Name == "relup" }) {
		return problem.New(problem.Usage, "leave --upgrade-from out: the release is started anew",
			"%s makes no relup: it knows no upgrade of a release that runs", m.plan.by.About().Title)
	}
	p := m.plan
	p.Release, p.Version, p.Declared, p.MixEnv, p.ReleaseEnv, p.Cookie = r.Name, r.Version, r.Declared, r.MixEnv, r.Env, r.Cookie
	return m.names()
}

// fits judges the toolchain that was chosen, as far as its Elixir is known before
// it is there.
func (m *maker) fits(ctx context.Context) error {
	asks := m.plan.build.Elixir()
	text := ""
	if asks.Below != "" && m.plan.Toolchain != "" {
		text = m.toolchainElixir(ctx)
	}
	have, err := version.Parse(text)
	if err != nil || below(have, asks) {
		return nil //nolint:nilerr // not known: the build will tell
	}
	if asks.Refuse != nil {
		return asks.Refuse(text, m.plan.Toolchain)
	}
	if asks.Notes != nil {
		m.plan.Notes = append(m.plan.Notes, asks.Notes(text)...)
	}
	return nil
}

// below says whether the tool works whole with an Elixir.
func below(have version.Version, asks tool.Elixir) bool {
	limit, err := version.Parse(asks.Below)
	return err != nil || have.Compare(limit) < 0
}

// work has the tool decide what is done, and says with what network.
func (m *maker) work(context.Context) error {
	w, err := m.plan.build.Work(m.online())
	if m.in.ByHand {
		return nil
	}
	if err != nil {
		return err
	}
	m.plan.Fetch, m.plan.Locked, m.plan.Setup, m.plan.Deploy = w.Fetch, w.Locked, w.Setup, w.Deploy
	m.plan.Image.Env = slices.Sorted(slices.Values(slices.Concat(m.plan.Image.Env, w.ImageEnv)))
	m.plan.Image.Start = w.Start
	m.building(w)
	m.ownSteps()
	return nil
}
