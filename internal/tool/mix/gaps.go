package mix

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"dram/internal/environ"
	"dram/internal/project"
	"dram/internal/source"
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

// headers are packages that compile against libraries which no toolchain has by itself.
var headers = map[string]string{
	"scenic_driver_local": "GLFW and GLEW (glfw3, glew, by pkg-config)",
	"enacl":               "libsodium",
	"libsalty":            "libsodium",
	"eimp":                "libjpeg, libpng and libwebp",
	"epam":                "PAM",
	"fast_xml":            "expat",
	"fast_yaml":           "libyaml",
	"odbc":                "unixODBC",
}

// calling are packages that call programs when they run, which images have only if they
// are asked for.
var calling = map[string][]string{
	"mogrify": {"imagemagick"}, "thumbnex": {"ffmpeg"}, "ffmpex": {"ffmpeg"}, "pdf_generator": {"wkhtmltopdf", "chromium"}, "puppeteer_pdf": {"chromium"},
	"chromic_pdf": {"chromium"}, "graphvix": {"graphviz"}, "ex_pdf2txt": {"poppler-utils"},
}

// besides says what packages want of the system, to be compiled and to run. What the
// project's own Dockerfile installs is not wanting, whatever that calls it.
func (c *Common) besides() {
	set := c.Planner.Settings()
	if len(set.Packages)+len(c.Facts.Docker.Build) == 0 {
		for _, name := range c.Facts.Locked {
			if what, ok := headers[name]; ok {
				c.Planner.Note(fmt.Sprintf("%s is compiled against %s: --package NAME adds the headers, by the name of the toolchain's distribution", name, what))
			}
		}
	}
	installed := slices.Concat(set.Programs, set.ImagePackages, c.Facts.Docker.Run)
	for _, name := range c.Facts.Locked {
		programs, ok := calling[name]
		if ok && c.has(name) && !slices.ContainsFunc(installed, func(p string) bool { return slices.Contains(programs, p) }) {
			c.Planner.Note(fmt.Sprintf("%s calls %s when it runs, and the image has none: --image-package NAME adds it", name, strings.Join(programs, " or ")))
		}
	}
}

// gaps notes what is not there.
func (c *Common) gaps() {
	c.unmade()
	c.offline()
	c.asksGit()
	c.besides()
	c.atStart()
	c.docker()
}

// asksGit notes that git would be asked where there is no repository.
func (c *Common) asksGit() {
	file := c.Facts.AsksGit
	if file == "" || c.Planner.Settings().Git || source.Sees(c.Facts.Dir, ".git/HEAD") {
		return
	}
	c.Planner.Note(file + " asks git, and the build sees no .git: have it read GIT_SHA and GIT_TAG, which --build-git gives, or let .git in by a .dockerignore that does not leave it out")
}

// unmade notes assets that no step makes.
func (c *Common) unmade() {
	a := c.Facts.Assets
	if c.work.Deploy || len(c.js.install)+len(c.following()) > 0 {
		return // or commands of the Dockerfile make them
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
	start := c.Facts.Start
	if len(start.Reads) > 0 {
		c.Planner.Decide("environment", tool.Some(start.Reads, 20), start.File+" reads them when the release starts")
	}
	if len(start.Required) > 0 {
		c.Planner.Decide("required", tool.Some(start.Required, 20), "without them "+start.File+" ends the start")
	}
	if start.Server != "" {
		c.work.Start = start.Server
		c.Planner.Decide("start", "/app/"+start.Server, start.Overlay+" has it; other commands: /app/bin/NAME COMMAND, with Docker as --entrypoint")
	}
	switch {
	case c.listens() && len(c.work.ImageEnv) == 0:
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

// listens is the variable that tells Phoenix's endpoint to listen.
const listens = "PHX_SERVER"

// listens says whether the image tells it so.
func (c *Common) listens() bool {
	_, is := environ.Lookup(slices.Concat(c.Planner.Settings().ImageEnv, c.work.ImageEnv), listens)
	return is
}

// has says whether the project uses a package, as far as it says so.
func (c *Common) has(name string) bool {
	return slices.Contains(c.Facts.Locked, name) || slices.ContainsFunc(c.Facts.Deps, func(d project.Dep) bool { return d.Name == name })
}
