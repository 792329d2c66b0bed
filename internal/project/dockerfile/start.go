package dockerfile

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"dram/internal/shell"
)

// Begins is what the image starts, without what supervises it: the words of ENTRYPOINT and
// CMD.
func (l Laid) Begins() []string {
	words := slices.Concat(l.Entrypoint, l.Cmd)
	if len(words) > 0 && supervises.MatchString(words[0]) {
		words = words[1:]
		for len(words) > 0 && strings.HasPrefix(words[0], "-") {
			words = words[1:]
		}
	}
	return words
}

// supervises are programs whose work the release does by itself, as the first process.
var supervises = regexp.MustCompile(`(^|/)(tini|dumb-init|catatonit)(-static)?$`)

// Lies is the file of the context that the image has at a path, by which it starts it: a
// name alone is looked for where programs are.
func (l Laid) Lies(name string) (f File, ok bool) {
	at := name
	if strings.Contains(name, "/") && !path.IsAbs(name) {
		at = path.Join(l.WorkDir, name)
	}
	for _, f := range l.Files {
		to := path.Clean(f.To)
		if strings.HasSuffix(f.To, "/") {
			to = path.Join(f.To, path.Base(f.From))
		}
		if to == path.Clean(at) || !strings.Contains(name, "/") && path.Base(to) == name && (binaries.MatchString(path.Dir(to)) || path.Dir(to) == path.Clean(l.WorkDir)) {
			return f, true
		}
	}
	return File{}, false
}

// binaries are the directories that shells find programs in.
var binaries = regexp.MustCompile(`^(/usr(/local)?)?/s?bin$`)

// Does says what a start script does that dram's image cannot, "" where nothing is seen:
// released says whether the release has a file, by its path in it, and installed whether
// the image has a package.
func (l Laid) Does(script string, released, installed func(name string) bool) string {
	file, err := shell.Read(script, "")
	if err != nil {
		return "is no script of sh or bash"
	}
	functions := map[string]bool{}
	syntax.Walk(file, func(node syntax.Node) bool {
		if f, ok := node.(*syntax.FuncDecl); ok && f.Name != nil {
			functions[f.Name.Value] = true
		}
		return true
	})
	if l.Place != Home && l.Names(script) {
		return "names " + l.Place + ", where its release lies"
	}
	for _, words := range calls(script) {
		for len(words) > 1 && wrapping.MatchString(words[0]) {
			words = words[1:]
		}
		if functions[words[0]] {
			continue
		}
		if why := l.cannot(words[0], released, installed); why != "" {
			return why
		}
	}
	return ""
}

var (
	// wrapping are words before a command.
	wrapping = regexp.MustCompile(`^(exec|command|builtin|time|nice|nohup|!)$`)
	// everywhere are commands of shells, and of what every system of a toolchain has.
	everywhere = regexp.MustCompile(`^(\.|:|\[|\[\[|alias|break|cd|continue|declare|echo|eval|exec|exit|export|false|getopts|hash|kill|let|local|printf|pwd|read|readonly|return|` +
		`set|shift|source|test|time|trap|true|type|typeset|ulimit|umask|unset|wait|` +
		`basename|base64|bash|dash|cat|chmod|cp|cut|date|dirname|env|expr|find|grep|head|hostname|id|ln|ls|mkdir|mktemp|mv|nproc|od|printenv|readlink|realpath|rm|rmdir|sed|seq|sh|` +
		`sleep|sort|stat|tail|tee|timeout|touch|tr|uname|uniq|wc|whoami|xargs|awk)$`)
	// rooted are commands for root, who no image of dram's runs as.
	rooted = regexp.MustCompile(`^(chown|chgrp|su|su-exec|gosu|sudo|setpriv|useradd|usermod|adduser|groupmod|apt|apt-get|apk|mount|sysctl|update-ca-certificates)$`)
)

// bringers are the packages that programs are of which start scripts call.
var bringers = map[string][]string{
	"pg_isready": {"postgresql-client", "postgresql"}, "psql": {"postgresql-client", "postgresql"}, "pg_dump": {"postgresql-client", "postgresql"},
	"nc": {"netcat-openbsd", "netcat-traditional", "netcat"}, "getent": {"libc-bin"}, "dig": {"dnsutils", "bind-tools"}, "mysql": {"mysql-client", "default-mysql-client"},
}

// cannot says why one command cannot be run in dram's image.
func (l Laid) cannot(name string, released, installed func(string) bool) string {
	switch {
	case rooted.MatchString(path.Base(name)):
		return "calls " + name + ", as root"
	case strings.Contains(name, "/") && strings.Contains(name, "$"):
		return "calls " + name + ", which is known when it runs"
	case everywhere.MatchString(name), strings.HasPrefix(name, "$"), strings.Contains(name, "="):
		return ""
	case strings.Contains(name, "/"):
		return l.foreign(name, released)
	case slices.ContainsFunc(append(bringers[name], name), installed):
		return ""
	}
	return "calls " + name + ", which no package that is followed is known to bring"
}

// foreign says why a program by its path is not in dram's image.
func (l Laid) foreign(name string, released func(string) bool) string {
	if !path.IsAbs(name) && l.WorkDir != l.Place {
		return "calls " + name + ", and starts in another directory than the release's"
	}
	if _, is := within(l.Place, name); is && l.Place != Home {
		return "calls " + name + ", where its release lies"
	}
	at, ok := l.At(name)
	below, isHome := within(Home, at)
	switch {
	case isHome && released(below):
		return ""
	case ok && !isHome && binaries.MatchString(path.Dir(at)) && everywhere.MatchString(path.Base(at)):
		return ""
	}
	return "calls " + name + ", which the release has not"
}

// place matches the release's directory where a script names it.
func (l Laid) place() *regexp.Regexp {
	return regexp.MustCompile(`(^|[^\w./-])` + regexp.QuoteMeta(strings.TrimSuffix(l.Place, "/")) + `([^\w.-]|$)`)
}

// Names says whether a script names the release's directory.
func (l Laid) Names(script string) bool {
	return l.Place != "" && l.Place != "/" && l.place().MatchString(script)
}

// Moved is l with the release where dram's image has it.
func (l Laid) Moved() Laid {
	if l.WorkDir == l.Place {
		l.WorkDir = Home
	}
	l.Place = Home
	return l
}

// Here is a text for a shell as dram's image has it: paths in the release are below Home,
// and the last command takes the shell's place, so that it gets what a container is sent.
func (l Laid) Here(text string) string {
	if l.Place != "" && l.Place != "/" {
		text = l.place().ReplaceAllString(text, "${1}"+Home+"${2}")
	}
	all := calls(text)
	if len(all) == 0 || wrapping.MatchString(all[len(all)-1][0]) {
		return text
	}
	last := strings.Join(all[len(all)-1], " ")
	if head, is := strings.CutSuffix(strings.TrimSpace(text), last); is {
		return head + "exec " + last
	}
	return text
}
