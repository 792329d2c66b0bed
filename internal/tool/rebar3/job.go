package rebar3

import (
	"path"

	"dram/internal/engine"
	"dram/internal/tool"
	"dram/internal/tool/relup"
)

// Where rebar3 builds, and keeps what it fetches, inside.
const (
	baseDir  = engine.SourceDir + "/_build"
	cacheDir = "/cache/rebar3"
)

// Job has the release made where rebar3 makes it by itself.
func (b *build) Job(c tool.Circumstances) tool.Job {
	job := b.Prepare(c)
	job.Export = Export(b.release)
	job.Astray = "see that relx assembles it under the name of the release, and where its output_dir leads"
	assembled := job.Export
	if b.output != "" {
		assembled = path.Join(engine.SourceDir, b.output, b.release.Name)
		job.Assembled = assembled
	}
	// relx leaves applications of an earlier version where they are
	job.Steps = append(job.Steps, engine.Step{Name: engine.StepClear, Argv: []string{"rm", "-rf", assembled}})
	assemble := Assembling(c, b.assemble(b.program(c))...)
	assemble.Packing = b.As(c, "tar", "-n", b.release.Name)
	job.Steps = append(job.Steps, assemble)
	if b.output != "" {
		job.Steps = append(job.Steps, engine.Step{Name: "collect", Argv: []string{
			"sh", "-c", `rm -rf "$2" && mkdir -p "${2%/*}" && mv "$1" "$2"`, "collect", assembled, job.Export,
		}})
	}
	job.Steps = append(job.Steps, relup.Steps(b.Planner, b.release.Name, job.Export)...)
	return job
}

func (b *build) assemble(program string) []string {
	return b.as(program, "release", "-n", b.release.Name)
}

// Export is where rebar3 has a release, inside.
func Export(r tool.Release) string { return path.Join(baseDir, r.Env, "rel", r.Name) }

// Made is where rebar3 puts what it makes of a profile, inside.
func Made(profile, name string) string { return path.Join(baseDir, profile, name) }

// Prepare is the job up to the step that assembles.
func (b *Common) Prepare(c tool.Circumstances) tool.Job {
	return tool.Job{
		CacheDirs: []string{baseDir, cacheDir},
		Env:       []string{"REBAR_BASE_DIR=" + baseDir, "REBAR_CACHE_DIR=" + cacheDir, "REBAR_COLOR=none"},
		Steps:     b.fetching(c),
		Compile:   b.As(c, "compile"),
	}
}

// program is the toolchain's rebar3, or the project's own where that has none.
func (b *Common) program(c tool.Circumstances) string {
	if c.Toolchain.Rebar3 == "" && b.Project.own {
		return "./rebar3"
	}
	return "rebar3"
}

// As is a command of rebar3 in the profile.
func (b *Common) As(c tool.Circumstances, argv ...string) []string {
	return b.as(b.program(c), argv...)
}

func (b *Common) as(program string, argv ...string) []string {
	return append([]string{program, "as", b.Profile}, argv...)
}

// Assembling is the step that makes the release.
func Assembling(c tool.Circumstances, argv ...string) engine.Step {
	s := engine.Step{Name: engine.StepRelease, Argv: argv, Env: []string{"REBAR_OFFLINE=1"}, Network: c.Network}
	if c.Network {
		s.Env, s.Secrets = nil, tool.Proxies(c.Environ)
	}
	return s
}
