// Package dockerfile writes a job down as a Dockerfile: the one that the
// buildkit engine has run, and that people keep in their project. It needs no
// frontend but the one that is built into BuildKit since Docker 20.10, so no
// registry is asked for one.
//
// The stages:
//
//	toolchain   the image that compiles, the job's environment, and a script
//	fetch       what the steps that fetch made, from the files they need alone
//	source      that, with the whole source over it
//	assemble    the steps that build
//	release     nothing but the exported directory, for --output
//	(the last)  source, dependencies and compiled code, to run Mix in
//
// Cache mounts make builds fast and decide nothing: a build with empty ones has
// the same result. What the last stage and the engine read comes out of layers.
package dockerfile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"dram/internal/engine"
	"dram/internal/problem"
)

// The names that the file gives to things outside it.
const (
	ToolchainArg = "TOOLCHAIN"   // build argument: the image to build in
	RefetchArg   = "REFETCH"     // build argument: another value fetches again where there is no lock file
	Secrets      = "environment" // secret: a file of shell assignments, as SecretFile writes it, for steps that are Private
	Reach        = "network"     // secret: the same, for the other steps with the network
	Release      = "release"     // stage: the release alone
	LastStage    = "build-elixir"
)

// The lines by which the script tells where it is; they stand in the log.
const (
	MarkStep     = "dram: step "
	MarkUnlocked = "dram: unlocked"
	MarkNothing  = "dram: nothing at "
	MarkFailed   = "dram: failed "
	MarkFresh    = "dram: fresh"
)

// Options are what a file depends on besides the job.
type Options struct {
	// Toolchain is the image to build in unless the build argument TOOLCHAIN
	// names another.
	Toolchain string
	// Cache begins the names of the cache mounts: builds with the same share
	// them, and wait for one another. The job's name, if empty.
	Cache string
	// Place names, after that, the cache mount in which is built. Whoever gives
	// one for each job.PlaceKey has what is kept decided by that; else the script
	// does, and more goes.
	Place string
	// Path is where the file lies in the project, for its comments; "" if it lies
	// nowhere.
	Path string
	// Script is where what Script writes lies in the project; "" if it lies nowhere,
	// and the file writes it down itself.
	Script string
	// Builder is the oldest builder that is to understand the file.
	Builder Builder
}

// Builder is what a builder understands.
type Builder int

// The builders, each with what it understands more than the next.
const (
	// Current is BuildKit since 0.9, as in Docker 23: a RUN may be without the
	// network.
	Current Builder = iota
	// Docker20 is the BuildKit in Docker 20.10, which knows mounts.
	Docker20
	// Classic is Docker's builder before BuildKit: nothing is kept between builds
	// but layers.
	Classic
)

// Render writes the job down. The same job and options give the same bytes.
func Render(job engine.Job, o Options) ([]byte, error) {
	if o.Cache == "" {
		o.Cache = job.Name
	}
	r := renderer{job: job, o: o}
	parts := []func(){r.head, r.toolchain, r.fetch, r.source, r.assemble, r.last}
	if o.Builder == Classic {
		parts = []func(){r.head, r.toolchain, r.fetch, r.layers}
	}
	for _, part := range parts {
		part()
	}
	if r.err != nil {
		return nil, problem.New(problem.Usage, "rename it, or exclude it in .dockerignore", "writing a Dockerfile: %w", r.err)
	}
	return []byte(r.b.String()), nil
}

type renderer struct {
	job engine.Job
	o   Options
	b   strings.Builder
	err error
}

func (r *renderer) line(format string, args ...any) { fmt.Fprintf(&r.b, format+"\n", args...) }

// kept is the directory that the steps build in and that lives on.
func (r *renderer) kept() string {
	for _, k := range r.job.CacheDirs {
		if strings.HasPrefix(r.job.Export, k+"/") {
			return k
		}
	}
	return path.Dir(r.job.Export)
}

// fetched are the kept directories that the fetching steps fill.
func (r *renderer) fetched() []string {
	return slices.DeleteFunc(slices.Clone(r.job.CacheDirs), func(k string) bool { return k == r.kept() })
}

func (r *renderer) head() {
	if r.o.Path != "" {
		r.line("# The build of %s, as dram does it; this file is its own, and yours to change.", r.job.Name)
		r.line("#   docker build --tag=%s -f %s .", LastStage, r.o.Path)
		r.line("#   docker run -v $PWD/releases:%s/releases %s %s", engine.SourceDir, LastStage, shellWords(r.lastArgv()))
		r.parts()
		switch r.o.Builder {
		case Current:
			r.line("# It needs BuildKit, as in Docker 23 or later.")
		case Docker20:
			r.line("# It needs BuildKit: Docker 23 or later, or 20.10 with DOCKER_BUILDKIT=1.")
		case Classic:
			r.line("# Any Docker builds it.")
		}
	}
	r.line("ARG %s=%s", ToolchainArg, r.o.Toolchain)
}

// parts says what two of the file's stages are for; one there is of each builder's.
func (r *renderer) parts() {
	tarball := "# leave the tarball in releases/" + path.Base(r.job.Export) + "/releases/VERSION/"
	if r.o.Builder == Classic {
		r.line("%s.", tarball)
		return
	}
	r.line("%s, and", tarball)
	r.line("#   docker build --target=%s --output=DIR -f %s .", Release, r.o.Path)
	r.line("# the release's files in DIR.")
}

func (r *renderer) toolchain() {
	r.line("")
	r.line("FROM ${%s} AS toolchain", ToolchainArg)
	r.line("USER 0:0")
	r.line(`SHELL ["/bin/sh", "-euc"]`)
	for _, kv := range r.job.Env {
		name, value, _ := strings.Cut(kv, "=")
		r.line("ENV %s=%s", name, r.quoted(value))
	}
	r.line("WORKDIR %s", engine.SourceDir)
	identify := "; cat /proc/sys/kernel/random/uuid > /dram/id"
	if r.o.Builder == Classic {
		identify = ""
		r.line("# The script that the steps below call.")
	} else {
		r.line("# The script that the steps below call. It tells, too, what may be kept of an")
		r.line("# earlier build.")
	}
	if r.o.Script != "" {
		r.line("COPY [%s, %s]", r.copyWord(r.o.Script), r.copyWord("/dram/build"))
		r.line("RUN chmod 755 /dram/build" + identify)
		return
	}
	r.line(`RUN mkdir /dram; printf '%%s\n' \`)
	for _, l := range r.script() {
		r.line(`    %s \`, shellWord(l))
	}
	r.line("    > /dram/build; chmod 755 /dram/build" + identify)
}

func (r *renderer) fetch() {
	r.line("")
	r.line("FROM toolchain AS fetch")
	steps := r.job.Fetching()
	if len(steps) == 0 {
		return
	}
	r.line("# Only what fetching depends on: after a change to anything else it is not done")
	r.line("# again; and nothing is left of an earlier time.")
	r.needs(steps)
	if r.job.Refetches() {
		r.line("# There is no lock file: another value fetches again.")
		r.line("ARG %s=", RefetchArg)
	}
	r.mirrors(steps)
	groups := groups(steps)
	for i, g := range groups {
		r.fetchGroup(g, i == len(groups)-1)
	}
}

// mirrors lets whoever builds say where is fetched from. An argument of a build lasts
// until the end of its stage.
func (r *renderer) mirrors(steps []engine.Step) {
	online := slices.ContainsFunc(steps, func(s engine.Step) bool { return s.Network })
	if r.o.Path == "" || !online || len(r.job.Mirrors) == 0 {
		return
	}
	r.line("# Where to fetch from, if not where all do: --build-arg NAME=URL.")
	for _, name := range r.job.Mirrors {
		r.line("ARG %s", name)
	}
}

// fetchGroup is some steps of the stage "fetch" in one RUN.
func (r *renderer) fetchGroup(steps []engine.Step, last bool) {
	var flags []string
	if steps[0].Network {
		flags = r.secrets(steps)
	}
	r.run(flags, !steps[0].Network, func() {
		r.line(`    /dram/build seed; \`)
		for i, s := range steps {
			if i == len(steps)-1 && !last {
				r.line(`    %s`, r.step(s))
				return
			}
			r.line(`    %s; \`, r.step(s))
		}
		r.line("    /dram/build settle")
	})
}

// needs copies the files that the steps need, directory by directory.
func (r *renderer) needs(steps []engine.Step) {
	byDir := map[string][]string{}
	for _, s := range steps {
		for _, n := range s.Needs {
			if dir := path.Dir(n); !slices.Contains(byDir[dir], n) {
				byDir[dir] = append(byDir[dir], n)
			}
		}
	}
	for _, dir := range sortedKeys(byDir) {
		slices.Sort(byDir[dir])
		words := make([]string, 0, len(byDir[dir])+1)
		for _, n := range byDir[dir] {
			words = append(words, r.copyWord(pattern(n)))
		}
		words = append(words, r.copyWord("./"+strings.TrimPrefix(dir+"/", "./")))
		r.line("COPY [%s]", strings.Join(words, ", "))
	}
}

func (r *renderer) source() {
	r.line("")
	r.line("FROM fetch AS source")
	r.line("COPY . .")
}

func (r *renderer) assemble() {
	r.line("")
	r.line("FROM source AS assemble")
	groups := groups(r.job.Building())
	for i, g := range groups {
		r.group(g, i == len(groups)-1)
	}
	r.line("# For --output: the release and nothing else.")
	r.line("FROM scratch AS %s", Release)
	r.line("COPY --from=assemble /dram/out/ /")
}

// group is some steps in one RUN.
func (r *renderer) group(steps []engine.Step, export bool) {
	if !steps[0].Network && r.o.Builder == Current {
		r.line("# Without the network: what is built comes of the source and of what was fetched.")
	}
	r.run(append([]string{r.place()}, r.secrets(steps)...), !steps[0].Network, func() {
		r.line(`    /dram/build begin; \`)
		r.commands(steps)
		if !export {
			r.line("    /dram/build end ${status:-0}")
			return
		}
		r.line(`    /dram/build end ${status:-0}; \`)
		r.line("    /dram/build export")
	})
}

// commands run steps until one fails, and keep its status.
func (r *renderer) commands(steps []engine.Step) {
	noted := false
	for i, s := range steps {
		command := r.step(s)
		if s.Volatile && !noted {
			noted = true
			command = "/dram/build generated && " + command
		}
		and := " &&"
		if i == len(steps)-1 {
			and = " || status=$?;"
		}
		r.line(`    %s%s \`, command, and)
	}
}

// run writes a RUN with its flags.
func (r *renderer) run(flags []string, alone bool, body func()) {
	if alone && r.o.Builder == Current {
		flags = append([]string{"--network=none"}, flags...)
	}
	if r.o.Builder == Classic {
		flags = nil
	}
	if len(flags) == 0 {
		r.line(`RUN \`)
	} else {
		r.line(`RUN %s \`, strings.Join(flags, ` \`+"\n    "))
	}
	body()
}

// cache is a flag for a cache mount. Two builds with the same one wait for one
// another.
func (r *renderer) cache(name, target string) string {
	return fmt.Sprintf("--mount=type=cache,id=%s-%s,target=%s,sharing=locked", r.o.Cache, name, target)
}

// place is the flag for the cache mount in which is built.
func (r *renderer) place() string {
	if r.o.Place == "" {
		return r.cache("build", r.kept())
	}
	return r.cache("build-"+r.o.Place, r.kept())
}

// secrets are the flags for steps that may be given secrets, and those that open
// repositories of source; none has to be there.
func (r *renderer) secrets(steps []engine.Step) []string {
	var flags []string
	switch {
	case slices.ContainsFunc(steps, func(s engine.Step) bool { return s.Private }):
		flags = []string{"--mount=type=secret,id=" + Secrets}
	case slices.ContainsFunc(steps, func(s engine.Step) bool { return s.Network }):
		flags = []string{"--mount=type=secret,id=" + Reach}
	}
	if !slices.ContainsFunc(steps, func(s engine.Step) bool { return len(s.Remotes) > 0 }) {
		return flags
	}
	for _, place := range []string{engine.KnownHostsPlace, engine.NetrcPlace} {
		flags = append(flags, "--mount=type=secret,id="+CredentialID(place)+",target="+place)
	}
	return append(flags, "--mount=type=ssh")
}

// CredentialID is what a secret is called that lies at a place of engine.Credentials.
func CredentialID(place string) string { return strings.TrimPrefix(path.Base(place), ".") }

// step is the shell command that runs a step.
func (r *renderer) step(s engine.Step) string {
	words := []string{"/dram/build", "step", s.Name}
	if s.Optional {
		words[1] = "try"
	}
	if len(s.Env) > 0 {
		words = append(append(words, "env"), s.Env...)
	}
	return shellWords(append(words, in(s.Dir, s.Argv)...))
}

// in is a command that is run in a directory of the source.
func in(dir string, argv []string) []string {
	if dir == "" {
		return argv
	}
	return engine.Within(engine.SourceDir+"/"+dir, argv)
}
