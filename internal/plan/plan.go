// Package plan decides how a project is built, and says why. Its value is made
// once, from what the project says (package project), what was set (package
// config) and what toolchains there are; everything after it obeys it, and
// dram plan prints it. No later stage guesses.
package plan

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/project"
)

// Recipe is part of what names a result: results of one recipe with the same
// inputs are the same bytes. Raise it whenever bytes may change.
const Recipe = 2

// Inputs is what decisions are made from. The functions are asked only where
// their answer is needed.
type Inputs struct {
	Project *project.Project
	Config  config.Config
	Arch    string // this machine's, as Go names it
	// Distro is the distribution to choose a suite of.
	Distro distro.Info
	// Versions tells what a suite has: "debian/13".
	Versions func(ctx context.Context, suite string) (distro.Versions, error)
	// Engine chooses an engine: the one that was asked for, or for "auto" the
	// first that this machine can run; reason says why.
	Engine func(ctx context.Context, asked string) (name, reason string, err error)
	// Tags lists the tags of an image repository.
	Tags func(ctx context.Context, repository string) ([]string, error)
}

// Decision is one thing that was decided.
type Decision struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Reason string `json:"reason"`
}

// Plan is what was decided. It is not changed once made.
type Plan struct {
	Dir       string   `json:"dir"`  // the project's, absolute
	Kind      string   `json:"kind"` // "mix", "distillery"
	Release   string   `json:"release"`
	Declared  bool     `json:"declared"`          // mix.exs declares the release; Mix takes no name otherwise
	Version   string   `json:"version,omitempty"` // "" where only Mix knows it
	Toolchain string   `json:"toolchain"`         // a reference
	Packages  []string `json:"packages,omitempty"`
	Engine    string   `json:"engine"`
	Platform  string   `json:"platform"` // "linux/amd64"
	MixEnv    string   `json:"mix_env"`
	// ReleaseEnv is Distillery's environment, "" where its default holds.
	ReleaseEnv string     `json:"release_env,omitempty"`
	OutputDir  string     `json:"output_dir"` // absolute
	OwnApps    []string   `json:"own_apps"`
	Fetch      bool       `json:"fetch"`         // dependencies come over the network
	Locked     bool       `json:"locked"`        // mix.lock says which
	Setup      bool       `json:"assets_setup"`  // mix assets.setup
	Deploy     bool       `json:"assets_deploy"` // mix assets.deploy
	Network    bool       `json:"network"`       // compiling has the host's network, too
	Isolated   bool       `json:"isolated"`      // fetching has a network that leads to public addresses alone
	Cookie     bool       `json:"cookie"`        // the release declares one: the tarball keeps it
	Decisions  []Decision `json:"decisions"`
	Notes      []string   `json:"notes,omitempty"`

	config     config.Config
	setupApart bool // mix assets.setup needs no code of the project

	distillery *distilleryBuild // nil for other kinds
}

// Config is the settings that the plan was made from.
func (p *Plan) Config() config.Config { return p.config }

// Make decides.
func Make(ctx context.Context, in Inputs) (*Plan, error) {
	m := &maker{in: in, plan: &Plan{
		Dir: in.Project.Dir, Kind: string(in.Project.Kind), OwnApps: in.Project.OwnApps,
		Notes: slices.Clone(in.Project.Notes), config: in.Config,
	}}
	for _, decide := range []func(context.Context) error{
		m.kind, m.engine, m.release, m.version, m.toolchain, m.distilleryFits, m.network, m.fetch, m.steps, m.output,
	} {
		if err := decide(ctx); err != nil {
			return nil, err
		}
	}
	return m.plan, nil
}

// maker is a plan being made.
type maker struct {
	in   Inputs
	plan *Plan
}

func (m *maker) decide(name, value, reason string) {
	m.plan.Decisions = append(m.plan.Decisions, Decision{name, value, reason})
}

// set says why a setting has its value.
func (m *maker) set(key string) string {
	if o := m.in.Config.Origin(key); o != "" {
		return "set by " + o
	}
	return "default"
}

func (m *maker) kind(context.Context) error {
	p := m.in.Project
	switch p.Kind {
	case project.Mix:
		what := "mix.exs found"
		if p.Umbrella {
			what = "mix.exs found, with apps_path: an umbrella of " + strings.Join(p.OwnApps, ", ")
		}
		m.decide("project", "mix release", what)
		return nil
	case project.Distillery:
		return m.distillery()
	case project.Rebar3, project.ErlangMk:
	}
	return problem.New(problem.Usage,
		"this version of dram builds projects with mix.exs, by `mix release` or Distillery; see docs/project-kinds.md",
		"%s is a project for %s, which this version of dram does not build yet", p.Dir, p.Kind)
}

func (m *maker) engine(ctx context.Context) error {
	engine, reason, err := m.in.Engine(ctx, cmp.Or(m.in.Config.Engine, "auto"))
	if err != nil {
		return err
	}
	if m.in.Config.Origin("engine") != "" && m.in.Config.Engine != "auto" {
		reason = m.set("engine")
	}
	m.plan.Engine, m.plan.Platform = engine, "linux/"+m.in.Arch
	m.decide("engine", engine, reason)
	if engine == HostEngine {
		m.plan.Notes = append(m.plan.Notes, "the host engine isolates nothing: mix.exs, dependencies and every step run on this machine as you, with your files and the network")
	}
	for _, b := range m.in.Config.Builders {
		if engine == BuildKitEngine {
			m.decide("builder", b.Name, fmt.Sprintf("%s, %s at a time, for %s", b.Address, builds(b.Weight),
				cmp.Or(strings.Join(b.Platforms, " and "), "what it says that it does")))
		}
	}
	platform := "the engine builds for the machine it runs on"
	if m.in.Config.Origin("platform") != "" {
		platform = m.set("platform")
	}
	m.decide("platform", m.plan.Platform, platform)
	m.plan.MixEnv = cmp.Or(m.in.Config.MixEnv, "prod")
	if err := grammar.Name(m.plan.MixEnv); err != nil {
		return problem.New(problem.Usage, nameHint, "MIX_ENV: %w", err)
	}
	m.decide("mix env", m.plan.MixEnv, m.set("build.mix_env"))
	return nil
}

func (m *maker) release(context.Context) error {
	if m.isDistillery() {
		return m.distilleryRelease()
	}
	name, reason, err := m.chooseRelease()
	if err != nil {
		return err
	}
	if err := m.checkRelease(name); err != nil {
		return err
	}
	m.plan.Release = name
	m.plan.Declared = m.in.Project.ReleasesOpen || slices.ContainsFunc(m.in.Project.Releases, func(r project.Release) bool { return r.Name == name })
	m.decide("release", name, reason)
	return nil
}

func (m *maker) chooseRelease() (name, reason string, err error) {
	p := m.in.Project
	names := make([]string, 0, len(p.Releases))
	for _, r := range p.Releases {
		names = append(names, r.Name)
	}
	asked := m.in.Config.Release()
	if len(names) == 0 && p.App != "" && !p.Umbrella {
		names = []string{p.App}
	}
	switch {
	case asked != "" && !slices.Contains(names, asked) && !p.ReleasesOpen:
		return "", "", problem.New(problem.Usage, "choose one of: "+strings.Join(names, ", "),
			"the project has no release %q", asked)
	case asked != "":
		return asked, m.set("release"), nil
	case p.DefaultRelease != "":
		return p.DefaultRelease, "default_release in mix.exs", nil
	case len(p.Releases) == 1 && !p.ReleasesOpen:
		return names[0], "the only one that mix.exs declares", nil
	case len(p.Releases) > 1:
		return "", "", problem.New(problem.Usage, "choose one with --release NAME, or set default_release in mix.exs",
			"mix.exs declares several releases: %s", strings.Join(names, ", "))
	case p.Umbrella:
		return "", "", problem.New(problem.Usage, "add to `def project` in the umbrella's mix.exs:\n"+
			"releases: [my_release: [applications: ["+umbrellaApps(p.OwnApps)+"]]]",
			"an umbrella needs a release declared in its mix.exs, and %s declares none", filepath.Join(p.Dir, "mix.exs"))
	case p.App != "" && !p.ReleasesOpen:
		return p.App, "mix.exs declares none: Mix names it after the application", nil
	}
	return "", "", problem.New(problem.Usage, "name the release with --release NAME",
		"mix.exs computes its releases or its application's name, so the release's name is not known")
}

func umbrellaApps(apps []string) string {
	out := make([]string, len(apps))
	for i, a := range apps {
		out[i] = a + ": :permanent"
	}
	return strings.Join(out, ", ")
}

func (m *maker) version(context.Context) error {
	if m.isDistillery() {
		m.distilleryVersion()
		return m.names()
	}
	m.plan.Version = m.in.Project.Version
	for _, r := range m.in.Project.Releases {
		if r.Name == m.plan.Release {
			m.plan.Version = cmp.Or(r.Version, m.plan.Version)
			m.plan.Cookie = r.Cookie
		}
	}
	if m.plan.Version == "" {
		m.decide("version", "known after the build", "mix.exs computes it")
		return m.names()
	}
	m.decide("version", m.plan.Version, "mix.exs")
	return m.names()
}

func (m *maker) fetch(context.Context) error {
	p := m.in.Project
	var remote []string
	for _, d := range p.Deps {
		if d.Remote() && d.In(m.plan.MixEnv) {
			remote = append(remote, d.Name)
		}
		if d.Outside() && d.In(m.plan.MixEnv) {
			return problem.New(problem.Usage, "build from a directory that holds both (an umbrella, a monorepo's top), or use a git dependency",
				"dependency %q lies outside the project, at %q: the build sees only the project", d.Name, d.Where)
		}
		if d.Source == project.Path {
			if err := grammar.Name(d.Name); err != nil {
				return problem.New(problem.Usage, nameHint, "a dependency in a directory of the project: %w", err)
			}
		}
	}
	m.plan.Locked = p.HasLock
	switch {
	case len(remote) > 0:
		m.plan.Fetch = true
		m.decide("fetch", "mix deps.get, "+m.online(), "dependencies: "+some(remote))
	case p.DepsOpen:
		m.plan.Fetch = true
		m.decide("fetch", "mix deps.get, "+m.online(), "mix.exs computes its dependencies")
	default:
		m.decide("fetch", "no", "no dependency comes over the network")
	}
	if m.plan.Fetch && !p.HasLock {
		m.plan.Notes = append(m.plan.Notes, "there is no mix.lock: run `mix deps.get` and commit it, or builds may differ")
	}
	return nil
}

// network decides what the steps that fetch reach.
func (m *maker) network(context.Context) error {
	if m.in.Config.BuildNetwork != "isolated" {
		return nil
	}
	if m.plan.Engine != NativeEngine {
		return problem.New(problem.Usage, "build with --engine native, or leave fetching the network of the engine: --build-network none",
			"the network cannot be isolated with engine %s: dram's own sandbox, and no other, does so", m.plan.Engine)
	}
	m.plan.Isolated = true
	m.decide("network", "isolated: fetching reaches neither this machine nor private networks", m.set("build.network"))
	return nil
}

// online says what network the steps that fetch have.
func (m *maker) online() string {
	if m.plan.Isolated {
		return "with an isolated network"
	}
	return "with the network"
}

// some names the first few of a list that may be long.
func some(names []string) string {
	const shown = 6
	if len(names) <= shown+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

func (m *maker) steps(context.Context) error {
	p := m.in.Project
	if p.Assets.Deploy {
		m.plan.Setup, m.plan.Deploy, m.plan.setupApart = p.Assets.Setup, true, p.Assets.SetupApart
		if m.plan.Setup {
			m.decide("assets setup", "mix assets.setup, "+m.online(), "the alias is in mix.exs")
		}
		m.decide("assets", "mix compile, then mix assets.deploy", "the alias is in mix.exs")
	} else if p.Assets.Setup {
		m.plan.Notes = append(m.plan.Notes, "mix.exs has the alias assets.setup and no assets.deploy: neither is run; call what makes the assets assets.deploy")
	}
	if len(p.NativeCode) > 0 {
		m.decide("native code", "compiled in the toolchain", strings.Join(p.NativeCode, ", "))
	}
	command := strings.Join(m.plan.releaseCommand(), " ")
	switch {
	case m.plan.Engine == HostEngine:
		m.decide("build", command+", with this machine's network", "the host engine isolates nothing")
	case m.in.Config.BuildNetwork != "host":
		m.decide("build", command+", without the network", "Mix compiles and assembles")
	default:
		m.plan.Network = true
		m.decide("build", command+", with the network", "host: "+m.set("build.network"))
		m.plan.Notes = append(m.plan.Notes, "compiling has the network: what it downloads is not checked by dram, and builds may differ")
	}
	return nil
}

func (m *maker) output(context.Context) error {
	out := m.in.Config.OutputDir
	switch {
	case out == "":
		out = filepath.Join(m.plan.Dir, "releases", m.plan.Release)
	case !filepath.IsAbs(out):
		out = filepath.Join(m.plan.Dir, out)
	}
	m.plan.OutputDir = filepath.Clean(out)
	if err := m.inside(); err != nil {
		return err
	}
	version := cmp.Or(m.plan.Version, "VERSION")
	m.decide("tarball", m.plan.TarballPath(version), m.set("output_dir"))
	m.decide("image", m.plan.ImagePath(version), m.set("output_dir"))
	return nil
}

func builds(n int) string {
	if n == 1 {
		return "1 build"
	}
	return fmt.Sprintf("%d builds", n)
}

// TarballPath is where the release's tarball goes.
func (p *Plan) TarballPath(version string) string {
	name := p.Release
	if p.config.PerPlatform() {
		name += "-" + strings.ReplaceAll(p.Platform, "/", "-")
	}
	return filepath.Join(p.OutputDir, "releases", version, name+".tar.gz")
}

// ImagePath is where the image goes unless told otherwise.
func (p *Plan) ImagePath(version string) string {
	return filepath.Join(p.OutputDir, fmt.Sprintf("%s-%s-%s.tar", p.Release, version, strings.ReplaceAll(p.Platform, "/", "-")))
}

// ForRelease is the plan for a release that was built elsewhere: bottle it,
// with the libraries of the toolchain that was set, or of the newest stable suite
// of the default distribution.
func ForRelease(c config.Config, arch string) *Plan {
	return &Plan{
		Kind: "release", Platform: "linux/" + arch, Packages: c.Packages,
		Toolchain: cmp.Or(c.Toolchain, distros.All().Example()), config: c,
	}
}

// Named is the plan for a release of that name.
func (p *Plan) Named(release string) *Plan {
	named := *p
	named.Release = release
	return &named
}

// Noted is the plan with more notes.
func (p *Plan) Noted(notes []string) *Plan {
	noted := *p
	noted.Notes = slices.Concat(p.Notes, notes)
	return &noted
}
