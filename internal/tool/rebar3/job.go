package rebar3

import (
	"path"
	"slices"
	"strings"

	"dram/internal/engine"
	"dram/internal/source"
	"dram/internal/tool"
	"dram/internal/tool/relx"
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

// fetching is what has the network, and what can be compiled of that apart. rebar3
// fetches plugins, and compiles them, with whatever it does first.
func (b *Common) fetching(c tool.Circumstances) []engine.Step {
	if !b.fetch {
		return nil
	}
	program := b.program(c)
	needs := fetchNeeds(c.Source, b.Project.script)
	if program != "rebar3" {
		needs = insert(needs, "rebar3")
	}
	step := func(name string, argv ...string) engine.Step {
		s := engine.Step{
			Name: name, Argv: argv, Secrets: fetchEnvironment(c.Environ), Private: true, Network: true, Needs: needs,
			Remotes: relx.Repositories(b.Project.facts.Deps),
		}
		if b.Project.facts.HasLock || !b.deps {
			s.InputDigest = tool.FetchKey(c.Source, needs, argv)
		}
		return s
	}
	get := step("fetch", program, "get-deps")
	if b.deps { // rebar3 locks what the default profile has
		get.Lock, get.Relock = Lock, "rebar3 get-deps"
	}
	steps := []engine.Step{get}
	if b.extra {
		steps = append(steps, step("fetch for "+b.Profile, b.as(program, "get-deps")...))
	}
	if !b.deps {
		return steps
	}
	deps := Assembling(c, b.as(program, "compile", "--deps_only")...)
	deps.Name, deps.Needs, deps.InputDigest, deps.Optional = "dependencies", needs, tool.FetchKey(c.Source, needs, deps.Argv), true
	return append(steps, deps)
}

// Assembling is the step that makes the release.
func Assembling(c tool.Circumstances, argv ...string) engine.Step {
	s := engine.Step{Name: engine.StepRelease, Argv: argv, Env: []string{"REBAR_OFFLINE=1"}, Network: c.Network}
	if c.Network {
		s.Env, s.Secrets = nil, tool.Proxies(c.Environ)
	}
	return s
}

// fetchEnvironment is what of dram's own environment concerns fetching: proxies, and
// the settings of Hex, among which HEX_CDN is the mirror.
func fetchEnvironment(environ []string) []string {
	secrets := tool.Proxies(environ)
	for _, kv := range environ {
		if strings.HasPrefix(kv, "HEX_") && !strings.HasPrefix(kv, "HEX_HOME=") && !strings.HasPrefix(kv, "HEX_OFFLINE=") {
			secrets = append(secrets, kv)
		}
	}
	return secrets
}

// fetchNeeds is what a fetching step reads of the source: the configuration of the
// project and its applications, and what resource files say; beside a script,
// whatever lies at the top.
func fetchNeeds(src *source.Tree, script bool) []string {
	needs := []string{}
	for _, f := range src.Files {
		base := path.Base(f.Path)
		switch {
		case slices.Contains([]string{File, Script, Lock, "relx.config"}, base),
			strings.HasSuffix(base, ".app.src"), strings.HasSuffix(base, ".app.src.script"),
			strings.HasPrefix(f.Path, "_checkouts/"),
			script && !strings.Contains(f.Path, "/"):
			needs = append(needs, f.Path)
		}
	}
	return needs
}

// insert adds a name to a sorted list.
func insert(names []string, name string) []string {
	if i, found := slices.BinarySearch(names, name); !found {
		return slices.Insert(names, i, name)
	}
	return names
}
