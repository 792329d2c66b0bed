package distillery

import (
	"strconv"
	"strings"

	"dram/internal/engine"
	"dram/internal/tool"
	"dram/internal/tool/mix"
	"dram/internal/tool/relup"
)

// Work is all that Mix does.
func (b *build) Work(online string) (tool.Work, error) {
	w, err := b.Decide(b.release.MixEnv, online)
	w.Command = b.command()
	return w, err
}

// Job brings what Distillery assembled to where `mix release` has it.
func (b *build) Job(c tool.Circumstances) tool.Job {
	job := b.Prepare(b.release.MixEnv, c)
	job.Export = mix.Export(b.release)
	if b.output != "" {
		job.Assembled = engine.SourceDir + "/" + b.output
	}
	assemble := mix.Assembling(c, b.command()...)
	assemble.Packing = b.packing()
	job.Steps = append(append(append(job.Steps, b.clear()...), assemble), b.collect(job.Export, c.Toolchain)...)
	job.Steps = append(job.Steps, relup.Steps(b.Planner, b.release.Name, job.Export)...)
	return job
}

// command makes the release; its own tarball is not made, for dram makes
// one of what was assembled.
func (b *build) command() []string { return append(b.packing(), "--no-tar") }

// packing makes the release and Distillery's own tarball of it.
func (b *build) packing() []string {
	argv := []string{"mix", "distillery.release"}
	if b.legacy {
		argv = []string{"mix", "release"}
	}
	argv = append(argv, "--name="+b.release.Name)
	if b.release.Env != "" {
		argv = append(argv, "--env="+b.release.Env)
	}
	return argv
}

// collect is what comes behind the release: it is brought to where `mix release` has it,
// and given the file RELEASES where Distillery could not write that.
func (b *build) collect(export string, tc tool.Toolchain) []engine.Step {
	var steps []engine.Step
	if b.output != "" {
		steps = append(steps, engine.Step{Name: "collect", Argv: []string{
			"sh", "-c", `rm -rf "$2" && mkdir -p "${2%/*}" && mv "$1" "$2"`, "collect", engine.SourceDir + "/" + b.output, export,
		}})
	}
	// From OTP 25 on, release_handler takes a directory that is not absolute for
	// one of the running Erlang's: Distillery's RELEASES ends up there.
	if major, _, _ := strings.Cut(tc.OTP, "."); number(major) >= 25 {
		steps = append(steps, engine.Step{Name: engine.StepReleases, Argv: []string{"erl", "-noshell", "-eval", `
ok = file:set_cwd("` + export + `"),
[Rel] = filelib:wildcard("releases/*/` + b.release.Name + `.rel"),
Made = filelib:is_regular("releases/RELEASES"),
ok = if Made -> ok; true -> release_handler:create_RELEASES("./", filename:absname("releases"), filename:absname(Rel), []) end,
halt(0).`}})
	}
	return steps
}

// clear removes what an earlier run left where the release goes: Distillery
// assembles over what is there.
func (b *build) clear() []engine.Step {
	if b.output == "" {
		return nil
	}
	return []engine.Step{{Name: engine.StepClear, Argv: []string{"rm", "-rf", engine.SourceDir + "/" + b.output}}}
}

// number is a version's part, -1 if it is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}
