// Package dockerfile reads what a project's own Dockerfile does to make its release:
// the image that it builds in, the packages that it installs to build and to run, the
// commands around the release, build arguments, and how its image starts. It is the
// one text that says what a project needs beside what mix.exs knows. Nothing of it is
// run or obeyed.
//
// The grammar is that of Docker's own parser, and of mvdan.cc/sh for commands. Bounds:
// MaxFile bytes, maxSteps instructions, maxNames names in each list, maxGrowth bytes that
// variables add to a text; past them nothing more is read. What is put together at run
// time stays out of all lists.
package dockerfile

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// MaxFile is the largest Dockerfile that is read, in bytes.
const MaxFile = 64 << 10

const (
	maxSteps = 2_000
	maxNames = 50
)

// Recipe is what a Dockerfile does.
type Recipe struct {
	// Images are those that stages begin with, build arguments filled in by their
	// defaults; one with an argument that has none is left out.
	Images []string
	// Build are packages installed in stages that the release is made in or that give
	// it files, Run those that only the image has. Libraries and a shell are not among
	// the latter. BuildBy and RunBy are the package managers that install them: "apk".
	Build, Run     []string
	BuildBy, RunBy string
	// Commands are run in the stages of Build, beside those that install packages, fetch
	// dependencies, compile, make assets and the release, or handle files.
	Commands []Command
	// Args are build arguments of these stages and of the image that have no default,
	// but for versions of tools.
	Args []string
	// Env is what the stages of Build have in their environment, "K=V", sorted by name:
	// by ENV, and by ARG with a default. RunEnv is what ENV gives the image. What systems
	// and tools have of their own is in neither.
	Env, RunEnv []string
	// Expose are the TCP ports that the image declares.
	Expose []int
	// Release is the one that Mix is told to make, "" for none.
	Release string
	// Start is what the image starts, word by word; nil where that is the release's own
	// bin/NAME, in the foreground.
	Start []string
	// First are commands that the image runs before that.
	First []string
	// Node is the major version of Node.js that is installed in the stages of Build, or
	// that stages which give them files begin with; "" for none.
	Node string
	// Git says that these stages read .git.
	Git bool
	// Copies are the files and directories that the stages of Build take of the context.
	Copies []string
	// Makes says that some stage makes a release with Mix, or the last one takes one that
	// was made before; MixEnv is for which of its environments, "" where that is not said.
	Makes  bool
	MixEnv string
	Seen
	Laid
}

// Seen is what is known of where the release is made, and of what is not followed.
type Seen struct {
	// Beside are other stages of which the image takes files.
	Beside []string
	// In is the directory of the context that it is made in, "" where that is not known.
	In string
	// Else is what a file does that makes no release as far as is seen, in a few words each.
	Else []string
}

// ours is what the Dockerfiles have that dram init writes: they say what dram does.
const ours = " /dram/"

// Read reads the text of a Dockerfile; the zero value where it cannot be one, or is
// dram's own.
func Read(text string, around Surroundings) Recipe {
	if len(text) > MaxFile || strings.Contains(text, ours) {
		return Recipe{}
	}
	parsed, err := parser.Parse(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	if err != nil || parsed.AST == nil {
		return Recipe{}
	}
	r := reader{args: map[string]string{}, named: map[string]*stage{}, around: around}
	for _, node := range parsed.AST.Children[:min(len(parsed.AST.Children), maxSteps)] {
		r.instruction(node)
	}
	return r.recipe()
}

// stage is what one FROM begins.
type stage struct {
	name     string
	image    string   // "" where it begins with another stage
	unnamed  string   // likewise, one that whoever builds names
	base     *stage   // that it begins with
	from     []*stage // those that it begins with or takes files of
	installs []string
	by       string // what installed them
	steps    []step
	copies   []string // of the context
	node     string
	git      bool
	makes    bool   // a release
	release  string // its name
	mixEnv   string // that it is made for
	looking
	scope
	starting
	laying
}

// looking is what is found out while a stage is read.
type looking struct {
	in       string // where in the context the release is made, "" where it is not known
	compiles bool   // the project by Mix, to be run by that
	moves    bool   // files, by commands that are not looked at
	text     func(name string) (string, bool)
	// quoted are words of the command that is read, and piece says that it is part of another.
	quoted []string
	piece  bool
}

// starting is how what a stage makes is started.
type starting struct {
	entry []string // ENTRYPOINT
	cmd   []string
	// commands says that the stage itself has CMD.
	commands bool
	expose   []int
	health   bool
	volumes  []string
}

type reader struct {
	args   map[string]string // known so far
	base   strings.Builder   // where images are named: arguments in it choose tools
	stages []*stage
	named  map[string]*stage
	around Surroundings
}

func (r *reader) instruction(node *parser.Node) {
	words := operands(node)
	name := strings.ToUpper(node.Value)
	if name == "FROM" {
		r.begin(words)
		return
	}
	if name == "ARG" {
		r.arg(words)
		return
	}
	if len(r.stages) == 0 || len(words) == 0 {
		return
	}
	s := r.stages[len(r.stages)-1]
	switch name {
	case "ENV":
		s.setEnv(words)
	case "WORKDIR":
		s.workdir(words[0])
	case "RUN":
		script := strings.Join(words, " ")
		for n, doc := range node.Heredocs {
			if n == 0 {
				script = "" // "<<EOF" alone, or the shell that is fed
			}
			script += doc.Content + "\n"
		}
		s.run(script)
		if m := nodeSource.FindStringSubmatch(expand(script, r.within(script))); m != nil {
			s.node = m[1]
		}
	case "COPY", "ADD":
		r.copy(s, node.Flags, words)
	case "ENTRYPOINT":
		if s.entry = words; !s.commands {
			s.cmd = nil // that of the image it begins with
		}
	case "CMD":
		s.cmd, s.commands = words, true
	case "EXPOSE", "HEALTHCHECK", "VOLUME":
		s.declare(name, words)
	}
}

// declare notes what a stage says of the image that it makes.
func (s *stage) declare(name string, words []string) {
	switch name {
	case "HEALTHCHECK":
		s.health = !strings.EqualFold(words[0], "none")
	case "VOLUME":
		s.volumes = append(s.volumes, words...)
	default:
		for _, word := range words {
			port, protocol, _ := strings.Cut(s.expand(word), "/")
			if n, err := strconv.ParseUint(port, 10, 16); err == nil && n > 0 && protocol != "udp" && !slices.Contains(s.expose, int(n)) {
				s.expose = append(s.expose, int(n))
			}
		}
	}
}

// nodeSource is the repository of packages that installs a Node.js of a major version.
var nodeSource = regexp.MustCompile(`(?:/setup_|/node_)(\d{1,3})\.x`)

// assigned is a variable that a script gives a plain value.
var assigned = regexp.MustCompile(`(?:^|[\s;&])([A-Za-z_][A-Za-z0-9_]*)=([\w.-]+)`)

// within are the build arguments and what a script assigns.
func (r *reader) within(script string) map[string]string {
	all := maps.Clone(r.args)
	for _, m := range assigned.FindAllStringSubmatch(script, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// copy is COPY or ADD: of another stage, of an address, or of the context.
func (r *reader) copy(s *stage, flags, words []string) {
	for _, flag := range flags {
		name, is := strings.CutPrefix(flag, "--from=")
		from, ok := r.named[strings.ToLower(name)]
		if ok {
			s.from = append(s.from, from)
		}
		if is {
			s.inheritCopied(from, words[:len(words)-1], words[len(words)-1])
			s.takeMade(name, from, words[:len(words)-1], words[len(words)-1])
			s.brought(name, from, words[:len(words)-1], words[len(words)-1])
			return
		}
	}
	s.take(words[:len(words)-1], words[len(words)-1])
	s.lay(words[:len(words)-1], words[len(words)-1])
	for _, word := range words[:len(words)-1] {
		if strings.Contains(word, "://") {
			s.fetched(flags, word, words[len(words)-1])
			continue
		}
		from := path.Clean(strings.TrimPrefix(word, "/"))
		s.copies, s.git = append(s.copies, from), s.git || from == ".git" || strings.HasPrefix(from, ".git/")
	}
}

func operands(node *parser.Node) []string {
	var words []string
	for n := node.Next; n != nil; n = n.Next {
		words = append(words, n.Value)
	}
	return words
}

// begin is FROM image [AS name].
func (r *reader) begin(words []string) {
	if len(words) == 0 {
		return
	}
	s := &stage{scope: newScope(), looking: looking{text: r.around.Text}}
	r.base.WriteString(words[0] + "\n")
	image := expand(strings.Trim(words[0], `"'`), r.args)
	if from, ok := r.named[strings.ToLower(image)]; ok {
		s.base, s.from = from, append(s.from, from)
		s.scope, s.starting = from.inherited(), from.starting
	} else if s.unnamed = image; !strings.Contains(image, "$") {
		s.unnamed = ""
		s.image = image
		if m := nodeImage.FindStringSubmatch(image); m != nil {
			s.node = m[1]
		}
	}
	if len(words) == 3 {
		s.name = words[2]
		r.named[strings.ToLower(s.name)] = s
	}
	r.stages = append(r.stages, s)
}

// nodeImage is an image of Node.js, of a major version.
var nodeImage = regexp.MustCompile(`(?:^|/)(?:node|nodejs):(\d{1,3})(?:[.-]|$)`)

func (r *reader) arg(words []string) {
	for _, word := range words {
		name, value, has := strings.Cut(word, "=")
		value = expand(strings.Trim(value, `"'`), r.args)
		if given := r.around.Args[name]; value == "" && given != "" {
			value, has = given, true
		}
		if has {
			r.args[name] = value
		}
		switch {
		case len(r.stages) == 0:
			r.base.WriteString(word + "\n")
		case !ofTools.MatchString(name+"="+r.args[name]) && !r.names(name):
			given, known := r.args[name]
			r.stages[len(r.stages)-1].argument(name, given, known)
		}
	}
}

// names says whether an argument is part of what names an image.
func (r *reader) names(arg string) bool {
	for _, m := range variable.FindAllStringSubmatch(r.base.String(), -1) {
		if m[1]+m[3] == arg {
			return true
		}
	}
	return false
}

// ofTools are arguments that say which tools build, or how Docker does.
var ofTools = regexp.MustCompile(`^(MIX_ENV|NODE_ENV|DEBIAN_FRONTEND|LANG|LC_ALL|TARGET\w+|BUILD\w+)=|=v?[0-9]+\.[0-9.]+`)

var variable = regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))`)

// maxGrowth is by how many bytes filling in build arguments may make a text longer:
// one that is made of itself twice, a hundred times over, is no argument.
const maxGrowth = 4 << 10

// expand fills in build arguments; one that is not known stays as it is.
func expand(text string, args map[string]string) string {
	grown := 0
	return variable.ReplaceAllStringFunc(text, func(ref string) string {
		m := variable.FindStringSubmatch(ref)
		if v, ok := args[m[1]+m[3]]; ok {
			if grown += len(v); grown > maxGrowth {
				return ref
			}
			return v
		}
		if m[2] != "" {
			return m[2]
		}
		return ref
	})
}
