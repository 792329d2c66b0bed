package rehearse

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"dram/internal/check"
	"dram/internal/problem"
	"dram/internal/ui"
)

// Schema is the version of the JSON document.
const Schema = "dram.rehearsal/1"

// Report is what a rehearsal comes to.
type Report struct {
	Release string // "hello 0.1.0"
	Place   string // where it was started
	Rows    []Row
}

// Worst is the worst verdict.
func (r *Report) Worst() check.Verdict {
	worst := check.OK
	for _, row := range r.Rows {
		worst = max(worst, row.Verdict)
	}
	return worst
}

// of names the circumstances of a verdict.
func (r *Report) of(v check.Verdict) (out []string) {
	for _, row := range r.Rows {
		if row.Verdict == v {
			out = append(out, row.Circumstance.Name)
		}
	}
	return out
}

// summary is the one line that says it all.
func (r *Report) summary() string {
	worst := r.Worst()
	names := r.of(worst)
	switch worst {
	case check.Fail:
		if row := r.Rows[0]; row.failed() && row.Cause == CauseConfiguration {
			return fmt.Sprintf("FAIL: %s was not rehearsed: it lacks %s", r.Release, strings.Join(row.Seen.Said.Lacks, ", "))
		}
		return fmt.Sprintf("FAIL: %s does not run in %s: %s", r.Release, count(len(names)), strings.Join(names, ", "))
	case check.Unknown:
		return fmt.Sprintf("UNKNOWN: what %s does in %s: %s; it runs in %d others", r.Release, count(len(names)), strings.Join(names, ", "), len(r.Rows)-len(names))
	case check.Warn:
		return fmt.Sprintf("OK, with a warning for %s: %s runs in %s", strings.Join(names, ", "), r.Release, count(len(r.Rows)))
	case check.OK:
	}
	return fmt.Sprintf("OK: %s runs in %s", r.Release, count(len(r.Rows)))
}

func count(n int) string {
	if n == 1 {
		return "1 circumstance"
	}
	return fmt.Sprintf("%d circumstances", n)
}

// Verdict is the result as an error: nil where nothing fails.
func (r *Report) Verdict() error {
	if r.Worst() != check.Fail {
		return nil
	}
	return r.StrictVerdict()
}

// StrictVerdict is nil where nothing warns or is unknown either.
func (r *Report) StrictVerdict() error {
	worst := r.Worst()
	if worst == check.OK {
		return nil
	}
	names := r.of(worst)
	hint := "do what the report says, or leave out what its place does not have: --without " + names[0]
	if names[0] == Plain {
		hint = "do what the report says"
	}
	return problem.New(problem.Check, hint, "%s: the rehearsal on %s gives %s (%s)", r.Release, r.Place, worst, strings.Join(names, ", "))
}

// Text writes the report for a person: a line a circumstance, with what is to be known
// of those that are not as they should be.
func (r *Report) Text(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, row := range r.Rows {
		fmt.Fprintf(b, "%-8s%-16s%s\n", row.Verdict, row.Circumstance.Name, ui.Line(row.Summary)) //nolint:errcheck // Flush tells
		for _, line := range row.more() {
			fmt.Fprintf(b, "  %-6s%s\n", line[0], ui.Line(line[1])) //nolint:errcheck // Flush tells
		}
	}
	fmt.Fprintln(b, ui.Line(r.summary())) //nolint:errcheck // Flush tells
	return b.Flush()
}

// more is what a row says besides, each with its name.
func (r Row) more() (out [][2]string) {
	said := r.Seen.Said
	if len(r.Seen.Written) > 0 {
		out = append(out, [2]string{"wrote", few(r.Seen.Written)})
	}
	if r.Seen.State == Untried || r.Verdict == check.OK && (r.Circumstance.Name != Plain || said.Error == "") {
		return out
	}
	if r.Verdict != check.OK {
		out = append(out, [2]string{"is", r.Circumstance.Changes + " (" + r.Circumstance.Why + ")"})
	}
	line := said.Error
	if line == "" && r.Verdict == check.Fail {
		line = said.Last
	}
	if line != "" {
		out = append(out, [2]string{"said", line})
	}
	if said.Refused != "" && said.Refused != line {
		out = append(out, [2]string{"", said.Refused})
	}
	if r.Do != "" {
		out = append(out, [2]string{"do", strings.ReplaceAll(r.Do, "\n", "; ")})
	}
	return out
}

// document is the report in JSON.
type document struct {
	Schema        string        `json:"schema"`
	Release       string        `json:"release"`
	Place         string        `json:"place"`
	Verdict       check.Verdict `json:"verdict"`
	Summary       string        `json:"summary"`
	Circumstances []found       `json:"circumstances"`
}

type found struct {
	Name    string        `json:"name"`
	Changes string        `json:"changes"`
	Verdict check.Verdict `json:"verdict"`
	Cause   Cause         `json:"cause"`
	Summary string        `json:"summary"`
	Remedy  string        `json:"remedy,omitempty"`
	Start   *seen         `json:"start,omitempty"` // nothing where it was not tried
}

// seen is a start in JSON; times are seconds.
type seen struct {
	State   string   `json:"state"`
	Answer  string   `json:"answered_by,omitempty"`
	After   float64  `json:"after"`
	Code    int      `json:"exit_code"`
	Signal  string   `json:"signal,omitempty"`
	Took    float64  `json:"stopped_after,omitempty"`
	Killed  bool     `json:"killed,omitempty"`
	Peak    int64    `json:"memory_bytes,omitempty"`
	Files   uint64   `json:"open_files,omitempty"`
	Output  int64    `json:"output_bytes"`
	Error   string   `json:"first_error,omitempty"`
	Refused string   `json:"refused,omitempty"`
	Lacks   []string `json:"lacks,omitempty"`
	Written []string `json:"written,omitempty"`
}

// MarshalJSON has fields that stay what they are when words change.
func (r *Report) MarshalJSON() ([]byte, error) {
	doc := document{Schema: Schema, Release: r.Release, Place: r.Place, Verdict: r.Worst(), Summary: r.summary(), Circumstances: []found{}}
	for _, row := range r.Rows {
		doc.Circumstances = append(doc.Circumstances, found{
			row.Circumstance.Name, row.Circumstance.Changes, row.Verdict, row.Cause, row.Summary, strings.ReplaceAll(row.Do, "\n", "; "), row.Seen.document(),
		})
	}
	return json.Marshal(doc)
}

func (s Seen) document() *seen {
	if s.State == Untried {
		return nil
	}
	seconds := func(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }
	return &seen{
		State: s.State.String(), Answer: s.How, After: seconds(s.After), Code: s.End.Code, Signal: s.End.Signal, Took: seconds(s.End.Took),
		Killed: s.End.Killed, Peak: s.Peak, Files: s.Files, Output: s.Said.Bytes, Error: s.Said.Error, Refused: s.Said.Refused,
		Lacks: slices.Clone(s.Said.Lacks), Written: slices.Clone(s.Written),
	}
}

// String is the state in a word of the JSON document.
func (s State) String() string {
	return [...]string{Untried: "untried", Answered: "started", Lived: "silent", Ended: "ended", Stopped: "stopped"}[s]
}
