package mix

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"dram/internal/config"
	"dram/internal/project"
	"dram/internal/project/dockerfile"
	"dram/internal/tool"
)

// docker holds the project's own Dockerfile beside what Mix does.
func (c *Common) docker() {
	d := c.Facts.Docker
	var brings []string
	if c.js.uses {
		brings = []string{"nodejs", "npm", "yarn", "yarnpkg", "pnpm", "bun"}
	}
	tool.Dockerfile{
		Facts: c.Facts, Planner: c.Planner, Brings: brings, Does: c.does, Runs: c.runs,
		Before: "rel/env.sh.eex or config/runtime.exs",
		Serves: len(d.Start) > 0 && strings.HasSuffix(d.Start[0], "bin/server") && (c.Facts.Start.Server != "" || c.listens()),
	}.Read()
	c.otherNode()
	if asked := c.js.node; asked != "" && d.Node != "" && !strings.Contains(asked, "v"+d.Node+".") {
		c.Planner.Note(fmt.Sprintf("%s has Node.js %s, and here it is %s, as a version file or package.json asks", c.Facts.DockerFile, d.Node, strings.TrimPrefix(asked, "latest-")))
	}
}

// otherNode says of a Node.js that the Dockerfile has, and nothing of the project asks for,
// that what is added need not be of that version.
func (c *Common) otherNode() {
	d := c.Facts.Docker
	if !c.js.uses && d.Node != "" && slices.Contains(d.Build, "nodejs") {
		c.Planner.Note(fmt.Sprintf("%s has Node.js %s, and no package.json here asks for any: what is added is the distribution's own", c.Facts.DockerFile, d.Node))
	}
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
	if m := called.FindStringSubmatch(command); m != nil {
		return slices.Contains(strings.Fields(run), m[1])
	}
	for _, word := range strings.Fields(command)[1:] {
		if !strings.HasPrefix(word, "-") && word != "run" && word != "exec" {
			return slices.Contains(strings.Fields(run), word)
		}
	}
	return false
}

// does says whether the plan does what a command of the Dockerfile does.
func (c *Common) does(command dockerfile.Command) bool {
	task, _, _ := strings.Cut(strings.TrimPrefix(command.Text, "mix "), " ")
	for _, own := range c.Planner.Settings().Steps {
		if strings.Contains(own.Run, task) {
			return true
		}
	}
	if c.js.uses && installsPackages.MatchString(command.Text) {
		return slices.ContainsFunc(c.Facts.Assets.Setups, installsPackages.MatchString) || slices.ContainsFunc(c.js.install, func(p project.Package) bool { return p.Dir == runsIn(command) || p.Dir == "assets" })
	}
	if !c.work.Deploy {
		return c.digests(command)
	}
	calls := slices.Concat(c.Facts.Assets.Setups, c.Facts.Assets.Deploys)
	if scripting.MatchString(command.Text) {
		return c.js.uses && c.scripts(command.Text)
	}
	return task == "phx.digest" && c.js.digest != "" || slices.ContainsFunc(calls, func(call string) bool { return call == task || strings.HasPrefix(call, task+" ") })
}

// digests has the plan digest assets where the Dockerfile does, without the time in the
// manifest.
func (c *Common) digests(command dockerfile.Command) bool {
	return command.Run == "mix phx.digest" && command.Dir == "." && command.Before != "" &&
		c.Planner.Follow(config.Step{Run: command.Run + " && " + manifestTimes, Before: command.Before})
}

// runs says whether what a command of JavaScript's calls is there: a script of the
// package.json where it runs.
func (c *Common) runs(command dockerfile.Command) bool {
	if !scripting.MatchString(command.Run) {
		return true
	}
	return c.scriptOf(command) != nil
}

// called is the script of package.json that a command runs.
var called = regexp.MustCompile(`\srun(?:\s+(?:--prefix|--cwd|--dir|-C)\s+\S+|\s+-\S+)*\s+([\w:.][\w:.-]*)`)

// calledShortly is the same without "run", as yarn and pnpm take it.
var calledShortly = regexp.MustCompile(`^(?:yarn|pnpm)(?:\s+(?:--prefix|--cwd|--dir|-C)[= ]\S+)*\s+([a-z][\w:-]*)$`)

// scriptOf is the package whose script a command runs, nil if there is none.
func (c *Common) scriptOf(command dockerfile.Command) *project.Package {
	m := called.FindStringSubmatch(command.Run)
	if m == nil {
		m = calledShortly.FindStringSubmatch(command.Run)
	}
	if m == nil {
		return nil
	}
	dir := runsIn(command)
	i := slices.IndexFunc(c.Facts.Assets.Packages, func(p project.Package) bool { return p.Dir == dir && slices.Contains(p.Scripts, m[1]) })
	if i < 0 {
		return nil
	}
	return &c.Facts.Assets.Packages[i]
}
