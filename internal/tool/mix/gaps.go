package mix

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"dram/internal/project"
	"dram/internal/tool"
)

// What a build would lack, or a release miss when it starts, is said in the plan
// by name: a project that dram does not build whole must not look as if it did.

// downloading are packages that download while they are compiled, and what to do.
var downloading = map[string]string{
	"rustler_precompiled": "let the packages that use it be compiled (force_build, or their own variable by --build-env)",
	"xla":                 "give it an archive by XLA_ARCHIVE_URL and --build-env",
	"bundlex":             "",
	"appsignal":           "",
	"ex_cldr":             "",
}

// installing are the packages of which assets.deploy calls a program that they
// download, by the command's first word.
var installing = map[string]string{"esbuild": "esbuild", "tailwind": "tailwind", "sass": "dart_sass", "bun": "bun"}

// installers are the tasks that bring the programs which assets.deploy calls, where
// no alias assets.setup does.
func installers(p *project.Project) []string {
	var tasks []string
	for _, command := range p.Assets.Deploys {
		word, _, _ := strings.Cut(command, " ")
		pkg, ok := installing[word]
		has := slices.ContainsFunc(p.Deps, func(d project.Dep) bool { return d.Name == pkg })
		if task := word + ".install"; ok && has && !slices.Contains(tasks, task) {
			tasks = append(tasks, task)
		}
	}
	return tasks
}

// gaps notes what is not there.
func (c *Common) gaps() {
	c.unmade()
	c.scripts()
	c.offline()
	c.atStart()
	c.docker()
}

// unmade notes assets that no step makes.
func (c *Common) unmade() {
	a := c.Facts.Assets
	if a.Deploy {
		return
	}
	const add = "give it the alias assets.deploy (and assets.setup for what has the network)"
	switch {
	case c.Facts.AliasesOpen && (len(a.Packages) > 0 || a.Manifest != ""):
		c.Planner.Note("mix.exs computes its aliases, so that no assets are made: name assets.setup and assets.deploy in a literal list")
	case len(a.Packages) > 0:
		c.Planner.Note(fmt.Sprintf("%s is there and no step makes its assets: %s", packageFile(a.Packages[0]), add))
	case a.Manifest != "":
		c.Planner.Note(fmt.Sprintf("%s has a cache_static_manifest and no step makes it: %s", a.Manifest, add))
	}
}

// javascript is a command that runs Node.js, or what comes with it.
var javascript = regexp.MustCompile(`(^|[\s/])(node|npm|npx|yarn|pnpm)(\s|$)`)

// scripts notes what the assets of a project that makes them need of JavaScript.
func (c *Common) scripts() {
	a := c.Facts.Assets
	if !a.Deploy {
		return
	}
	commands := slices.Concat(a.Setups, a.Deploys)
	i := slices.IndexFunc(commands, javascript.MatchString)
	switch {
	case i < 0 && a.Needs:
		c.Planner.Note(packageFile(a.Packages[0]) + " names packages and neither assets.setup nor assets.deploy installs them: as with \"cmd --cd assets npm ci\" in assets.setup")
	case i >= 0 && c.lacks("nodejs"):
		c.Planner.Note(fmt.Sprintf("%q needs Node.js, which a toolchain has only if it is asked for: --package nodejs --package npm", commands[i]))
	}
}

// lacks says whether the toolchain has no such package, as far as that is known: of
// one that is no distribution's it is not.
func (c *Common) lacks(pkg string) bool {
	set := c.Planner.Settings()
	return (set.Toolchain == "" || strings.HasPrefix(set.Toolchain, "distro:")) && !slices.Contains(set.Packages, pkg)
}

func packageFile(dir string) string {
	if dir == "." {
		return "package.json"
	}
	return dir + "/package.json"
}

// offline notes packages that want the network while they are compiled.
func (c *Common) offline() {
	if c.Planner.Settings().BuildNetwork == "host" {
		return
	}
	for _, name := range c.Facts.Locked {
		if instead, ok := downloading[name]; ok {
			note := name + " downloads while it is compiled, and compiling has no network: --build-network host gives it one"
			if instead != "" {
				note += "; or " + instead
			}
			c.Planner.Note(note)
		}
	}
}

// atStart says what the release reads when it starts, and notes a server that would
// not listen.
func (c *Common) atStart() {
	const listens = "PHX_SERVER"
	reads := c.Facts.Reads
	if len(reads) == 0 {
		return
	}
	c.Planner.Decide("environment", tool.Some(reads, 20), "config/runtime.exs reads them when the release starts")
	given := slices.ContainsFunc(c.Planner.Settings().ImageEnv, func(kv string) bool { return strings.HasPrefix(kv, listens+"=") })
	if slices.Contains(reads, listens) && !given {
		c.Planner.Note("the release listens only where PHX_SERVER is set: --image-env PHX_SERVER=true, or give it when it is started")
	}
}
