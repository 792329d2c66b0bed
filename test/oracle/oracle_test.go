package oracle

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// row is one line of the table.
type row struct {
	what, builder, on string
	counts            [outcomes]int
	otherCause        int
	warnedRan         int
	unknownRan        int
}

// open is a rule that warned or could not tell, of what and how often.
type open struct {
	verdict, rule string
	names         []string
	ran           int
}

// book is all that was found, in the order of the rows.
type book struct {
	mu    sync.Mutex
	rows  map[string]*row
	open  map[string]*open
	notes []string // what was warned about or unknown, and every difference
	files []judged // for the comparison with other tools
}

// judged is one native file in one place, with what came of it.
type judged struct {
	place place
	file  string // on this machine
	dir   string // the release
	unit  unit
}

func newBook() *book { return &book{rows: map[string]*row{}, open: map[string]*open{}} }

// enter counts units, and fails the test on a difference.
func (b *book) enter(t testing.TB, what, builder, on string, units []unit) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	key := what + "|" + builder + "|" + on
	r := b.rows[key]
	if r == nil {
		r = &row{what: what, builder: builder, on: on}
		b.rows[key] = r
	}
	for _, u := range units {
		o := u.outcome()
		r.counts[o]++
		worst, rules := u.said()
		line := fmt.Sprintf("%s built on %s, on %s: %s: said %s %v of %v; the machine: %.400s", what, builder, on, u.name, worst, rules, u.files(), strings.TrimSpace(u.truth))
		switch {
		case o == falseOK:
			t.Errorf("false OK: %s", line)
		case o == falseFail:
			t.Logf("false FAIL: %s", line)
		case u.otherCause():
			r.otherCause++
			t.Errorf("another cause: %s (means %v)", line, cause(u.truth))
		case o == warned:
			r.warnedRan += one(u.truth == worked)
			b.leave(u, line)
		case o == unknown:
			r.unknownRan += one(u.truth == worked)
			b.leave(u, line)
		}
	}
}

// leave notes what the check did not decide.
func (b *book) leave(u unit, line string) {
	b.notes = append(b.notes, line)
	worst, rules := u.said()
	key := worst.String() + strings.Join(rules, "`, `")
	if b.open[key] == nil {
		b.open[key] = &open{verdict: worst.String(), rule: strings.Join(rules, "`, `")}
	}
	_, name, _ := strings.Cut(u.name, ":")
	b.open[key].names = append(b.open[key].names, filepath.Base(name))
	b.open[key].ran += one(u.truth == worked)
}

// keep remembers the native files of a release for the comparison with other
// tools.
func (b *book) keep(w pair, dir string, units []unit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range units {
		kind, name, _ := strings.Cut(u.name, ":")
		file := filepath.Join(priv, name, name)
		if kind == "nif" {
			file += ".so"
		}
		if kind == "nif" || kind == "port" {
			b.files = append(b.files, judged{w.p, file, dir, u})
		}
	}
}

// falseFails is how much ran, and how much of it the check said would not.
func (b *book) falseFails() (ran, refused int) {
	for _, r := range b.rows {
		ran += r.counts[runsSaidOK] + r.counts[falseFail]
		refused += r.counts[falseFail]
	}
	return ran, refused
}

func unitNames(made []nativeCase) (out []string) {
	for _, c := range made {
		kind := "nif:"
		if c.port {
			kind = "port:"
		}
		out = append(out, kind+c.name)
	}
	return out
}

// each runs f for every element as a test of its own, several at once, and
// stops the whole if one could not be done at all.
func each[T any](t *testing.T, what string, list []T, name func(T) string, f func(*testing.T, T)) {
	t.Helper()
	done := make([]bool, len(list))
	t.Run(what, func(t *testing.T) {
		for i, v := range list {
			t.Run(name(v), func(t *testing.T) {
				t.Parallel()
				f(t, v)
				done[i] = true
			})
		}
	})
	if slices.Contains(done, false) {
		t.FailNow()
	}
}

// TestOracle is the whole comparison, or a small part of it.
func TestOracle(t *testing.T) {
	names := []string{"11", "13"}
	if whole {
		names = []string{"11", "12", "13", "forky"}
	}
	o := newOracle(t, names)
	o.precompiled(t)
	o.wholeReleases(t)
	o.withoutERTS(t)
	o.onMusl(t)
	tables := map[string]string{"causes": o.book.undecided()}
	if whole {
		o.beams(t)
		tables["tools"] = comparison(compare(t, o.book))
	}
	tables["truth"] = o.book.table()
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		t.Logf("%s\n%s", name, tables[name])
	}
	for _, line := range slices.Sorted(slices.Values(o.book.notes)) {
		t.Log(line)
	}
	if ran, refused := o.book.falseFails(); refused*100 > ran {
		t.Errorf("%d false FAILs among %d that ran: more than one in a hundred", refused, ran)
	}
	if whole && *update && !t.Failed() {
		publish(t, tables)
	}
}

type oracle struct {
	systems []system
	places  []place           // the systems, and some that lack libraries
	headers string            // of the oldest Erlang/OTP
	natives map[string]string // by builder
	made    map[string][]nativeCase
	book    *book
}

func newOracle(t *testing.T, names []string) *oracle {
	o := &oracle{systems: systems(t, names...), natives: map[string]string{}, made: map[string][]nativeCase{}, book: newBook()}
	o.headers = nifHeaders(o.systems[0])
	for _, s := range o.systems {
		o.places = append(o.places, place{system: s})
	}
	for _, s := range o.systems {
		for _, without := range slices.Sorted(maps.Keys(removals())) {
			if whole || s.name == "13" && (without == "libtinfo" || without == "libcrypto") {
				o.places = append(o.places, incomplete(t, s, without))
			}
		}
	}
	var mu sync.Mutex
	each(t, "compile", o.systems, func(s system) string { return s.name }, func(t *testing.T, s system) {
		dir, made := natives(t, s.name, o.headers, s.root, "gcc", allCases())
		mu.Lock()
		defer mu.Unlock()
		o.natives[s.name], o.made[s.name] = dir, made
	})
	return o
}

// pair is a builder and where its work runs.
type pair struct {
	builder system
	p       place
}

func (w pair) String() string { return w.builder.name + " on " + w.p.String() }

// group is what of the places whole releases are counted together for.
func (w pair) group() string {
	switch {
	case w.p.without != "":
		return "all, each without a library"
	case w.p.name == w.builder.name:
		return "the same"
	}
	return "the others"
}

func (o *oracle) pairs(builders []system, fits func(place) bool) (out []pair) {
	for _, s := range builders {
		for _, p := range o.places {
			if fits(p) {
				out = append(out, pair{s, p})
			}
		}
	}
	return out
}

// precompiled puts what each system compiled into the release of each, as
// packages with files that were compiled elsewhere do. What the VM cannot do
// without, the places have.
func (o *oracle) precompiled(t *testing.T) {
	fits := func(p place) bool { return slices.Contains([]string{"", "libcrypto", "libncursesw"}, p.without) }
	each(t, "precompiled", o.pairs(o.systems, fits), pair.String, func(t *testing.T, w pair) {
		rel := graft(t, releaseOf(t, w.p.system, "oracle"), o.natives[w.builder.name])
		names := unitNames(o.made[w.builder.name])
		report := predict(t, rel, w.p)
		found := units(report, start(t, w.p, rel, "oracle", names), names)
		o.book.enter(t, "NIFs and ports", w.builder.name, w.p.group(), found)
		o.book.keep(w, rel, found)
	})
}

// wholeReleases runs releases with much of Erlang/OTP where they were made and
// elsewhere.
func (o *oracle) wholeReleases(t *testing.T) {
	builders := o.systems
	if !whole {
		builders = builders[1:]
	}
	each(t, "whole", o.pairs(builders, func(place) bool { return true }), pair.String, func(t *testing.T, w pair) {
		rel := releaseOf(t, w.builder, "full")
		names := programs(t, rel)
		o.book.enter(t, "releases with ERTS", w.builder.name, w.group(), units(predict(t, rel, w.p), start(t, w.p, rel, "full", names), names))
	})
}

// withoutERTS runs releases that bring no ERTS.
func (o *oracle) withoutERTS(t *testing.T) {
	builders := o.systems
	if !whole {
		builders = builders[1:]
	}
	each(t, "bare", o.pairs(builders, func(p place) bool { return p.without == "" }), pair.String, func(t *testing.T, w pair) {
		rel := releaseOf(t, w.builder, "bare")
		o.book.enter(t, "releases without ERTS", w.builder.name, w.group(), units(predict(t, rel, w.p), start(t, w.p, rel, "bare", nil), nil))
	})
}

// onMusl opens what each system compiled on one with musl, and what was
// compiled for musl on the others.
func (o *oracle) onMusl(t *testing.T) {
	p, vm := muslPlace(t, o.headers)
	var loaded []nativeCase
	for _, c := range tried() {
		if c.musl {
			loaded = append(loaded, c)
		}
	}
	musl := system{name: "musl"}
	o.natives["musl"], o.made["musl"] = natives(t, "musl", o.headers, tools(t), "musl-gcc", loaded)
	for _, builder := range append(slices.Clone(o.systems), musl) {
		rel := onMusl(t, releaseOf(t, o.systems[0], "oracle"), o.natives[builder.name], vm)
		var names []string
		for _, c := range o.made[builder.name] {
			if !c.port && !c.vm && !c.header {
				names = append(names, "nif:"+c.name)
			}
		}
		found := units(predict(t, rel, p), startMusl(t, p, rel, names), names)
		o.book.enter(t, "NIFs and ports", builder.name, "musl", found[1:])
	}
	each(t, "made for musl", o.pairs([]system{musl}, func(p place) bool { return p.without == "" }), pair.String, func(t *testing.T, w pair) {
		rel, names := graft(t, releaseOf(t, w.p.system, "oracle"), o.natives["musl"]), unitNames(o.made["musl"])
		o.book.enter(t, "NIFs and ports", "musl", w.p.String(), units(predict(t, rel, w.p), start(t, w.p, rel, "oracle", names), names))
	})
	for _, s := range o.systems[:1] { // what was made for glibc does not even begin
		rel := releaseOf(t, s, "oracle")
		o.book.enter(t, "releases with ERTS", s.name, "musl", units(predict(t, rel, p), start(t, p, rel, "oracle", nil), nil))
	}
}
