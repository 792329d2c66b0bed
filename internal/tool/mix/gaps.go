package mix

import (
	"fmt"
	"path"
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

// gaps notes what is not there.
func (c *Common) gaps() {
	c.unmade()
	c.offline()
	c.atStart()
	c.docker()
}

// unmade notes assets that no step makes.
func (c *Common) unmade() {
	a := c.Facts.Assets
	if c.work.Deploy {
		return
	}
	const add = "give it the alias assets.deploy, with what makes them and phx.digest (and assets.setup for what has the network)"
	switch {
	case c.Facts.AliasesOpen && (len(a.Packages) > 0 || a.Manifest != ""):
		c.Planner.Note("mix.exs computes its aliases, so that no assets are made: name assets.setup and assets.deploy in a literal list")
	case len(a.Packages) > 0:
		note := fmt.Sprintf("%s is there and no step makes its assets: %s", path.Join(a.Packages[0].Dir, "package.json"), add)
		if asked := a.Packages[0].Node; asked.Version != "" {
			note += fmt.Sprintf("; Node.js %s, as %s asks, comes with it", asked.Version, asked.File)
		}
		c.Planner.Note(note)
	case a.Manifest != "":
		c.Planner.Note(fmt.Sprintf("%s has a cache_static_manifest and no step makes it: %s", a.Manifest, add))
	}
}

// offline notes packages that want the network while they are compiled.
func (c *Common) offline() {
	if c.Planner.Settings().BuildNetwork == "host" {
		return
	}
	for _, name := range c.Facts.Locked {
		if name == "rustler_precompiled" && c.fetchesNIFs() {
			continue
		}
		if instead, ok := downloading[name]; ok {
			note := name + " downloads while it is compiled, and compiling has no network: --build-network host gives it one"
			if instead != "" {
				note += "; or " + instead
			}
			c.Planner.Note(note)
		}
	}
}

// atStart says what the release reads when it starts, and how it is told to listen.
func (c *Common) atStart() {
	const listens = "PHX_SERVER"
	start := c.Facts.Start
	if len(start.Reads) > 0 {
		c.Planner.Decide("environment", tool.Some(start.Reads, 20), start.File+" reads them when the release starts")
	}
	if len(start.Required) > 0 {
		c.Planner.Decide("required", tool.Some(start.Required, 20), "without them "+start.File+" ends the start")
	}
	if start.Server != "" {
		c.work.Start = start.Server
		c.Planner.Decide("start", "/app/"+start.Server, "rel/overlays has it; other commands: /app/bin/NAME COMMAND, with Docker as --entrypoint")
	}
	set := slices.ContainsFunc(c.Planner.Settings().ImageEnv, func(kv string) bool { return strings.HasPrefix(kv, listens+"=") })
	switch {
	case set:
	case start.Listens || slices.Contains(start.Reads, listens):
		c.work.ImageEnv = []string{listens + "=true"}
		why := start.File + " has the server listen where it is set"
		if !slices.Contains(start.Reads, listens) {
			why = "the project's own start sets it"
		}
		c.Planner.Decide("server", listens+"=true in the image", why)
	case !start.Serves && start.Server == "" && c.has("phoenix"):
		c.Planner.Note("nothing tells Phoenix's endpoint to listen: give it `server: true` in config/runtime.exs, as where PHX_SERVER is set")
	}
}

// has says whether the project uses a package, as far as it says so.
func (c *Common) has(name string) bool {
	return slices.Contains(c.Facts.Locked, name) || slices.ContainsFunc(c.Facts.Deps, func(d project.Dep) bool { return d.Name == name })
}
