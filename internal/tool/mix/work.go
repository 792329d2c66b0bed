package mix

import (
	"cmp"
	"fmt"
	"strings"

	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/tool"
)

// NoERTS notes a release without Erlang, whichever tool leaves it out.
const NoERTS = "include_erts is false: the release brings no Erlang, and no image can be made of it"

// Common is what Mix does in a build before the release is assembled, whichever
// of its tasks assembles it.
type Common struct {
	Facts   *project.Project
	Planner tool.Planner

	work    tool.Work
	install []string // tasks that do what assets.setup would
	js      javascript
}

// Open chooses MIX_ENV, and then the release, whose name keeps to a rule of its tool.
func (c *Common) Open(choose func() (name, reason string, err error), rule func(name string) error) (env, name string, err error) {
	if env, err = c.chooseEnv(); err != nil {
		return "", "", err
	}
	name, reason, err := choose()
	if err != nil {
		return env, "", err
	}
	if err := rule(name); err != nil {
		return env, "", problem.New(problem.Usage, tool.NameHint, "the release's name: %w", err)
	}
	c.Planner.Decide("release", name, reason)
	return env, name, nil
}

func (c *Common) chooseEnv() (string, error) {
	env := cmp.Or(c.Planner.Settings().MixEnv, "prod")
	if err := grammar.Name(env); err != nil {
		return "", problem.New(problem.Usage, tool.NameHint, "MIX_ENV: %w", err)
	}
	c.Planner.Decide("mix env", env, c.Planner.Origin("build.mix_env"))
	return env, nil
}

// Decide decides what is fetched, and how assets and native code are made.
func (c *Common) Decide(env, online string) (tool.Work, error) {
	c.work = tool.Work{Does: "Mix compiles and assembles"}
	if err := c.fetch(env, online); err != nil {
		return c.work, err
	}
	c.precompiled(online)
	c.fetchedCrates(online)
	if err := c.assets(online); err != nil {
		return c.work, err
	}
	if code := c.Facts.NativeCode; len(code) > 0 {
		c.Planner.Decide("native code", "compiled in the toolchain", strings.Join(code, ", "))
	}
	c.needs(env)
	c.gaps()
	return c.work, nil
}

func (c *Common) fetch(env, online string) error {
	p := c.Facts
	var remote []string
	for _, d := range p.Deps {
		if d.Remote() && d.In(env) {
			remote = append(remote, d.Name)
		}
		if err := c.lying(d, env); err != nil {
			return err
		}
	}
	c.work.Locked = p.HasLock
	switch {
	case len(remote) > 0:
		c.work.Fetch = true
		c.Planner.Decide("fetch", "mix deps.get, "+online, "dependencies: "+tool.Some(remote, 6))
	case p.DepsOpen:
		c.work.Fetch = true
		c.Planner.Decide("fetch", "mix deps.get, "+online, "mix.exs computes its dependencies")
	default:
		c.Planner.Decide("fetch", "no", "no dependency comes over the network")
	}
	if c.work.Fetch && !p.HasLock {
		c.Planner.Note("there is no mix.lock: run `mix deps.get` and commit it, or builds may differ")
	}
	return nil
}

// lying judges where a dependency lies, if it is a directory.
func (c *Common) lying(d project.Dep, env string) error {
	if d.Outside() && d.In(env) {
		return problem.New(problem.Usage, "name a directory that holds both, relative to the project: --context .., or context in [source] of dram.toml; or use a git dependency",
			"dependency %q lies outside the project, at %q: the build sees only the project%s", d.Name, d.Where, c.andContext())
	}
	if d.Source != project.Path {
		return nil
	}
	if err := grammar.Name(d.Name); err != nil {
		return problem.New(problem.Usage, tool.NameHint, "a dependency in a directory of the project: %w", err)
	}
	return nil
}

// andContext says what the build sees beside the project.
func (c *Common) andContext() string {
	if at := c.Facts.Context.Dir; at != "" {
		return fmt.Sprintf(" and its context, %q, and that has no such directory", at)
	}
	return ""
}
