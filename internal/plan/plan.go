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
	"time"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/environ"
	"dram/internal/match"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/ref"
	"dram/internal/tool"
	"dram/internal/upstream"
)

// Recipe is part of what names a result: results of one recipe with the same
// inputs are the same bytes. Raise it whenever bytes may change.
const Recipe = 6

// Inputs is what decisions are made from. The functions are asked only where
// their answer is needed.
type Inputs struct {
	Project tool.Project
	Config  config.Config
	Arch    string // this machine's, as Go names it
	// Distro is the distribution to choose a suite of.
	Distro distro.Info
	// Versions tells what a suite has: "debian/13".
	Versions func(ctx context.Context, suite string) (distro.Versions, error)
	// Engine chooses an engine: the one that was asked for, or for "auto" the
	// first that this machine can run; reason says why.
	Engine func(ctx context.Context, asked string) (name, reason string, err error)
	// Host is the architecture that compiles, as Go names it; "" for Arch.
	Host string
	// Tags lists the tags of an image repository that begin with a prefix, or more.
	Tags func(ctx context.Context, repository, prefix string) ([]string, error)
	// Upstream finds a release of Erlang/OTP or of Elixir; nil where none is to be
	// thought of.
	Upstream func(ctx context.Context, w upstream.Wanted) (upstream.File, error)
	// Took is how long compiling such a release took here the last time, 0 if it
	// never did.
	Took func(upstream.Software) time.Duration
	// Added is what is missing of what is added to an image, as it was last found, ""
	// where nobody looked; nil: nobody did.
	Added func(r ref.Ref, a Additions) string
	// ByHand says that nothing is built: the toolchain is for a command of the user's,
	// who may be about to make what a build would lack.
	ByHand bool
	// Place is where the release is to run; nil where nobody said.
	Place *match.Place
}

// Decision is one thing that was decided.
type Decision struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Reason string `json:"reason"`
}

// Plan is what was decided. It is not changed once made.
type Plan struct {
	Dir       string `json:"dir"`  // the project's, absolute
	Tool      string `json:"kind"` // the name of the one that makes the release
	Release   string `json:"release"`
	Declared  bool   `json:"declared"`          // mix.exs declares the release; Mix takes no name otherwise
	Version   string `json:"version,omitempty"` // "" where only Mix knows it
	Toolchain string `json:"toolchain"`         // a reference
	Engine    string `json:"engine"`
	Platform  string `json:"platform"` // "linux/amd64"
	Additions
	BuildSettings
	Results
	OwnApps []string `json:"own_apps"`
	Work
	Cookie    bool          `json:"cookie"` // the release declares one: the tarball keeps it
	Image     ImageSettings `json:"image,omitzero"`
	Check     CheckSettings `json:"check,omitzero"`
	Decisions []Decision    `json:"decisions"`
	Notes     []string      `json:"notes,omitempty"`

	by    tool.Tool  // nil where a release is there already
	build tool.Build // nil where a release is there already
}

// Source is what the project says of where it comes from, for who asks what a result
// is made of.
type Source struct {
	LockedDeps []project.LockedDep `json:"-"`
	Licences   []string            `json:"licences,omitempty"`
}

// BuildSettings is what the steps are run with.
type BuildSettings struct {
	// Context is what the build sees beside the project.
	Context project.Context `json:"context,omitzero"`
	MixEnv  string          `json:"mix_env"`
	// ReleaseEnv is what the release is made for, "" where its tool's default holds.
	ReleaseEnv string `json:"release_env,omitempty"`
	// UpgradeFrom is the tarball of an earlier release that the release upgrades.
	UpgradeFrom string   `json:"upgrade_from,omitempty"`
	BuildEnv    []string `json:"-"`                         // "K=V", sorted; see Decisions
	Git         bool     `json:"git,omitempty"`             // among these is what git says of the commit
	Secrets     []string `json:"include_secrets,omitempty"` // files that the build sees whatever they hold
	// Steps are the user's own.
	Steps []config.Step `json:"steps,omitempty"`
	// Credentials are which of the user's own fetching from git has: "ssh", "netrc".
	Credentials []string `json:"credentials,omitempty"`
	Source
	Across *Across `json:"across,omitempty"` // nil where the platform's own programs build
}

// Results is where results go.
type Results struct {
	OutputDir string `json:"output_dir"` // absolute
	// Portable has the release bring its libraries, since nothing else that is known
	// runs where it is to run.
	Portable    bool `json:"portable,omitempty"`
	perPlatform bool // they say in their names what they are for
	inProject   bool // they may not leave the project
}

// Work is which steps there are, and what they reach.
type Work struct {
	Fetch    bool `json:"fetch"`         // dependencies come over the network
	Locked   bool `json:"locked"`        // mix.lock says which
	Setup    bool `json:"assets_setup"`  // assets are set up
	Deploy   bool `json:"assets_deploy"` // assets are made
	Network  bool `json:"network"`       // compiling has the host's network, too
	Isolated bool `json:"isolated"`      // fetching has a network that leads to public addresses alone
}

// Make decides. Where an engine or a toolchain cannot be had, the plan is there beside
// the error, with all that was found without them: what a project lacks does not
// depend on who answers today.
func Make(ctx context.Context, in Inputs) (*Plan, error) {
	facts, by := in.Project.Facts(), in.Project.Tool()
	m := &maker{in: in, facts: facts, plan: &Plan{
		Dir: facts.Dir, Tool: by.About().Name, by: by, OwnApps: facts.OwnApps,
		Notes: slices.Clone(facts.Notes),
	}}
	m.follow(ctx)
	m.plan.take(m.in.Config)
	m.plan.Source = Source{LockedDeps: facts.LockedDeps, Licences: facts.Licences}
	for _, step := range []struct {
		decide func(context.Context) error
		lacks  string // what is open where it fails, "" where nothing can be said then
	}{
		{m.tool, ""},
		{m.engine, "engine"},
		{m.across, ""},
		{m.release, ""},
		{m.context, ""},
		{m.toolchain, "toolchain"},
		{m.offer, ""},
		{m.fits, "toolchain"},
		{m.network, ""},
		{m.work, ""},
		{m.image, ""},
		{m.additions, ""},
		{m.toOffered, ""},
		{m.output, ""},
	} {
		err := step.decide(ctx)
		switch {
		case err == nil:
		case step.lacks == "":
			return nil, err
		case m.open == nil:
			m.lacks(step.lacks, err)
		}
	}
	m.settings()
	return m.plan, m.open
}

// lacks goes on without what cannot be had.
func (m *maker) lacks(what string, err error) {
	m.open, m.plan.Toolchain = err, ""
	m.decide(what, "open", "it cannot be had: see the error")
}

// maker is a plan being made.
type maker struct {
	in    Inputs
	facts *project.Project
	plan  *Plan
	needs []tool.Need // of the project, as its tool found them
	open  error       // why an engine or a toolchain could not be had
	place placing     // what fits where the release is to run

	series string // a release of Elixir that is had for the series that mix.exs begins with, "" if none is
	following
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

// building says what the steps that compile do, and with what network.
func (m *maker) building(w tool.Work) {
	command := strings.Join(w.Command, " ")
	switch {
	case m.plan.Engine == HostEngine:
		m.decide("build", command+", with this machine's network", "the host engine isolates nothing")
	case m.in.Config.BuildNetwork != "host":
		m.decide("build", command+", without the network", w.Does)
	default:
		m.plan.Network = true
		m.decide("build", command+", with the network", "host: "+m.set("build.network"))
		m.plan.Notes = append(m.plan.Notes, "compiling has the network: what it downloads is not checked by dram, and builds may differ")
	}
}

func (m *maker) output(context.Context) error {
	if m.in.ByHand {
		return nil
	}
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
	m.decide("tarball", m.plan.ResultPath(version), m.set("output_dir"))
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
	if p.perPlatform {
		name += "-" + strings.ReplaceAll(p.Platform, "/", "-")
	}
	return filepath.Join(p.OutputDir, "releases", version, name+".tar.gz")
}

// ResultPath is where the release goes in the form that it has.
func (p *Plan) ResultPath(version string) string {
	if p.Portable {
		return p.PortablePath(version)
	}
	return p.TarballPath(version)
}

// PortablePath is where the portable release goes.
func (p *Plan) PortablePath(version string) string {
	return strings.TrimSuffix(p.TarballPath(version), ".tar.gz") + "-portable.tar.gz"
}

// RunPath is where the portable release goes as one executable.
func (p *Plan) RunPath(version string) string {
	return strings.TrimSuffix(p.TarballPath(version), ".tar.gz") + ".run"
}

// ImagePath is where the image goes unless told otherwise: one for all platforms, where
// there are several.
func (p *Plan) ImagePath(version string) string {
	name := p.Release + "-" + version
	if !p.perPlatform {
		name += "-" + strings.ReplaceAll(p.Platform, "/", "-")
	}
	return filepath.Join(p.OutputDir, name+".tar")
}

// ForRelease is the plan for a release that was built elsewhere: bottle it,
// with the libraries of the toolchain that was set, or of the newest stable suite
// of the default distribution.
func ForRelease(c config.Config, arch string) *Plan {
	p := &Plan{
		Tool: "release", Platform: "linux/" + arch, Additions: Additions{Packages: slices.Concat(c.Packages, tool.Without(c.ImagePackages, c.Packages))},
		Toolchain: cmp.Or(c.Toolchain, distros.All().Example()),
	}
	p.take(c)
	return p
}

// In is the plan with the directory that files of the image are taken from.
func (p *Plan) In(dir string) *Plan {
	in := *p
	in.Dir = dir
	return &in
}

// Named is the plan for a release of that name.
func (p *Plan) Named(release string) *Plan {
	named := *p
	named.Release = release
	return &named
}

// Labelled is the plan with more labels of the image; those that it has win.
func (p *Plan) Labelled(labels []string) *Plan {
	labelled := *p
	labelled.Image.Labels = slices.Sorted(slices.Values(environ.Merge(labels, p.Image.Labels)))
	return &labelled
}

// Arch is the platform's architecture, as Go names it.
func (p *Plan) Arch() string {
	_, arch, _ := strings.Cut(p.Platform, "/")
	return arch
}

// Noted is the plan with more notes.
func (p *Plan) Noted(notes []string) *Plan {
	noted := *p
	noted.Notes = slices.Concat(p.Notes, notes)
	return &noted
}
