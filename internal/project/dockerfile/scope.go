package dockerfile

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// scope is what holds in a stage for what follows, and for the stages that begin with it.
type scope struct {
	env  map[string]string // by ENV
	args map[string]string // by ARG, as far as they have a value
	open []string          // arguments that have none
	dir  string            // the working directory
	root string            // where the project lies, "" where nothing tells
	// copied are directories of the context, by where they are copied to.
	copied map[string]string
	// mixed says that this is where its tool was run.
	mixed bool
}

func newScope() scope {
	return scope{env: map[string]string{}, args: map[string]string{}, dir: "/", copied: map[string]string{}}
}

func (s *scope) inherited() scope {
	return scope{env: maps.Clone(s.env), args: maps.Clone(s.args), open: slices.Clone(s.open), dir: s.dir, root: s.root, mixed: s.mixed, copied: maps.Clone(s.copied)}
}

// argument is ARG: a value that is given here or before the first stage, or none.
func (s *scope) argument(name, value string, has bool) {
	if !has || value == "" {
		s.open = append(s.open, name)
		return
	}
	s.args[name] = value
}

// setEnv is ENV, of which the parser makes a name, a value and a sign of each pair.
func (s *scope) setEnv(words []string) {
	for i := 0; i+1 < len(words); i += 3 {
		if s.fromNothing(words[i+1]) {
			delete(s.env, words[i]) // whoever builds gives it a value, or it has none
			continue
		}
		s.env[words[i]] = unquote(s.expand(words[i+1]))
	}
}

// fromNothing says whether a value is made of an argument without one.
func (s *scope) fromNothing(value string) bool {
	for _, m := range variable.FindAllStringSubmatch(expand(expand(value, s.env), s.args), -1) {
		if slices.Contains(s.open, m[1]+m[3]) && m[2] == "" {
			return true
		}
	}
	return false
}

func unquote(text string) string {
	for _, quote := range []string{`"`, `'`} {
		if inner, ok := strings.CutPrefix(text, quote); ok && strings.HasSuffix(inner, quote) && len(inner) > 0 {
			return strings.TrimSuffix(inner, quote)
		}
	}
	return text
}

// expand fills in what is known here. An argument without a value is empty, as in a
// build that is given none.
func (s *scope) expand(text string) string {
	text = alternative.ReplaceAllStringFunc(text, s.ifSet)
	text = expand(expand(text, s.env), s.args)
	return variable.ReplaceAllStringFunc(text, func(ref string) string {
		m := variable.FindStringSubmatch(ref)
		if slices.Contains(s.open, m[1]+m[3]) {
			return ""
		}
		return ref
	})
}

// alternative is a text that counts where a variable has a value: "${A:+-x ${A}}".
var alternative = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*):?\+((?:[^{}$]|\$\{\w+\})*)\}`)

func (s *scope) ifSet(ref string) string {
	m := alternative.FindStringSubmatch(ref)
	switch {
	case s.env[m[1]]+s.args[m[1]] != "":
		return m[2]
	case slices.Contains(s.open, m[1]):
		return ""
	}
	return ref
}

// take is COPY of what the context has to a place.
func (s *scope) take(sources []string, to string) {
	at := s.absolute(to)
	if at == "" {
		return
	}
	to = unquote(s.expand(to))
	for _, from := range sources {
		from = path.Clean(strings.TrimPrefix(from, "/"))
		if path.Ext(from) != "" && from != "." { // a file
			if from = path.Dir(from); !strings.HasSuffix(to, "/") && to != "." {
				continue
			}
		}
		if _, has := s.copied[at]; !has && !strings.ContainsAny(from, "$*?") {
			s.copied[at] = from
		}
	}
}

// place is the directory of the project that one of the stage is: by where its tool was
// run, or else by what was copied; copied says so of the latter.
func (s *scope) place(at string) (dir string, copied bool) {
	if dir = relative(s.root, at); dir != "" {
		return dir, false
	}
	for to := at; ; to = path.Dir(to) {
		if from, ok := s.copied[to]; ok && at != "" {
			return path.Join(from, strings.TrimPrefix(at, to)), true
		}
		if to == "/" || to == "." || to == "" {
			dir = s.mirrored(at)
			return dir, dir != ""
		}
	}
}

// workdir is WORKDIR.
func (s *scope) workdir(to string) {
	if to = unquote(s.expand(to)); !path.IsAbs(to) {
		to = path.Join(s.dir, to)
	}
	if len(to) <= maxPath {
		s.dir = path.Clean(to)
	}
}

const maxPath = 4096 // bytes, as systems have it

// theirs are variables that systems, shells and build tools have for themselves, and
// those that dram gives a build or an image in any case.
var theirs = regexp.MustCompile(`^(PATH|HOME|USER|SHELL|TERM|PWD|PS1|LANG|LANGUAGE|LC_\w+|TZ|DEBIAN_FRONTEND|TARGET(OS|ARCH|VARIANT|PLATFORM)|BUILD(OS|ARCH|PLATFORM)|` +
	`MIX_ENV|MIX_HOME|MIX_REBAR3?|MIX_PATH|HEX_\w+|NODE_ENV|ERL_\w*FLAGS|ELIXIR_ERL_OPTIONS|REBAR_PROFILE|\w+_(PATH|DIR|HOME|ROOT|FILE)|XDG_\w+|LD_\w+|\w+_(VERSION|VER)|(?i:https?_proxy|no_proxy|all_proxy))$`)

// versioned are names that end as those of tools' versions do, and are the project's.
var versioned = regexp.MustCompile(`^(APP|RELEASE|BUILD|GIT|SENTRY|PROJECT|IMAGE)_VERSION$`)

const maxValue = 1_000 // bytes of a variable's value

// pairs are the variables that are the project's own, "K=V", sorted: those whose values
// are whole and no place in the image.
func pairs(vars map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		value := vars[name]
		switch {
		case theirs.MatchString(name) && !versioned.MatchString(name), !plainName.MatchString(name), len(out) >= maxNames:
		case value == "" || strings.ContainsAny(value, "$`\n\x00") || len(value) > maxValue || path.IsAbs(value):
		default:
			out = append(out, name+"="+value)
		}
	}
	return out
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)
