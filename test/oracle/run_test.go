package oracle

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dram/internal/sandbox"
)

// worked is what a unit says that did what it should.
const worked = "ok"

// lived is what the machine made of a release: whether it started, and what
// each unit said. Units are as oracle.erl takes them: "nif:strtol", "port:p_cxx",
// "own:crypto", "program:erts-15.2/bin/epmd".
type lived struct {
	started bool
	text    string            // what it printed, if it did not start
	units   map[string]string // worked, or why not; a signal's name if it took the VM with it
}

const patience = 90 * time.Second

// start starts a release and has it try units. One that takes the VM with it is
// noted, and the rest are tried by another start.
func start(t testing.TB, p place, release, name string, units []string) lived {
	t.Helper()
	l := lived{units: map[string]string{}}
	for rest := units; ; {
		log, r := oneStart(t, p, release, name, rest)
		if !strings.HasPrefix(log, "started") {
			l.text = r.out + r.err + sprintf("\n(%v)", r.ended)
			return l
		}
		l.started = true
		last := l.read(t, log)
		if last == "" {
			return l
		}
		l.units[last] = ending(r)
		i := slices.Index(rest, last)
		if i > 0 { // perhaps what was loaded before is to blame: once more, alone
			again := start(t, p, release, name, rest[i:i+1])
			l.units[last] = again.units[last]
		}
		if rest = rest[i+1:]; len(rest) == 0 {
			return l
		}
	}
}

func oneStart(t testing.TB, p place, release, name string, units []string) (log string, r said) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out := newDir(t, "out")
	r = box(ctx, t, p.root, []sandbox.Mount{{Source: release, Target: "/app", ReadOnly: true}, {Source: out, Target: "/out"}}, []string{
		"ORACLE_CASES=" + strings.Join(units, " "), "RELEASE_COOKIE=c", "RELEASE_DISTRIBUTION=none", "ERL_CRASH_DUMP_SECONDS=0", "RELEASE_TMP=/tmp",
	}, "/app/bin/"+name, "start")
	b, err := os.ReadFile(filepath.Join(out, "log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b), r
}

// read takes in a log, and gives the unit that has a beginning and no end.
func (l *lived) read(t testing.TB, log string) (last string) {
	t.Helper()
	for line := range strings.Lines(log) {
		words := strings.Fields(line)
		switch words[0] {
		case "begin":
			last = words[1]
		case "end":
			text, err := base64.StdEncoding.DecodeString(words[2])
			if err != nil {
				t.Fatal(err)
			}
			l.units[words[1]], last = strings.ReplaceAll(string(text), `\'`, `'`), ""
		}
	}
	return last
}

// ending is how a process ended, for people.
func ending(r said) string {
	var exit *sandbox.ExitError
	if errors.As(r.ended, &exit) && exit.Signal != "" {
		return exit.Signal
	}
	return sprintf("%v: %s%s", r.ended, r.out, r.err)
}

// startMusl has the program that stands for the VM open each library, in a
// process of its own.
func startMusl(t testing.TB, p place, release string, units []string) lived {
	t.Helper()
	l := lived{started: true, units: map[string]string{}}
	vm := only(t, filepath.Join(release, "erts-*/bin/beam.smp"))
	rel, err := filepath.Rel(release, vm)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		_, name, _ := strings.Cut(u, ":")
		r := box(t.Context(), t, p.root, []sandbox.Mount{{Source: release, Target: "/app", ReadOnly: true}}, nil,
			"/app/"+rel, "/app/"+priv+"/"+name+"/"+name+".so")
		var exit *sandbox.ExitError
		switch {
		case r.ended == nil:
			l.units[u] = worked
		case errors.As(r.ended, &exit) && exit.Code == 1:
			l.units[u] = r.out + r.err
		default:
			l.units[u] = ending(r)
		}
	}
	return l
}

func only(t testing.TB, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v; want one file", pattern, found, err)
	}
	return found[0]
}
