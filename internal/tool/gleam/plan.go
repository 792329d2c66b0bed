package gleam

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"dram/internal/distro"
	"dram/internal/engine"
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/source"
	"dram/internal/tool"
	"dram/internal/tool/assembly"
	"dram/internal/tool/relx"
)

// Where gleam builds, and keeps what it fetches, inside.
const (
	buildDir = engine.SourceDir + "/build"
	shipment = buildDir + "/erlang-shipment"
	cacheDir = "/cache/gleam"
)

// build is how gleam makes a shipment.
type build struct {
	project *Project
	planner tool.Planner
	release tool.Release
	remote  []project.Dep
}

// Plan says what was found, and that gleam has to be there.
func (p *Project) Plan(pl tool.Planner) (tool.Build, error) {
	pl.Decide("project", "Gleam", File+" found")
	pl.Need(tool.Need{What: distro.Gleam, Why: File, Must: p.hint()})
	return &build{project: p, planner: pl}, nil
}

// hint is what to do where a toolchain has no gleam.
func (p *Project) hint() string {
	if image := p.offer(); image != "" {
		return p.facts.DockerFile + " builds in an image of gleam: --toolchain image:" + image
	}
	return "name an image that has gleam and Erlang: --toolchain image:REF; Gleam publishes some, with -erlang in their tags;\n" +
		"or have gleam added to an image of Alpine or of Arch Linux with Erlang"
}

// Elixir is asked for by nothing that gleam itself does.
func (b *build) Elixir() tool.Elixir {
	asks := relx.Elixir()
	asks.Offer = b.project.offer()
	return asks
}

// offer is the image that the Dockerfile builds in, if that has gleam and Erlang.
func (p *Project) offer() string {
	for _, image := range p.facts.Docker.Images {
		if strings.Contains(image, "gleam") && strings.Contains(image, "erlang") {
			return image
		}
	}
	return ""
}

// Release is the package.
func (b *build) Release() (tool.Release, error) {
	c := b.project.config
	asked := b.planner.Settings().Release()
	switch {
	case c.Target == "javascript":
		return b.release, problem.New(problem.Usage, "set target = \"erlang\" if it runs there", "%s says that the project is for JavaScript: there is no release of it", File)
	case c.Name == "":
		return b.release, problem.New(problem.Usage, "write name = \"…\" down", "%s has no name", File)
	case asked != "" && asked != c.Name:
		return b.release, problem.New(problem.Usage, "leave the name out: it is "+c.Name, "the project has no release %q", asked)
	case !b.project.runs:
		return b.release, problem.New(problem.Usage, "a library is built by whoever depends on it; a program has `pub fn main()` there",
			"src/%s.gleam has no main function: as it stands, the project is a library, and dram builds what runs", c.Name)
	}
	if err := grammar.MixRelease(c.Name); err != nil {
		return b.release, problem.New(problem.Usage, tool.NameHint, "the package's name: %w", err)
	}
	version := cmp.Or(c.Version, "0.0.0")
	if err := grammar.Version(version); err != nil {
		return b.release, problem.New(problem.Usage, tool.NameHint, "the package's version: %w", err)
	}
	b.release = tool.Release{Name: c.Name, Version: version, Declared: true}
	b.planner.Decide("release", c.Name, cmp.Or(map[bool]string{true: b.planner.Origin("release")}[asked != ""], "the package of "+File))
	b.planner.Decide("version", version, File)
	return b.release, nil
}

// Work decides what is fetched.
func (b *build) Work(online string) (tool.Work, error) {
	p := b.project
	w := tool.Work{Does: "gleam compiles and exports a shipment, to which dram adds ERTS", Command: export(), Locked: p.facts.HasLock}
	for _, d := range p.facts.Deps {
		if d.Outside() {
			return w, problem.New(problem.Usage, "build from a directory that holds both, or use a git dependency",
				"dependency %q lies outside the project, at %q: the build sees only the project", d.Name, d.Where)
		}
		if d.Remote() {
			b.remote = append(b.remote, d)
		}
	}
	relx.NeedGit(b.planner, b.remote)
	b.dockerfile()
	if w.Fetch = len(b.remote) > 0; !w.Fetch {
		b.planner.Decide("fetch", "no", "no dependency comes over the network")
		return w, nil
	}
	names := make([]string, 0, len(b.remote))
	for _, d := range b.remote {
		names = append(names, d.Name)
	}
	b.planner.Decide("fetch", "gleam deps download, "+online, "dependencies: "+tool.Some(names, 6))
	if !p.facts.HasLock {
		b.planner.Note("there is no " + Manifest + ": run `gleam deps download` and commit it, or builds may differ")
	}
	b.others()
	return w, nil
}

// dockerfile holds the project's own Dockerfile beside it: a shipment is started by the
// script that comes with it.
func (b *build) dockerfile() {
	facts := b.project.facts
	start := facts.Docker.Start
	serves := len(start) > 1 && path.Base(start[0]) == "entrypoint.sh" && start[1] == "run"
	if serves && len(start) > 2 && len(b.planner.Settings().Command) == 0 {
		var flags strings.Builder
		for _, word := range start[2:] {
			flags.WriteString(" --image-command " + strconv.Quote(word))
		}
		b.planner.Note(facts.DockerFile + " starts it with " + strings.Join(start[2:], " ") + ", and dram's image with nothing: --image-command run" + flags.String() + " does the same")
	}
	tool.Dockerfile{Facts: facts, Planner: b.planner, Serves: serves, Before: "its main function"}.Read()
}

// others notes the tools that compile dependencies in other languages.
func (b *build) others() {
	for _, other := range []string{"rebar3", "mix"} {
		var names []string
		for _, l := range b.project.lock.Packages {
			if slices.Contains(l.BuildTools, other) && !slices.Contains(l.BuildTools, "gleam") {
				names = append(names, l.Name)
			}
		}
		if len(names) > 0 {
			b.planner.Note("gleam has " + other + " compile " + tool.Some(names, 3) + ": the toolchain has to have it")
		}
	}
}

func export() []string { return []string{"gleam", "export", "erlang-shipment"} }

// Job exports the shipment, and makes a release of it.
func (b *build) Job(c tool.Circumstances) tool.Job {
	job := tool.Job{
		CacheDirs: []string{buildDir, cacheDir},
		Env:       []string{"XDG_CACHE_HOME=" + cacheDir},
		Export:    path.Join(buildDir, "dram", b.release.Name),
		Compile:   []string{"gleam", "build"},
		Astray:    "see that gleam exports a shipment to build/erlang-shipment",
	}
	if len(b.remote) > 0 {
		needs := needs(c.Source)
		get := engine.Step{
			Name: "fetch", Argv: []string{"gleam", "deps", "download"}, Secrets: tool.Proxies(c.Environ), Network: true, Needs: needs,
			Remotes: relx.Repositories(b.remote), Lock: Manifest, Relock: "gleam deps download",
		}
		if b.project.facts.HasLock {
			get.InputDigest = tool.FetchKey(c.Source, needs, get.Argv)
		}
		job.Steps = append(job.Steps, get)
	}
	release := engine.Step{Name: engine.StepRelease, Argv: export(), Env: []string{"REBAR_OFFLINE=1", "HEX_OFFLINE=1"}, Network: c.Network}
	if c.Network {
		release.Env, release.Secrets = nil, tool.Proxies(c.Environ)
	}
	job.Steps = append(job.Steps, release, assembly.Step(assembly.Shipment, shipment, b.release.Name, b.release.Version, job.Export))
	return job
}

// needs is what fetching reads of the source: the project's files, and those of packages
// that lie in it.
func needs(src *source.Tree) []string {
	out := []string{}
	for _, f := range src.Files {
		if base := path.Base(f.Path); base == File || base == Manifest {
			out = append(out, f.Path)
		}
	}
	return out
}
