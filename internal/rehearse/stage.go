package rehearse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dram/internal/environ"
	"dram/internal/sandbox"
	"dram/internal/store"
	"dram/internal/tool"
)

// Times of a start, in glances.
const (
	glance  = 100 * time.Millisecond // between looks
	linger  = 3                      // after it has started, for what comes then
	lingerM = 10                     // the same, where memory is looked at
	unasked = 10                     // before it is asked where nobody listens
	again   = 3                      // between questions
	settled = 7                      // from when somebody listens until a port is taken for an answer
	// brief is the time from SIGTERM to SIGKILL where the end is of no account.
	brief = time.Second
)

// bySIGKILL is the exit code of what was killed.
const bySIGKILL = 128 + 9

// Subject is what is rehearsed. It is a Stage.
type Subject struct {
	Spec    sandbox.Spec // how it starts, but for streams, directories for its work and limits
	Volumes []string     // places that the image declares as volumes
	Script  string       // bin/NAME, inside, which is asked whether it has started
	Asks    []tool.Question
	Needs   []string // variables that its configuration needs and nothing sets
	Hidden  []string // values that are not to be shown
	// Temp makes a directory for one start; done removes it.
	Temp     func() (dir string, done func(), err error)
	Patience time.Duration // how long it may take to start
	Grace    time.Duration // from SIGTERM to SIGKILL

	glance time.Duration // between looks; glance if it is 0
}

// glances is so many of them.
func (s *Subject) glances(n int) time.Duration {
	return time.Duration(n) * cmp.Or(s.glance, glance)
}

// start is one start of a subject.
type start struct {
	subject *Subject
	Setting
	circumstance Circumstance
	plain        Seen
	out          *output
	stop         context.CancelFunc // sends SIGTERM
	began        time.Time
	stopped      time.Time
	seen         Seen
}

// Try starts it once.
func (s *Subject) Try(ctx context.Context, c Circumstance, plain Seen) (Seen, error) {
	st := &start{subject: s, circumstance: c, plain: plain, out: &output{}, Setting: Setting{Spec: s.Spec, Volumes: s.Volumes}}
	dir, done, err := s.Temp()
	if err != nil {
		return Seen{}, err
	}
	defer done()
	if err := st.set(dir); err != nil {
		return Seen{}, err
	}
	inner, stop := context.WithCancel(ctx)
	defer stop()
	st.stop = stop
	err = sandbox.RunBeside(inner, st.Spec, st.attend)
	if !st.stopped.IsZero() {
		st.seen.End.Took = time.Since(st.stopped)
	}
	if err := errors.Join(ctx.Err(), st.ended(err)); err != nil {
		return Seen{}, err
	}
	if c.Name == "open-files" && st.seen.Files > 0 && st.seen.Files <= max(plain.Files, usualFiles) {
		return Seen{Why: fmt.Sprintf("this machine lets a process have %d open files at most", st.seen.Files)}, nil
	}
	if st.Keep {
		written, err := changed(st.Spec.Upper)
		st.seen.Written = slices.Concat(written, st.seen.Written)
		return st.seen, errors.Join(err, store.RemoveAll(st.Spec.Upper))
	}
	return st.seen, nil
}

// set makes the setting of the circumstance, with dir for the sandbox's work.
func (s *start) set(dir string) error {
	spec := &s.Spec
	spec.Env = environ.Without(spec.Env, "TERM")
	spec.Tmpfs, spec.Network = slices.Clone(spec.Tmpfs), sandbox.Loopback
	spec.Limits = sandbox.Limits{OpenFiles: usualFiles, Processes: 4096}
	spec.Stdio = sandbox.Stdio{Stdout: s.out, Stderr: s.out}
	spec.Grace = brief
	if s.circumstance.Stop != Afterwards {
		spec.Grace = s.subject.Grace
	}
	if change := s.circumstance.Change; change != nil {
		change(&s.Setting)
	}
	spec.Scratch = filepath.Join(dir, "scratch")
	dirs := []string{spec.Scratch}
	if s.Keep {
		spec.Upper = filepath.Join(dir, "written")
		dirs = append(dirs, spec.Upper)
	}
	for _, d := range dirs {
		if err := os.Mkdir(d, 0o755); err != nil { //nolint:gosec // the root of a sandbox, whatever its user
			return fmt.Errorf("rehearsing: %w", err)
		}
	}
	return nil
}

// ended notes how it ended, or gives what kept it from being tried.
func (s *start) ended(err error) error {
	exit, ok := errors.AsType[*sandbox.ExitError](err)
	if err != nil && !ok {
		return err
	}
	end := &s.seen.End
	if ok {
		end.Code, end.Signal, end.Refused = exit.Code, exit.Signal, exit.Why
	}
	end.Killed = !s.stopped.IsZero() && end.Code == bySIGKILL
	if s.seen.State == Untried {
		s.seen.State, s.seen.After = Ended, time.Since(s.began)
	}
	s.seen.Said = s.out.said(s.Spec.Env, s.subject.Hidden)
	if s.seen.State == Ended && end.Code != 0 {
		for _, name := range s.subject.Needs {
			if !slices.Contains(s.seen.Said.Lacks, name) {
				s.seen.Said.Lacks = append(s.seen.Said.Lacks, name)
			}
		}
	}
	return nil
}

// attend follows the start from beside it, and stops it.
func (s *start) attend(ctx context.Context, in *sandbox.Beside) {
	s.began = time.Now()
	s.seen.Files = openFiles(in.Pid)
	watching, enough := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watch(watching, in)
	}()
	if s.circumstance.Stop == Starting {
		if sleep(ctx, max(s.plain.After*3/10, 50*time.Millisecond)) {
			s.seen.State, s.seen.After = Stopped, time.Since(s.began)
		}
	} else {
		s.await(ctx, in)
	}
	if s.Keep && ctx.Err() == nil {
		s.seen.Written, _ = in.Files(ctx, []string{"/tmp", "/run", "/dev/shm"}) // one that has ended says nothing
	}
	enough()
	<-watched
	if ctx.Err() == nil {
		s.stopped = time.Now()
		s.stop()
	}
}

// sleep waits, and says whether there is still something to wait for.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// watch looks at its memory, and ends it where that is more than it may have.
func (s *start) watch(ctx context.Context, in *sandbox.Beside) {
	limit := s.Memory
	if limit == 0 {
		limit = 4 << 30
		if has := machineMemory(); has > 0 {
			limit = min(limit, has/2)
		}
	}
	for {
		now := memoryOf(in.Pid)
		if ctx.Err() != nil {
			return // it may have been another's
		}
		s.seen.Peak = max(s.seen.Peak, now)
		if now > limit {
			s.seen.End.Memory = true
			in.Kill()
			return
		}
		if !sleep(ctx, s.subject.glances(1)/2) {
			return
		}
	}
}

// await waits until it has started.
func (s *start) await(ctx context.Context, in *sandbox.Beside) {
	a := asking{start: s, in: in}
	most := patience(s.subject.Patience, s.plain)
	for sleep(ctx, s.subject.glances(1)) {
		how := a.ask(ctx)
		if how == "" && time.Since(s.began) < most {
			continue
		}
		after := time.Since(s.began)
		wait := linger
		if s.circumstance.Name == Plain || s.Memory > 0 {
			wait = lingerM
		}
		if !sleep(ctx, s.subject.glances(wait)) {
			return // it ended right away
		}
		s.seen.State, s.seen.How, s.seen.After = Answered, how, after
		if how == "" {
			s.seen.State = Lived
		}
		return
	}
}

// changed names what an overlay's upper directory has of files, and what it takes
// away ("-" before it).
func changed(dir string) (out []string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("rehearsing: %w", err)
	}
	defer func() { _ = root.Close() }() // only read
	const most = 200
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case len(out) >= most:
			return fs.SkipAll
		case err != nil || d.IsDir():
			return nil //nolint:nilerr // what may not be read has a name all the same
		case d.Type()&fs.ModeCharDevice != 0:
			out = append(out, "-/"+name)
		default:
			out = append(out, "/"+name)
		}
		return nil
	})
	return out, err
}
