package rebar3

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/tool"
	"dram/internal/tool/relup"
	"dram/internal/tool/relx"
)

// usual is the profile that releases are made in unless another is asked for.
const usual = "prod"

// build is how rebar3 has relx make a release.
type build struct {
	Common
	release  tool.Release
	settings relx.Settings
	output   string // where relx is told to put it, relative to the project
}

// Plan says what was found.
func (p *Project) Plan(pl tool.Planner) (tool.Build, error) {
	pl.Decide("project", "rebar3", p.found())
	if p.script {
		pl.Note(Script + " changes what " + File + " says: what it computes, only the build knows")
	}
	return &build{Common: Common{Project: p, Planner: pl}}, nil
}

// Elixir is what the project asks of a toolchain.
func (b *build) Elixir() tool.Elixir { return b.Asks() }

// Release chooses profile and release, and judges what relx is told of it.
func (b *build) Release() (tool.Release, error) {
	for _, decide := range []func() error{b.Open, b.choose, b.judge, b.outputDir} {
		if err := decide(); err != nil {
			return b.release, err
		}
	}
	b.version()
	b.release.Env = b.Profile
	return b.release, relup.Decide(b.Planner, b.Project.facts, b.Project.appups)
}

func (b *build) choose() error {
	names := b.Project.relxOf(b.Profile).Names()
	asked := b.Planner.Settings().Release()
	name, reason := asked, b.Planner.Origin("release")
	switch {
	case len(names) == 0 && !b.Project.script:
		return b.none()
	case asked != "" && !slices.Contains(names, asked) && !b.Project.script:
		return problem.New(problem.Usage, tool.OneOf(names, asked), "the project has no release %q", asked)
	case asked != "":
	case len(names) > 1:
		return problem.New(problem.Usage, "choose one with --release NAME", "%s declares several releases: %s", File, tool.Some(names, 20))
	case len(names) == 1:
		name, reason = names[0], "the only one that relx is told of"
	case b.Project.reltool != "":
		return b.none()
	default:
		hint := "name it with --release NAME"
		if _, ok := b.Project.Escript(); ok {
			hint += "; or, if it makes none, have the escript made: --tool escript"
		}
		return problem.New(problem.Usage, hint, "%s computes the releases: their names are not known", Script)
	}
	if err := grammar.Name(name); err != nil {
		return problem.New(problem.Usage, tool.NameHint, "the release's name: %w", err)
	}
	b.release.Name = name
	b.release.Declared = slices.Contains(names, name)
	b.Planner.Decide("release", name, reason)
	b.others()
	return nil
}

// others notes profiles that tell relx more, where the one that is taken by itself does
// not exist.
func (b *build) others() {
	known := b.Project.config.profiles()
	if b.Project.script || b.Planner.Settings().ReleaseEnv != "" || slices.Contains(known, b.Profile) {
		return
	}
	var told []string
	for _, name := range known {
		if len(b.Project.config.profile(name).get("relx")) > 0 && name != "test" {
			told = append(told, name)
		}
	}
	if len(told) > 0 {
		b.Planner.Note(File + " has no profile " + b.Profile + ", and tells relx more in " + tool.Some(told, 6) + ": choose one with --release-env NAME")
	}
}

// none is the problem with a project that declares no release: what it is, and what
// would make one.
func (b *build) none() error {
	apps, what := b.Project.facts.OwnApps, "a library"
	if _, ok := b.Project.Escript(); ok {
		what = "an escript (--tool escript)"
	}
	if b.Project.reltool != "" {
		return problem.New(problem.Usage, "declare its releases for relx, in "+File+"; releases of reltool are made by rebar 2, which dram does not run",
			"%s declares no release, and %s does", File, b.Project.reltool)
	}
	example := cmp.Or(b.Project.facts.App, strings.Join(apps[:min(len(apps), 1)], ""), "my_app")
	return problem.New(problem.Usage, fmt.Sprintf("declare one in %s:\n{relx, [{release, {%s, \"0.1.0\"}, [%s, sasl]}, {mode, prod}]}.", File, example, example),
		"%s declares no release: as it stands, the project is %s, and dram builds releases", File, what)
}

// judge finds what would be no release that runs elsewhere.
func (b *build) judge() error {
	var first []beam.Term
	if b.Profile == usual {
		first = []beam.Term{beam.Tuple{beam.Atom("mode"), beam.Atom("prod")}}
	}
	config := b.Project.relxOf(b.Profile)
	b.settings = config.Settings(b.release.Name, first...)
	if b.Project.script && b.settings.ERTS == "" {
		b.settings.ERTS = "true" // the script may say so
	}
	b.release.Cookie = b.settings.Args || b.Project.args
	return b.settings.Check(b.told())
}

func (b *build) told() relx.Told {
	return relx.Told{
		File: File, Where: " in profile " + b.Profile, Release: b.release.Name, By: b.Planner, Git: b.Project.git,
		Instead: b.elsewhere(),
	}
}

// elsewhere is what to do where the profile makes no release that runs elsewhere: some
// other may.
func (b *build) elsewhere() string {
	var whole []string
	for _, name := range b.Project.config.profiles() {
		config := b.Project.relxOf(name)
		if _, ok := config.Release(b.release.Name); ok && name != "test" && config.Settings(b.release.Name).Dev == "" {
			whole = append(whole, name)
		}
	}
	hint := "set {mode, prod} in the profile " + usual
	if !slices.Contains(b.Project.config.profiles(), usual) {
		hint = "add to " + File + " {profiles, [{" + usual + ", [{relx, [{mode, prod}]}]}]}"
	}
	if len(whole) == 0 {
		return hint
	}
	return hint + ", or choose a profile without it: --release-env " + strings.Join(whole, ", --release-env ")
}

func (b *build) outputDir() error {
	dir := b.settings.OutputDir
	if dir == "" {
		return nil
	}
	clean := path.Clean(dir)
	if path.IsAbs(clean) || clean == "." || relx.Outside(clean) || !grammar.Printable(clean) {
		return problem.New(problem.Usage, "leave it out, or name a directory of the project", "output_dir %q of %s is not a directory of its own inside the project", dir, File)
	}
	b.output = clean
	b.Planner.Decide("output_dir", clean, File+" says so; dram takes the release from there")
	return nil
}

// version is what relx is told, where that is a text.
func (b *build) version() {
	r, _ := b.Project.relxOf(b.Profile).Release(b.release.Name)
	if b.Project.script && grammar.Version(r.Version) != nil {
		r.Version, r.From = "", "" // a place for what the script computes
	}
	b.release.Version = b.told().Version(r)
	if apps := b.Project.vsnGit; len(apps) > 0 && !b.Project.git {
		b.Planner.Note("git tells the version of " + tool.Some(apps, 3) + relx.Unseen(`"0"`))
	}
}

// Work decides what is fetched, and says which native code is compiled.
func (b *build) Work(online string) (tool.Work, error) {
	w := b.Decide(online)
	w.Does, w.Command = "rebar3 compiles, and relx assembles", b.assemble("rebar3")
	return w, nil
}
