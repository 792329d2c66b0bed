package shell

import "mvdan.cc/sh/v3/syntax"

// job is a command in the background, which runs beside the script.
type job struct {
	status status
	runs   []int // what it ran, as Trace.Runs has it
	level  int   // in how many shells it was begun
}

// background runs a statement beside the script. What it comes to is known to who waits
// for it.
func (r *runner) background(st *state, s *syntax.Stmt) {
	in := st.clone()
	in.stdin = streamOf(Value{}) // which shells give it
	in.sub++
	in.job++
	in.caught = false
	before := len(r.trace.Runs)
	r.command(in, s)
	j := job{status: in.status, level: st.sub}
	for i := before; i < len(r.trace.Runs); i++ {
		if r.trace.Runs[i].Main {
			j.runs = append(j.runs, i)
			r.trace.Runs[i].Main = false
		}
	}
	if st.status = (status{}); len(r.jobs) < maxNoted {
		r.jobs = append(r.jobs, j)
		st.set(jobName, Value{Text: "", Unknown: true, Job: len(r.jobs)})
	}
}

// jobName is where a shell keeps its last job; no script can name it.
const jobName = "<job>"

// wait waits for jobs: what they run is as good as run by the script.
func (r *runner) wait(st *state, c *call) flow {
	st.status = status{}
	words := parted(c.args[1:], "p").operands
	if len(words) == 0 {
		for i := range r.jobs {
			r.await(st, i)
		}
		if st.status = (status{}); len(c.args) > 1 && c.args[1].Text == "-n" {
			st.status = someStatus
		}
		return goes
	}
	for _, w := range words {
		switch {
		case w.Job > 0:
			st.status = r.await(st, w.Job-1)
		case w.Unknown:
			for i := range r.jobs { // one of them
				r.await(st, i)
			}
			st.status = someStatus
		default:
			st.status = status{code: 127} // it is no child of the shell's
		}
	}
	return goes
}

// await waits for one job.
func (r *runner) await(st *state, i int) status {
	j := r.jobs[i]
	if st.maybe || st.sub > j.level {
		return someStatus
	}
	for _, n := range j.runs {
		r.trace.Runs[n].Main = true
	}
	return j.status
}
