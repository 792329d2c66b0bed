package mix

import (
	"dram/internal/engine"
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
		Steps:     c.steps(env, in), Compile: []string{"mix", "compile"},
		Astray: "see that `mix release` assembles under _build (no `path:` in its options)",
	}
	if in.Toolchain.Rebar3 != "" {
		job.Env = append(job.Env, "MIX_REBAR3="+in.Toolchain.Rebar3)
	}
	return job
}

func (c *Common) steps(env string, in tool.Circumstances) []engine.Step {
	var steps []engine.Step
	f := newFetching(in)
	if c.work.Fetch || c.work.Setup || len(c.install) > 0 {
		if !in.Toolchain.Hex {
			steps = append(steps, f.once("fetch Hex", "mix", "local.hex", "--force", "--if-missing"))
		}
		if in.Toolchain.Rebar3 == "" {
			steps = append(steps, f.once("fetch rebar3", "mix", "local.rebar", "--force", "--if-missing"))
		}
	}
	if c.work.Fetch {
		get := f.step("fetch", "mix", "deps.get", "--only", env)
		if c.work.Locked {
			get = f.once("fetch", get.Argv...)
		}
		for _, r := range c.remotes(env) {
			get.Remotes = append(get.Remotes, r.URL)
		}
		get.Lock, get.Relock = "mix.lock", "mix deps.get"
		// as far as they need nothing of the project, whose code then cannot change
		// what is kept of them
		deps := compiling(in, "dependencies", "mix", "deps.compile", "--skip-umbrella-children", "--skip-local-deps")
		deps.Needs, deps.InputDigest, deps.Optional = f.needs, tool.FetchKey(in.Source, f.needs, deps.Argv), true
		steps = append(steps, get, deps)
	}
	if c.work.Setup {
		setup := f.once("assets setup", "mix", "assets.setup")
		if !c.setupApart {
			setup.Needs = nil
		}
		steps = append(steps, setup)
	}
	for _, task := range c.install {
		steps = append(steps, f.once(task, "mix", task, "--if-missing"))
	}
	if c.work.Deploy {
		deploy := compiling(in, "assets", "mix", "assets.deploy")
		deploy.Volatile = true
		// Phoenix extracts hooks from templates for the bundler to find
		steps = append(steps, compiling(in, "compile", "mix", "compile"), deploy)
	}
	return steps
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
