package mix

import (
	"cmp"

	"dram/internal/engine"
	"dram/internal/environ"
	"dram/internal/tool"
)

// Where Hex and Mix keep what they fetch, inside.
const (
	hexHome = "/cache/hex"
	mixHome = "/cache/mix"
)

// Export is where `mix release` assembles a release, inside.
func Export(r tool.Release) string {
	return engine.SourceDir + "/_build/" + r.MixEnv + "/rel/" + r.Name
}

// Prepare is the job up to the step that assembles.
func (c *Common) Prepare(env string, in tool.Circumstances) tool.Job {
	job := tool.Job{
		CacheDirs: []string{engine.SourceDir + "/_build", engine.SourceDir + "/deps", hexHome, mixHome},
		Env:       []string{"MIX_ENV=" + env, "HEX_HOME=" + hexHome, "MIX_HOME=" + mixHome},
		Fixed:     c.usual(env),
		Steps:     c.steps(env, in), Compile: []string{"mix", "compile"},
		Astray: "see that `mix release` assembles under _build: no step of its own moves what it made", Mirrors: c.mirrors(),
	}
	if c.fetchesNIFs() {
		job.CacheDirs = append(job.CacheDirs, precompiledHome)
		job.Env = append(job.Env, "XDG_CACHE_HOME="+precompiledHome)
	}
	if len(c.crates()) > 0 {
		job.CacheDirs = append(job.CacheDirs, cargoHome)
		job.Env = append(job.Env, "CARGO_HOME="+cargoHome, "CARGO_NET_OFFLINE=true")
	}
	if c.js.uses {
		job.CacheDirs = append(job.CacheDirs, jsHome)
		job.Env = append(job.Env, c.js.environment(in.Toolchain)...)
	}
	if in.Toolchain.Rebar3 != "" {
		job.Env = append(job.Env, "MIX_REBAR3="+in.Toolchain.Rebar3)
	}
	return job
}

// usual has Mix build where it does by itself, whatever mix.exs or its target say of that:
// what is kept and what is taken out lie there.
func (c *Common) usual(env string) (vars []string) {
	set := c.Planner.Settings().BuildEnv
	target, _ := environ.Lookup(set, "MIX_TARGET")
	_, named := environ.Lookup(set, "MIX_BUILD_PATH")
	l := c.Facts.Layout
	if l.BuildPath != "" || named || target != "" && target != "host" {
		vars = append(vars, "MIX_BUILD_PATH="+engine.SourceDir+"/_build/"+env)
	}
	if _, named = environ.Lookup(set, "MIX_DEPS_PATH"); l.DepsPath != "" || named {
		vars = append(vars, "MIX_DEPS_PATH="+engine.SourceDir+"/deps")
	}
	return vars
}

// steps are those before the release is assembled. What has the network runs no
// code of others but installers, and comes after what that needs was compiled.
func (c *Common) steps(env string, in tool.Circumstances) []engine.Step {
	f := newFetching(in)
	if c.Facts.Keyless {
		f = f.keyless()
	}
	steps := c.tools(in, f)
	switch {
	case c.work.Fetch:
		steps = append(steps, c.dependencies(env, in, f)...)
	case len(c.crates()) > 0:
		steps = append(steps, c.crateStep(f))
	}
	if c.js.uses {
		steps = append(steps, c.js.steps(f.strangers())...)
	}
	setup := c.setup(f)
	if c.apart() {
		steps = append(steps, setup...)
		setup = nil
	}
	if c.work.Deploy {
		// Phoenix extracts hooks from templates for the bundler to find
		steps = append(append(steps, compiling(in, "compile", "mix", "compile")), setup...)
		steps = append(steps, c.deploy(in)...)
	}
	return steps
}

// tools are the steps that fetch what Mix needs to fetch, where the toolchain has
// none.
func (c *Common) tools(in tool.Circumstances, f fetching) []engine.Step {
	var steps []engine.Step
	if !c.work.Fetch && !c.setsUp() {
		return nil
	}
	if !in.Toolchain.Hex {
		steps = append(steps, f.once("fetch Hex", "mix", "local.hex", "--force", "--if-missing"))
	}
	if in.Toolchain.Rebar3 == "" {
		steps = append(steps, f.once("fetch rebar3", "mix", "local.rebar", "--force", "--if-missing"))
	}
	return steps
}

// dependencies are the steps that fetch and compile dependencies, as far as they
// need nothing of the project, whose code then cannot change what is kept of them.
func (c *Common) dependencies(env string, in tool.Circumstances, f fetching) []engine.Step {
	get := f.step("fetch", "mix", "deps.get", "--only", env)
	if c.work.Locked {
		get = f.once("fetch", get.Argv...)
	}
	for _, r := range c.remotes(env) {
		get.Remotes = append(get.Remotes, r.URL)
	}
	get.Lock, get.Relock = cmp.Or(c.Facts.LockFile, "mix.lock"), "mix deps.get"
	deps := compiling(in, "dependencies", "mix", "deps.compile", "--skip-umbrella-children", "--skip-local-deps")
	deps.Needs, deps.InputDigest = f.needs, tool.FetchKey(in.Source, f.needs, deps.Argv)
	// What sets assets up there must find them compiled: it has the network.
	deps.Optional = !c.setsUp() || !c.apart()
	steps := []engine.Step{get}
	if len(c.crates()) > 0 {
		steps = append(steps, c.crateStep(f))
	}
	if c.fetchesNIFs() {
		steps = append(steps, c.nifs(in, f.strangers())...)
	}
	return append(steps, deps)
}

// Assembling is the step that makes the release.
func Assembling(in tool.Circumstances, argv ...string) engine.Step {
	return compiling(in, engine.StepRelease, argv...)
}

func compiling(in tool.Circumstances, name string, argv ...string) engine.Step {
	s := engine.Step{Name: name, Argv: argv, Env: []string{"HEX_OFFLINE=1"}, Network: in.Network}
	if in.Network {
		s.Secrets = tool.Proxies(in.Environ)
	}
	return s
}
