package toolchain

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"dram/internal/problem"
	"dram/internal/upstream"
)

const (
	logKept  = 1 << 20 // bytes of a step's output, the last ones
	logShown = 20      // lines
	logEvery = 2 * time.Second
)

// stepLog keeps the end of what a step says, and tells now and then how far it is.
type stepLog struct {
	tell  func(lines int)
	buf   bytes.Buffer
	lines int
	told  time.Time
}

func (l *stepLog) Write(p []byte) (int, error) {
	l.lines += bytes.Count(p, []byte("\n"))
	l.buf.Write(p)
	if over := l.buf.Len() - 2*logKept; over > 0 {
		l.buf.Next(l.buf.Len() - logKept)
	}
	if l.tell != nil && time.Since(l.told) > logEvery {
		l.told = time.Now()
		l.tell(l.lines)
	}
	return len(p), nil
}

// failed is the problem with a step, by what it said.
func (l *stepLog) failed(ctx context.Context, w upstream.Wanted, s step, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, ok := errors.AsType[*problem.Error](err); ok {
		return err // the sandbox says itself what is wrong
	}
	log := l.buf.String()
	hint := "see its lines above; another version, or another system below (--toolchain), may do"
	if lacks := lacking(log); len(lacks) > 0 {
		hint = "choose a system that has " + strings.Join(lacks, ", ") + ": a distro: toolchain has what is needed"
	}
	return problem.New(problem.Failure, hint, "compiling %s: %s: %w; what it said:\n%s", w, s.name, err, strings.Join(telling(log), "\n"))
}

// needs is what the output of a step shows to be missing, and what that is called.
var needs = []struct {
	shows *regexp.Regexp
	what  string
}{
	{regexp.MustCompile(`no acceptable C compiler|C compiler cannot create|\b(gcc|cc): (command )?not found`), "a C compiler (gcc)"},
	{regexp.MustCompile(`(?m)C\+\+ compiler|\b(g\+\+|c\+\+): (command )?not found|^.*error: .*CXX`), "a C++ compiler (g++)"},
	{regexp.MustCompile(`\bg?make: (command )?not found`), "make"},
	{regexp.MustCompile(`\bperl: (command )?not found|[Pp]erl is required|No usable perl`), "perl"},
	{regexp.MustCompile(`[Nn]o curses library|curses.h: No such file|termcap.*not found`), "ncurses with its headers"},
	{regexp.MustCompile(`OpenSSL was not found|openssl/[a-z0-9_]+\.h: No such file`), "OpenSSL with its headers"},
	{regexp.MustCompile(`zlib\.h: No such file`), "zlib with its headers"},
	{regexp.MustCompile(`\b(erl|erlc): (command )?not found`), "Erlang"},
}

// lacking is what a step shows to be missing.
func lacking(log string) []string {
	var out []string
	for _, n := range needs {
		if n.shows.MatchString(log) {
			out = append(out, n.what)
		}
	}
	return out
}

var tells = regexp.MustCompile(`(?i)\berror\b|\*\*\*|not found|no such file|cannot |undefined |fatal|killed|no space left|too old|required`)

// telling is the lines that say why a step failed: the last that look like it, else
// the last ones.
func telling(log string) []string {
	var all, found []string
	for line := range strings.Lines(log) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" {
			continue
		}
		all = append(all, line)
		if tells.MatchString(line) && !strings.HasPrefix(line, "checking ") {
			found = append(found, line)
		}
	}
	if len(found) == 0 {
		found = all
	}
	return found[max(0, len(found)-logShown):]
}
