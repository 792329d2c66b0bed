package dockerfile

import (
	"cmp"
	"slices"
	"strings"

	"dram/internal/engine"
)

// last is the stage to run Mix in: an image, so what was compiled is copied out
// of the cache mount.
func (r *renderer) last() {
	r.line("")
	r.line("# All but the release.")
	r.line("FROM source AS compiled")
	r.mirrors(r.compiling())
	groups := groups(r.compiling())
	for i, g := range groups {
		r.compiled(g, i == len(groups)-1)
	}
	r.toRun()
}

// toRun is the image to run Mix in.
func (r *renderer) toRun() {
	r.line("")
	r.line("# To run Mix in: a command that assembles a release leaves its tarball below")
	r.line("# %s/releases, which the caller mounts.", engine.SourceDir)
	r.line("FROM compiled AS %s", LastStage)
	if r.o.Builder != Classic {
		r.line("RUN rm -rf %s; mv /dram/built %s", r.kept(), r.kept())
	}
	r.releases()
	r.line(`ENTRYPOINT ["/dram/build", "run"]`)
	words := make([]string, 0, 8)
	for _, a := range r.lastArgv() {
		words = append(words, r.jsonWord(a))
	}
	r.line("CMD [%s]", strings.Join(words, ", "))
}

// compiled is some steps of the stage "compiled" in one RUN; the last keeps what all
// made.
func (r *renderer) compiled(steps []engine.Step, last bool) {
	flags := append([]string{r.place()}, r.secrets(steps)...)
	r.run(flags, !steps[0].Network, func() {
		r.line(`    /dram/build begin; \`)
		r.commands(steps)
		if !last {
			r.line("    /dram/build end ${status:-0}")
			return
		}
		r.line(`    /dram/build end ${status:-0}; \`)
		r.line("    cp -a %s /dram/built", r.kept())
	})
}

// compiling are the steps that make ready for the release: those before it, or
// one that compiles.
func (r *renderer) compiling() []engine.Step {
	at := releaseStep(r.job)
	last := r.job.Steps[at]
	steps := slices.Clone(r.job.Steps[min(at, len(r.job.Fetching())):at])
	steps = slices.DeleteFunc(steps, func(s engine.Step) bool { return s.Name == engine.StepClear })
	if len(steps) > 0 {
		return steps
	}
	last.Name, last.Volatile = "compile", false
	if len(r.job.Compile) > 0 {
		last.Argv = r.job.Compile
	}
	return []engine.Step{last}
}

// releases has the tool that makes the release find what it expects: it has OTP
// write RELEASES, which from OTP 25 on goes to the running Erlang's directory
// instead of the release's.
func (r *renderer) releases() {
	if !slices.ContainsFunc(r.job.Steps, func(s engine.Step) bool { return s.Name == engine.StepReleases }) {
		return
	}
	r.line("# %s packs the RELEASES that it has Erlang write, which from OTP 25 on", r.job.Tool)
	r.line("# goes to Erlang's own directory: this brings it to the release.")
	r.line(`RUN ln -sf %s "$(erl -noshell -eval 'io:put_chars(code:root_dir()), halt().')/releases/RELEASES"`,
		shellWord(r.assembled()+"/releases/RELEASES"))
}

// assembled is where the tool that makes the release leaves it.
func (r *renderer) assembled() string { return cmp.Or(r.job.Assembled, r.job.Export) }

func (r *renderer) lastArgv() []string { return lastArgv(r.job) }

// Last is the command, for a shell, that makes the release in the image that the
// build ends with.
func Last(job engine.Job) string { return shellWords(lastArgv(job)) }

// lastArgv is that of the step that assembles, and of the user's own that follow it.
func lastArgv(job engine.Job) []string {
	at := releaseStep(job)
	argv := in(job.Steps[at].Dir, job.Steps[at].Packs())
	own := slices.DeleteFunc(slices.Clone(job.Steps[at+1:]), func(s engine.Step) bool { return !strings.HasPrefix(s.Name, engine.StepOwn) })
	if len(own) == 0 {
		return argv
	}
	script := []string{shellWords(argv)}
	for _, s := range own {
		script = append(script, s.Argv[len(s.Argv)-1]) // in the directory that the first has gone to, or the source's
	}
	return []string{"sh", "-euc", strings.Join(script, "; ")}
}

func releaseStep(job engine.Job) int {
	if i := slices.IndexFunc(job.Steps, func(s engine.Step) bool { return s.Name == engine.StepRelease }); i >= 0 {
		return i
	}
	return len(job.Steps) - 1
}
