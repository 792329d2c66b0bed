package mix

import (
	"fmt"
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
	note("installs %s to build, which a toolchain has only if its distribution's package is asked for: --package NAME", without(d.Build, packages))
	note("installs %s to run: --package NAME --program NAME puts a program of the toolchain into the image", without(d.Run, set.Programs))
	note("also runs, to build: %s; dram runs none of these", slices.DeleteFunc(slices.Clone(d.Commands), c.does))
	note("takes the build arguments %s: --build-env NAME=VALUE gives one to the build", slices.DeleteFunc(slices.Clone(d.Args), func(name string) bool {
		return slices.ContainsFunc(set.BuildEnv, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
	}))
	note("copies what its stages %s make into the image: dram's has none of it", d.Beside)
	if d.Start != "" && !strings.HasSuffix(d.Start, "bin/server") {
		note("starts %s, and dram's image the release itself: what that does before is for rel/env.sh.eex or config/runtime.exs to do", []string{d.Start})
	}
}

// scripting is a command that installs or runs JavaScript.
var scripting = regexp.MustCompile(`^(npm|npx|yarn|pnpm|bun|node)\s`)

// does says whether the plan does what a command of the Dockerfile does.
func (c *Common) does(command string) bool {
	if !c.work.Deploy {
		return false
	}
	calls := slices.Concat(c.Facts.Assets.Setups, c.Facts.Assets.Deploys)
	if scripting.MatchString(command) {
		return c.js.uses
	}
	task, _, _ := strings.Cut(strings.TrimPrefix(command, "mix "), " ")
	return task == "phx.digest" && c.js.digest != "" || slices.ContainsFunc(calls, func(call string) bool { return call == task || strings.HasPrefix(call, task+" ") })
}
