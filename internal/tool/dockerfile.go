package tool

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/environ"
	"dram/internal/project"
	"dram/internal/project/dockerfile"
)

// Dockerfile is a project's own Dockerfile beside the plan of its build. What of it can be
// followed is handed to the plan; what a result would lack is noted, so that nobody
// finds out from that.
type Dockerfile struct {
	Facts   *project.Project
	Planner Planner
	// Brings are packages that the plan has for itself.
	Brings []string
	// Does says whether the plan does what a command does; nil: none.
	Does func(c dockerfile.Command) bool
	// Runs says whether what a command calls is there; nil: it is.
	Runs func(c dockerfile.Command) bool
	// Serves says that the release starts as the file starts it.
	Serves bool
	// Before is where a project of the tool says what comes before the release starts.
	Before string
}

// Read follows what can be, and notes the rest.
func (d Dockerfile) Read() {
	r, set := d.Facts.Docker, d.Planner.Settings()
	build := Without(Without(r.Build, set.Packages), d.Brings)
	if slices.Contains(build, rustup) && set.Dockerfile != config.IgnoreDockerfile {
		build = Without(build, []string{rustup})
		d.Planner.Need(Need{What: distro.Cargo, Why: d.Facts.DockerFile, Perhaps: true})
	}
	for name, what := range map[string]distro.Need{"nodejs": distro.Node, "npm": distro.NPM} {
		if slices.Contains(build, name) && set.Dockerfile != config.IgnoreDockerfile {
			build = Without(build, []string{name})
			d.Planner.Need(Need{What: what, Why: d.Facts.DockerFile, Perhaps: true})
		}
	}
	d.Note("installs %s to build, and what the toolchain's distribution calls it is not known: --package NAME", Without(build, set.Build))
	d.Note("installs %s to run, and what the toolchain's distribution calls it is not known: --image-package NAME", Without(Without(r.Run, set.Programs), set.Run))
	if r.Makes && len(r.Unnamed) > 0 && len(d.Facts.Offers) == 0 && d.Facts.Asked == (project.Asked{}) {
		d.Note("builds in an image that is named when it is built, %s: which versions that has is not known, and --toolchain says one", r.Unnamed)
	}
	if base := path.Base(d.Facts.DockerFile); !r.Makes && (base == "Dockerfile" || base == "Containerfile") {
		d.Note("makes no release, as far as is seen, and is not followed: it has %s; what of that the build or the image needs is for dram.toml to say", r.Else)
	}
	d.commands()
	d.arguments(set.BuildEnv)
	d.Note("takes %s from outside of the project, of which the build sees nothing: --include ../NAME", d.outside(r.Copies))
	if r.Git {
		d.Planner.Note(d.Facts.DockerFile + " reads .git, which the build does not see: where it takes the commit from a variable, --build-env NAME=VALUE gives it")
	}
	d.Note("copies what its stages %s make into the image: dram's has none of it", r.Beside)
	if len(set.Entrypoint) == 0 {
		d.Note("runs %s before it starts the release, and dram's image does not: `dram run` and Docker's --entrypoint start other programs of the release", r.First)
	}
	if len(set.Directories) == 0 {
		d.Note("declares the volumes %s: [[image.directories]] in dram.toml makes them, with volume = true", r.Volumes)
	}
	if r.Health {
		d.Planner.Note(d.Facts.DockerFile + " has a HEALTHCHECK: [image.healthcheck] in dram.toml gives the image one")
	}
	if len(r.Start) > 0 && !d.Serves && len(set.Entrypoint) == 0 {
		d.starts(r.Start, set.Command)
	}
}

// ownScript is a release's own script, by its usual place.
var ownScript = regexp.MustCompile(`^(/\S+/|\./)?bin/[a-z]\w*$`)

// starts says what the Dockerfile starts that dram's image does not.
func (d Dockerfile) starts(words, command []string) {
	if len(words) > 1 && ownScript.MatchString(words[0]) {
		if len(command) == 0 {
			d.Planner.Note(fmt.Sprintf("%s starts %s, and dram's image what starts a release in the foreground: [image] command in dram.toml gives it another command",
				d.Facts.DockerFile, strings.Join(words, " ")))
		}
		return
	}
	if words[0] != d.Planner.Settings().Unstarted {
		d.Note("starts %s, and dram's image the release itself: what that does before is for "+d.Before+" to do", words[:1])
	}
}

// rustup installs Rust, and is no package.
const rustup = "rustup"

// Note notes what the file does with some names, if there are any; %s in the format is
// those.
func (d Dockerfile) Note(format string, names []string) {
	if len(names) > 0 {
		d.Planner.Note(d.Facts.DockerFile + " " + fmt.Sprintf(format, Some(names, 12)))
	}
}

// arguments says which build arguments there are, of those that nothing gives a value.
func (d Dockerfile) arguments(set []string) {
	isSet := func(name string) bool {
		_, is := environ.Lookup(set, name)
		return is
	}
	open := slices.DeleteFunc(slices.Clone(d.Facts.Docker.Args), isSet)
	var needed []string
	if reads := d.Facts.BuildReads; len(reads) > 0 {
		d.Planner.Decide("build arguments", Some(reads, 20), "read while it compiles: --build-env NAME=VALUE sets one")
	}
	for _, name := range d.Facts.BuildRequired {
		if !isSet(name) {
			needed = append(needed, name)
		}
	}
	if len(needed) > 0 {
		d.Planner.Note(fmt.Sprintf("compiling ends where %s is not set, as the configuration reads it: --build-env NAME=VALUE", Some(needed, 12)))
	}
	if open = Without(open, needed); len(open) > 0 {
		d.Planner.Decide("build arguments", Some(open, 20)+": none is set", d.Facts.DockerFile+" gives them no value either: --build-env NAME=VALUE does")
	}
}

// commands follows those that can be, and notes the others.
func (d Dockerfile) commands() {
	var others []string
	left := map[string]bool{} // stages of which a command is not run
	for _, c := range d.Facts.Docker.Commands {
		if c.Takes != "" && !left[c.Takes] && d.takes(c) || d.Does != nil && d.Does(c) || (d.Runs == nil || d.Runs(c)) && d.follows(c) || d.fetches(c) {
			continue
		}
		left[strings.ToLower(c.Stage)] = true
		others = append(others, c.Text)
	}
	d.Note("also runs, to build: %s; give each as a step in dram.toml: [[step]], run = \"…\", before = \"release\"", others)
}

// takes has the plan copy in the project what a stage made.
func (d Dockerfile) takes(c dockerfile.Command) bool {
	return c.Run != "" && c.Before != "" && d.Planner.Follow(config.Step{Run: c.Run, Before: c.Before})
}

var (
	// task is a call of a task, of a script of package.json or of a program that only
	// reads and writes the project: nothing that is put together at run time.
	task = regexp.MustCompile(`^mix [a-z][a-z0-9_.]*( |$)|^(npm|pnpm|yarn|bun)( --?(prefix|cwd|C)[= ]\S+)? run \S+|^(yarn|pnpm)( --?(prefix|cwd|C)[= ]\S+)? [a-z][\w:-]*$|^(echo|printf) .* ?>>?[\w][\w./-]*$`)
	// reaches are tasks that fetch something, run any code, or ask a database or a service.
	reaches = regexp.MustCompile(`(?i)^mix (run|eval|cmd|escript|archive|ecto|phx\.(server|gen)|test|dialyzer|hex|docs|credo|deps)\b|download|fetch|update|upload|install|publish|migrat|seed`)
)

// follows has the plan run a command, if it is one that needs no network.
func (d Dockerfile) follows(c dockerfile.Command) bool {
	if c.Run == "" || c.Dir == "" || c.Before == "" || !task.MatchString(c.Run) || reaches.MatchString(c.Run) {
		return false
	}
	if c.Dir != "." && (strings.HasPrefix(c.Run, "mix ") || !d.Facts.HasDir(c.Dir)) {
		return false
	}
	run := c.Run
	if c.Dir != "." {
		run = "cd " + c.Dir + " && " + run
	}
	return d.Planner.Follow(config.Step{Run: run, Before: c.Before})
}

var (
	// downloads are tasks that are there to fetch something, and code that is run by hand.
	downloads = regexp.MustCompile(`^mix ([\w.]*(download|fetch|install|update)[\w.]*|run|eval)( |$)`)
	// toFile fetches by an address into a file of the project.
	toFile = regexp.MustCompile(`^(?:mkdir -p \S+ && )?(curl|wget) (?:.* )?(?:-\w*[oO]|--output) ?[\w][\w./-]*(?: |$)`)
	secure = regexp.MustCompile(`(^|[ '])https://`)
)

// fetches has the plan run a command that needs the network: a task after the project is
// compiled, which has none, and what code of nobody's does where it is.
func (d Dockerfile) fetches(c dockerfile.Command) bool {
	if c.Run == "" || c.Before == "" || c.Dir != "." {
		return false
	}
	s := config.Step{Run: c.Run, Network: true}
	m := toFile.FindStringSubmatch(c.Run)
	switch {
	case downloads.MatchString(c.Run) && !strings.HasPrefix(c.Run, "mix escript."):
		s.After = "compile"
	case m != nil && secure.MatchString(c.Run):
		s.Before = c.Before
	default:
		return false
	}
	if !d.Planner.Follow(s) {
		return false
	}
	if m != nil {
		d.Planner.Need(Need{What: map[string]distro.Need{"curl": distro.Curl, "wget": distro.Wget}[m[1]], Why: d.Facts.DockerFile})
	}
	return true
}

// outside are what a Dockerfile above the project takes that the build does not see.
func (d Dockerfile) outside(copies []string) []string {
	up := strings.Count(d.Facts.DockerFile, "../")
	if up == 0 {
		return nil
	}
	parts := strings.Split(filepath.ToSlash(d.Facts.Dir), "/")
	at := strings.Join(parts[max(0, len(parts)-up):], "/")
	var out []string
	for _, name := range copies {
		first, _, _ := strings.Cut(name, "/")
		seen := slices.ContainsFunc(d.Facts.Context.Beside, func(b string) bool {
			return name == b || first == b || strings.HasPrefix(b, name+"/") || strings.HasPrefix(name, b+"/")
		})
		if name != "." && name != at && !strings.HasPrefix(name, at+"/") && !strings.HasPrefix(at, name+"/") && !strings.Contains(name, "$") && !seen {
			out = append(out, name)
		}
	}
	return out
}
