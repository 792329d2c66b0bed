package dockerfile

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Laid is what an image has beside the release, as its last stage lays it there. It is
// known where that is another stage than the release is made in.
type Laid struct {
	// Place is the directory of the release, WorkDir the one that the image starts in;
	// both absolute, "" where that is not known.
	Place, WorkDir string
	Files          []File   // of the context
	Dirs           []string // that are made, absolute
	// Also are commands that are run to make the image, in a few words, beside those that
	// install packages or handle files.
	Also []string
	// Taken are files that other stages and images have, beside the release.
	Taken []string
	// Health says that the image has a health check, Volumes are the directories that it
	// declares to be volumes.
	Health  bool
	Volumes []string
	// Unnamed are images that the release is built in and whoever builds names, as "${IMAGE}".
	Unnamed []string
	// Entrypoint and Cmd are what the image starts, word by word; one text that a shell is
	// given is a word behind "sh" and "-c".
	Entrypoint, Cmd []string
}

// File is a file or a directory of the context, and where the image has it: with a slash
// at the end, in that directory.
type File struct{ From, To string }

// laying is what a stage lays into its file system.
type laying struct {
	lies  string         // the release, "?" below a directory that is not told
	among *regexp.Regexp // matches its path there
	files []File
	dirs  []string
	taken []string
}

// laid puts together what a last stage has; building says that the release is made there.
func (s *stage) laid(building bool) Laid {
	out := Laid{Health: s.health, Volumes: s.volumes, WorkDir: s.dir, Entrypoint: shelled(s.entry), Cmd: shelled(s.cmd)}
	if building {
		return out
	}
	out.Place, out.Files, out.Dirs, out.Taken = s.releasePlace(), s.files, s.dirs, s.taken
	for _, step := range s.steps {
		if step.part == "" && !step.writes && step.taken == nil {
			out.Also = append(out.Also, step.Text)
		}
	}
	return out
}

// shelled is what ENTRYPOINT or CMD says, where one text is for a shell.
func shelled(words []string) []string {
	if len(words) == 1 && strings.ContainsAny(words[0], " ;&|$") {
		return []string{"sh", "-c", words[0]}
	}
	return slices.Clone(words)
}

// assembled is a directory that a tool assembles releases in.
var assembled = regexp.MustCompile(`(^|/)(_build|rel|release|releases)(/|$)`)

// packed is a tarball of a release.
var packed = regexp.MustCompile(`\.(tar\.gz|tgz)$`)

// several is a directory that may have more than one release.
var several = regexp.MustCompile(`(^|/)(rel|_build(/[^/]*)?)$`)

// below is how the path of a release goes on in a directory that may have several.
func below(source string) string {
	switch parts := strings.Split(source, "/"); {
	case parts[len(parts)-1] == "rel":
		return ""
	case parts[len(parts)-1] == "_build":
		return `/\w+/rel`
	}
	return "/rel"
}

// brought is COPY of another stage or image: the release, or something else.
func (s *stage) brought(name string, from *stage, sources []string, to string) {
	at := s.absolute(to)
	for _, source := range sources {
		source = path.Clean(s.expand(source))
		makes := from != nil && from.everMakes()
		switch {
		case makes && s.lies == "" && path.Ext(source) == "" && at != "":
			s.lies = at
			if several.MatchString(source) {
				s.lies, s.among = "?", regexp.MustCompile("^"+regexp.QuoteMeta(strings.TrimSuffix(at, "/"))+below(source)+`/[a-z]\w*`)
			}
		case makes && s.lies == "" && packed.MatchString(source) && at != "":
			if s.lies = at; packed.MatchString(at) {
				s.lies = path.Dir(at) // where it is unpacked
			}
		case makes && assembled.MatchString(source):
		case makes && from.asSource(source) != "" && at != "":
			s.lay([]string{from.asSource(source)}, to)
		default:
			s.taken = append(s.taken, source+" of "+cmp.Or(name, "another stage"))
		}
	}
}

// asSource is a path of a stage that makes the release as one of the project, "" for one
// that steps make.
func (s *stage) asSource(name string) string {
	if name = relative(s.root, name); name == "." || strings.Contains(name, "priv/static") {
		return ""
	}
	return name
}

// ships says whether a stage takes a release that was made before, of the context.
func (s *stage) ships() bool {
	return slices.ContainsFunc(s.copies, built.MatchString)
}

// built is where Mix leaves releases and their tarballs.
var built = regexp.MustCompile(`^_build/[^/]+/(rel/|[^/]*\.tar\.gz$)`)

// startsMade says whether a stage starts a release where tools leave it, so that it makes
// one, by whatever command.
func (s *stage) startsMade() bool {
	return slices.ContainsFunc(slices.Concat(s.entry, s.cmd), inPlace.MatchString)
}

// inPlace is a start script where tools leave releases.
var inPlace = regexp.MustCompile(`(?:^|[/\s])(?:_rel|_build/[^/\s]+/rel)/[^/\s]+/bin/`)

// everMakes says whether a stage, or one that it begins with, makes a release.
func (s *stage) everMakes() bool {
	all := map[*stage]bool{}
	gather(s, all)
	for one := range all {
		if one.makes {
			return true
		}
	}
	return false
}

// releasePlace is where the release lies; one of several where the image starts in it, or
// starts something of it.
func (s *stage) releasePlace() string {
	if s.lies != "?" {
		return s.lies
	}
	for _, name := range slices.Concat([]string{s.dir}, s.entry, s.cmd) {
		if place := s.among.FindString(s.absolute(name)); place != "" {
			return place
		}
	}
	return ""
}

// absolute is where a path of the stage leads, "" where that is put together at run time.
func (s *scope) absolute(to string) string {
	if to = unquote(s.expand(to)); strings.ContainsAny(to, "$`") {
		return ""
	}
	if !path.IsAbs(to) {
		to = path.Join(s.dir, to)
	}
	return path.Clean(to)
}

// lay notes files of the context that a stage takes.
func (s *stage) lay(sources []string, to string) {
	at := s.absolute(to)
	if at == "" || len(s.files) > maxNames {
		return
	}
	if len(sources) == 1 && built.MatchString(path.Clean(s.expand(sources[0]))) {
		s.lies = at
		return
	}
	into := len(sources) > 1 || strings.HasSuffix(to, "/") || path.Base(to) == "." || at == s.dir || at == s.lies || slices.Contains(s.dirs, at)
	if into && at != "/" {
		at += "/"
	}
	for _, from := range sources {
		switch from = s.expand(from); {
		case strings.Contains(from, ":"): // an address
		case strings.Contains(from, "$"):
			s.taken = append(s.taken, from)
		default:
			s.files = append(s.files, File{From: path.Clean(strings.TrimPrefix(from, "/")), To: at})
		}
	}
}

// mkdir notes the directories that are made.
func (s *stage) mkdir(words []string, at string) {
	for _, word := range words {
		if strings.HasPrefix(word, "-") {
			continue
		}
		dir := unquote(s.expand(word))
		if !path.IsAbs(dir) {
			dir = path.Join(at, dir)
		}
		if !strings.ContainsAny(dir, "$`{*") && len(s.dirs) <= maxNames {
			s.dirs = append(s.dirs, path.Clean(dir))
		}
	}
}

// forEnv is the environment that one command makes a release for.
var forEnv = regexp.MustCompile(`\bMIX_ENV=["']?(\w+)["']?\s[^;&|]*\bmix [^;&|]*\brelease\b`)

// mixEnvironment is the environment that a stage makes a release for, "" where it is put
// together at run time.
func (s *stage) mixEnvironment() string {
	env := cmp.Or(s.mixEnv, s.env["MIX_ENV"], s.args["MIX_ENV"])
	if !releaseName.MatchString(env) {
		return ""
	}
	return env
}

// ForEnv is the environment of Mix that the release is made for where that is one of the
// project's own: neither what is usual, nor for developers.
func (out Recipe) ForEnv() string {
	if slices.Contains([]string{"prod", "dev", "test"}, out.MixEnv) {
		return ""
	}
	return out.MixEnv
}

// writing notes a command that writes a file of the project: what it says is all there
// is to it.
func (s *stage) writing(text, at string) {
	_, to, _ := strings.Cut(text, ">")
	if to = strings.TrimSpace(strings.TrimPrefix(to, ">")); path.IsAbs(s.expand(to)) || strings.ContainsAny(to, "&~") {
		return
	}
	c := Command{Text: brief([]string{text})}
	if run := s.expand(text); !strings.ContainsAny(run, "$`\n") {
		c.Run = run
	}
	s.steps = append(s.steps, step{Command: c, at: at, writes: true})
}

// edits says whether a command edits files where they lie in the project.
func edits(name string, args []string) bool {
	i := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "-i") || a == "--in-place" })
	return name == "sed" && i >= 0 && len(args) > i+1 && !path.IsAbs(args[len(args)-1]) && !strings.HasPrefix(args[len(args)-1], "$")
}

// forErlang are variables that Erlang is started with: to build, they are how that is
// done here and there; in an image they are the release's.
var forErlang = regexp.MustCompile(`^(ERL_A?FLAGS|ERL_ZFLAGS|ELIXIR_ERL_OPTIONS)$`)

// runEnv is what ENV gives an image: without what is a place in it, but for those in the
// release, which lies at Home.
func (s *stage) runEnv(place string) []string {
	out := pairs(s.env)
	for name, value := range s.env {
		below, is := within(place, value)
		switch {
		case forErlang.MatchString(name) && value != "" && !strings.ContainsAny(value, "$`\n"):
			out = append(out, name+"="+value)
		case is && below != "." && !known.MatchString(name) && plainName.MatchString(name):
			out = append(out, name+"="+path.Join(Home, below))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// known are variables that say where something of the system's own lies.
var known = regexp.MustCompile(`^(PATH|HOME|PWD|LD_\w+|XDG_\w+|MIX_\w+|HEX_\w+)$`)

// Home is where images have their release.
const Home = "/app"

// within is a path below a directory, relative to it.
func within(dir, name string) (string, bool) {
	if dir == "" || !path.IsAbs(name) || strings.ContainsAny(name, "$`:\n ") {
		return "", false
	}
	rest := relative(dir, path.Clean(name))
	return rest, rest != ""
}

// At is where dram's image has what the Dockerfile's has at a path: what lies in the
// release's directory is below Home. ok is false for what hides there, or is no place.
func (l Laid) At(name string) (at string, ok bool) {
	if !path.IsAbs(name) {
		name = path.Join(l.WorkDir, name)
	}
	if below, is := within(l.Place, name); is {
		return path.Join(Home, below), true
	}
	inHome := name == Home || strings.HasPrefix(name, Home+"/")
	return path.Clean(name), !inHome && path.IsAbs(name)
}
