package escript

import (
	"path"

	"dram/internal/engine"
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/tool"
	"dram/internal/tool/assembly"
	"dram/internal/tool/mix"
)

// ofMix is a project of which Mix makes an escript.
type ofMix struct{ facts *project.Project }

func (*ofMix) Tool() tool.Tool               { return Tool{} }
func (p *ofMix) Facts() *project.Project     { return p.facts }
func (p *ofMix) Releases() ([]string, error) { return nil, nil }

// Implicit is true: what is made has the escript's name.
func (p *ofMix) Implicit() bool { return true }

// Plan says what was found.
func (p *ofMix) Plan(pl tool.Planner) (tool.Build, error) {
	decide(pl, "mix.exs has escript: and no releases:", mix.Tool{}.About().Name)
	return &byMix{Common: mix.Common{Facts: p.facts, Planner: pl}}, nil
}

// byMix is how `mix escript.build` makes it.
type byMix struct {
	mix.Common
	release tool.Release
}

func (*byMix) Elixir() tool.Elixir { return tool.Elixir{} }

func (b *byMix) Release() (tool.Release, error) {
	at := b.Facts.EscriptPath
	if at == "" {
		return b.release, problem.New(problem.Usage, "write name: and path: of the escript down, or make a release instead: --tool "+mix.Tool{}.About().Name,
			"mix.exs computes where the escript goes")
	}
	if _, ok := inside(at); !ok {
		return b.release, problem.New(problem.Usage, "leave path: out", "mix.exs puts the escript at %q, outside of the project", at)
	}
	env, name, err := b.Open(func() (string, string, error) { return choose(b.Planner, path.Base(at), "mix.exs") }, grammar.Name)
	if err != nil {
		return b.release, err
	}
	b.release = tool.Release{Name: name, MixEnv: env, Declared: true}
	b.release.Version = decideVersion(b.Planner, b.Facts.Version)
	return b.release, nil
}

func (b *byMix) Work(online string) (tool.Work, error) {
	w, err := b.Decide(b.release.MixEnv, online)
	w.Command, w.Does = command(), "Mix compiles and makes the escript, to which dram adds ERTS"
	return w, err
}

func command() []string { return []string{"mix", "escript.build"} }

// Job makes the escript, and a release of it where Mix has its own.
func (b *byMix) Job(c tool.Circumstances) tool.Job {
	job := b.Prepare(b.release.MixEnv, c)
	job.Export = mix.Export(b.release)
	at, _ := inside(b.Facts.EscriptPath)
	job.Steps = append(job.Steps, mix.Assembling(c, command()...),
		assembly.Step(assembly.Escript, engine.SourceDir+"/"+at, b.release.Name, b.release.Version, job.Export))
	return job
}
