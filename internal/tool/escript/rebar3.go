package escript

import (
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/tool"
	"dram/internal/tool/assembly"
	"dram/internal/tool/rebar3"
)

// ofRebar3 is a project of which rebar3 makes an escript.
type ofRebar3 struct {
	project *rebar3.Project
	name    string // "" where a script computes it
}

func (*ofRebar3) Tool() tool.Tool               { return Tool{} }
func (p *ofRebar3) Facts() *project.Project     { return p.project.Facts() }
func (p *ofRebar3) Releases() ([]string, error) { return nil, nil }

// Implicit is true: what is made has the escript's name.
func (p *ofRebar3) Implicit() bool { return true }

// Plan says what was found.
func (p *ofRebar3) Plan(pl tool.Planner) (tool.Build, error) {
	decide(pl, rebar3.File+" has escript_* and no release", rebar3.Tool{}.About().Name)
	return &byRebar3{Common: rebar3.Common{Project: p.project, Planner: pl}, name: p.name}, nil
}

// byRebar3 is how `rebar3 escriptize` makes it.
type byRebar3 struct {
	rebar3.Common
	name    string
	release tool.Release
}

func (b *byRebar3) Elixir() tool.Elixir { return b.Asks() }

func (b *byRebar3) Release() (tool.Release, error) {
	if err := b.Open(); err != nil {
		return b.release, err
	}
	name, reason, err := choose(b.Planner, b.name, rebar3.File)
	if err != nil {
		return b.release, err
	}
	if err := grammar.Name(name); err != nil {
		return b.release, problem.New(problem.Usage, tool.NameHint, "the escript's name: %w", err)
	}
	b.Planner.Decide("release", name, reason)
	b.release = tool.Release{Name: name, Env: b.Profile, Declared: true}
	b.release.Version = decideVersion(b.Planner, b.Project.Facts().Version)
	return b.release, nil
}

func (b *byRebar3) Work(online string) (tool.Work, error) {
	w := b.Decide(online)
	w.Command, w.Does = []string{"rebar3", "as", b.Profile, "escriptize"}, "rebar3 compiles and makes the escript, to which dram adds ERTS"
	return w, nil
}

// Job makes the escript, and a release of it where rebar3 has its own.
func (b *byRebar3) Job(c tool.Circumstances) tool.Job {
	job := b.Prepare(c)
	job.Export = rebar3.Export(b.release)
	job.Steps = append(job.Steps, rebar3.Assembling(c, b.As(c, "escriptize")...),
		assembly.Step(assembly.Escript, rebar3.Made(b.Profile, "bin/"+b.release.Name), b.release.Name, b.release.Version, job.Export))
	return job
}
