package dockerfile

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

var (
	// usual are packages that a toolchain or an image of dram's has in any case, or that
	// serve to fetch other packages.
	usual = regexp.MustCompile(`^(build-essential|build-base|alpine-sdk|gcc|g\+\+|make|ca-certificates|gnupg2?|apt-transport-https|` +
		`apt-utils|software-properties-common|lsb-release|musl(-dev|-utils)?|libc6?-dev|libc6|linux-headers|erlang(-dev)?|elixir|sudo|dpkg|` +
		`locales|tzdata|bash|dash|coreutils|openssl|libssl[0-9.]*(t64)?|libstdc\+\+6?|libgcc(-s1)?|(lib)?ncurses([0-9.]*|-libs|-dev)|libncurses\w*|zlib1?g?|` +
		`tini|dumb-init|su-exec|gosu|xz-utils|unzip|tar|gzip|procps|zsh|vim|nano|htop|less|fish|inotify-tools)$`)
	// fetchers serve to fetch what else is needed, or are added where they are needed.
	fetchers = regexp.MustCompile(`^(git|curl|wget)$`)
	// shared are libraries: what of them is needed is found by dram, and copied.
	shared = regexp.MustCompile(`^lib|-libs?$|-dev$`)
	// handling are commands that make, move and mark files, or say something.
	handling = regexp.MustCompile(`^(mkdir|chown|chmod|rm|rmdir|mv|cp|ln|echo|set|cd|export|true|:|sed|locale-gen|update-locale|adduser|addgroup|useradd|groupadd|usermod|` +
		`apt|apt-get|apk|dnf|yum|microdnf|zypper|dpkg|update-ca-certificates|ls|cat|touch|printf|tee|test|\[|if|find|grep|awk|gpg|git|pwd|date|env|which|install|localedef|` +
		`update-alternatives|source|\.|exit|tar|unzip|gunzip|chgrp|dpkg-reconfigure|ldconfig|hash|type|command|useradd|kerl|asdf|mise|rustup|corepack|exec|return|eval|sleep|wait|strip)$`)
	// mixTasks are those that every build runs, or dram in place of them.
	mixTasks = regexp.MustCompile(`^(local\.(hex|rebar)|archive\.install|deps\.(get|compile|clean|loadpaths|update)|compile|clean|release|distillery\.release|` +
		`assets\.(deploy|setup|build)|(esbuild|tailwind|sass|bun)\.install|setup|test|do|hex\.(info|audit)|format)$`)
	packageName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*$`)
	version     = regexp.MustCompile(`[=~<>@].*$`)
)

// calls are the words of each command; one that is put together at run time has a "$".
func calls(script string) [][]string {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil {
		return nil
	}
	var all [][]string
	printer := syntax.NewPrinter()
	syntax.Walk(file, func(node syntax.Node) bool {
		call, ok := node.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		var words []string
		for _, w := range call.Args {
			var text bytes.Buffer
			_ = printer.Print(&text, w) // a buffer takes all
			words = append(words, strings.Trim(text.String(), `"'`))
		}
		all = append(all, words)
		return true
	})
	return all
}

// run notes what one RUN does.
func (s *stage) run(script string) {
	for _, words := range calls(script) {
		switch name := path.Base(words[0]); {
		case name == "sudo" && len(words) > 1:
			s.call(words[1:])
		default:
			s.call(words)
		}
	}
}

func (s *stage) call(words []string) {
	name := path.Base(words[0])
	switch {
	case slices.Contains([]string{"apt-get", "apt", "apk", "dnf", "microdnf", "yum", "zypper"}, name):
		s.installs = append(s.installs, installed(words[1:])...)
	case slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, "sh.rustup.rs") }):
		s.installs = append(s.installs, "rustup")
	case slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, "nodesource.com") }):
		s.installs = append(s.installs, "nodejs")
	case name == "mix":
		s.mix(words[1:])
	case name == "git":
		s.git = s.git || slices.ContainsFunc(words, func(w string) bool { return asksGit.MatchString(w) })
	case handling.MatchString(name), strings.HasPrefix(name, "$"), strings.Contains(words[0], "`"), piped(name, words[1:]):
	default:
		s.makes = s.makes || name == "make" && slices.ContainsFunc(words[1:], making.MatchString)
		s.commands = append(s.commands, brief(words))
	}
}

// asksGit are commands of git that read the repository that is built.
var asksGit = regexp.MustCompile(`^(rev-parse|describe|log|show|rev-list)$`)

// making are the targets by which projects' own makefiles make releases.
var making = regexp.MustCompile(`^(rel|release|prod|dist)$`)

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
			names = append(names, version.ReplaceAllString(a, ""))
		}
	}
	return names
}

// mix notes the tasks of one call: "do a, b + c" are several.
func (s *stage) mix(args []string) {
	var task []string
	end := func() {
		if len(task) > 0 {
			s.task(task)
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

func (s *stage) task(words []string) {
	if words[0] == "release" || words[0] == "distillery.release" {
		s.makes = true
	}
	if !mixTasks.MatchString(words[0]) {
		s.commands = append(s.commands, brief(append([]string{"mix"}, words...)))
	}
}

// brief is a command in a few words.
func brief(words []string) string {
	const most = 160
	text := []rune(strings.Join(strings.Fields(strings.Join(words, " ")), " "))
	if len(text) <= most {
		return string(text)
	}
	return string(text[:most]) + "…"
}
