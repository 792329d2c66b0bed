package rehearse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
)

// toyStage is a stage on which nothing is started: what is seen is written down, by
// circumstance; what is not, is like the plain one.
type toyStage struct {
	seen  map[string]Seen
	fails map[string]error

	mu           sync.Mutex
	tried        []string
	running, top int
}

func (s *toyStage) Try(_ context.Context, c Circumstance, plain Seen) (Seen, error) {
	s.mu.Lock()
	s.tried = append(s.tried, c.Name)
	s.running++
	s.top = max(s.top, s.running)
	s.mu.Unlock()
	time.Sleep(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	seen, ok := s.seen[c.Name]
	switch {
	case ok:
	case c.Name == Plain:
		seen = started()
	case c.Stop == Starting:
		seen = Seen{State: Stopped, After: 300 * time.Millisecond, End: End{Took: time.Second}}
	default:
		seen = plain
	}
	return seen, s.fails[c.Name]
}

func started() Seen {
	return Seen{State: Answered, How: "rpc", After: time.Second, Peak: 60_000_000, Files: usualFiles, End: End{Took: 400 * time.Millisecond}}
}

func ended(code int, said Said) Seen {
	return Seen{State: Ended, After: 700 * time.Millisecond, End: End{Code: code}, Said: said}
}

func rehearsed(t *testing.T, seen map[string]Seen) *Report {
	t.Helper()
	rows, err := All(t.Context(), &toyStage{seen: seen}, Circumstances(), func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	return &Report{Release: "hello 0.1.0", Place: "tar:hello.tar", Rows: rows}
}

// What is seen in one circumstance, and what that comes to.
func TestJudge(t *testing.T) {
	killed, coded, silent, other := started(), started(), started(), started()
	killed.End = End{Code: 137, Took: 10 * time.Second, Killed: true}
	coded.End.Code = 1
	silent.State, silent.How = Lived, ""
	other.Said.Error = "warning: the VM is running with native name encoding of latin1"
	writes, many, most := started(), started(), started()
	writes.Written = []string{"/app/data/x", "/tmp/y", "-/app/old"}
	many.Files, most.Files = ManyFiles, 1<<20
	erofs := ended(1, Said{Error: "** (File.Error) could not write /app/data/x", Refused: "read-only file system"})
	for _, tt := range []struct {
		circumstance string
		seen         map[string]Seen
		verdict      check.Verdict
		cause        Cause
		says         string // in the summary
	}{
		{Plain, nil, check.OK, CauseNone, "rpc answers after 1.00s, 60.0 MB of memory"},
		{Plain, map[string]Seen{Plain: ended(0, Said{})}, check.OK, CauseTask, "ends by itself, well"},
		{Plain, map[string]Seen{Plain: ended(1, Said{Last: "boom"})}, check.Fail, CauseEnded, "does not start: it ends with exit code 1 after 0.70s"},
		{Plain, map[string]Seen{Plain: {State: Ended, End: End{Code: 139, Signal: "SIGSEGV"}}}, check.Fail, CauseEnded, "with SIGSEGV"},
		{Plain, map[string]Seen{Plain: ended(1, Said{Lacks: []string{"DATABASE_URL", "SECRET_KEY_BASE"}})}, check.Fail, CauseConfiguration, "for want of configuration: it lacks DATABASE_URL, SECRET_KEY_BASE"},
		{Plain, map[string]Seen{Plain: {State: Ended, End: End{Code: 127, Refused: "no such file"}}}, check.Fail, CauseRefused, "cannot be started: no such file"},
		{Plain, map[string]Seen{Plain: silent}, check.Unknown, CauseSilent, "whether it started is not known"},
		{Plain, map[string]Seen{Plain: {State: Ended, Peak: 5e9, End: End{Code: 137, Memory: true}}}, check.Fail, CauseMemory, "takes 5.00 GB"},
		{Plain, map[string]Seen{Plain: other}, check.OK, CauseNone, "rpc answers"},

		{"memory", nil, check.OK, CauseNone, "rpc answers"},
		{"memory", map[string]Seen{Plain: ended(1, Said{})}, check.Unknown, CauseUntried, "not tried: it does not run in the plain circumstance"},
		{"memory", map[string]Seen{"memory": {State: Ended, Peak: 300e6, End: End{Code: 137, Memory: true}}}, check.Fail, CauseMemory, "it takes 300.0 MB"},
		{"memory", map[string]Seen{"memory": ended(0, Said{})}, check.Fail, CauseEnded, "as if all were well"},
		{"memory", map[string]Seen{"memory": silent}, check.Fail, CauseSilent, "nothing answers"},
		{"memory", map[string]Seen{Plain: silent, "memory": silent}, check.OK, CauseNone, "as in the plain circumstance"},
		{"memory", map[string]Seen{Plain: silent, "memory": started()}, check.Warn, CauseNone, "unlike in the plain circumstance"},
		{"memory", map[string]Seen{Plain: ended(0, Said{}), "memory": ended(0, Said{})}, check.OK, CauseNone, "ends with exit code 0"},
		{"memory", map[string]Seen{Plain: ended(0, Said{}), "memory": ended(1, Said{})}, check.Fail, CauseEnded, "exit code 1"},
		{"memory", map[string]Seen{"memory": {Why: "there is no memory"}}, check.Unknown, CauseUntried, "not tried: there is no memory"},

		{"no-locale", map[string]Seen{"no-locale": other}, check.Warn, CauseLogged, "and reports an error"},
		{"no-locale", map[string]Seen{Plain: other, "no-locale": other}, check.OK, CauseNone, "rpc answers"},

		{"writable", map[string]Seen{"writable": writes}, check.OK, CauseNone, "rpc answers"},
		{"read-only", map[string]Seen{"writable": writes}, check.Warn, CauseWrites, "without /app/data/x, -/app/old, which it writes where it may"},
		{"other-user", map[string]Seen{"writable": writes}, check.Warn, CauseWrites, "without /app/data/x"},
		{"read-only", map[string]Seen{"writable": writes, "read-only": erofs}, check.Fail, CauseEnded, "where it may, it writes /app/data/x"},
		{"no-ipv6", map[string]Seen{"writable": writes}, check.OK, CauseNone, "rpc answers"},

		{"open-files", map[string]Seen{"open-files": many}, check.OK, CauseNone, "with 1073741824 open files"},
		{"open-files", map[string]Seen{"open-files": most}, check.OK, CauseNone, "with 1048576 open files, the most that this machine allows"},

		{"stop", nil, check.OK, CauseNone, "SIGTERM ends it after 0.40s, with exit code 0"},
		{"stop", map[string]Seen{"stop": killed}, check.Warn, CauseKilled, "SIGTERM does not end it: it is killed 10.0s later"},
		{"stop", map[string]Seen{"stop": coded}, check.Warn, CauseCode, "with exit code 1, which counts as a failure"},
		{"stop", map[string]Seen{Plain: ended(0, Said{}), "stop": ended(0, Said{})}, check.Unknown, CauseUntried, "it ends by itself"},
		{"memory", map[string]Seen{"memory": killed}, check.OK, CauseNone, "rpc answers"},
		{"stop-early", nil, check.OK, CauseNone, "ends it within 1.00s"},
		{"stop-early", map[string]Seen{"stop-early": {State: Stopped, End: killed.End}}, check.Warn, CauseKilled, "is lost"},
		{"stop-early", map[string]Seen{"stop-early": ended(1, Said{})}, check.Unknown, CauseUntried, "it ended before"},
	} {
		r := rehearsed(t, tt.seen)
		i := slices.IndexFunc(r.Rows, func(row Row) bool { return row.Circumstance.Name == tt.circumstance })
		row := r.Rows[i]
		if row.Verdict != tt.verdict || row.Cause != tt.cause || !strings.Contains(row.Summary, tt.says) {
			t.Errorf("%s, seen %+v: %s %s %q; want %s %s %q", tt.circumstance, tt.seen, row.Verdict, row.Cause, row.Summary, tt.verdict, tt.cause, tt.says)
		}
		if r.Worst() < row.Verdict {
			t.Errorf("%s: the report is %s", tt.circumstance, r.Worst())
		}
		if row.Verdict == check.Fail && row.Do == "" {
			t.Errorf("%s: nothing to do about %q", tt.circumstance, row.Summary)
		}
	}
}

// The plain circumstance comes first and alone, then all others, two at a time.
func TestOrder(t *testing.T) {
	s := &toyStage{}
	var done []int
	rows, err := All(t.Context(), s, Circumstances(), func(n, of int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		done = append(done, n)
		if of != len(Circumstances()) {
			t.Errorf("%d of %d", n, of)
		}
	})
	if err != nil || len(rows) != len(Circumstances()) || len(s.tried) != len(rows) || s.tried[0] != Plain || s.top != atOnce || len(done) != len(rows) {
		t.Errorf("%v: tried %q, %d at once; told %v", err, s.tried, s.top, done)
	}
	for i, row := range rows {
		if row.Circumstance.Name != Circumstances()[i].Name {
			t.Errorf("row %d is %s", i, row.Circumstance.Name)
		}
	}
	s = &toyStage{seen: map[string]Seen{Plain: ended(1, Said{})}}
	if _, err := All(t.Context(), s, Circumstances(), func(int, int) {}); err != nil || !slices.Equal(s.tried, []string{Plain}) {
		t.Errorf("after one that does not start: %q, %v", s.tried, err)
	}
	broken := errors.New("no namespaces")
	for _, name := range []string{Plain, "memory"} {
		s = &toyStage{fails: map[string]error{name: broken}}
		if _, err := All(t.Context(), s, Circumstances(), func(int, int) {}); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := All(t.Context(), &toyStage{}, Circumstances()[1:], func(int, int) {}); err == nil {
		t.Error("others were tried without the plain one")
	}
}

func TestChoose(t *testing.T) {
	all := Names(Circumstances())
	for _, tt := range []struct{ only, without, want []string }{
		{nil, nil, all},
		{[]string{"memory", "stop"}, nil, []string{Plain, "memory", "stop"}},
		{[]string{"memory", "stop"}, []string{"memory"}, []string{Plain, "stop"}},
		{nil, all[1:], []string{Plain}},
		{[]string{Plain}, []string{Plain}, []string{Plain}},
	} {
		got, err := Choose(tt.only, tt.without)
		if diff := cmp.Diff(tt.want, Names(got)); diff != "" || err != nil {
			t.Errorf("only %q, without %q: %v %s", tt.only, tt.without, err, diff)
		}
	}
	for _, names := range [][2][]string{{{"nothing"}, nil}, {nil, {"nothing"}}} {
		if _, err := Choose(names[0], names[1]); err == nil || !strings.Contains(err.Error(), `"nothing"`) {
			t.Errorf("%v: %v", names, err)
		}
	}
}

// Each row has all that is said of it, and changes something.
func TestCircumstances(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Circumstances() {
		if c.Name == "" || c.Changes == "" || c.Why == "" || c.Do == "" || seen[c.Name] {
			t.Errorf("%+v lacks something, or is there twice", c)
		}
		seen[c.Name] = true
		if c.Change == nil {
			if c.Stop == Afterwards && c.Name != Plain {
				t.Errorf("%s is like the plain one", c.Name)
			}
			continue
		}
		was := Setting{Volumes: []string{"/v"}}
		was.Spec.Env, was.Spec.Tmpfs, was.Spec.ReadOnly = []string{"LANG=C.UTF-8", "A=1"}, []string{"/app/data"}, c.Name == "writable"
		is := was
		c.Change(&is)
		if fmt.Sprintf("%+v", is) == fmt.Sprintf("%+v", was) {
			t.Errorf("%s changes nothing", c.Name)
		}
	}
}

func TestReport(t *testing.T) {
	lost := started()
	lost.Said.Error = "[error] connection refused"
	for _, tt := range []struct {
		seen map[string]Seen
		text []string
		code int // of the verdict, and of the strict one
		all  int
	}{
		{nil, []string{"OK      plain           rpc answers after 1.00s", "OK: hello 0.1.0 runs in 13 circumstances\n"}, 0, 0},
		{map[string]Seen{Plain: lost}, []string{"  said  [error] connection refused\n"}, 0, 0},
		{map[string]Seen{"no-locale": lost}, []string{"  is    no LANG, LC_ALL or LC_CTYPE (services of systemd, cron)\n", "OK, with a warning for no-locale: "}, 0, 3},
		{map[string]Seen{"memory": {Why: "of this"}}, []string{"UNKNOWN memory          not tried: of this\n", "UNKNOWN: what hello 0.1.0 does in 1 circumstance: memory; it runs in 12 others\n"}, 0, 3},
		{map[string]Seen{"no-ipv6": ended(1, Said{Last: "eafnosupport"})}, []string{"  said  eafnosupport\n", "FAIL: hello 0.1.0 does not run in 1 circumstance: no-ipv6\n"}, 3, 3},
		{map[string]Seen{Plain: ended(1, Said{Lacks: []string{"DATABASE_URL"}})}, []string{"  do    pass what it would have there: --env DATABASE_URL=…, or", "FAIL: hello 0.1.0 was not rehearsed: it lacks DATABASE_URL\n"}, 3, 3},
	} {
		r := rehearsed(t, tt.seen)
		var b bytes.Buffer
		if err := r.Text(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.text {
			if !strings.Contains(b.String(), want) {
				t.Errorf("the report lacks %q:\n%s", want, b.String())
			}
		}
		if code, all := exitCode(r.Verdict()), exitCode(r.StrictVerdict()); code != tt.code || all != tt.all {
			t.Errorf("%+v: exit codes %d and %d", tt.seen, code, all)
		}
	}
}

func TestJSON(t *testing.T) {
	r := rehearsed(t, map[string]Seen{"memory": {Why: "of this"}, "no-ipv6": ended(1, Said{Error: "e", Lacks: []string{"A"}})})
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Schema, Release, Place, Verdict, Summary string
		Circumstances                            []struct {
			Name, Verdict, Cause, Summary, Remedy string
			Start                                 map[string]any
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != Schema || doc.Release != "hello 0.1.0" || doc.Place != "tar:hello.tar" || doc.Verdict != "FAIL" || len(doc.Circumstances) != len(Circumstances()) {
		t.Errorf("%s", raw)
	}
	for _, c := range doc.Circumstances {
		var want map[string]any
		switch c.Name {
		case "memory":
		case "no-ipv6":
			want = map[string]any{"state": "ended", "after": 0.7, "exit_code": 1.0, "first_error": "e", "lacks": []any{"A"}, "output_bytes": 0.0}
		case Plain:
			want = map[string]any{"state": "started", "answered_by": "rpc", "after": 1.0, "exit_code": 0.0, "stopped_after": 0.4, "memory_bytes": 6e7, "open_files": 65536.0, "output_bytes": 0.0}
		default:
			continue
		}
		if diff := cmp.Diff(want, c.Start); diff != "" {
			t.Errorf("%s: %s", c.Name, diff)
		}
	}
}
