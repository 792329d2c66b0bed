package dockerfile

import "dram/internal/engine"

// layers are the stages after fetching where nothing is kept but layers: what the
// fetching steps left lies where it belongs, an edit leaves that alone, and nothing is
// run twice.
func (r *renderer) layers() {
	r.line("")
	r.line("# All but the release, over what was fetched.")
	r.line("FROM fetch AS compiled")
	r.line("COPY . .")
	steps := r.compiling()
	r.mirrors(steps)
	r.line(`RUN \`)
	r.line(`    /dram/build begin; \`)
	for i, s := range steps {
		r.line("    %s%s", r.step(s), map[bool]string{true: `; \`}[i < len(steps)-1])
	}
	r.toRun()
}

// Assembling are the steps that make the release where those before it have run:
// in the image that the file ends with.
func Assembling(job engine.Job) []engine.Step {
	var steps []engine.Step
	at := releaseStep(job)
	for i, s := range job.Steps {
		if i >= at || s.Name == engine.StepClear {
			steps = append(steps, s)
		}
	}
	return steps
}
