package mix

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"dram/internal/tool"
)

// What a project's own Dockerfile does beside what dram does is noted, so that nobody
// finds out from a result that lacks it. dram does not obey it: it may be of another
// distribution, or of another day.

// docker notes what the Dockerfile does and this plan does not.
func (c *Common) docker() {
	d, file := c.Facts.Docker, c.Facts.DockerFile
	set := c.Planner.Settings()
	packages := set.Packages
	if c.js.uses {
		packages = append(slices.Clone(packages), "nodejs", "npm", "yarn", "yarnpkg")
	}
	note := func(format string, names []string) {
		if len(names) > 0 {
			c.Planner.Note(file + " " + fmt.Sprintf(format, tool.Some(names, 12)))
		}
	}
	without := func(names, have []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(have, n) })
	}
	if reads := c.Facts.BuildReads; len(reads) > 0 {
		c.Planner.Decide("build arguments", tool.Some(reads, 20), "read while it compiles: --build-env NAME=VALUE sets one")
	}
	note("installs %s to build, which a toolchain has only if its distribution's package is asked for: --package NAME", without(d.Build, packages))
	note("installs %s to run: --package NAME --program NAME puts a program of the toolchain into the image", without(d.Run, set.Programs))
	note("also runs, to build: %s; give each as a step in dram.toml: [[step]], run = \"…\", before = \"release\"", slices.DeleteFunc(slices.Clone(d.Commands), c.does))
	note("takes the build arguments %s: --build-env NAME=VALUE gives one to the build", slices.DeleteFunc(slices.Clone(d.Args), func(name string) bool {
		return slices.ContainsFunc(set.BuildEnv, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
	}))
	note("takes %s from outside of the project, of which the build sees nothing: --include ../NAME", c.outside(d.Copies))
	if d.Git {
		c.Planner.Note(file + " reads .git, which the build does not see: where it takes the commit from a variable, --build-env NAME=VALUE gives it")
	}
	note("copies what its stages %s make into the image: dram's has none of it", d.Beside)
	note("runs %s before it starts the release, and dram's image does not: `dram run` and Docker's --entrypoint start other programs of the release", d.First)
	if asked := c.js.node; asked != "" && d.Node != "" && !strings.Contains(asked, "v"+d.Node+".") {
		c.Planner.Note(fmt.Sprintf("%s has Node.js %s, and here it is %s, as a version file or package.json asks", file, d.Node, strings.TrimPrefix(asked, "latest-")))
	}
	served := strings.HasSuffix(d.Start, "bin/server") && (c.Facts.Start.Server != "" || len(c.work.ImageEnv) > 0)
	if d.Start != "" && !served {
		note("starts %s, and dram's image the release itself: what that does before is for rel/env.sh.eex or config/runtime.exs to do", []string{d.Start})
	}
}

// outside are what a Dockerfile above the project takes that the build does not see.
func (c *Common) outside(copies []string) []string {
	up := strings.Count(c.Facts.DockerFile, "../")
	if up == 0 {
		return nil
	}
	parts := strings.Split(filepath.ToSlash(c.Facts.Dir), "/")
	at := strings.Join(parts[max(0, len(parts)-up):], "/")
	var out []string
	for _, name := range copies {
		first, _, _ := strings.Cut(name, "/")
		seen := slices.ContainsFunc(c.Facts.Context.Beside, func(b string) bool {
			return name == b || first == b || strings.HasPrefix(b, name+"/") || strings.HasPrefix(name, b+"/")
		})
		if name != "." && name != at && !strings.HasPrefix(name, at+"/") && !strings.HasPrefix(at, name+"/") && !strings.Contains(name, "$") && !seen {
			out = append(out, name)
		}
	}
	return out
}

// scripting is a command that installs or runs JavaScript.
var scripting = regexp.MustCompile(`^(npm|npx|yarn|pnpm|bun|node)\s`)

// scripts says whether the plan runs what a command of JavaScript's does: it installs
// packages, or what it calls is part of an alias or a script that is run.
func (c *Common) scripts(command string) bool {
	if installsPackages.MatchString(command) {
		return true
	}
	run := strings.Join(slices.Concat(c.Facts.Assets.Setups, c.Facts.Assets.Deploys), "\n")
	if c.js.build != nil {
		run += "\n" + c.js.build.Script
	}
	for _, word := range strings.Fields(command)[1:] {
		if !strings.HasPrefix(word, "-") && word != "run" && word != "exec" {
			return slices.Contains(strings.Fields(run), word)
		}
	}
	return false
}

// does says whether the plan does what a command of the Dockerfile does.
func (c *Common) does(command string) bool {
	task, _, _ := strings.Cut(strings.TrimPrefix(command, "mix "), " ")
	for _, own := range c.Planner.Settings().Steps {
		if strings.Contains(own.Run, task) {
			return true
		}
	}
	if !c.work.Deploy {
		return false
	}
	calls := slices.Concat(c.Facts.Assets.Setups, c.Facts.Assets.Deploys)
	if scripting.MatchString(command) {
		return c.js.uses && c.scripts(command)
	}
	return task == "phx.digest" && c.js.digest != "" || slices.ContainsFunc(calls, func(call string) bool { return call == task || strings.HasPrefix(call, task+" ") })
}
