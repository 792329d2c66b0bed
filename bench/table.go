package main

import (
	"fmt"
	"strings"
	"time"
)

// unit is what a figure counts.
type unit int

const (
	seconds unit = iota
	bytes
)

// row is one line of the table.
type row struct {
	what       string    // "rebuild after one edited module"
	rival      string    // "mmdebstrap", "plain mix release"; empty: nothing to compare with
	unit       unit      // of both figures
	ours       []float64 // as measured, in order
	theirs     []float64
	ratio      float64 // target: at most this ratio of ours to theirs; 0: the target is a size
	value      float64 // target: at most this figure of ours, if ratio is 0
	untargeted bool    // for comparison alone
	skipped    string  // why it was not measured: "mmdebstrap is not installed"
	failed     bool    // it should have been measured, and was not
	profile    string  // where the time went, for the page
}

// measured is whether the row has figures.
func (r row) measured() bool { return r.skipped == "" && !r.failed }

// quotient is ours divided by theirs.
func (r row) quotient() float64 { return median(r.ours) / median(r.theirs) }

// met is whether a row that was measured is within its target.
func (r row) met() bool {
	if r.untargeted {
		return true
	}
	if r.ratio > 0 {
		return r.quotient() <= r.ratio
	}
	return median(r.ours) <= r.value
}

func (r row) cells() []string {
	target := "≤ " + r.unit.format(r.value)
	if r.ratio > 0 {
		target = fmt.Sprintf("≤ %.2f ×", r.ratio)
	}
	if !r.measured() {
		why := "failed"
		if r.skipped != "" {
			why = "not measured: " + r.skipped
		}
		if r.ratio == 0 && r.value == 0 {
			target = "–"
		}
		return []string{r.what, why, "–", "–", target, "–"}
	}
	theirs, quotient, met := "–", "–", "**no**"
	if r.rival != "" {
		theirs = r.rival + ": " + r.unit.figure(r.theirs)
		quotient = fmt.Sprintf("%.2f ×", r.quotient())
	}
	if r.met() {
		met = "yes"
	}
	if r.untargeted {
		target, met = "–", "–"
	}
	return []string{r.what, r.unit.figure(r.ours), theirs, quotient, target, met}
}

// figure is the median and, of several samples, their range.
func (u unit) figure(samples []float64) string {
	text := u.format(median(samples))
	if low, high := extremes(samples); len(samples) > 1 && u.format(low) != u.format(high) {
		text += fmt.Sprintf(" (%s to %s)", u.format(low), u.format(high))
	}
	return text
}

// format writes one figure: seconds, or bytes in powers of ten.
func (u unit) format(v float64) string {
	switch {
	case u == seconds:
		return fmt.Sprintf("%.2f s", v)
	case v >= 1e6:
		return fmt.Sprintf("%.2f MB", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.1f KB", v/1e3)
	}
	return fmt.Sprintf("%.0f B", v)
}

// table is the result of a run.
type table struct {
	machine machine
	date    time.Time
	runs    int
	rows    []row
}

// missed names the rows that were measured and are not within their targets.
func (t table) missed() []string {
	var names []string
	for _, r := range t.rows {
		if r.measured() && !r.met() {
			names = append(names, r.what)
		}
	}
	return names
}

// markdown is the machine and the table.
func (t table) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s; median of at most %d runs in alternating order, range in parentheses.\n\n",
		t.date.Format("2 January 2006"), t.machine, t.runs)
	line := func(cells ...string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line("what", "dram", "beside", "ratio", "target", "met")
	line("---", "---", "---", "---", "---", "---")
	for _, r := range t.rows {
		cells := r.cells()
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
		}
		line(cells...)
	}
	return b.String()
}

// page is docs/benchmarks.md.
func (t table) page() string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nWritten by `make bench` (`go run ./bench -write docs/benchmarks.md`); " +
		"do not edit. `-gate` makes a missed target a failure.\n\n" + t.markdown() + "\n## What the rows mean\n")
	for _, benchmark := range benchmarks() {
		fmt.Fprintf(&b, "\n- **%s**: %s", benchmark.name, benchmark.meaning)
	}
	b.WriteString("\n")
	for _, r := range t.rows {
		if r.profile != "" {
			b.WriteString("\n## Where the time goes: " + r.what + "\n\n" + r.profile + "\n")
		}
	}
	return b.String()
}
