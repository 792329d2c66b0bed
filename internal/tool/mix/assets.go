package mix

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/config"
	"dram/internal/engine"
	"dram/internal/project"
	"dram/internal/tool"
)

// installers are the packages of which assets.deploy calls a program that they
// download, by the command's first word.
var installers = map[string]string{"esbuild": "esbuild", "tailwind": "tailwind", "sass": "dart_sass", "bun": "bun"}

// unset are the tasks that bring the programs which assets.deploy calls, where no
// alias assets.setup does.
func unset(p *project.Project) []string {
	return installersOf(p, p.Assets.Deploys)
}

// installersOf are the tasks that bring the programs which commands call.
func installersOf(p *project.Project, commands []string) (tasks []string) {
	for _, command := range commands {
		word, _, _ := strings.Cut(command, " ")
		pkg, ok := installers[word]
		has := slices.ContainsFunc(p.Deps, func(d project.Dep) bool { return d.Name == pkg })
		if task := word + ".install"; ok && has && !slices.Contains(tasks, task) {
			tasks = append(tasks, task)
		}
	}
	return tasks
}

// assets decides how assets are made: by the aliases of mix.exs, else by a script of
// package.json.
func (c *Common) assets(online string) error {
	a := c.Facts.Assets
	if err := c.scripted(online); err != nil {
		return err
	}
	switch {
	case a.Deploy:
		c.byAlias(online)
	case c.js.build != nil:
		c.work.Deploy = true
		run := fmt.Sprintf("mix compile, then %s run %s in %s", c.js.build.Manager, c.js.build.Script, c.js.build.Dir)
		if c.js.digest != "" {
			run += ", then mix phx.digest"
		}
		c.Planner.Decide("assets", run, "its package.json has that script, and mix.exs no alias assets.deploy")
	case len(c.following()) > 0:
		c.tasksOfDockerfile(online)
	case a.Setup:
		c.Planner.Note("mix.exs has the alias assets.setup and no assets.deploy: neither is run; call what makes the assets assets.deploy")
	}
	return nil
}

// makesAssets matches a task of Mix that makes assets.
var makesAssets = regexp.MustCompile(`^mix ((?:esbuild|tailwind|sass|bun|phx\.digest)(?: .*)?)$`)

// following are the tasks that make assets as the Dockerfile calls them, if it is followed.
func (c *Common) following() (tasks []string) {
	set := c.Planner.Settings()
	if set.Dockerfile == config.IgnoreDockerfile || len(set.Steps) > 0 || !c.Facts.Docker.Makes {
		return nil
	}
	for _, command := range c.Facts.Docker.Commands {
		if m := makesAssets.FindStringSubmatch(command.Run); m != nil && command.Dir == "." {
			tasks = append(tasks, m[1])
		}
	}
	return tasks
}

// tasksOfDockerfile brings what the tasks call that the Dockerfile makes the assets by.
func (c *Common) tasksOfDockerfile(online string) {
	tasks := installersOf(c.Facts, c.following())
	switch {
	case len(tasks) == 0:
	case c.apart():
		c.install = tasks
		c.Planner.Decide("assets setup", "mix "+strings.Join(tasks, ", mix ")+", "+online, c.Facts.DockerFile+" calls what they install")
	default:
		c.Planner.Note(fmt.Sprintf("%s makes assets by mix %s, and what that calls is fetched: give mix.exs the aliases assets.setup and assets.deploy for it",
			c.Facts.DockerFile, strings.Join(c.following(), ", mix ")))
	}
}

func (c *Common) byAlias(online string) {
	a := c.Facts.Assets
	c.work.Setup, c.work.Deploy = a.Setup, true
	where := ""
	if a.Dir != "." && a.Dir != "" {
		where = " in " + a.Dir
	}
	if a.Setup {
		c.Planner.Decide("assets setup", "mix assets.setup"+where+", "+online, "the alias is in mix.exs"+where)
	} else if c.install = unset(c.Facts); len(c.install) > 0 {
		c.Planner.Decide("assets setup", "mix "+strings.Join(c.install, ", mix ")+where+", "+online, "assets.deploy calls what they install, and no alias assets.setup does")
	}
	run := "mix compile, then mix assets.deploy" + where
	if len(a.Deploys) > 0 {
		run += " (" + tool.Some(a.Deploys, 6) + ")"
	}
	c.Planner.Decide("assets", run, "the alias is in mix.exs"+where)
}

// apart says whether what sets assets up runs without the project's code, as soon
// as the dependencies are compiled: where some lie in the project, or may, their code
// is compiled in whatever step needs them first, and that must have no network.
func (c *Common) apart() bool {
	p := c.Facts
	near := p.DepsOpen || p.Umbrella || slices.ContainsFunc(p.Deps, func(d project.Dep) bool {
		return d.Source == project.Path || d.Source == project.Sibling || d.Source == project.Computed
	})
	return !near && c.work.Fetch && (p.Assets.SetupApart || !p.Assets.Setup)
}

// setsUp says whether some step sets assets up.
func (c *Common) setsUp() bool { return c.work.Setup || len(c.install) > 0 }

// setup are the steps that set assets up. They have the network, and so compile
// nothing: what they need is compiled before.
func (c *Common) setup(f fetching) []engine.Step {
	f = f.strangers()
	dir := c.Facts.Assets.Dir
	var steps []engine.Step
	if c.work.Setup {
		steps = append(steps, f.once("assets setup", inside(dir, "mix", "assets.setup")...))
	}
	for _, task := range c.install {
		steps = append(steps, f.once(task, inside(dir, "mix", task, "--if-missing")...))
	}
	if !c.apart() {
		for i := range steps {
			steps[i].Needs = nil
		}
	}
	return steps
}

// digested are the manifests of digested files that a working copy brings: what makes
// the assets makes them anew, or they would name files of another day.
func digested(in tool.Circumstances) (names []string) {
	for _, f := range in.Source.Files {
		if dir, base := path.Split(f.Path); base == "cache_manifest.json" && (dir == "priv/static/" || strings.HasSuffix(dir, "/priv/static/")) {
			names = append(names, f.Path)
		}
	}
	return names
}

// deploy are the steps that make the assets.
func (c *Common) deploy(in tool.Circumstances) []engine.Step {
	var steps []engine.Step
	volatile := func(name, dir string, argv ...string) {
		s := compiling(in, name, inside(dir, argv...)...)
		s.Volatile = true
		steps = append(steps, s)
	}
	if old := digested(in); len(old) > 0 {
		steps = append(steps, compiling(in, "old manifest", append([]string{"rm", "-f"}, old...)...))
	}
	switch {
	case c.Facts.Assets.Deploy:
		volatile("assets", c.Facts.Assets.Dir, "mix", "assets.deploy")
	default:
		if c.js.build != nil {
			volatile("assets", c.js.build.Dir, c.js.build.Manager, "run", c.js.build.Script)
		}
		if c.js.digest != "" {
			volatile("digest", c.js.digest, "mix", "phx.digest")
		}
	}
	volatile("times", "", "sh", "-c", manifestTimes)
	return steps
}

// manifestTimes takes the time of the build out of what phx.digest writes, in seconds
// since the year 0: it would make other bytes of the same source. Only
// phx.digest.clean asks for it, which finds all equally old then.
const manifestTimes = `find . \( -name node_modules -o -path ./deps -o -path ./_build \) -prune -o ` +
	`-name cache_manifest.json -type f -exec sed -i 's/"mtime": *[0-9][0-9]*/"mtime":62167219201/g' {} +`
