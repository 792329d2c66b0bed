package oracle

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// beamRow is a line that the comparison in internal/beam logs.
var beamRow = regexp.MustCompile(`OTP (\d+)'s on OTP (\d+): \{loads:(\d+) refused:(\d+) falseOK:(\d+) falseFail:(\d+) unknown:(\d+) otherCause:(\d+)\}`)

// beams has every module that the systems ship put to the VM of each, which
// internal/beam does, and takes over what came of it.
func (o *oracle) beams(t *testing.T) {
	var names []string
	for _, s := range o.systems {
		names = append(names, s.name)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run", "TestOracle", "-v", "./internal/beam")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "DRAM_ORACLE=1", "DRAM_ORACLE_SUITES="+strings.Join(names, " "), "DRAM_CACHE_DIR="+cache, "DRAM_EXPIRED_INDEXES=allow")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("internal/beam: %v\n%s", err, out)
	}
	rows := beamRow.FindAllStringSubmatch(string(out), -1)
	if len(rows) != len(names)*len(names) {
		t.Fatalf("%d pairs, want %d\n%s", len(rows), len(names)*len(names), out)
	}
	for _, m := range rows {
		n := make([]int, len(m))
		for i, s := range m[1:] {
			n[i], _ = strconv.Atoi(s) // the expression takes digits alone
		}
		key := "modules|" + m[1]
		r := o.book.rows[key]
		if r == nil {
			r = &row{what: "modules", builder: "OTP " + m[1], on: "OTP 23, 25, 27, 29"}
			o.book.rows[key] = r
		}
		for outcome, count := range map[outcome]int{runsSaidOK: n[2], failsSaidFail: n[3], falseOK: n[4], falseFail: n[5], unknown: n[6]} {
			r.counts[outcome] += count
		}
		r.otherCause += n[7]
	}
}

// table is the book as Markdown.
func (b *book) table() string {
	var out strings.Builder
	out.WriteString("| what | made on | on | runs, OK | fails, FAIL | false OK | false FAIL | other cause | WARN (runs) | UNKNOWN (runs) |\n|---|---|---|---|---|---|---|---|---|---|\n")
	var sum row
	line := func(r row, bold string) {
		fmt.Fprintf(&out, "| %s | %s | %s |", bold+r.what+bold, r.builder, r.on)
		for _, n := range []int{r.counts[runsSaidOK], r.counts[failsSaidFail], r.counts[falseOK], r.counts[falseFail], r.otherCause} {
			fmt.Fprintf(&out, " %d |", n)
		}
		fmt.Fprintf(&out, " %d (%d) | %d (%d) |\n", r.counts[warned], r.warnedRan, r.counts[unknown], r.unknownRan)
	}
	for _, key := range slices.SortedFunc(maps.Keys(b.rows), func(x, y string) int { return b.rows[x].compare(b.rows[y]) }) {
		r := b.rows[key]
		line(*r, "")
		for i, n := range r.counts {
			sum.counts[i] += n
		}
		sum.otherCause, sum.warnedRan, sum.unknownRan = sum.otherCause+r.otherCause, sum.warnedRan+r.warnedRan, sum.unknownRan+r.unknownRan
	}
	sum.what = "all"
	line(sum, "**")
	return out.String()
}

func (r *row) compare(other *row) int {
	rank := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "musl", "~"), "forky", "14") }
	key := func(r *row) string { return r.what + "|" + rank(r.builder) + "|" + rank(r.on) }
	return strings.Compare(key(r), key(other))
}

// undecided is what was warned about or left open, by rule and case.
func (b *book) undecided() string {
	var out strings.Builder
	out.WriteString("| verdict | rule | cases | times | of these ran |\n|---|---|---|---|---|\n")
	for _, key := range slices.Sorted(maps.Keys(b.open)) {
		e := b.open[key]
		names := slices.Compact(slices.Sorted(slices.Values(e.names)))
		const most = 6 // what a line of the page has room for
		if more := len(names) - most; more > 0 {
			names = append(names[:most], fmt.Sprintf("%d more", more))
		}
		fmt.Fprintf(&out, "| %s | `%s` | %s | %d | %d |\n", e.verdict, e.rule, strings.Join(names, ", "), len(e.names), e.ran)
	}
	return out.String()
}

func comparison(classes []class) string {
	var out strings.Builder
	out.WriteString("| what the machine refuses | files | `dram check`: FAIL | `dram check`: WARN, UNKNOWN | `dpkg-shlibdeps` | `libtree` |\n|---|---|---|---|---|---|\n")
	for _, c := range classes {
		name := "`" + c.name + "`"
		if c.name == "what ran" {
			name = "nothing: it ran (false alarms)"
		}
		fmt.Fprintf(&out, "| %s | %d | %d | %d | %d | %d |\n", name, c.files, c.dram, c.warn, c.dpkg, c.libtree)
	}
	return out.String()
}

// publish puts tables between their marks in docs/check.md.
func publish(t *testing.T, tables map[string]string) {
	t.Helper()
	page := filepath.Join("..", "..", "docs", "check.md")
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range tables {
		mark := regexp.MustCompile(`(?s)(<!-- oracle: ` + name + ` -->\n).*?(<!-- end -->)`)
		if !mark.Match(b) {
			t.Fatalf("%s has no place for the table %q", page, name)
		}
		b = mark.ReplaceAll(b, []byte("${1}"+text+"${2}"))
	}
	write(t, page, string(b))
}
