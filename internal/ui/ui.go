// Package ui tells a person at stderr what goes on: one line a stage, and on a
// terminal the stage under way with its last output line. Results never pass
// through here; they go to stdout.
package ui

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// UI writes progress. Its methods may be called concurrently.
type UI struct {
	*screen
	job string // what its lines are about, where several things go on at once
}

// screen is what all UIs of one output share.
type screen struct {
	mu      sync.Mutex
	out     io.Writer
	live    bool // out is a terminal: lines under way may be redrawn
	verbose bool
	quiet   bool
	now     func() time.Time
	rows    []row // the transient lines
	drawn   int   // how many of them stand on the screen
	stages  []Timing
	warned  map[string]bool // by WarnOnce
}

// row is the transient line of a job, or of all there is.
type row struct{ job, text string }

// Timing is how long a stage took.
type Timing struct {
	Stage string        `json:"stage"`
	Took  time.Duration `json:"nanoseconds"`
}

// Options choose how much is told.
type Options struct{ Verbose, Quiet bool }

// New makes a UI on out, which is treated as a terminal if it is one and
// TERM is not "dumb".
func New(out io.Writer, opts Options) *UI {
	f, ok := out.(*os.File)
	live := ok && isTerminal(f) && os.Getenv("TERM") != "dumb" && !opts.Verbose && !opts.Quiet
	return &UI{screen: &screen{out: out, live: live, verbose: opts.Verbose, quiet: opts.Quiet, now: time.Now}}
}

// Job is a UI for one of several things that go on at once: its stages' lines
// say which, and on a terminal each has a line of its own. Call Leave when it is
// over, well or not.
func (u *UI) Job(name string) *UI { return &UI{screen: u.screen, job: name} }

// Leave removes the job's transient line.
func (u *UI) Leave() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.clear()
	u.drop(u.job)
	u.draw()
}

// Stage is one stage under way.
type Stage struct {
	ui    *UI
	name  string
	start time.Time
	where string // "@builder-2"
}

// Start begins a stage. Call Done when it succeeded; a failed one is just left.
func (u *UI) Start(name, detail string) *Stage {
	s := &Stage{ui: u, name: name, start: u.now()}
	s.Update(detail)
	return s
}

// At says where what runs: it stands in the stage's lines from now on.
func (s *Stage) At(what, where string) {
	s.ui.mu.Lock()
	defer s.ui.mu.Unlock()
	s.where = "@" + where
	if s.ui.job == "" {
		s.where = what + s.where
	}
}

// text is a line of the stage. The caller holds mu.
func (s *Stage) text(detail string) string {
	if about := s.ui.job + s.where; about != "" {
		detail = about + "  " + detail
	}
	return fmt.Sprintf("  %-10s %s", s.name, detail)
}

// said is a line that a program printed, and which job's it is if there are
// several.
func (s *Stage) said(line string) string {
	if s.ui.job == "" {
		return line
	}
	s.ui.mu.Lock()
	defer s.ui.mu.Unlock()
	return s.ui.job + s.where + ": " + line
}

// Update replaces the stage's transient detail (a terminal only).
func (s *Stage) Update(detail string) {
	u := s.ui
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.live {
		u.transient(u.job, s.text(detail))
	}
}

// Done ends the stage with what came of it.
func (s *Stage) Done(format string, args ...any) {
	u := s.ui
	took := u.now().Sub(s.start)
	u.mu.Lock()
	u.stages = append(u.stages, Timing{Stage: s.name, Took: took})
	line := fmt.Sprintf("%s  (%s)", s.text(Plain(fmt.Sprintf(format, args...))), Seconds(took))
	u.mu.Unlock()
	u.line(line)
}

// Timings lists the stages that are done.
func (u *UI) Timings() []Timing {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Timing{}, u.stages...)
}

// Note prints a line that matters now.
func (u *UI) Note(format string, args ...any) { u.line("  " + Plain(fmt.Sprintf(format, args...))) }

// Warn prints a line that matters even when quiet.
func (u *UI) Warn(format string, args ...any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	text := []byte("warning: " + Plain(fmt.Sprintf(format, args...)) + "\n")
	if _, ok := Paint(u.out).(painter); ok {
		text = paint(text)
	}
	u.between(string(text))
}

// WarnOnce is Warn for what is the same for several jobs: it is said by the
// first, whichever is.
func (u *UI) WarnOnce(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	u.mu.Lock()
	said := u.warned[text]
	if u.warned == nil {
		u.warned = map[string]bool{}
	}
	u.warned[text] = true
	u.mu.Unlock()
	if !said {
		u.Warn("%s", text)
	}
}

// Output prints what a program printed, unless it was shown already.
func (u *UI) Output(text []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	said := string(bytes.TrimLeft(append(bytes.TrimRight(text, "\n"), '\n'), "\n"))
	switch {
	case u.verbose:
		said = ""
	case u.job != "" && said != "":
		said = "-- " + u.job + "\n" + said
	}
	u.between(Printed(said))
}

// Verbose says whether everything is to be shown.
func (u *UI) Verbose() bool { return u.verbose }

func (u *UI) line(s string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.quiet {
		u.between(s + "\n")
	}
}

// between prints text that stays, in place of the transient line of the same
// job and above those of others. The caller holds mu.
func (u *UI) between(text string) {
	u.clear()
	u.drop("")
	u.drop(u.job)
	_, _ = io.WriteString(u.out, text)
	u.draw()
}

// transient draws a line that the job's next one replaces. The caller holds mu.
func (sc *screen) transient(job, text string) {
	text = strings.Map(func(r rune) rune {
		if r == '\t' || steers(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if r, width := []rune(text), sc.width(); len(r) > width {
		text = string(r[:width-1]) + "…"
	}
	sc.clear()
	if i := slices.IndexFunc(sc.rows, func(r row) bool { return r.job == job }); i >= 0 {
		sc.rows[i].text = text
	} else {
		sc.rows = append(sc.rows, row{job, text})
	}
	sc.draw()
}

// width is how many characters a transient line may have: one that wraps could
// not be taken back.
func (sc *screen) width() int {
	const most = 100
	if f, ok := sc.out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
			return min(w-1, most)
		}
	}
	return most
}

// maxRows bounds how many transient lines there are: a terminal has few.
const maxRows = 12

// draw writes the transient lines. The caller holds mu.
func (sc *screen) draw() {
	for i, r := range sc.rows[:min(len(sc.rows), maxRows)] {
		if i > 0 {
			_, _ = io.WriteString(sc.out, "\n")
		}
		_, _ = io.WriteString(sc.out, r.text)
		sc.drawn++
	}
}

// clear removes the transient lines from the screen. The caller holds mu.
func (sc *screen) clear() {
	for ; sc.drawn > 0; sc.drawn-- {
		up := ""
		if sc.drawn > 1 {
			up = "\x1b[A"
		}
		_, _ = io.WriteString(sc.out, "\r\x1b[K"+up)
	}
}

// drop forgets a job's transient line. The caller holds mu.
func (sc *screen) drop(job string) {
	sc.rows = slices.DeleteFunc(sc.rows, func(r row) bool { return r.job == job })
}

// Writer shows what a program prints: whole lines when verbose, the last one
// as the stage's detail on a terminal, else nothing.
func (s *Stage) Writer() *Lines { return &Lines{stage: s} }

// Lines is a program's output on its way to the screen, from one goroutine.
type Lines struct {
	stage *Stage
	buf   []byte
}

// Flush shows a last line that has no end.
func (w *Lines) Flush() {
	if len(w.buf) > 0 {
		w.show(string(w.buf))
		w.buf = nil
	}
}

// Write takes some output; it never fails.
func (w *Lines) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	for {
		i := bytes.IndexByte(w.buf, '\n')
		if i < 0 {
			break
		}
		w.show(string(w.buf[:i]))
		w.buf = w.buf[i+1:]
	}
	if len(w.buf) > 1<<16 { // a line without end is shown in pieces
		w.show(string(w.buf))
		w.buf = nil
	}
	return len(p), nil
}

func (w *Lines) show(line string) {
	switch {
	case w.stage.ui.verbose:
		for part := range strings.SplitSeq(Printed(strings.TrimSuffix(line, "\r")), "\n") {
			w.stage.ui.line("    " + w.stage.said(part))
		}
	case strings.TrimSpace(line) != "":
		w.stage.Update(line)
	}
}

// Seconds is a duration as people read it: "0.31s", "12.4s", "2m03s".
func Seconds(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}

// Bytes is a size as people read it, in powers of 1000: "13.2 MB".
func Bytes(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000*1000*1000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(n)/1e9)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
