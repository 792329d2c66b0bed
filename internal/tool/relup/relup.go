// Package relup has a build make the relup of a release, by which an earlier release is
// upgraded while it runs. The earlier one is a tarball in the project. What tools that
// know hot upgrades have in common is here: relx and Distillery both have Erlang's
// systools make the file. See Erlang's relup(4) and appup(4).
package relup

import (
	_ "embed"
	"path"
	"path/filepath"

	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/source"
	"dram/internal/tool"
)

//go:embed relup.erl
var program string

// Setting is where the earlier release is named.
const Setting = "build.upgrade_from"

// Decide takes in which earlier release is to be upgraded from, and notes applications
// that say how they are upgraded where none is named.
func Decide(p tool.Planner, facts *project.Project, appups []string) error {
	name := p.Settings().UpgradeFrom
	switch clean := path.Clean(name); {
	case name == "" && len(appups) > 0:
		p.Note("there are appups of " + tool.Some(appups, 6) + ", and no relup is made of them: --upgrade-from names the tarball of the earlier release, in the project")
		return nil
	case name == "":
		return nil
	case !filepath.IsLocal(clean):
		return problem.New(problem.Usage, "copy it into the project, and name it there", "the earlier release %q lies outside of the project: the build sees only the project", name)
	case !source.Sees(facts.Dir, clean):
		return problem.New(problem.Usage, "put it where the build sees it, such as rel/, and not below releases/ or what .dockerignore excludes",
			"the build does not see the earlier release %q: it is not there, or left out", name)
	}
	p.Decide("relup", "from "+name, p.Origin(Setting))
	p.Note("the tarball has the relup; an image has none, for a container is replaced, and its release cannot be written to")
	p.Note("an upgrade takes the applications' settings from sys.config of the new release: where that has sys.config.src, fill it in before, or they are gone")
	return nil
}

// Steps make the relup of what was assembled at export; none where none is wanted.
func Steps(p tool.Planner, name, export string) []engine.Step {
	from := p.Settings().UpgradeFrom
	if from == "" {
		return nil
	}
	return []engine.Step{{Name: "relup", Argv: []string{
		"sh", "-ec", `f="$(mktemp)"; trap 'rm -f "$f"' EXIT; printf %s "$1" > "$f"; shift; escript "$f" "$@"`,
		"relup", "#!/usr/bin/env escript\n" + program, path.Join(engine.SourceDir, path.Clean(from)), export, name, engine.SourceDir,
	}}}
}
