package mix

import (
	"cmp"
	_ "embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/project/dockerfile"
	"dram/internal/tool"
)

// The scripts of Elixir that steps run: what fetches, and what fetches Node.js.
var (
	//go:embed get.exs
	getScript string
	//go:embed node.exs
	nodeScript string
)

// jsHome is what JavaScript keeps between runs, inside: Node.js, package managers
// and what they downloaded.
const jsHome = "/cache/javascript"

// javascript is how the assets come by what is written in JavaScript.
type javascript struct {
	install []project.Package // whose packages are installed
	build   *project.Package  // whose script makes the assets, nil where an alias does
	command string            // of an alias that runs it, "" for none
	uses    bool              // some step runs it
	node    string            // the directory of Node.js's archive, "" where the toolchain's serves
	digest  string            // the directory in which mix phx.digest is called, "" for none
	// managers are the package managers, beside npm, that steps call, as npm's registry
	// has them: "pnpm@9".
	managers []string
}

var (
	// runsJavaScript is a command that runs Node.js, or what comes with it.
	runsJavaScript = regexp.MustCompile(`(^|[\s/])(node|npm|npx|yarn|pnpm|pnpx|bunx?)(\s|$)`)
	// installsPackages is one that installs packages.
	installsPackages = regexp.MustCompile(`(^|[\s/])((npm|pnpm|bun)\s(.*\s)?(ci|i|install)(\s|$)|yarn(\s+--(cwd[= ]\S+|[\w-]+(=\S+)?))*(\s+install\b.*)?\s*($|[&;|]))`)
)

// scripted decides what of JavaScript is installed and run.
func (c *Common) scripted(online string) error {
	a := c.Facts.Assets
	if a.Deploy {
		commands := slices.Concat(a.Setups, a.Deploys)
		if i := slices.IndexFunc(commands, runsJavaScript.MatchString); i >= 0 {
			c.js.command = commands[i]
		}
		if !slices.ContainsFunc(a.Setups, installsPackages.MatchString) {
			c.js.install = c.beside()
		}
	} else if !c.Facts.AliasesOpen {
		c.byScript()
	}
	c.byDockerfile()
	c.js.uses = c.js.command != "" || len(c.js.install) > 0 || c.js.build != nil
	if !c.js.uses {
		return nil
	}
	for _, p := range c.js.install {
		if err := c.installed(p, online); err != nil {
			return err
		}
	}
	c.manage(online)
	return c.chooseNode()
}

// byDockerfile has the packages installed that commands of the project's own Dockerfile
// need which are followed.
func (c *Common) byDockerfile() {
	if c.Planner.Settings().Dockerfile == config.IgnoreDockerfile {
		return
	}
	for _, command := range c.Facts.Docker.Commands {
		p := c.scriptOf(command)
		if p == nil || installsPackages.MatchString(command.Run) || command.Before == "" {
			continue
		}
		c.js.command = cmp.Or(c.js.command, command.Text)
		if p.Needs && !slices.ContainsFunc(c.js.install, func(o project.Package) bool { return o.Dir == p.Dir }) {
			c.js.install = append(c.js.install, *p)
		}
	}
}

// elsewhere is an option by which a package manager runs in another directory.
var elsewhere = regexp.MustCompile(`\s(?:--prefix|--cwd|--dir|-C)[= ](\S+)`)

// runsIn is the directory of the project that a command of JavaScript runs in, "" where
// that is not known.
func runsIn(command dockerfile.Command) string {
	if m := elsewhere.FindStringSubmatch(command.Run); m != nil && command.Dir != "" {
		return path.Join(command.Dir, m[1])
	}
	return command.Dir
}

// callsManager is a command of an alias that calls another package manager than npm.
var callsManager = regexp.MustCompile(`(?:^|[\s/])(pnpm|yarn|bun)(?:\s|$)`)

// manage finds the package managers that are called.
func (c *Common) manage(online string) {
	a := c.Facts.Assets
	add := func(p project.Package) {
		if name := archive(p); p.Manager != "npm" && !slices.Contains(c.js.managers, name) {
			c.js.managers = append(c.js.managers, name)
		}
	}
	for _, p := range c.js.install {
		add(p)
	}
	installed := len(c.js.managers)
	for _, m := range callsManager.FindAllStringSubmatch(strings.Join(slices.Concat(a.Setups, a.Deploys, []string{c.js.command}), "\n"), -1) {
		i := slices.IndexFunc(a.Packages, func(p project.Package) bool { return p.Manager == m[1] })
		if i >= 0 {
			add(a.Packages[i])
		} else if !slices.ContainsFunc(c.js.managers, func(name string) bool { return strings.HasPrefix(name, m[1]) }) {
			add(project.Package{Manager: m[1]})
		}
	}
	if called := c.js.managers[installed:]; len(called) > 0 {
		c.Planner.Decide("javascript", "npm install --global "+strings.Join(called, " ")+" unless the toolchain has it, "+online, "aliases of mix.exs call it")
	}
}

// beside are the packages that the alias assets.deploy counts on: those of assets/,
// and those beside mix.exs where a command runs there.
func (c *Common) beside() (all []project.Package) {
	top := slices.ContainsFunc(c.Facts.Assets.Deploys, func(command string) bool {
		return runsJavaScript.MatchString(command) && !strings.Contains(command, "assets")
	})
	for _, p := range c.Facts.Assets.Packages {
		if p.Needs && !p.Apart && (path.Base(p.Dir) == "assets" || top) {
			all = append(all, p)
		}
	}
	return all
}

// byScript has a script of package.json make the assets, as Phoenix did it up to
// 1.5. One beside mix.exs counts only where its name says so.
func (c *Common) byScript() {
	for i, p := range c.Facts.Assets.Packages {
		if p.Apart || p.Broken == "" && (p.Script == "" || path.Base(p.Dir) != "assets" && p.Script != "deploy") {
			continue
		}
		c.js.build = &c.Facts.Assets.Packages[i]
		if p.Needs {
			c.js.install = []project.Package{p}
		}
		if c.has("phoenix") {
			c.js.digest = path.Join(p.Dir, map[bool]string{true: ".."}[path.Base(p.Dir) == "assets"])
		}
		return
	}
}

// installed decides how the packages of one package.json are installed.
func (c *Common) installed(p project.Package, online string) error {
	file := path.Join(p.Dir, "package.json")
	switch {
	case p.Broken != "":
		return problem.New(problem.Build, "mend the file: its package manager would fail on it, too", "reading %q: %s", file, p.Broken)
	case p.Lock == "" && len(p.Others) > 0:
		return problem.New(problem.Usage, fmt.Sprintf("run `%s install` in %s and commit its lock file, or change packageManager", p.Manager, p.Dir),
			"%s asks for %s, and %s is the lock file of another package manager", file, p.Manager, p.Others[0])
	case p.Lock == "":
		c.Planner.Note(fmt.Sprintf("there is no lock file beside %s: run `%s install` there and commit it, or builds may differ", file, p.Manager))
	case len(p.Others) > 0:
		c.Planner.Note(fmt.Sprintf("%s counts, and %s does not: it is another package manager's", p.Lock, strings.Join(p.Others, ", ")))
	}
	c.Planner.Decide("javascript", fmt.Sprintf("%s in %s, %s", strings.Join(installing(p), " "), p.Dir, online), orFile(p.Lock, file))
	return nil
}

func orFile(lock, file string) string {
	if lock != "" {
		return lock + " found"
	}
	return file + " found"
}

// chooseNode decides which Node.js runs.
func (c *Common) chooseNode() error {
	var asked project.Version
	for _, p := range c.Facts.Assets.Packages {
		if asked.Version == "" {
			asked = p.Node
		}
	}
	if d := c.Facts.Docker.Node; asked.Version == "" && d != "" && c.Planner.Settings().Dockerfile != config.IgnoreDockerfile {
		c.js.node = "latest-v" + d + ".x"
		c.Planner.Decide("node", "v"+d+".x of nodejs.org by its checksum, unless the toolchain has that", c.Facts.DockerFile+" builds with it")
		return nil
	}
	if asked.Version == "" {
		for _, what := range []distro.Need{distro.Node, distro.NPM} {
			c.Planner.Need(tool.Need{What: what, Why: c.js.why()})
		}
		return nil
	}
	if c.js.node = nodeLine(asked.Version); c.js.node == "" {
		return problem.New(problem.Usage, "write a version there, such as 22 or 22.11.0", "%s asks for Node.js %q, which dram does not understand", asked.File, asked.Version)
	}
	if d := c.Facts.Docker.Node; !exactNode.MatchString(strings.TrimPrefix(asked.Version, "v")) && allowsNode(asked.Version, d) {
		c.js.node, asked.File = "latest-v"+d+".x", c.Facts.DockerFile+" builds with, and "+asked.File
	}
	c.Planner.Decide("node", strings.TrimPrefix(c.js.node, "latest-")+" of nodejs.org by its checksum, unless the toolchain has that",
		fmt.Sprintf("%s asks for %s", asked.File, asked.Version))
	return nil
}

// why names what needs JavaScript's tools.
func (j *javascript) why() string {
	switch {
	case len(j.install) > 0:
		return path.Join(j.install[0].Dir, "package.json")
	case j.build != nil:
		return path.Join(j.build.Dir, "package.json")
	}
	return fmt.Sprintf("%q of mix.exs", j.command)
}

// installing is the command that installs a directory's packages.
func installing(p project.Package) []string {
	argv := []string{p.Manager, "install"}
	switch {
	case p.Lock == "":
	case p.Manager == "npm":
		argv = []string{"npm", "ci"}
	case p.Manager == "yarn" && p.ManagerVersion != "" && !strings.HasPrefix(p.ManagerVersion, "1"):
		argv = append(argv, "--immutable")
	default:
		argv = append(argv, "--frozen-lockfile")
	}
	return argv
}

// archive is what npm's registry has a package manager in: "pnpm@9".
func archive(p project.Package) string {
	name := p.Manager
	if name == "yarn" && p.ManagerVersion != "" && !strings.HasPrefix(p.ManagerVersion, "1") {
		name = "@yarnpkg/cli-dist"
	}
	if p.ManagerVersion != "" {
		name += "@" + p.ManagerVersion
	}
	return name
}

// program is what an archive of npm's registry brings.
func program(archive string) string {
	if strings.HasPrefix(archive, "@yarnpkg/") {
		return "yarn"
	}
	name, _, _ := strings.Cut(archive, "@")
	return name
}

// steps are those that bring Node.js, package managers and packages.
func (j *javascript) steps(f fetching) []engine.Step {
	var steps []engine.Step
	f.needs = slices.Concat(f.needs, j.reads(f))
	slices.Sort(f.needs)
	f.needs = slices.Compact(f.needs)
	if j.node != "" {
		s := f.once("Node.js", "elixir", "-e", getScript+nodeScript)
		s.Env = append(slices.Clone(s.Env), "DRAM_NODE="+j.node, "DRAM_JAVASCRIPT="+jsHome)
		s.InputDigest += j.node
		steps = append(steps, s)
	}
	for _, name := range j.managers {
		const unlessThere = `command -v "$0" || exec npm install --global --prefix="$2" "$1"`
		program := program(name)
		steps = append(steps, f.once(program, "sh", "-c", unlessThere, program, name, jsHome+"/tools"))
	}
	for _, p := range j.install {
		name, argv := "packages of "+p.Dir, inside(p.Dir, installing(p)...)
		if p.Lock == "" {
			steps = append(steps, f.step(name, argv...))
			continue
		}
		steps = append(steps, f.once(name, argv...))
	}
	return steps
}

// environment is what JavaScript's tools go by.
func (j *javascript) environment(t tool.Toolchain) []string {
	return []string{
		"PATH=" + strings.Join([]string{jsHome + "/node/bin", jsHome + "/tools/bin", t.Path}, ":"),
		"npm_config_cache=" + jsHome + "/npm", "npm_config_prefer_offline=true", "npm_config_audit=false", "npm_config_fund=false",
		"npm_config_update_notifier=false", "npm_config_store_dir=" + jsHome + "/pnpm",
		"YARN_CACHE_FOLDER=" + jsHome + "/yarn", "YARN_ENABLE_TELEMETRY=0", "BUN_INSTALL_CACHE_DIR=" + jsHome + "/bun", "COREPACK_HOME=" + jsHome + "/corepack",
	}
}

// settings of package managers that installing reads, beside the package.json and
// lock files of manifests.
var settings = [...]string{".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", "bunfig.toml", ".nvmrc", ".node-version"}

// reads lists what of the source installing reads, beside what fetching does.
func (j *javascript) reads(f fetching) (needs []string) {
	var dirs []string
	for _, p := range j.install {
		dirs = append(append(dirs, p.Local...), path.Join(p.Dir, ".yarn"), path.Join(p.Dir, "patches"))
	}
	for _, file := range f.source.Files {
		below := slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(file.Path, dir+"/") })
		if below || slices.Contains(settings[:], path.Base(file.Path)) {
			needs = append(needs, file.Path)
		}
	}
	return needs
}

// inside is a command that is run in a directory of the project.
func inside(dir string, argv ...string) []string {
	if dir == "." || dir == "" {
		return argv
	}
	return engine.Within(dir, argv)
}
