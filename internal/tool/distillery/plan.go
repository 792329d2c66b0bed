package distillery

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/project/elixir"
	"dram/internal/tool"
	"dram/internal/tool/mix"
	"dram/internal/tool/relup"
	semver "dram/internal/version"
)

// What Distillery works with, as tried with Distillery 1.5.5, 2.0.14 and 2.1.1
// and Elixir 1.8 to 1.20. Up to 2.0 its task is `mix release`, which is Mix's
// own from Elixir 1.9 on, and its modules then collide with Mix's. From 2.1 on it
// is `mix distillery.release`, which works with every Elixir; but from Elixir
// 1.15 on Mix hides OTP's applications from it (prune_code_paths), and IEx starts
// in another way than its commands console and remote_console ask for.
const (
	ownReleaseTask = "1.9.0-dev"
	prunesPaths    = "1.15.0-dev"
	lastTried      = "2.1.1"
)

// build is how Distillery makes a release.
type build struct {
	mix.Common
	project *Project
	legacy  bool   // its task is `mix release`: up to 2.0
	output  string // output_dir, relative to the project; "" where Mix has it
	release tool.Release
}

// Plan decides which task makes the release.
func (p *Project) Plan(pl tool.Planner) (tool.Build, error) {
	if p.config == nil {
		return nil, p.lacksFile()
	}
	legacy, why := p.legacy()
	task := "mix distillery.release"
	if legacy {
		task = "mix release"
	}
	pl.Decide("project", "Distillery, "+task, File+" found; "+why)
	return &build{Common: mix.Common{Facts: p.facts, Planner: pl}, project: p, legacy: legacy}, nil
}

// legacy says whether the project's Distillery is older than 2.1.
func (p *Project) legacy() (legacy bool, why string) {
	if v, err := semver.Parse(p.version); err == nil {
		return v.Compare(mustParse("2.1.0-dev")) < 0, "Distillery is " + p.version
	}
	switch p.config.Module {
	case "Distillery.Releases.Config":
		return false, "it uses Distillery.Releases.Config, which came with 2.1"
	case "Mix.Releases.Config":
		return true, "it uses Mix.Releases.Config, which went with 2.1"
	}
	for _, d := range p.facts.Deps {
		if want, err := semver.ParseRequirement(d.Requirement); d.Name == name && err == nil {
			return !want.Match(mustParse(lastTried)), fmt.Sprintf("mix.exs asks for Distillery %q", d.Requirement)
		}
	}
	return false, "its version is not known, so the last is assumed"
}

func mustParse(s string) semver.Version {
	v, err := semver.Parse(s)
	if err != nil {
		panic(err) // a constant of this file
	}
	return v
}

// Release chooses the release and the environment, and reads what they say.
func (b *build) Release() (tool.Release, error) {
	env, name, err := b.Open(b.choose, grammar.Name)
	if err != nil {
		return b.release, err
	}
	b.release = tool.Release{Name: name, MixEnv: env, Declared: true}
	if err := b.chooseEnvironment(); err != nil {
		return b.release, err
	}
	if err := b.profile(); err != nil {
		return b.release, err
	}
	b.version()
	return b.release, relup.Decide(b.Planner, b.Facts, nil)
}

func (b *build) choose() (name, reason string, err error) {
	c, asked := b.project.config, b.Planner.Settings().Release()
	names := c.names()
	switch {
	case asked != "" && !slices.Contains(names, asked) && !c.Open:
		return "", "", problem.New(problem.Usage, tool.OneOf(names, asked),
			"%s has no release %q", File, asked)
	case asked != "":
		return asked, b.Planner.Origin("release"), nil
	case c.DefaultRelease != "":
		return c.DefaultRelease, "default_release in " + File, nil
	case len(names) == 1 && !c.Open:
		return names[0], "the only one in " + File, nil
	case len(names) > 1:
		return "", "", problem.New(problem.Usage, "choose one with --release NAME, or set default_release in "+File,
			"%s declares several releases: %s", File, tool.Some(names, 20))
	case c.Open:
		return "", "", problem.New(problem.Usage, "name the release with --release NAME",
			"%s computes its releases, so the release's name is not known", File)
	}
	return "", "", problem.New(problem.Usage, "add `release :my_app do … end` to it", "%s declares no release", File)
}

// chooseEnvironment: what was set; else the environment named like MIX_ENV; else
// the file's default, or its only one.
func (b *build) chooseEnvironment() error {
	c, asked := b.project.config, b.Planner.Settings().ReleaseEnv
	var names []string
	for _, e := range c.Environments {
		names = append(names, e.Name)
	}
	switch {
	case asked != "" && (c.Environment(asked) != nil || c.Open && grammar.Name(asked) == nil):
		return b.environment(asked, b.Planner.Origin("build.release_env"))
	case asked != "":
		return problem.New(problem.Usage, tool.OneOf(names, asked),
			"%s has no environment %q", File, asked)
	case c.Environment(b.release.MixEnv) != nil:
		return b.environment(b.release.MixEnv, "the one in "+File+" named like the mix env")
	case c.DefaultEnvironment != "":
		return b.environment(c.DefaultEnvironment, "default_environment in "+File)
	case len(names) == 1:
		return b.environment(names[0], "the only one in "+File)
	case len(names) > 1:
		return problem.New(problem.Usage, "choose one with --release-env NAME: "+strings.Join(names, ", "),
			"%s has no environment %q, and no default that is known", File, b.release.MixEnv)
	}
	return nil
}

func (b *build) environment(name, reason string) error {
	if err := grammar.Name(name); err != nil {
		return problem.New(problem.Usage, tool.NameHint, "the environment of %s: %w", File, err)
	}
	b.release.Env = name
	b.Planner.Decide("release env", name, reason)
	return nil
}

// profile reads what release and environment say together.
func (b *build) profile() error {
	get := func(key string) (Setting, bool) {
		return b.project.config.Profile(b.release.Name, b.release.Env, key)
	}
	if s, ok := get("dev_mode"); ok && s.Value.IsAtom("true") {
		return problem.New(problem.Usage, "choose an environment without it with --release-env, or set dev_mode: false",
			"environment %q of %s sets dev_mode: the release would be links into the build's directory", b.release.Env, File)
	}
	if s, ok := get("include_erts"); ok && s.Value.IsAtom("false") {
		b.Planner.Note(mix.NoERTS)
	}
	b.release.Cookie = declaresCookie(get)
	if s, ok := get("output_dir"); ok && !s.Value.IsAtom("nil") {
		return b.outputDir(s)
	}
	return nil
}

// declaresCookie says whether the project's files hold the cookie: one that
// they compute is another at each build, and where they say none Distillery
// takes the release's name, which everybody knows.
func declaresCookie(get func(string) (Setting, bool)) bool {
	cookie, set := get("cookie")
	literal := cookie.Value.Type == elixir.Atom && !cookie.Value.IsAtom("nil") || cookie.Value.Type == elixir.String
	_, own := get("vm_args")
	return literal || own && !set
}

func (b *build) outputDir(s Setting) error {
	dir, literal := s.Text()
	hint := fmt.Sprintf("leave it out, or write set output_dir: %q", "./releases/"+b.release.Name)
	if !literal {
		return problem.New(problem.Usage, hint, "%s computes output_dir: where the release will lie is not known", File)
	}
	clean := path.Clean(dir)
	if !fsutil.Local(".", dir) || clean == "." || !grammar.Printable(clean) {
		return problem.New(problem.Usage, hint, "output_dir %q of %s is not a directory of its own inside the project", dir, File)
	}
	b.output = clean
	b.Planner.Decide("output_dir", clean, File+" says so; dram takes the release from there")
	return nil
}

// version is what `set version:` says.
func (b *build) version() {
	s, _ := b.project.config.Release(b.release.Name).Get("version")
	text, literal := s.Text()
	switch {
	case literal:
		b.release.Version = text
		b.Planner.Decide("version", text, File)
	case s.AppVersion != "" && b.Facts.AppVersions[s.AppVersion] != "":
		b.release.Version = b.Facts.AppVersions[s.AppVersion]
		b.Planner.Decide("version", b.release.Version, fmt.Sprintf("current_version(:%s) in %s", s.AppVersion, File))
	default:
		b.Planner.Decide("version", "known after the build", File+" computes it")
	}
}

// Elixir is below the one from which on Distillery does not work whole.
func (b *build) Elixir() tool.Elixir {
	if b.legacy {
		return tool.Elixir{Below: ownReleaseTask, Why: "Distillery works with", Refuse: tooNew}
	}
	return tool.Elixir{Below: prunesPaths, Why: "Distillery works with", Notes: b.notWhole}
}

func (b *build) notWhole(elixir string) []string {
	notes := []string{fmt.Sprintf("with Elixir %s, Distillery's commands console and remote_console do not work: before 1.15 they do", elixir)}
	if !b.Facts.KeepsCodePaths {
		notes = append(notes, "if Distillery finds no sasl.app, add `prune_code_paths: false` to `def project` in mix.exs: it needs that from Elixir 1.15 on")
	}
	return notes
}

func tooNew(elixir, where string) error {
	return problem.New(problem.Usage,
		"ask for {:distillery, \"~> 2.1\"} in mix.exs and use Distillery.Releases.Config in rel/config.exs,\n"+
			"or choose a toolchain with Elixir 1.8: --toolchain image:REF, or .tool-versions",
		"Distillery before 2.1 needs Elixir before 1.9, whose `mix release` is not yet Mix's own; %s has Elixir %s", where, cmp.Or(elixir, "1.10 or newer"))
}
