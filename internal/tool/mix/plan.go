package mix

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/tool"
)

// build is how `mix release` makes a release.
type build struct {
	Common
	release tool.Release
}

// Plan says what was found.
func (p *Project) Plan(pl tool.Planner) (tool.Build, error) {
	what := "mix.exs found"
	if p.facts.Umbrella {
		what = "mix.exs found, with apps_path: an umbrella of " + strings.Join(p.facts.OwnApps, ", ")
	}
	pl.Decide("project", "mix release", what)
	return &build{Common: Common{Facts: p.facts, Planner: pl}}, nil
}

// Release chooses what was set; else the default of mix.exs, or its only one, or
// the one that Mix names after the application.
func (b *build) Release() (tool.Release, error) {
	env, name, err := b.Open(b.choose, grammar.MixRelease)
	b.release.MixEnv = env
	if err != nil {
		return b.release, err
	}
	p := b.Facts
	b.release = tool.Release{
		Name: name, MixEnv: env, Version: p.Version,
		Declared: p.ReleasesOpen || slices.ContainsFunc(p.Releases, func(r project.Release) bool { return r.Name == name }),
	}
	for _, r := range p.Releases {
		if r.Name == name {
			b.release.Version, b.release.Cookie = cmp.Or(r.Version, p.Version), r.Cookie
			if r.NoERTS {
				b.Planner.Note(NoERTS)
			}
		}
	}
	if b.release.Version == "" {
		b.Planner.Decide("version", "known after the build", "mix.exs computes it")
	} else {
		b.Planner.Decide("version", b.release.Version, "mix.exs")
	}
	return b.release, nil
}

func (b *build) choose() (name, reason string, err error) {
	p := b.Facts
	names := make([]string, 0, len(p.Releases))
	for _, r := range p.Releases {
		names = append(names, r.Name)
	}
	asked := b.Planner.Settings().Release()
	if len(names) == 0 && p.App != "" && !p.Umbrella {
		names = []string{p.App}
	}
	switch {
	case asked != "" && !slices.Contains(names, asked) && !p.ReleasesOpen:
		return "", "", problem.New(problem.Usage, tool.OneOf(names, asked),
			"the project has no release %q", asked)
	case asked != "":
		return asked, b.Planner.Origin("release"), nil
	case p.DefaultRelease != "" && len(p.Releases) > 0 && !p.ReleasesOpen && !slices.Contains(names, p.DefaultRelease):
		return "", "", problem.New(problem.Usage, "choose one with --release NAME, or have default_release name one: "+tool.Some(names, 20),
			"default_release in mix.exs is %q, and it declares no such release", p.DefaultRelease)
	case p.DefaultRelease != "":
		return p.DefaultRelease, "default_release in mix.exs", nil
	case len(p.Releases) == 1 && !p.ReleasesOpen:
		return names[0], "the only one that mix.exs declares", nil
	case len(p.Releases) > 1:
		return "", "", problem.New(problem.Usage, "choose one with --release NAME, or set default_release in mix.exs",
			"mix.exs declares several releases: %s", tool.Some(names, 20))
	case p.Umbrella && !p.ReleasesOpen:
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

// Elixir may be any: mix.exs itself says which.
func (b *build) Elixir() tool.Elixir { return tool.Elixir{} }

// Work is all that Mix does.
func (b *build) Work(online string) (tool.Work, error) {
	w, err := b.Decide(b.release.MixEnv, online)
	w.Command = b.command()
	if p := b.Facts; p.Escript && len(p.Releases) == 0 && !p.ReleasesOpen {
		b.Planner.Note("mix.exs has escript: and no releases: this release starts the applications, and calls no main/1")
	}
	return w, err
}

// command names the release only where mix.exs declares it: Mix knows the one
// that it infers from the application by no name. Where it is assembled is said only
// where mix.exs may say another place.
func (b *build) command() []string {
	if !b.release.Declared {
		return []string{"mix", "release", "--overwrite"}
	}
	argv := []string{"mix", "release", b.release.Name, "--overwrite"}
	i := slices.IndexFunc(b.Facts.Releases, func(r project.Release) bool { return r.Name == b.release.Name })
	if i < 0 || b.Facts.Releases[i].Elsewhere {
		argv = append(argv, "--path", Export(b.release))
	}
	return argv
}

// Job assembles where Mix has releases.
func (b *build) Job(c tool.Circumstances) tool.Job {
	job := b.Prepare(b.release.MixEnv, c)
	job.Export = Export(b.release)
	job.Steps = append(job.Steps, Assembling(c, b.command()...))
	return job
}
