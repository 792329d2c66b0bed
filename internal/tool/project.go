package tool

import (
	"slices"
	"strings"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/engine"
	"dram/internal/grammar"
	"dram/internal/project"
	"dram/internal/source"
)

// Project is a project, as the tool that makes its releases reads it.
type Project interface {
	Tool() Tool
	// Facts is what is known of it whatever the tool.
	Facts() *project.Project
	// Releases names all releases that it declares; none where the tool makes one
	// of the application's own name.
	Releases() ([]string, error)
	// Plan begins to decide how one of them is built, and says so in p.
	Plan(p Planner) (Build, error)
}

// Implicit is a project of which its tool may make a release that nothing declares.
type Implicit interface {
	Project
	Implicit() bool
}

// Preparer is a project of which dram init adds something to the tool's own file.
type Preparer interface {
	Project
	// Prepared is the project with what was added for a release, and the edit that
	// adds it; the edit is nil where nothing is missing.
	Prepared(r Release) (Project, *Edit, error)
}

// Edit changes a file of a project.
type Edit struct {
	Path  string // relative to the project, with slashes
	Apply func(old []byte) ([]byte, error)
}

// Planner is a plan being made: what a tool goes by, and where it says what it
// decided.
type Planner interface {
	Settings() config.Config
	// Origin says why a setting has its value: "set by --release", "default".
	Origin(key string) string
	Decide(name, value, reason string)
	Note(text string)
	// Need says what steps call that a toolchain may lack. What is said before the
	// work is decided is added to the toolchain.
	Need(n Need)
	// Follow has the build run a command of the project's own Dockerfile. It says
	// whether it does: settings may say otherwise.
	Follow(s config.Step) bool
}

// Need is what a project needs of a toolchain.
type Need struct {
	What distro.Need
	Why  string // what of the project needs it: "c_src/nif.c"
	// Must says that nothing is built without it, and what to do where no package of a
	// toolchain's distribution is it.
	Must string
	// Perhaps says that a build may do without it: what needs it is known by its name
	// alone, and may bring what it would make.
	Perhaps bool
}

// Build is how a project is built. Its first methods decide, each once and in
// this order; then Job says what follows.
type Build interface {
	// Release chooses the release, and what it is made for.
	Release() (Release, error)
	// Elixir is what the tool asks of the toolchain that is to be chosen.
	Elixir() Elixir
	// Work decides what is done; online says what network steps that fetch have:
	// "with the network".
	Work(online string) (Work, error)
	// Job is the tool's part of the job that makes the release.
	Job(c Circumstances) Job
}

// Release is the release that is built.
type Release struct {
	Name     string
	Version  string // "" where only the tool knows it
	Declared bool   // the project declares it; else it has the application's name
	MixEnv   string // what the project is compiled for, "" if its tool knows no such
	Env      string // what the release is made for, "" where the tool's default holds
	Cookie   bool   // it declares a cookie: the tarball keeps it
}

// Elixir is what a tool asks of a toolchain's Elixir. The zero value asks nothing.
type Elixir struct {
	// Below is the version from which on the tool does not work, or not whole: ""
	// if there is none.
	Below string
	// Why ends the sentence that gives the reason for a toolchain below it.
	Why string
	// Refuse is the problem with an Elixir that is not below it, which some
	// toolchain has; nil if the tool works, less well. elixir is "" where no
	// toolchain is below it.
	Refuse func(elixir, where string) error
	// Notes say what does not work with it.
	Notes func(elixir string) []string
	// None says that the tool needs no Elixir. Image then names the image with a
	// version of Erlang that a version file asks for.
	None  bool
	Image func(erlang string) string
	// Least is the oldest Erlang that the project takes, where it says so.
	Least project.Version
	// Offer is an image that the project's own Dockerfile builds in and that has what the
	// tool needs, "" for none.
	Offer string
}

// Work is what a build does.
type Work struct {
	Fetch   bool     // dependencies come over the network
	Locked  bool     // a lock says which
	Setup   bool     // assets are set up
	Deploy  bool     // assets are made
	Command []string // that assembles the release
	// ImageEnv is what the release's image is to have in its environment, "K=V", beside
	// what is set.
	ImageEnv []string
	// Start is the file of the release that starts it, "" for what its tool has.
	Start string
	Does  string // what it does, in words: "Mix compiles and assembles"
}

// Circumstances are what steps depend on, beside what was decided.
type Circumstances struct {
	Toolchain Toolchain
	Source    *source.Tree
	Environ   []string        // dram's own environment
	Network   bool            // steps that compile have the network
	Inert     map[string]bool // files of the source that no build reads
}

// Toolchain is what a tool needs to know of the toolchain that it runs in.
type Toolchain struct {
	OTP     string // "27.3.4.1"
	Hex     bool   // Mix finds Hex there
	Path    string // PATH of its programs
	Rebar3  string // its path, "" if there is none
	CACerts string // the CA bundle, "" if there is none
}

// Job is a tool's part of a job.
type Job struct {
	CacheDirs []string // directories that live on between runs
	Env       []string // of every step, beside what all have
	Fixed     []string // likewise, whatever settings say: where it builds
	Steps     []engine.Step
	// Mirrors are the variables, none of them a secret, that say where else than usual
	// is fetched from.
	Mirrors   []string
	Export    string // where the release is in the end
	Assembled string // where the tool puts it together, if elsewhere
	// Compile is the command that compiles without making the release, nil if there
	// is none.
	Compile []string
	// Astray says what to do where no release is at Export in the end.
	Astray string
}

// NameHint is what to do about a name that breaks its tool's rule.
const NameHint = "give it another name; dram and the tool itself go by the same rule"

// OneOf is what to do about a name that is none of these: the one that is most like it
// is said first.
func OneOf(names []string, asked string) string {
	all := "choose one of: " + strings.Join(names, ", ")
	if len(names) < 2 {
		return all
	}
	near := slices.MinFunc(names, func(a, b string) int { return grammar.Distance(asked, a) - grammar.Distance(asked, b) })
	if grammar.Distance(asked, near) > len(asked)/2 {
		return all
	}
	return "did you mean " + near + "? Or " + all
}
