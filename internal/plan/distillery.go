package plan

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"dram/internal/engine"
	"dram/internal/grammar"
	"dram/internal/plan/version"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/project/elixir"
	"dram/internal/ref"
	"dram/internal/tool/distillery"
	"dram/internal/toolchain"
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

// distilleryBuild is how a release of Distillery is made.
type distilleryBuild struct {
	legacy bool   // its task is `mix release`: up to 2.0
	output string // output_dir, relative to the project; "" where Mix has it
}

func (m *maker) isDistillery() bool { return m.in.Project.Kind == project.Distillery }

// distillery decides which task makes the release.
func (m *maker) distillery() error {
	p := m.in.Project
	if p.Distillery == nil {
		return problem.New(problem.Usage,
			"make it with `mix distillery.init` (`mix release.init` up to Distillery 2.0),\nor remove the dependency and use `mix release`",
			"%s depends on Distillery, but has no %s", p.Dir, distillery.File)
	}
	legacy, why := legacyDistillery(p)
	m.plan.distillery = &distilleryBuild{legacy: legacy}
	task := "mix distillery.release"
	if legacy {
		task = "mix release"
	}
	m.decide("project", "Distillery, "+task, distillery.File+" found; "+why)
	return nil
}

// legacyDistillery says whether the project's Distillery is older than 2.1.
func legacyDistillery(p *project.Project) (legacy bool, why string) {
	if v, err := version.Parse(p.DistilleryVersion); err == nil {
		return v.Compare(mustParse("2.1.0-dev")) < 0, "Distillery is " + p.DistilleryVersion
	}
	switch p.Distillery.Module {
	case "Distillery.Releases.Config":
		return false, "it uses Distillery.Releases.Config, which came with 2.1"
	case "Mix.Releases.Config":
		return true, "it uses Mix.Releases.Config, which went with 2.1"
	}
	for _, d := range p.Deps {
		if want, err := version.ParseRequirement(d.Requirement); d.Name == "distillery" && err == nil {
			return !want.Match(mustParse(lastTried)), fmt.Sprintf("mix.exs asks for Distillery %q", d.Requirement)
		}
	}
	return false, "its version is not known, so the last is assumed"
}

func mustParse(s string) version.Version {
	v, err := version.Parse(s)
	if err != nil {
		panic(err) // a constant of this file
	}
	return v
}

// distilleryRelease chooses the release and the environment, and reads what they
// say.
func (m *maker) distilleryRelease() error {
	name, reason, err := m.chooseDistilleryRelease()
	if err != nil {
		return err
	}
	if err := m.checkRelease(name); err != nil {
		return err
	}
	m.plan.Release, m.plan.Declared = name, true
	m.decide("release", name, reason)
	if err := m.chooseEnvironment(); err != nil {
		return err
	}
	return m.profile()
}

func (m *maker) chooseDistilleryRelease() (name, reason string, err error) {
	c, asked := m.in.Project.Distillery, m.in.Config.Release()
	var names []string
	for _, r := range c.Releases {
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	switch {
	case asked != "" && !slices.Contains(names, asked) && !c.Open:
		return "", "", problem.New(problem.Usage, "choose one of: "+strings.Join(names, ", "),
			"%s has no release %q", distillery.File, asked)
	case asked != "":
		return asked, m.set("release"), nil
	case c.DefaultRelease != "":
		return c.DefaultRelease, "default_release in " + distillery.File, nil
	case len(names) == 1 && !c.Open:
		return names[0], "the only one in " + distillery.File, nil
	case len(names) > 1:
		return "", "", problem.New(problem.Usage, "choose one with --release NAME, or set default_release in "+distillery.File,
			"%s declares several releases: %s", distillery.File, strings.Join(names, ", "))
	case c.Open:
		return "", "", problem.New(problem.Usage, "name the release with --release NAME",
			"%s computes its releases, so the release's name is not known", distillery.File)
	}
	return "", "", problem.New(problem.Usage, "add `release :my_app do … end` to it", "%s declares no release", distillery.File)
}

// chooseEnvironment: what was set; else the environment named like MIX_ENV; else
// the file's default, or its only one.
func (m *maker) chooseEnvironment() error {
	c, asked := m.in.Project.Distillery, m.in.Config.ReleaseEnv
	var names []string
	for _, e := range c.Environments {
		names = append(names, e.Name)
	}
	switch {
	case asked != "" && (c.Environment(asked) != nil || c.Open && grammar.Name(asked) == nil):
		return m.environment(asked, m.set("build.release_env"))
	case asked != "":
		return problem.New(problem.Usage, "choose one of: "+strings.Join(names, ", "),
			"%s has no environment %q", distillery.File, asked)
	case c.Environment(m.plan.MixEnv) != nil:
		return m.environment(m.plan.MixEnv, "the one in "+distillery.File+" named like the mix env")
	case c.DefaultEnvironment != "":
		return m.environment(c.DefaultEnvironment, "default_environment in "+distillery.File)
	case len(names) == 1:
		return m.environment(names[0], "the only one in "+distillery.File)
	case len(names) > 1:
		return problem.New(problem.Usage, "choose one with --release-env NAME: "+strings.Join(names, ", "),
			"%s has no environment %q, and no default that is known", distillery.File, m.plan.MixEnv)
	}
	return nil
}

func (m *maker) environment(name, reason string) error {
	if err := grammar.Name(name); err != nil {
		return problem.New(problem.Usage, nameHint, "the environment of %s: %w", distillery.File, err)
	}
	m.plan.ReleaseEnv = name
	m.decide("release env", name, reason)
	return nil
}

// profile reads what release and environment say together.
func (m *maker) profile() error {
	get := func(key string) (distillery.Setting, bool) {
		return m.in.Project.Distillery.Profile(m.plan.Release, m.plan.ReleaseEnv, key)
	}
	if s, ok := get("dev_mode"); ok && s.Value.IsAtom("true") {
		return problem.New(problem.Usage, "choose an environment without it with --release-env, or set dev_mode: false",
			"environment %q of %s sets dev_mode: the release would be links into the build's directory", m.plan.ReleaseEnv, distillery.File)
	}
	if s, ok := get("include_erts"); ok && s.Value.IsAtom("false") {
		m.plan.Notes = append(m.plan.Notes, "include_erts is false: the release brings no Erlang, and no image can be made of it")
	}
	m.plan.Cookie = declaresCookie(get)
	if s, ok := get("output_dir"); ok && !s.Value.IsAtom("nil") {
		return m.outputDir(s)
	}
	return nil
}

// declaresCookie says whether the project's files hold the cookie: one that
// they compute is another at each build, and where they say none Distillery
// takes the release's name, which everybody knows.
func declaresCookie(get func(string) (distillery.Setting, bool)) bool {
	cookie, set := get("cookie")
	literal := cookie.Value.Type == elixir.Atom && !cookie.Value.IsAtom("nil") || cookie.Value.Type == elixir.String
	_, own := get("vm_args")
	return literal || own && !set
}

func (m *maker) outputDir(s distillery.Setting) error {
	dir, literal := s.Text()
	hint := fmt.Sprintf("leave it out, or write set output_dir: %q", "./releases/"+m.plan.Release)
	if !literal {
		return problem.New(problem.Usage, hint, "%s computes output_dir: where the release will lie is not known", distillery.File)
	}
	clean := path.Clean(dir)
	if path.IsAbs(clean) || clean == "." || clean == ".." || strings.HasPrefix(clean, "../") || !grammar.Printable(clean) {
		return problem.New(problem.Usage, hint, "output_dir %q of %s is no directory of its own inside the project", dir, distillery.File)
	}
	m.plan.distillery.output = clean
	m.decide("output_dir", clean, distillery.File+" says so; dram takes the release from there")
	return nil
}

// distilleryVersion is what `set version:` says.
func (m *maker) distilleryVersion() {
	s, _ := m.in.Project.Distillery.Release(m.plan.Release).Get("version")
	text, literal := s.Text()
	switch {
	case literal:
		m.plan.Version = text
		m.decide("version", text, distillery.File)
	case s.AppVersion != "" && m.in.Project.AppVersions[s.AppVersion] != "":
		m.plan.Version = m.in.Project.AppVersions[s.AppVersion]
		m.decide("version", m.plan.Version, fmt.Sprintf("current_version(:%s) in %s", s.AppVersion, distillery.File))
	default:
		m.decide("version", "known after the build", distillery.File+" computes it")
	}
}

// distilleryToolchain is the distribution's newest stable suite with an Elixir that
// Distillery works with whole, or else the newest that mix.exs allows.
func (m *maker) distilleryToolchain(ctx context.Context) error {
	below := prunesPaths
	if m.plan.distillery.legacy {
		below = ownReleaseTask
	}
	want, err := version.ParseRequirement(cmp.Or(m.in.Project.ElixirRequirement, ">= 0.0.0-0"))
	if err != nil {
		return m.byRequirement(ctx) // which says so
	}
	for _, s := range m.in.Distro.Suites {
		if !s.Stable {
			continue
		}
		v, err := m.in.Versions(ctx, s.String())
		if err != nil {
			return fmt.Errorf("asking what %s %s has: %w", m.in.Distro.Name, s.Version, err)
		}
		have, err := version.Parse(v.Elixir)
		if err == nil && have.Compare(mustParse(below)) < 0 && want.Match(have) {
			m.choose(s.Reference(), fmt.Sprintf("the newest %s stable whose Elixir (%s) Distillery works with", m.in.Distro.Name, v.Elixir))
			return nil
		}
	}
	if m.plan.distillery.legacy {
		return tooNewForDistillery("", "every "+m.in.Distro.Name+" that dram knows")
	}
	return m.byRequirement(ctx)
}

func tooNewForDistillery(elixir, where string) error {
	return problem.New(problem.Usage,
		"ask for {:distillery, \"~> 2.1\"} in mix.exs and use Distillery.Releases.Config in rel/config.exs,\n"+
			"or choose a toolchain with Elixir 1.8: --toolchain image:REF, or .tool-versions",
		"Distillery before 2.1 needs Elixir before 1.9, whose `mix release` is not yet Mix's own; %s has Elixir %s", where, cmp.Or(elixir, "1.10 or newer"))
}

// distilleryFits judges the toolchain that was chosen, as far as its Elixir is
// known before it is there.
func (m *maker) distilleryFits(ctx context.Context) error {
	if !m.isDistillery() {
		return nil
	}
	text := m.toolchainElixir(ctx)
	have, err := version.Parse(text)
	if err != nil {
		return nil //nolint:nilerr // not known: the build will tell
	}
	if m.plan.distillery.legacy {
		if have.Compare(mustParse(ownReleaseTask)) >= 0 {
			return tooNewForDistillery(text, m.plan.Toolchain)
		}
		return nil
	}
	if have.Compare(mustParse(prunesPaths)) < 0 {
		return nil
	}
	m.plan.Notes = append(m.plan.Notes, fmt.Sprintf("with Elixir %s, Distillery's commands console and remote_console do not work: before 1.15 they do", text))
	if !m.in.Project.KeepsCodePaths {
		m.plan.Notes = append(m.plan.Notes, "if Distillery finds no sasl.app, add `prune_code_paths: false` to `def project` in mix.exs: it needs that from Elixir 1.15 on")
	}
	return nil
}

// toolchainElixir is the Elixir of the plan's toolchain, "" if it is not known.
func (m *maker) toolchainElixir(ctx context.Context) string {
	from, err := toolchain.ParseRef(m.plan.Toolchain)
	if err != nil {
		return ""
	}
	if from.Kind == ref.Distro {
		v, err := m.in.Versions(ctx, from.Value)
		if err != nil {
			return ""
		}
		return v.Elixir
	}
	if i := strings.LastIndexByte(from.Value, ':'); i >= 0 {
		if tags := readTags([]string{from.Value[i+1:]}); len(tags) == 1 {
			return tags[0].elixir
		}
	}
	return ""
}

// releaseCommand makes the release; its own tarball is not made, for dram makes
// one of what was assembled.
func (d *distilleryBuild) releaseCommand(release, environment string) []string {
	argv := []string{"mix", "distillery.release"}
	if d.legacy {
		argv = []string{"mix", "release"}
	}
	argv = append(argv, "--name="+release)
	if environment != "" {
		argv = append(argv, "--env="+environment)
	}
	return append(argv, "--no-tar")
}

// steps come behind the release: it is brought to where `mix release` has it,
// and given the file RELEASES where Distillery could not write that.
func (d *distilleryBuild) steps(release, export string, facts toolchain.Facts) []engine.Step {
	var steps []engine.Step
	if d.output != "" {
		steps = append(steps, engine.Step{Name: "collect", Argv: []string{
			"sh", "-c", `rm -rf "$2" && mkdir -p "${2%/*}" && mv "$1" "$2"`, "collect", engine.SourceDir + "/" + d.output, export,
		}})
	}
	// From OTP 25 on, release_handler takes a directory that is not absolute for
	// one of the running Erlang's: Distillery's RELEASES ends up there.
	if major, _, _ := strings.Cut(facts.OTP, "."); compareNumbers(major, "25") >= 0 {
		steps = append(steps, engine.Step{Name: engine.StepReleases, Argv: []string{"erl", "-noshell", "-eval", `
ok = file:set_cwd("` + export + `"),
[Rel] = filelib:wildcard("releases/*/` + release + `.rel"),
Made = filelib:is_regular("releases/RELEASES"),
ok = if Made -> ok; true -> release_handler:create_RELEASES("./", filename:absname("releases"), filename:absname(Rel), []) end,
halt(0).`}})
	}
	return steps
}

// clear removes what an earlier run left where the release goes: Distillery
// assembles over what is there.
func (d *distilleryBuild) clear() []engine.Step {
	if d.output == "" {
		return nil
	}
	return []engine.Step{{Name: engine.StepClear, Argv: []string{"rm", "-rf", engine.SourceDir + "/" + d.output}}}
}
