package buildkit

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"dram/internal/engine"
	"dram/internal/engine/dockerfile"
)

// progress turns what BuildKit tells of a build into a job's events: the lines
// that the script in the Dockerfile writes say which step is under way, and
// what else the RUNs write is the steps' output.
type progress struct {
	job  engine.Job
	ev   engine.Events
	done chan struct{}

	vertexes map[digest.Digest]*vertex
	step     int  // under way, as an index of the job's steps; -1 before the first
	fresh    bool // the place was empty
	nothing  bool // the build left no release
	full     bool // some output says that a disk is full
}

// vertex is one instruction of the Dockerfile.
type vertex struct {
	steps  []int // of the job's
	line   []byte
	cached bool
	failed string
}

func newProgress(job engine.Job, ev engine.Events) *progress {
	if ev.Output == nil {
		ev.Output = io.Discard
	}
	return &progress{job: job, ev: ev, done: make(chan struct{}), vertexes: map[digest.Digest]*vertex{}, step: -1}
}

// begin gives the channel that BuildKit's client writes to and closes.
func (p *progress) begin() chan *client.SolveStatus {
	ch := make(chan *client.SolveStatus)
	go func() {
		defer close(p.done)
		for s := range ch {
			p.status(s)
		}
	}()
	return ch
}

// end waits until all was told.
func (p *progress) end() {
	<-p.done
	for _, v := range p.vertexes {
		p.flush(v)
	}
}

func (p *progress) status(s *client.SolveStatus) {
	for _, v := range s.Vertexes {
		p.vertex(v)
	}
	for _, l := range s.Logs {
		if v := p.vertexes[l.Vertex]; v != nil && v.steps != nil {
			p.log(v, l.Data)
		}
	}
}

// instruction is what BuildKit calls an instruction: "[stage 2/3] RUN …"; where
// there is one stage only, it is not named.
var instruction = regexp.MustCompile(`^\[(?:(fetch|assemble) +)?[0-9]+/[0-9]+\] RUN `)

func (p *progress) vertex(from *client.Vertex) {
	v := p.vertexes[from.Digest]
	if v == nil {
		v = &vertex{steps: p.stepsOf(from.Name)}
		p.vertexes[from.Digest] = v
	}
	if from.Error != "" {
		v.failed = from.Error
	}
	if from.Completed != nil {
		p.flush(v)
	}
	if from.Cached && !v.cached {
		v.cached = true
		for _, i := range v.steps {
			p.ev.Step(p.job.Steps[i], true)
		}
	}
}

// stepsOf says which steps an instruction runs.
func (p *progress) stepsOf(name string) []int {
	m := instruction.FindStringSubmatch(name)
	if m == nil {
		return nil
	}
	var steps []int
	fetching := len(p.job.Fetching())
	only := len(p.job.Steps) == 1 // a RUN as Configurer writes it names no step
	for i, s := range p.job.Steps {
		if (i < fetching) == (m[1] == "fetch") && (only || called(name, s)) {
			steps = append(steps, i)
		}
	}
	return steps
}

// called says whether an instruction calls a step.
func called(instruction string, s engine.Step) bool {
	name := dockerfile.Word(s.Name) + " "
	return strings.Contains(instruction, "/dram/build step "+name) || strings.Contains(instruction, "/dram/build try "+name)
}

func (p *progress) log(v *vertex, data []byte) {
	v.line = append(v.line, data...)
	for {
		i := bytes.IndexByte(v.line, '\n')
		if i < 0 {
			break
		}
		p.line(v, v.line[:i+1])
		v.line = v.line[i+1:]
	}
	const longest = 64 << 10
	if len(v.line) > longest {
		p.flush(v)
	}
}

func (p *progress) flush(v *vertex) {
	if len(v.line) > 0 {
		p.line(v, v.line)
		v.line = nil
	}
}

// line is one line of output, and a step's beginning if it says so.
func (p *progress) line(v *vertex, line []byte) {
	text := strings.TrimRight(string(line), "\r\n")
	switch {
	case strings.HasPrefix(text, dockerfile.MarkStep) && p.begins(v, strings.TrimPrefix(text, dockerfile.MarkStep)):
	case strings.HasPrefix(text, dockerfile.MarkFailed):
		p.passedOver(strings.TrimPrefix(text, dockerfile.MarkFailed))
	case text == dockerfile.MarkFresh:
		p.fresh = true
	case text == dockerfile.MarkUnlocked:
		p.unlocked()
	case strings.HasPrefix(text, dockerfile.MarkNothing):
		p.nothing = true
	default:
		p.full = p.full || strings.Contains(strings.ToLower(text), "no space left on device")
		_, _ = p.ev.Output.Write(line)
	}
}

// begins says whether the step named is the next of the instruction's.
func (p *progress) begins(v *vertex, name string) bool {
	i := slices.IndexFunc(v.steps, func(i int) bool { return p.job.Steps[i].Name == name && i > p.step })
	if i < 0 {
		return false
	}
	p.step = v.steps[i]
	p.ev.Step(p.job.Steps[p.step], false)
	return true
}

// passedOver tells of an optional step that failed.
func (p *progress) passedOver(name string) {
	for _, s := range p.job.Steps {
		if s.Name == name && s.Optional && p.ev.Failed != nil {
			p.ev.Failed(s, errors.New("its output says why"))
			return
		}
	}
}

func (p *progress) unlocked() {
	for _, s := range p.job.Steps {
		if s.Lock != "" && p.ev.Unlocked != nil {
			p.ev.Unlocked(s)
			return
		}
	}
}

var exitCode = regexp.MustCompile(`exit code: ([0-9]+)`)

// failure is the step that failed by its own doing, if one did.
func (p *progress) failure(err error) (engine.Step, int, bool) {
	for _, v := range p.vertexes {
		if v.failed == "" || v.steps == nil || !slices.Contains(v.steps, p.step) {
			continue
		}
		m := exitCode.FindStringSubmatch(v.failed)
		if m == nil {
			m = exitCode.FindStringSubmatch(err.Error())
		}
		if m != nil {
			code, _ := strconv.Atoi(m[1])
			return p.job.Steps[p.step], code, true
		}
	}
	return engine.Step{}, 0, false
}
