// Package ui tells a person at stderr what goes on: one line a stage, and on a
// terminal the stage under way with its last output line. Results never pass
// through here; they go to stdout.
package ui

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// UI writes progress. Its methods may be called concurrently.
type UI struct {
	mu      sync.Mutex
	out     io.Writer
	live    bool // out is a terminal: a line under way may be redrawn
	verbose bool
	quiet   bool
	now     func() time.Time
	drawn   bool // a transient line stands on the screen
	stages  []Timing
}

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
	return &UI{out: out, live: live, verbose: opts.Verbose, quiet: opts.Quiet, now: time.Now}
}

// Stage is one stage under way.
type Stage struct {
	ui    *UI
	name  string
	start time.Time
}

// Start begins a stage. Call Done when it succeeded; a failed one is just left.
func (u *UI) Start(name, detail string) *Stage {
	s := &Stage{ui: u, name: name, start: u.now()}
	s.Update(detail)
	return s
}

// Update replaces the stage's transient detail (a terminal only).
func (s *Stage) Update(detail string) {
	u := s.ui
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.live {
		u.transient(fmt.Sprintf("  %-10s %s", s.name, detail))
	}
}

// Done ends the stage with what came of it.
func (s *Stage) Done(format string, args ...any) {
	took := s.ui.now().Sub(s.start)
	s.ui.mu.Lock()
	s.ui.stages = append(s.ui.stages, Timing{Stage: s.name, Took: took})
	s.ui.mu.Unlock()
	s.ui.line(fmt.Sprintf("  %-10s %s  (%s)", s.name, fmt.Sprintf(format, args...), Seconds(took)))
}

// Timings lists the stages that are done.
func (u *UI) Timings() []Timing {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Timing{}, u.stages...)
}

// Note prints a line that matters now.
func (u *UI) Note(format string, args ...any) { u.line("  " + fmt.Sprintf(format, args...)) }

// Warn prints a line that matters even when quiet.
func (u *UI) Warn(format string, args ...any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.clear()
	_, _ = fmt.Fprintln(u.out, "warning: "+fmt.Sprintf(format, args...))
}

// Output prints what a program printed, as it is, unless it was shown already.
func (u *UI) Output(text []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.clear()
	if !u.verbose {
		_, _ = u.out.Write(bytes.TrimLeft(append(bytes.TrimRight(text, "\n"), '\n'), "\n"))
	}
}

// Verbose says whether everything is to be shown.
func (u *UI) Verbose() bool { return u.verbose }

func (u *UI) line(s string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.quiet {
		return
	}
	u.clear()
	_, _ = fmt.Fprintln(u.out, s)
}

// transient draws a line that the next one replaces. The caller holds mu.
func (u *UI) transient(s string) {
	const width = 100
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > width {
		s = string(r[:width-1]) + "…"
	}
	u.clear()
	_, _ = fmt.Fprint(u.out, s)
	u.drawn = true
}

func (u *UI) clear() {
	if u.drawn {
		_, _ = fmt.Fprint(u.out, "\r\x1b[K")
		u.drawn = false
	}
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
		w.stage.ui.line("    " + line)
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
