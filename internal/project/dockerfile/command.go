package dockerfile

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"dram/internal/shell"
)

var (
	// usual are packages that a toolchain or an image of dram's has in any case, or that
	// serve to fetch other packages.
	usual = regexp.MustCompile(present.String() + `|^(unzip|procps|xz-utils)$`)
	// present are those that need no word of an image either.
	present = regexp.MustCompile(`^(build-essential|build-base|alpine-sdk|gcc|g\+\+|make|ca-certificates|gnupg2?|apt-transport-https|` +
		`apt-utils|software-properties-common|lsb-release|musl(-dev|-utils)?|libc6?-dev|libc6|linux-headers|erlang(-dev)?|elixir|sudo|dpkg|` +
		`locales|tzdata|bash|dash|coreutils|openssl|libssl[0-9.]*(t64)?|libstdc\+\+6?|libgcc(-s1)?|(lib)?ncurses([0-9.]*|-libs|-dev|-bin|-base)|libncurses\w*|zlib1?g?|` +
		`tini|dumb-init|su-exec|gosu|tar|gzip|zsh|vim|nano|htop|less|fish|inotify-tools)$`)
	// fetchers serve to fetch what else is needed, or are added where they are needed.
	fetchers = regexp.MustCompile(`^(git|curl|wget)$`)
	// shared are libraries: what of them is needed is found by dram, and copied.
	shared = regexp.MustCompile(`^lib|-libs?$|-dev$`)
	// programs are packages that are called as libraries are, and bring programs or data.
	programs = regexp.MustCompile(`^libreoffice|^lib.*-(bin|tools|utils|progs|data|perl)$`)
	// handling are commands that make, move and mark files, or say something.
	handling = regexp.MustCompile(`^(mkdir|chown|chmod|rm|rmdir|mv|cp|ln|echo|set|cd|export|true|:|sed|locale-gen|update-locale|adduser|addgroup|useradd|groupadd|usermod|` +
		`apt|apt-get|apk|dnf|yum|microdnf|zypper|dpkg|update-ca-certificates|ls|cat|nproc|touch|printf|tee|test|\[|if|find|grep|awk|gpg|git|pwd|date|env|which|install|localedef|` +
		`update-alternatives|head|tail|sort|wc|cut|tr|uname|sha256sum|basename|dirname|source|\.|exit|tar|unzip|gunzip|chgrp|dpkg-reconfigure|ldconfig|hash|type|command|useradd|kerl|asdf|mise|rustup|corepack|exec|return|eval|sleep|wait|strip)$`)
	// moving are those of these that have files elsewhere.
	moving = regexp.MustCompile(`^(mv|cp|ln|install|tar|unzip|gunzip)$`)
	// mixTasks are those that every build runs, or dram in place of them.
	mixTasks = regexp.MustCompile(`^(local\.(hex|rebar)|archive\.install|deps\.(get|compile|clean|loadpaths|update)|compile|clean|release|distillery\.release|escript\.build|` +
		`assets\.(deploy|setup|build)|(esbuild|tailwind|sass|bun)\.install|setup|test|do|hex\.(info|audit)|format)$`)
	packageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_+.:-]{0,99}$`)
	version     = regexp.MustCompile(`[=~<>@].*$`)
)

// call is a command of a script: its words, of which one that is put together at run
// time has a "$".
type call struct {
	words  []string
	quoted []string // those of them that are quoted as a whole
	writes string   // the whole of it, where it writes what it says to a file
	part   bool     // of a pipe or of another command's words
}

// calls are the words of each command.
func calls(script string) (words [][]string) {
	for _, c := range parsed(script) {
		words = append(words, c.words)
	}
	return words
}

// parsed are the commands of a script.
func parsed(script string) []call {
	file, err := shell.Read(script, "")
	if err != nil {
		return nil
	}
	var all []call
	parts := map[*syntax.Stmt]bool{}
	syntax.Walk(file, func(node syntax.Node) bool {
		markParts(node, parts)
		stmt, ok := node.(*syntax.Stmt)
		if !ok {
			return true
		}
		expr, ok := stmt.Cmd.(*syntax.CallExpr)
		if !ok || len(expr.Args) == 0 {
			return true
		}
		c := call{part: parts[stmt]}
		for _, w := range expr.Args {
			text := printed(w)
			word := strings.Trim(text, `"'`)
			c.words = append(c.words, word)
			if len(text) == len(word)+2 && text[0] == text[len(text)-1] && !strings.ContainsAny(word, text[:1]+`\`) {
				c.quoted = append(c.quoted, word)
			}
		}
		if len(stmt.Redirs) == 1 && saying.MatchString(c.words[0]) {
			if op := stmt.Redirs[0].Op; op == syntax.RdrOut || op == syntax.AppOut {
				c.writes = printed(stmt)
			}
		}
		all = append(all, c)
		return true
	})
	return all
}

// markParts marks what is part of a pipe, or of a command's words.
func markParts(node syntax.Node, parts map[*syntax.Stmt]bool) {
	switch n := node.(type) {
	case *syntax.BinaryCmd:
		if n.Op == syntax.Pipe || n.Op == syntax.PipeAll {
			parts[n.X], parts[n.Y] = true, true
		}
	case *syntax.CmdSubst:
		for _, stmt := range n.Stmts {
			parts[stmt] = true
		}
	}
}

// saying are commands that say what they are given.
var saying = regexp.MustCompile(`^(echo|printf)$`)

func printed(node syntax.Node) string {
	var text bytes.Buffer
	_ = syntax.NewPrinter().Print(&text, node) // a buffer takes all
	return text.String()
}

// run notes what one RUN does. "cd" holds to its end.
func (s *stage) run(script string) {
	at, before := s.dir, s.dir
	if m := forEnv.FindStringSubmatch(script); m != nil {
		s.mixEnv = m[1]
	}
	for _, c := range parsed(script) {
		words := c.words
		s.quoted, s.piece = c.quoted, c.part
		if c.writes != "" {
			s.writing(c.writes, at)
			continue
		}
		switch name := path.Base(words[0]); {
		case (name == "sudo" || name == "env") && len(words) > 1:
			if i := slices.IndexFunc(words[1:], func(w string) bool { return !strings.Contains(w, "=") && !strings.HasPrefix(w, "-") }); i >= 0 {
				s.call(words[1+i:], at)
			}
		case name == "cd" && len(words) == 2 && words[1] == "-":
			at, before = before, at
		case name == "cd" && len(words) == 2 && path.IsAbs(s.expand(words[1])):
			at, before = path.Clean(s.expand(words[1])), at
		case name == "cd" && len(words) == 2:
			at, before = path.Join(at, s.expand(words[1])), at
		default:
			s.call(words, at)
		}
	}
}

func (s *stage) call(words []string, at string) {
	name := path.Base(words[0])
	switch {
	case slices.Contains([]string{"apt-get", "apt", "apk", "dnf", "microdnf", "yum", "zypper"}, name):
		s.installs, s.by = append(s.installs, installed(words[1:])...), name
	case slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, "sh.rustup.rs") }):
		s.installs = append(s.installs, "rustup")
	case slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, "nodesource.com") }):
		s.installs = append(s.installs, "nodejs")
	case name == "mix":
		s.mix(words[1:], at)
	case name == "git":
		s.git = s.git || slices.ContainsFunc(words, func(w string) bool { return asksGit.MatchString(w) })
	case name == "mkdir":
		s.mkdir(words[1:], at)
	case edits(name, words[1:]):
		s.command(words, at)
	case s.script(words, at):
	case moving.MatchString(name):
		s.moves = true
	case handling.MatchString(name), strings.HasPrefix(name, "$"), strings.Contains(words[0], "`"), piped(name, words[1:]):
	case name == "rebar3" || name == "gleam" || name == "make" && slices.ContainsFunc(words[1:], making.MatchString):
		s.makeBy(name, words, at)
	default:
		s.command(words, at)
	}
}

// makeBy is a call of another tool than Mix that may make a release.
func (s *stage) makeBy(name string, words []string, at string) {
	if slices.ContainsFunc(words[1:], making.MatchString) {
		s.makes, s.mixed = true, true
		s.root = at
		s.part("release")
	}
	if name == "make" {
		s.command(words, at)
	}
}

// command notes one that is run in a directory.
func (s *stage) command(words []string, at string) {
	c := Command{Text: brief(words)}
	run := make([]string, len(words))
	whole := !strings.Contains(at, "$")
	for i, word := range words {
		run[i] = s.expand(word)
		if slices.Contains(s.quoted, word) && !plainWord.MatchString(run[i]) && !strings.ContainsAny(run[i], "'\\\n$`") {
			run[i] = "'" + run[i] + "'"
			continue
		}
		whole = whole && plainWord.MatchString(run[i])
	}
	if whole && (!s.piece || !fetcher.MatchString(words[0])) {
		c.Run = strings.Join(slices.DeleteFunc(run, func(w string) bool { return w == "" }), " ")
	}
	s.steps = append(s.steps, step{Command: c, at: at})
}

// fetcher is a program that fetches by an address: of a pipe it is nothing by itself.
var fetcher = regexp.MustCompile(`^(curl|wget)$`)

// plainWord is a word that a shell takes as it is.
var plainWord = regexp.MustCompile(`^[\w@%+=:,./-]*$`)

// part notes that a part of the build is done.
func (s *stage) part(name string) { s.steps = append(s.steps, step{part: name}) }

// asksGit are commands of git that read the repository that is built.
var asksGit = regexp.MustCompile(`^(rev-parse|describe|log|show|rev-list)$`)

// making are what other tools than Mix make releases by, and projects' own makefiles.
var making = regexp.MustCompile(`^(rel|release|prod|dist|tar|escriptize|erlang-shipment)$`)

// piped is a shell that runs what it is fed.
func piped(name string, args []string) bool {
	return (name == "sh" || name == "bash") && (len(args) == 0 || strings.HasPrefix(args[0], "-") && args[0] != "-c")
}

// installed are the packages among the arguments of a package manager.
func installed(args []string) []string {
	i := slices.IndexFunc(args, func(a string) bool { return a == "install" || a == "add" || a == "in" })
	if i < 0 {
		return nil
	}
	var names []string
	skip := false
	for _, a := range args[i+1:] {
		switch {
		case skip:
			skip = false
		case a == "-t" || a == "--virtual" || a == "--target-release" || a == "--repository" || a == "-X":
			skip = true
		case strings.HasPrefix(a, "-"), strings.HasPrefix(a, "."), strings.ContainsAny(a, "$`/*"), a == "":
			// "nodejs~${VERSION}" is nodejs in some version
			if bare := version.ReplaceAllString(a, ""); bare != a && packageName.MatchString(bare) {
				names = append(names, bare)
			}
		default:
			if bare := version.ReplaceAllString(a, ""); packageName.MatchString(bare) {
				names = append(names, bare)
			}
		}
	}
	return names
}

// mix notes the tasks of one call: "do a, b + c" are several.
func (s *stage) mix(args []string, at string) {
	var task []string
	end := func() {
		if len(task) > 0 {
			s.task(task, at)
		}
		task = nil
	}
	for _, a := range args {
		word, comma := strings.CutSuffix(a, ",")
		switch {
		case a == "+":
			end()
		case len(task) == 0 && word == "do", word == "":
		default:
			task = append(task, word)
			if comma {
				end()
			}
		}
	}
	end()
}

func (s *stage) task(words []string, at string) {
	if atTop.MatchString(words[0]) && !s.mixed {
		s.root, s.mixed = at, true // whatever was copied where
	}
	switch words[0] {
	case "release", "distillery.release", "escript.build":
		s.makes = true
		s.in = s.ofContext(at)
		s.part("release")
		if len(words) > 1 && releaseName.MatchString(s.expand(words[1])) {
			s.release = s.expand(words[1])
		}
	case "deps.get":
		s.part("fetch")
	case "compile":
		s.compiles = true
		s.part("compile")
	case "assets.deploy", "phx.digest":
		s.part("assets")
	}
	if !mixTasks.MatchString(words[0]) {
		s.command(append([]string{"mix"}, words...), at)
	}
}

// atTop are tasks that are run where the project lies.
var atTop = regexp.MustCompile(`^(deps\.get|deps\.compile|compile|release|distillery\.release|escript\.build)$`)

// releaseName is what a release may be called.
var releaseName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// brief is a command in a few words.
func brief(words []string) string {
	const most = 160
	text := []rune(strings.Join(strings.Fields(strings.Join(words, " ")), " "))
	if len(text) <= most {
		return string(text)
	}
	return string(text[:most]) + "…"
}
