package rebar3

import (
	"path"
	"slices"
	"strings"

	"dram/internal/engine"
	"dram/internal/project"
	"dram/internal/source"
	"dram/internal/tool"
)

// Where rebar3 builds, and keeps what it fetches, inside.
const (
	baseDir  = engine.SourceDir + "/_build"
	cacheDir = "/cache/rebar3"
)

// Job has the release made where rebar3 makes it by itself.
func (b *build) Job(c tool.Circumstances) tool.Job {
	program := b.program(c)
	job := tool.Job{
		CacheDirs: []string{baseDir, cacheDir},
		Env:       []string{"REBAR_BASE_DIR=" + baseDir, "REBAR_CACHE_DIR=" + cacheDir, "REBAR_COLOR=none"},
		Export:    path.Join(baseDir, b.release.Env, "rel", b.release.Name),
		Compile:   b.as(program, "compile"),
		Astray:    "see that relx assembles it under the name of the release, and where its output_dir leads",
	}
	job.Steps = b.fetching(program, c)
	assembled := job.Export
	if b.output != "" {
		assembled = path.Join(engine.SourceDir, b.output, b.release.Name)
		job.Assembled = assembled
	}
	// relx leaves applications of an earlier version where they are
	job.Steps = append(job.Steps, engine.Step{Name: engine.StepClear, Argv: []string{"rm", "-rf", assembled}})
	assemble := compiling(c, engine.StepRelease, b.assemble(program)...)
	assemble.Packing = b.as(program, "tar", "-n", b.release.Name)
	job.Steps = append(job.Steps, assemble)
	if b.output != "" {
		job.Steps = append(job.Steps, engine.Step{Name: "collect", Argv: []string{
			"sh", "-c", `rm -rf "$2" && mkdir -p "${2%/*}" && mv "$1" "$2"`, "collect", assembled, job.Export,
		}})
	}
	return job
}

// program is the toolchain's rebar3, or the project's own where that has none.
func (b *build) program(c tool.Circumstances) string {
	if c.Toolchain.Rebar3 == "" && b.project.own {
		return "./rebar3"
	}
	return "rebar3"
}

// as is a command in the profile.
func (b *build) as(program string, argv ...string) []string {
	return append([]string{program, "as", b.release.Env}, argv...)
}

func (b *build) assemble(program string) []string {
	return b.as(program, "release", "-n", b.release.Name)
}

// fetching is what has the network, and what can be compiled of that apart. rebar3
// fetches plugins, and compiles them, with whatever it does first.
func (b *build) fetching(program string, c tool.Circumstances) []engine.Step {
	if !b.fetch {
		return nil
	}
	needs := fetchNeeds(c.Source, b.project.script)
	if program != "rebar3" {
		needs = insert(needs, "rebar3")
	}
	step := func(name string, argv ...string) engine.Step {
		s := engine.Step{Name: name, Argv: argv, Secrets: fetchEnvironment(c.Environ), Private: true, Network: true, Needs: needs, Remotes: repositories(b.project.facts.Deps)}
		if b.project.facts.HasLock || !b.deps {
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
		steps = append(steps, step("fetch for "+b.release.Env, b.as(program, "get-deps")...))
	}
	if !b.deps {
		return steps
	}
	deps := compiling(c, "dependencies", b.as(program, "compile", "--deps_only")...)
	deps.Needs, deps.InputDigest, deps.Optional = needs, tool.FetchKey(c.Source, needs, deps.Argv), true
	return append(steps, deps)
}

func compiling(c tool.Circumstances, name string, argv ...string) engine.Step {
	s := engine.Step{Name: name, Argv: argv, Env: []string{"REBAR_OFFLINE=1"}, Network: c.Network}
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

// repositories are where dependencies come from that are in git.
func repositories(deps []project.Dep) []string {
	var urls []string
	for _, d := range deps {
		if d.Source == project.Git && d.Where != "" {
			urls = append(urls, d.Where)
		}
	}
	return urls
}

// insert adds a name to a sorted list.
func insert(names []string, name string) []string {
	if i, found := slices.BinarySearch(names, name); !found {
		return slices.Insert(names, i, name)
	}
	return names
}
