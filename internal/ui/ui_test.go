package ui

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// at is a UI whose clock moves one second each time it is read.
func at(opts Options, live bool) (*UI, *bytes.Buffer) {
	var out bytes.Buffer
	u := New(&out, opts)
	u.live = live
	now := time.Unix(0, 0)
	u.now = func() time.Time { now = now.Add(time.Second); return now }
	return u, &out
}

// build is a stage as commands run it.
func build(u *UI) {
	s := u.Start("build", "staging")
	lines := s.Writer()
	_, _ = fmt.Fprint(lines, "one\ntw")
	_, _ = fmt.Fprint(lines, "o\n\nlast")
	lines.Flush()
	lines.Flush()
	s.Done("%d steps", 2)
	u.Note("a note")
	u.Warn("a %s", "warning")
}

// Jobs that go on at once have a line each, which the lines that stay push down.
func TestSeveralJobs(t *testing.T) {
	u, out := at(Options{}, true)
	web, worker := u.Job("web"), u.Job("worker")
	first := web.Start("build", "waiting")
	second := worker.Start("build", "waiting")
	first.At("web", "b1")
	first.Update("compile")
	first.Done("mix release")
	u.Warn("b2 is gone")
	second.At("worker", "b1")
	worker.Leave()
	const clear, up = "\r\x1b[K", "\r\x1b[K\x1b[A"
	want := "  build      web  waiting" +
		clear + "  build      web  waiting\n  build      worker  waiting" +
		up + clear + "  build      web@b1  compile\n  build      worker  waiting" +
		up + clear + "  build      web@b1  mix release  (2.00s)\n  build      worker  waiting" +
		clear + "warning: b2 is gone\n  build      worker  waiting" +
		clear
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
	u, out = at(Options{}, false)
	only := u.Start("build", "waiting")
	only.At("web", "b1")
	only.Done("mix release")
	if want := "  build      web@b1  mix release  (1.00s)\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestWhatIsShown(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts Options
		live bool
		want string
	}{
		{"to a file", Options{}, false, "  build      2 steps  (1.00s)\n  a note\nwarning: a warning\n"},
		{"quiet", Options{Quiet: true}, false, "warning: a warning\n"},
		{"verbose", Options{Verbose: true}, false, "    one\n    two\n    \n    last\n  build      2 steps  (1.00s)\n  a note\nwarning: a warning\n"},
		{
			"on a terminal",
			Options{},
			true,
			"  build      staging\r\x1b[K  build      one\r\x1b[K  build      two\r\x1b[K  build      last\r\x1b[K" +
				"  build      2 steps  (1.00s)\n  a note\nwarning: a warning\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, out := at(tt.opts, tt.live)
			build(u)
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]Timing{{"build", time.Second}}, u.Timings()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOneWarningForSeveralJobs(t *testing.T) {
	u, out := at(Options{Quiet: true}, false)
	for _, job := range []string{"web", "worker"} {
		u.Job(job).WarnOnce("%s is old", "the builder")
	}
	u.WarnOnce("%s is old", "another")
	if want := "warning: the builder is old\nwarning: another is old\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// What a program prints can neither leave its line nor command the terminal.
func TestTransientLineIsOneLine(t *testing.T) {
	u, out := at(Options{}, true)
	s := u.Start("build", "")
	out.Reset()
	_, _ = fmt.Fprintf(s.Writer(), "\x1b[2Jgone\a\r%s\n", strings.Repeat("ä", 300))
	got := strings.TrimPrefix(out.String(), "\r\x1b[K")
	if strings.ContainsAny(got, "\x1b\a\r\n") || len([]rune(got)) != 100 || !strings.HasSuffix(got, "ä…") {
		t.Errorf("shows %q", got)
	}
}

// A line without end does not fill the memory.
func TestEndlessLine(t *testing.T) {
	u, out := at(Options{Verbose: true}, false)
	w := u.Start("build", "").Writer()
	chunk := bytes.Repeat([]byte("x"), 1<<12)
	for range 100 {
		if n, err := w.Write(chunk); n != len(chunk) || err != nil {
			t.Fatalf("wrote %d, %v", n, err)
		}
		if len(w.buf) > 1<<16+len(chunk) {
			t.Fatalf("%d bytes are kept", len(w.buf))
		}
	}
	w.Flush()
	if got := strings.Count(out.String(), "x"); got != 100<<12 {
		t.Errorf("%d bytes were shown, want %d", got, 100<<12)
	}
}

func TestOutputOfAFailedStep(t *testing.T) {
	u, out := at(Options{Quiet: true}, false)
	u.Output([]byte("\nerror: here\n\n\n"))
	u.Output(nil)
	if got := out.String(); got != "error: here\n" {
		t.Errorf("shows %q", got)
	}
	u, out = at(Options{Verbose: true}, false)
	u.Output([]byte("shown before\n"))
	if out.Len() > 0 {
		t.Errorf("shows again %q", out)
	}
}

func TestConcurrentUse(t *testing.T) {
	u, out := at(Options{}, true)
	u.now = time.Now
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			s := u.Start("stage", "")
			s.Update("more")
			s.Done("%d", i)
			u.Warn("%d", i)
		})
	}
	group.Wait()
	if n := strings.Count(out.String(), "\n"); n != 16 || len(u.Timings()) != 8 {
		t.Errorf("%d lines and %d timings", n, len(u.Timings()))
	}
}

func TestFigures(t *testing.T) {
	type row struct{ Seconds, Bytes string }
	for _, tt := range []struct {
		d    time.Duration
		n    int64
		want row
	}{
		{0, 0, row{"0.00s", "0 B"}},
		{314 * time.Millisecond, 999, row{"0.31s", "999 B"}},
		{12_400 * time.Millisecond, 1000, row{"12.4s", "1.0 kB"}},
		{123 * time.Second, 13_249_000, row{"2m03s", "13.2 MB"}},
		{time.Hour, 1_500_000_000, row{"60m00s", "1.50 GB"}},
	} {
		if diff := cmp.Diff(tt.want, row{Seconds(tt.d), Bytes(tt.n)}); diff != "" {
			t.Error(diff)
		}
	}
}
