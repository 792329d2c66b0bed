package rehearse

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dram/internal/check"
	"dram/internal/ui"
)

// Row is what one circumstance comes to.
type Row struct {
	Circumstance Circumstance
	Seen         Seen
	Verdict      check.Verdict
	Cause        Cause
	Summary      string
	Do           string // what to do; each alternative is a line
}

// Cause tells one finding from another; it stays when texts are reworded.
type Cause string

// The causes.
const (
	CauseNone          Cause = "none"
	CauseTask          Cause = "task"          // it ends by itself, and well
	CauseUntried       Cause = "untried"       // it could not be tried
	CauseRefused       Cause = "refused"       // it could not be executed
	CauseConfiguration Cause = "configuration" // it ends for want of variables
	CauseEnded         Cause = "ended"         // it ends by itself
	CauseSilent        Cause = "silent"        // it runs, and nothing answers
	CauseMemory        Cause = "memory"        // it takes too much memory
	CauseLogged        Cause = "logged"        // it runs, and reports an error
	CauseWrites        Cause = "writes"        // it runs, without files that it writes elsewhere
	CauseKilled        Cause = "killed"        // SIGTERM does not end it
	CauseCode          Cause = "code"          // SIGTERM ends it with a code that tells of a failure
)

func (r Row) failed() bool { return r.Verdict == check.Fail }

func (r Row) say(v check.Verdict, cause Cause, do, format string, args ...any) Row {
	r.Verdict, r.Cause, r.Do, r.Summary = v, cause, do, fmt.Sprintf(format, args...)
	return r
}

// judgeAll judges each by the first, and then by what the others tell of it.
func judgeAll(list []Circumstance, seen []Seen) (rows []Row) {
	var written []string
	for i, c := range list {
		if c.Name == "writable" {
			written = elsewhere(seen[i].Written)
		}
	}
	for i, c := range list {
		r := judge(c, seen[i], seen[0])
		if slices.Contains([]string{"read-only", "other-user"}, c.Name) {
			r = r.without(written)
		}
		rows = append(rows, r)
	}
	return rows
}

// judge is what a start comes to by itself, and beside the plain one.
func judge(c Circumstance, s, plain Seen) Row {
	r := Row{Circumstance: c, Seen: s}
	switch {
	case s.State == Untried:
		return r.say(check.Unknown, CauseUntried, "", "not tried: %s", s.Why)
	case c.Name == Plain:
		return r.alone()
	case c.Stop != Afterwards && s.State == Ended && plain.State == Ended:
		return r.say(check.Unknown, CauseUntried, "", "not tried: it ends by itself")
	case c.Stop == Starting:
		return r.early()
	case s.State != plain.State || s.State == Ended && s.End.Code != plain.End.Code:
		return r.unlike(plain)
	case c.Stop == Running:
		return r.stopped()
	case s.Said.Error != "" && plain.Said.Error == "":
		return r.say(check.Warn, CauseLogged, c.Do, "%s, and reports an error", r.ran())
	}
	return r.say(check.OK, CauseNone, "", "%s", r.ran())
}

// alone judges the plain circumstance.
func (r Row) alone() Row {
	s := r.Seen
	switch {
	case s.State == Answered:
		return r.say(check.OK, CauseNone, "", "%s", r.ran())
	case s.State == Lived:
		return r.say(check.Unknown, CauseSilent, "have it listen on a port, or leave its distribution on, so that it can be asked",
			"it runs, and nothing answers after %s, neither a node nor a port: whether it started is not known", ui.Seconds(s.After))
	case s.End.Code == 0 && s.End.Refused == "" && !s.End.Memory:
		return r.say(check.OK, CauseTask, "", "it ends by itself, well, after %s", ui.Seconds(s.After))
	}
	return r.ended()
}

// ended is a start that came to nothing.
func (r Row) ended() Row {
	s, do := r.Seen, r.Circumstance.Do
	switch {
	case s.End.Refused != "":
		return r.say(check.Fail, CauseRefused, "build it for that place, see dram check", "it cannot be started: %s", s.End.Refused)
	case s.End.Memory:
		return r.say(check.Fail, CauseMemory, do, "it is killed after %s: it takes %s of memory", ui.Seconds(s.After), ui.Bytes(s.Peak))
	case len(s.Said.Lacks) > 0:
		return r.say(check.Fail, CauseConfiguration, pass(s.Said.Lacks), "it ends after %s for want of configuration: it lacks %s", ui.Seconds(s.After), strings.Join(s.Said.Lacks, ", "))
	}
	return r.say(check.Fail, CauseEnded, do, "it does not start: it ends with %s after %s", s.End.how(), ui.Seconds(s.After))
}

// pass says how variables are given.
func pass(names []string) string {
	var flags []string
	for _, n := range names {
		flags = append(flags, "--env "+n+"=…")
	}
	return "pass what it would have there: " + strings.Join(flags, " ") + ", or a file of such lines: --env-file FILE"
}

// how is an end in a few words.
func (e End) how() string {
	if e.Signal != "" {
		return e.Signal
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

// unlike is a start that came to something else than the plain one.
func (r Row) unlike(plain Seen) Row {
	s := r.Seen
	switch {
	case s.State == Ended && s.End.Code == 0 && !s.End.Memory && plain.State != Ended:
		return r.say(check.Fail, CauseEnded, r.Circumstance.Do, "it ends by itself after %s, as if all were well", ui.Seconds(s.After))
	case s.State == Ended:
		return r.ended()
	case s.State == Lived:
		return r.say(check.Fail, CauseSilent, r.Circumstance.Do, "it does not start: nothing answers after %s", ui.Seconds(s.After))
	}
	return r.say(check.Warn, CauseNone, "", "%s, unlike in the plain circumstance", r.ran())
}

// early judges a stop while it starts.
func (r Row) early() Row {
	s := r.Seen
	at := ui.Seconds(s.After)
	switch {
	case s.State == Ended:
		return r.say(check.Unknown, CauseUntried, "", "not tried: it ended before, after %s", at)
	case s.End.Killed:
		return r.say(check.Warn, CauseKilled, r.Circumstance.Do, "a SIGTERM %s after its start is lost: it is killed %s later", at, ui.Seconds(s.End.Took))
	}
	return r.say(check.OK, CauseNone, "", "a SIGTERM %s after its start ends it within %s, with %s", at, ui.Seconds(s.End.Took), s.End.how())
}

// stopped judges a stop while it runs.
func (r Row) stopped() Row {
	e := r.Seen.End
	const bySignal = 128 + 15
	switch {
	case e.Killed:
		return r.say(check.Warn, CauseKilled, r.Circumstance.Do, "SIGTERM does not end it: it is killed %s later", ui.Seconds(e.Took))
	case e.Code != 0 && e.Code != bySignal:
		return r.say(check.Warn, CauseCode, "have it end with 0 when it is told to", "SIGTERM ends it after %s with %s, which counts as a failure", ui.Seconds(e.Took), e.how())
	}
	return r.say(check.OK, CauseNone, "", "SIGTERM ends it after %s, with %s", ui.Seconds(e.Took), e.how())
}

// ran is what a start that came as far as it should tells.
func (r Row) ran() string {
	s := r.Seen
	var parts []string
	switch s.State { //nolint:exhaustive // the others did not run
	case Answered:
		parts = append(parts, fmt.Sprintf("%s answers after %s", s.How, ui.Seconds(s.After)))
	case Lived:
		parts = append(parts, "it runs, as in the plain circumstance")
	case Ended:
		parts = append(parts, fmt.Sprintf("it ends with %s after %s", s.End.how(), ui.Seconds(s.After)))
	}
	if s.Peak > 0 {
		parts = append(parts, ui.Bytes(s.Peak)+" of memory")
	}
	return strings.Join(append(parts, r.files()...), ", ")
}

// files is of how many open files a start was the trial, where it was about these.
func (r Row) files() []string {
	if r.Circumstance.Name != "open-files" {
		return nil
	}
	most := ""
	if r.Seen.Files < ManyFiles {
		most = ", the most that this machine allows"
	}
	return []string{fmt.Sprintf("with %d open files%s", r.Seen.Files, most)}
}

// without adds to a start where little may be written what it would have written.
func (r Row) without(written []string) Row {
	switch {
	case len(written) == 0:
	case r.Verdict == check.OK:
		return r.say(check.Warn, CauseWrites, r.Circumstance.Do, "%s, without %s, which it writes where it may", r.Summary, few(written))
	case r.Verdict == check.Fail:
		r.Summary += "; where it may, it writes " + few(written)
	}
	return r
}

// few names the first of several.
func few(list []string) string {
	const most = 3
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}

// elsewhere is what of the files that were written does not lie where every start may
// write.
func elsewhere(written []string) (out []string) {
	for _, name := range written {
		at := strings.TrimPrefix(name, "-")
		if !strings.HasPrefix(at, "/tmp/") && !strings.HasPrefix(at, "/run/") && !strings.HasPrefix(at, "/dev/") {
			out = append(out, name)
		}
	}
	return out
}

// patience is how long a start is waited for, by how long the plain one took.
func patience(most time.Duration, plain Seen) time.Duration {
	switch plain.State { //nolint:exhaustive // of the others nothing follows
	case Answered:
		return min(most, 10*time.Second+5*plain.After)
	case Lived:
		return min(most, 5*time.Second)
	}
	return most
}
