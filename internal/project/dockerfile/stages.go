package dockerfile

import (
	"path"
	"regexp"
	"strings"
)

// Stages that build take of one another what was made: assets, mostly. In the project all
// of them lie in one tree, so that what a stage made is there already, or is copied within
// that.

// taking is COPY of what another stage made, to where the stage builds.
type taking struct {
	from     *stage
	name, to string // absolute
	into     bool   // the directory to
}

// ofTool is what tools keep, and have again in any build.
var ofTool = regexp.MustCompile(`(^|/)(deps|_build|node_modules|\.mix|\.hex|\.cache|\.cargo|\.npm)/?$`)

// inheritCopied has what a stage copied of the context be known where another takes it.
func (s *stage) inheritCopied(from *stage, sources []string, to string) {
	at := s.absolute(to)
	if from == nil || at == "" || len(sources) != 1 {
		return
	}
	if name := from.absolute(sources[0]); name != "" {
		if of := from.ofContext(name); of != "" && s.copied[at] == "" && path.Ext(name) == "" {
			s.copied[at] = of
		}
	}
}

// takeMade notes what a stage takes that commands of another made.
func (s *stage) takeMade(name string, from *stage, sources []string, to string) {
	at := s.absolute(to)
	if from == nil || at == "" {
		return
	}
	runs := false
	for _, step := range from.steps {
		runs = runs || step.part == "" && step.taken == nil
	}
	if !runs {
		return
	}
	for _, source := range sources {
		if ofTool.MatchString(source) {
			continue
		}
		c := Command{Text: brief([]string{"COPY", "--from=" + name, source, to}), Takes: strings.ToLower(name)}
		t := taking{from: from, name: from.absolute(source), to: at, into: strings.HasSuffix(to, "/") || to == "." || len(sources) > 1}
		s.steps = append(s.steps, step{Command: c, taken: &t})
	}
}

// inProject is a path of a stage as one in the context: of what was copied as a directory,
// or beside such a one, where the stage mirrors the context.
func (s *stage) inProject(name string) string {
	from := s.ofContext(name)
	if from == "" && !s.moves {
		from = s.mirrored(name)
	}
	return from
}

// mirrored is a path beside a directory of the context as one there; "" where the two have
// nothing in common but the top of the file system, unless the stage works in it.
func (s *scope) mirrored(name string) string {
	nearest, found := "", ""
	for to, from := range s.copied {
		up, rest := to, ""
		for rest == "" && up != "/" && up != "." {
			up = path.Dir(up)
			rest = relative(up, name)
			from = path.Join(from, "..")
		}
		if rest == "" || up == "/" && to != s.dir || len(up) < len(nearest) {
			continue
		}
		if at := path.Join(from, rest); at != ".." && !strings.HasPrefix(at, "../") {
			nearest, found = up, at
		}
	}
	return found
}

// follow makes the command one that copies within the project; it is false where nothing
// is to be copied. One of which a place is not known stays a text.
func (t taking) follow(s *stage, c *Command) bool {
	from := t.from.inProject(t.name)
	to, _ := s.place(t.to)
	if from == "" || to == "" || !plainWord.MatchString(from+to) {
		return true
	}
	if to == from || t.into && path.Join(to, path.Base(from)) == from || strings.HasPrefix(from, to+"/") && t.into {
		return false
	}
	if from == "." || strings.HasPrefix(to, from+"/") {
		return true // into itself
	}
	c.Dir = "."
	file := to
	if t.into {
		file = to + "/"
	}
	c.Run = "if [ -d " + from + " ]; then mkdir -p " + to + " && cp -R " + from + "/. " + to + "; else mkdir -p " + path.Dir(file) + " && cp " + from + " " + file + "; fi"
	return true
}

var (
	address  = regexp.MustCompile(`^https://[\w.-]+(:\d+)?/[\w./%+~=&?@,-]+$`)
	checksum = regexp.MustCompile(`^--checksum=sha256:([0-9a-f]{64})$`)
)

// fetched is ADD of an address: as a command where its place is below the directory that
// the stage works in.
func (s *stage) fetched(flags []string, from, to string) {
	c := Command{Text: brief([]string{"ADD", from})}
	from, at := s.expand(from), s.absolute(to)
	if strings.HasSuffix(to, "/") || to == "." || at == s.dir {
		at = path.Join(at, path.Base(from))
	}
	dir := s.root
	if dir == "" {
		dir = s.dir
	}
	if name := relative(dir, at); address.MatchString(from) && name != "" && name != "." && plainWord.MatchString(name) {
		c.Run = "mkdir -p " + path.Dir(name) + " && curl -fsSL -o " + name + " '" + from + "'"
		for _, flag := range flags {
			m := checksum.FindStringSubmatch(flag)
			switch {
			case m != nil:
				c.Run += " && echo '" + m[1] + "  " + name + "' | sha256sum -c"
			case strings.HasPrefix(flag, "--checksum"):
				c.Run = "" // it is to be held against something else
			}
		}
	}
	s.steps = append(s.steps, step{Command: c, at: dir})
}
