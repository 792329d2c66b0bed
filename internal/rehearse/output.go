package rehearse

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"dram/internal/environ"
	"dram/internal/ui"
)

// How much of what a release prints is kept: its first lines tell the cause of a
// failure, its last how it ended.
const (
	maxHead = 256 << 10 // bytes
	maxTail = 32 << 10
	maxLine = 300 // characters of a line that is shown
)

// output takes what a start prints, however much that is.
type output struct {
	mu         sync.Mutex
	head, tail []byte
	total      int64
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(p)
	o.total += int64(n)
	take := min(n, maxHead-len(o.head))
	o.head = append(o.head, p[:take]...)
	o.tail = append(o.tail, p[take:]...)
	if over := len(o.tail) - maxTail; over > 0 {
		o.tail = slices.Delete(o.tail, 0, over)
	}
	return n, nil
}

// text is what was kept.
func (o *output) text() (string, int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(bytes.Join([][]byte{o.head, o.tail}, nil)), o.total
}

var (
	// reports are lines that loggers and the VM mark as errors.
	reports = regexp.MustCompile(`\[(error|critical|alert|emergency)\]|^=(ERROR|CRASH|SUPERVISOR) REPORT|(?i)"?\b(level|severity)"?[=:] ?"?(error|critical|fatal)|` +
		`^\*\* \(|^(ERROR|Error|error|FATAL|fatal)\b|Runtime terminating during boot|Kernel pid terminated|init terminating in do_boot|` +
		`native name encoding of latin1|Segmentation fault|failed to allocate|Can't set (long|short) node name`)
	// hints are lines that tell of trouble in other words.
	hints = regexp.MustCompile(`(?i)\b(errors?|failed|failure|cannot|can't|could not|couldn't|not found|no such|denied|refused|missing|not set|unable|fatal|` +
		`crash\w*|terminat\w*|aborted|killed|e(rofs|acces|noent|perm|addrnotavail|afnosupport|addrinuse))\b|exited in:|raise`)
	refusals = regexp.MustCompile(`(?i)read-only file ?system|\berofs\b|\beacces\b|permission denied`)
	steering = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)
)

// said is what the output tells, without the values that nobody is to see.
func (o *output) said(env, hidden []string) Said {
	text, total := o.text()
	text = steering.ReplaceAllString(text, "")
	for _, value := range hidden {
		text = strings.ReplaceAll(text, value, "***")
	}
	out := Said{Bytes: total, Lacks: lacks(text, env)}
	hint := ""
	for line := range strings.Lines(text) {
		line = shown(line)
		if line == "" {
			continue
		}
		out.Last = line
		goOn(&out.Error, line)
		keep(&out.Error, line, reports)
		keep(&hint, line, hints)
		keep(&out.Refused, line, refusals)
	}
	if out.Error == "" {
		out.Error = hint
	}
	return out
}

// goOn adds to an error that says no more than that something follows what does.
func goOn(first *string, line string) {
	if strings.HasSuffix(*first, ":") && utf8.RuneCountInString(*first) < maxLine {
		*first = cut(*first + " " + line)
	}
}

// keep keeps the first line that matches.
func keep(first *string, line string, like *regexp.Regexp) {
	if *first == "" && like.MatchString(line) {
		*first = line
	}
}

// shown is a line as a terminal may show it.
func shown(line string) string {
	return cut(ui.Plain(strings.TrimSpace(strings.ToValidUTF8(line, "?"))))
}

func cut(line string) string {
	if utf8.RuneCountInString(line) > maxLine {
		line = string([]rune(line)[:maxLine]) + "…"
	}
	return line
}

// wanted are the ways in which releases, Elixir and shells say that a variable is not
// set; the first group names it.
var wanted = []*regexp.Regexp{
	regexp.MustCompile(`(?i:environment variables?|env(?:ironment)? vars?)[: ]+["'` + "`" + `]?([A-Z][A-Z0-9_]+)`),
	regexp.MustCompile(`\b([A-Z][A-Z0-9_]+): (?:parameter (?:null or )?not set|unbound variable)`),
	regexp.MustCompile(`\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)["'` + "`" + `]?:? (?i:(?:is |was |must be |needs to be |has to be )?(?:missing|not set|unset|required|undefined|set\b)|environment variable|env var)`),
	regexp.MustCompile(`(?i:missing|please set|set the|you must set|required)(?i: required)?(?i: env\w*)?(?i: variables?)?:? ["'` + "`" + `]?([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b`),
}

// lacks are the variables that a text says are missing, and that the environment has
// not.
func lacks(text string, env []string) (out []string) {
	const most = 20
	for _, way := range wanted {
		for _, m := range way.FindAllStringSubmatch(text, most) {
			if name := m[1]; environ.Get(env, name) == "" && !slices.Contains(out, name) && len(out) < most {
				out = append(out, name)
			}
		}
	}
	return out
}
