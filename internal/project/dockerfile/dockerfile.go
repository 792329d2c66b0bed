// Package dockerfile reads what a project's own Dockerfile does to make its release:
// the image that it builds in, the packages that it installs to build and to run, the
// commands around the release, build arguments, and how its image starts. It is the
// one text that says what a project needs beside what mix.exs knows. Nothing of it is
// run or obeyed.
//
// The grammar is that of Docker's own parser, and of mvdan.cc/sh for commands. Bounds:
// MaxFile bytes, maxSteps instructions, maxNames names in each list; past them nothing
// more is read. What is put together at run time stays out of all lists.
package dockerfile

import (
	"cmp"
	"maps"
	"path"
	"regexp"
	"slices"
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
	// the latter.
	Build, Run []string
	// Commands are run in the stages of Build, beside those that install packages, fetch
	// dependencies, compile, make assets and the release, or handle files.
	Commands []string
	// Args are build arguments of these stages and of the image, but for versions of
	// tools.
	Args []string
	// Beside are other stages of which the image takes files.
	Beside []string
	// Start is the first word of what the image starts, "" where that is the release's
	// own bin/NAME.
	Start string
	// First are commands that the image runs before that.
	First []string
	// Node is the major version of Node.js that is installed in the stages of Build, or
	// that stages which give them files begin with; "" for none.
	Node string
	// Git says that these stages read .git.
	Git bool
	// Copies are the files and directories that the stages of Build take of the context.
	Copies []string
	// Makes says that some stage makes a release with Mix.
	Makes bool
}

// Read reads the text of a Dockerfile; the zero value where it cannot be one.
func Read(text string) Recipe {
	if len(text) > MaxFile {
		return Recipe{}
	}
	parsed, err := parser.Parse(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	if err != nil || parsed.AST == nil {
		return Recipe{}
	}
	r := reader{args: map[string]string{}, named: map[string]*stage{}}
	for _, node := range parsed.AST.Children[:min(len(parsed.AST.Children), maxSteps)] {
		r.instruction(node)
	}
	return r.recipe()
}

// stage is what one FROM begins.
type stage struct {
	name     string
	image    string   // "" where it begins with another stage
	from     []*stage // those that it begins with or takes files of
	installs []string
	commands []string
	args     []string
	copies   []string // of the context
	node     string
	git      bool
	entry    []string // ENTRYPOINT
	cmd      []string
	makes    bool // a release
}

type reader struct {
	args   map[string]string // known so far
	base   strings.Builder   // where images are named: arguments in it choose tools
	stages []*stage
	named  map[string]*stage
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
		s.entry, s.cmd = words, nil
	case "CMD":
		s.cmd = words
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
		if from, ok := r.named[strings.ToLower(name)]; ok {
			s.from = append(s.from, from)
		}
		if is {
			return
		}
	}
	for _, word := range words[:len(words)-1] {
		if strings.Contains(word, "://") {
			s.commands = append(s.commands, brief([]string{"ADD", word}))
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
	s := &stage{}
	r.base.WriteString(words[0] + "\n")
	image := expand(strings.Trim(words[0], `"'`), r.args)
	if from, ok := r.named[strings.ToLower(image)]; ok {
		s.from = append(s.from, from)
	} else if !strings.Contains(image, "$") {
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
		if has {
			r.args[name] = value
		}
		switch {
		case len(r.stages) == 0:
			r.base.WriteString(word + "\n")
		case !ofTools.MatchString(name+"="+r.args[name]) && !r.names(name):
			s := r.stages[len(r.stages)-1]
			s.args = append(s.args, name)
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

// expand fills in build arguments; one that is not known stays as it is.
func expand(text string, args map[string]string) string {
	return variable.ReplaceAllStringFunc(text, func(ref string) string {
		m := variable.FindStringSubmatch(ref)
		if v, ok := args[m[1]+m[3]]; ok {
			return v
		}
		if m[2] != "" {
			return m[2]
		}
		return ref
	})
}

// recipe puts the stages together.
func (r *reader) recipe() Recipe {
	var out Recipe
	for _, s := range r.stages {
		if s.image != "" {
			out.Images = append(out.Images, s.image)
		}
	}
	building := map[*stage]bool{}
	for _, s := range r.stages {
		if s.makes {
			out.Makes = true
			gather(s, building)
		}
	}
	if !out.Makes {
		return Recipe{Images: out.Images}
	}
	last := map[*stage]bool{}
	gather(r.stages[len(r.stages)-1], last)
	for _, s := range r.stages {
		switch {
		case building[s]:
			out.Build = append(out.Build, s.installs...)
			out.Commands = append(out.Commands, s.commands...)
			out.Args = append(out.Args, s.args...)
			out.Copies = append(out.Copies, s.copies...)
			out.Node = cmp.Or(out.Node, s.node)
			out.Git = out.Git || s.git
		case s == r.stages[len(r.stages)-1]:
			out.Run = append(out.Run, s.installs...)
			out.Args = append(out.Args, s.args...)
		case last[s] && len(s.commands)+len(s.installs) > 0:
			out.Beside = append(out.Beside, s.name)
		}
	}
	out.Start, out.First = start(r.stages[len(r.stages)-1])
	out.Build, out.Run = needed(out.Build, fetchers), needed(out.Run, shared)
	for _, list := range []*[]string{&out.Commands, &out.Args, &out.Copies, &out.First} {
		*list = distinct(*list)
	}
	return out
}

// gather notes a stage and those that it is made of.
func gather(s *stage, into map[*stage]bool) {
	if into[s] {
		return
	}
	into[s] = true
	for _, from := range s.from {
		gather(from, into)
	}
}

// supervisors are programs that start others as a container's first process.
var supervisors = regexp.MustCompile(`(^|/)(tini|dumb-init|sh|bash|dash|env)$|^-|^exec$`)

// own is the release's own script, with the command that a release starts by.
var own = regexp.MustCompile(`(^|/)bin/[\w-]+$`)

// start is the first word of what an image starts that is no supervisor, and what it
// runs before.
func start(s *stage) (name string, first []string) {
	words := slices.Concat(s.entry, s.cmd)
	if len(words) == 1 {
		words = []string{"sh", "-c", words[0]}
	}
	if i := slices.Index(words, "-c"); i > 0 && i+1 < len(words) {
		all := calls(words[i+1])
		all = slices.DeleteFunc(all, func(c []string) bool { return shellOwn.MatchString(c[0]) })
		if len(all) == 0 {
			return "", nil
		}
		for _, before := range all[:len(all)-1] {
			first = append(first, brief(before))
		}
		words = all[len(all)-1]
	}
	words = slices.DeleteFunc(slices.Clone(words), supervisors.MatchString)
	if len(words) == 0 || strings.Contains(words[0], "$") || len(words[0]) > 200 {
		return "", first
	}
	if own.MatchString(words[0]) && slices.Contains(words, "start") {
		return "", first
	}
	return words[0], first
}

// shellOwn are commands that start nothing.
var shellOwn = regexp.MustCompile(`^(set|ulimit|cd|export|echo|true|:|umask)$`)

// Takes says whether the stages that build take a directory, by its path in the
// context, or something in it: "apps/$SERVICE" may be any below apps.
func (r Recipe) Takes(dir string) bool {
	return slices.ContainsFunc(r.Copies, func(from string) bool {
		want, has := strings.Split(dir, "/"), strings.Split(from, "/")
		if len(has) < len(want) {
			return false
		}
		for i, part := range want {
			if part != has[i] && !strings.Contains(has[i], "$") {
				return false
			}
		}
		return true
	})
}

// distinct is each text once, in order.
func distinct(texts []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, t := range texts {
		if !seen[t] && len(out) < maxNames {
			out = append(out, t)
		}
		seen[t] = true
	}
	return out
}

// needed is names, sorted, without those that every toolchain has or that need no
// word.
func needed(names []string, besides *regexp.Regexp) []string {
	set := map[string]bool{}
	for _, n := range names {
		if !usual.MatchString(n) && !besides.MatchString(n) {
			set[n] = true
		}
	}
	sorted := slices.Sorted(maps.Keys(set))
	return sorted[:min(len(sorted), maxNames)]
}
