// Package engine says what a build is: one Job, which every engine runs to the
// same bytes. The job brings the toolchain, the source, the commands and what
// is to be kept between runs; the engine brings the place to run it in.
package engine

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/problem"
	"dram/internal/source"
	"dram/internal/store"
)

// SourceDir is where the project lies during a build, always: paths in beams
// are the same everywhere.
const SourceDir = "/app"

// Names of steps that mean something where a job is written down for people, who
// may then call the step that makes the release in another way.
const (
	StepRelease  = "release"
	StepClear    = "clear"    // removes what an earlier run left where the release goes
	StepReleases = "RELEASES" // writes the release's RELEASES, which its tool could not
	StepOwn      = "step "    // begins the names of the user's own steps
)

// Job is one build. It is a value: an engine does not change it.
type Job struct {
	// Key names project and toolchain. What is kept between runs is kept by it and
	// by Lineage, and two jobs with the same do not run at once.
	Key string
	// Lineage names what of the source may have had a say in what is kept, beyond
	// code whose compiler knows its dependents: see Engine.
	Lineage string
	// Name is the release's, for people and for names that they see.
	Name string
	// Tool is what people call the tool that makes the release.
	Tool string
	// Root is the toolchain's root filesystem, a directory that is only read: for
	// engines that run on this machine.
	Root string
	// Toolchain is the same as an image, for engines that run elsewhere.
	Toolchain Toolchain
	// Platform is what the toolchain is for, "linux/arm64"; "" is the engine's own.
	Platform string
	// Emulated is more of the environment where the toolchain's programs do not
	// run natively, but under qemu's user emulation.
	Emulated []string
	// Source is what lies in SourceDir.
	Source *source.Tree
	// CacheDirs lists the directories (absolute, inside) that live on between runs.
	CacheDirs []string
	// Env is the environment of every step, whole, as "K=V".
	Env []string
	// Isolated says that steps with the network have one of their own, which
	// leads to public addresses alone. The plan asks it only of the native engine.
	Isolated bool
	// Steps run in order; the first that fails ends the job.
	Steps []Step
	// Export is the directory (absolute, inside one of CacheDirs) that is the result.
	Export string
	// Assembled is where the tool that makes the release puts it together, and
	// leaves the tarball that it makes of it by itself; "" if that is Export. A
	// step brings it to Export.
	Assembled string
	// Compile compiles without making the release, for whoever writes the job down;
	// nil if the tool has no such command.
	Compile []string
	// Astray says what to do where the steps end well and leave nothing at Export.
	Astray string
	// Credentials are for the steps that have Remotes.
	Credentials Credentials
	// Mirrors are the variables, none of them a secret, by which whoever runs a job
	// that was written down says where else than usual is fetched from.
	Mirrors []string
}

// Credentials are what of the user's own opens repositories of source. They are
// kept nowhere, and name nothing.
type Credentials struct {
	Agent      string // the socket of the agent of ssh on this machine, "" for none
	KnownHosts []byte // of ssh
	Netrc      []byte
	// Passwords are those in Netrc, as they may not be printed.
	Passwords []string
}

// Where credentials lie, inside.
const (
	AgentPlace      = "/root/.ssh/agent"
	KnownHostsPlace = "/root/.ssh/known_hosts"
	NetrcPlace      = "/root/.netrc"
)

// Files are those of a home that hold the credentials, by their places inside.
func (c Credentials) Files() map[string][]byte {
	files := map[string][]byte{}
	if c.Agent != "" {
		files[KnownHostsPlace] = c.KnownHosts
	}
	if len(c.Netrc) > 0 {
		files[NetrcPlace] = c.Netrc
	}
	return files
}

// Toolchain is a toolchain as an image.
type Toolchain struct {
	ID   store.Digest // of the content
	Name string       // "distro:debian/13", as it was asked for
	// Pull is where a registry has it, by digest; "" if none does.
	Pull string
	// Image gives the image; nothing is unpacked or packed before it is called.
	Image func(ctx context.Context) (v1.Image, error)
}

// Step is one command of a job.
type Step struct {
	Name string // "fetch", "assets", "release"
	Argv []string
	// Dir is where it is run, below SourceDir; "" for that itself.
	Dir string
	// Packing, if not nil, is the command for whoever takes the tool's own tarball:
	// Argv makes none.
	Packing []string
	Env     []string // on top of the job's
	// Secrets are more of the environment, which may be kept nowhere: not in a
	// log, an image or a cache.
	Secrets []string
	// Private says that Secrets may hold keys to private code: no other step sees them,
	// where an engine is given all secrets at once.
	Private bool
	Network bool // the host's network; otherwise loopback alone
	// Remotes are the URLs of the repositories of source that the step may fetch from.
	Remotes []string
	// Needs, if not nil, lists the files of the source that the step reads: it
	// is run where there are no others. Steps with it come first.
	Needs []string
	// InputDigest, if set, is a digest of what the step depends on: the step is left
	// out when it last succeeded with the same.
	InputDigest string
	// Optional says that what the step does may as well be done by later steps:
	// if it fails, they are run as if it had not been there.
	Optional bool
	// Volatile says that it makes files in the source anew each time: they are
	// removed before the next run, so that it does not see them.
	Volatile bool
	// Lock is a file of the source that the step must leave as it is, or InputDigest
	// does not hold: next time, the source is staged as it was.
	Lock string
	// Relock is the command, for people, that brings Lock up to date.
	Relock string
}

// Within is a command that is run in a directory, for whoever cannot say where else.
func Within(dir string, argv []string) []string {
	return append([]string{"sh", "-c", `cd "$0" && exec "$@"`, dir}, argv...)
}

// Events tells of a running job. Output receives what the steps print.
type Events struct {
	Step func(s Step, skipped bool)
	Wait func() // another build of the same project is waited for
	// At, if not nil, is told the name of the builder that runs the job; once more
	// if another takes it over.
	At func(builder string)
	// Networked, if not nil, is called once where steps that are to have no
	// network have it nevertheless, with who cannot switch it off: "Docker 20.10.24".
	Networked func(who string)
	// Unlocked is called when a step changed its lock file.
	Unlocked func(s Step)
	// Doubtful, if not nil, is told why what was kept is not used.
	Doubtful func(why error)
	// Failed, if not nil, is told of an Optional step that failed.
	Failed func(s Step, err error)
	Output io.Writer
}

// Result is what a job left behind, readable until Close, which fails if what is
// kept for the next build cannot be.
type Result struct {
	Dir string // the exported directory, on the host
	// Fresh says that the steps began with nothing but what the steps with Needs
	// had left.
	Fresh bool
	Close func() error
}

// Engine runs jobs. Package enginetest has as tests what holds for each of them:
//
//   - The result is that of a build in an empty place, whatever was built before:
//     what CacheDirs hold makes a build fast and decides nothing. The steps with Needs
//     run in a place of their own, where nothing is but the files that they need,
//     and what they leave is kept by those, by the steps and by the environment.
//     The others begin with a copy of that, in a place that is kept by Key, Lineage
//     and what they began with. So nothing that ran for another Lineage is seen,
//     and a step may find what is kept as an earlier run of the job left it, or as
//     the steps with Needs did, and nothing between. What was changed since by
//     others than steps is found, and made anew.
//   - Mix goes by the times of files, in whole seconds. A file whose content is
//     not the one that was last compiled bears a later time than anything that
//     was made since; of the others none does.
//   - What a step makes in the source stays. What a Volatile step makes, no later
//     run sees.
//   - A step with an InputDigest is left out when its result is there: then Step is told so.
//   - A step that failed by itself is a StepError, and what it kept stays; after
//     one that was killed, whatever it may have left half written goes. If it is
//     Optional, the job goes on as if it had not been there.
//   - A changed Lock is told to Unlocked, and counts for the steps that follow.
//   - Where a step has no network, it has loopback. A builder that cannot switch the
//     network off for some steps says so by Networked.
type Engine interface {
	Run(ctx context.Context, job Job, ev Events) (*Result, error)
}

// StepError is a step that failed by its own doing: the project's build.
type StepError struct {
	Step Step
	Err  error // exit status or signal
}

func (e *StepError) Error() string {
	return fmt.Sprintf("step %q (%s) failed: %v", e.Step.Name, e.Step.Command(), e.Err)
}

// Unwrap gives the exit status.
func (e *StepError) Unwrap() error { return e.Err }

// LostError is an engine that cannot run jobs, or cannot any longer: its builder
// does not answer, was lost, or has no room. The job is not to blame, and may be
// run elsewhere.
type LostError struct{ Err error }

func (e *LostError) Error() string { return e.Err.Error() }

// Unwrap gives what happened.
func (e *LostError) Unwrap() error { return e.Err }

// Command is what the step runs, for people: a script of several lines is "…".
func (s Step) Command() string {
	words := slices.Clone(s.Argv)
	for i, w := range words {
		if strings.Contains(w, "\n") {
			words[i] = "…"
		}
	}
	return strings.Join(words, " ")
}

// Packs is the command for whoever takes the tool's own tarball.
func (s Step) Packs() []string {
	if s.Packing != nil {
		return s.Packing
	}
	return s.Argv
}

// NoRelease is the problem with steps that ended well and left nothing at Export.
func (j Job) NoRelease() error {
	return problem.New(problem.Build, cmp.Or(j.Astray, "see that the release is assembled there"),
		"the build ended well but left no release at %s", j.Export)
}
