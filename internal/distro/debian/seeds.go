package debian

import (
	"path"
	"slices"
	"strings"
)

// recipe changes whenever the same packages would give another tree.
const recipe = 1

// seed is a package that a root begins with.
type seed struct {
	name     string
	optional bool
}

// seeds are the packages of an Erlang and Elixir toolchain, beside what
// Debian marks essential or required: those of Debian's erlang-nox, which has
// everything but graphics and megaco (telephony, 9 MB), the test and analysis
// applications that rebar3 needs, and a C and C++ compiler. Optional ones are taken where the suite
// has them.
var seeds = []seed{
	{"erlang-base", false},
	{"erlang-dev", false},
	{"erlang-asn1", false},
	{"erlang-common-test", false},
	{"erlang-crypto", false},
	{"erlang-dialyzer", false}, // 2 MB; rebar3 needs it
	{"erlang-diameter", false},
	{"erlang-edoc", false},
	{"erlang-eldap", false},
	{"erlang-eunit", false},
	{"erlang-ftp", false},
	{"erlang-inets", false},
	{"erlang-mnesia", false},
	{"erlang-odbc", false},
	{"erlang-os-mon", false},
	{"erlang-parsetools", false},
	{"erlang-public-key", false},
	{"erlang-runtime-tools", false},
	{"erlang-snmp", false},
	{"erlang-ssh", false},
	{"erlang-ssl", false},
	{"erlang-syntax-tools", false},
	{"erlang-tftp", false},
	{"erlang-tools", false},
	{"erlang-xmerl", false},
	{"elixir", false},
	{"erlang-hex", true},
	{"rebar3", true},
	{"gcc", false},
	{"g++", false},
	{"make", false},
	{"libc6-dev", false},
	{"git", false},
	{"ca-certificates", false},
}

// forErlang are the packages with which Erlang/OTP compiles to what the seeds above
// have of it.
var forErlang = []seed{
	{"libncurses-dev", false},
	{"libsctp-dev", true},
	{"libssl-dev", false},
	{"unixodbc-dev", true},
	{"zlib1g-dev", false},
}

// developing are the seeds of Erlang that a release takes nothing native of.
var developing = []string{"erlang-dev", "erlang-edoc", "erlang-hex"}

// seedsOf is the seeds of a root that is to have no Erlang, no Elixir or no compiler.
func seedsOf(c content) []seed {
	if c == runtimeOnly {
		return slices.DeleteFunc(slices.Clone(seeds), func(s seed) bool {
			runs := strings.HasPrefix(s.name, "erlang-") && !slices.Contains(developing, s.name)
			return !runs && s.name != "ca-certificates"
		})
	}
	out := slices.DeleteFunc(slices.Clone(seeds), func(s seed) bool {
		ofElixir := s.name == "elixir" || s.name == "erlang-hex"
		ofErlang := ofElixir || s.name == "rebar3" || strings.HasPrefix(s.name, "erlang-")
		return c == noElixir && ofElixir || c == noErlang && ofErlang
	})
	if c == noErlang {
		out = append(out, forErlang...)
	}
	return out
}

// leftOut are packages that stay out even where another one depends on them.
// A row does not hold when the user asks for one of its packages by name.
var leftOut = []struct {
	why   string
	names []string
}{
	{
		"graphical: wx brings GTK and WebKit, 400 MB that no build step uses",
		[]string{"erlang-wx", "erlang-debugger", "erlang-et", "erlang-observer", "erlang-reltool"},
	},
	{"documentation", []string{"git-man", "libjs-jquery", "libjs-jquery-tablesorter"}},
	{"an init system: sysusers alone will do", []string{"systemd"}},
}

// excluded is the set of packages left out of a root for which the user asked
// for wanted.
func excluded(wanted []string) map[string]bool {
	out := map[string]bool{}
	for _, row := range leftOut {
		if slices.ContainsFunc(row.names, func(n string) bool { return slices.Contains(wanted, n) }) {
			continue
		}
		for _, n := range row.names {
			out[n] = true
		}
	}
	return out
}

// notUnpacked are paths (path.Match patterns; one that ends in / means
// everything below) that no build step reads. The first row that matches
// decides.
var notUnpacked = []struct {
	pattern string
	keep    bool
	why     string
}{
	{"usr/share/doc/*/copyright", true, "licences stay"},
	{"usr/share/doc/*", true, "the directory, or a link to the one that has the licence"},
	{"usr/share/doc/*/", false, "documentation"},
	{"usr/share/man/", false, "documentation"},
	{"usr/share/info/", false, "documentation"},
	{"usr/share/doc-base/", false, "documentation"},
	{"usr/share/gtk-doc/", false, "documentation"},
	{"usr/share/lintian/", false, "package checks"},
	{"usr/share/linda/", false, "package checks"},
	{"usr/share/locale/locale.alias", true, "read by libc"},
	{"usr/share/locale/", false, "translations"},
	{"usr/share/bug/", false, "bug reports"},
	{"usr/share/bash-completion/", false, "interactive shells"},
	{"usr/share/zsh/", false, "interactive shells"},
	{"usr/lib/erlang/man/", false, "documentation"},
	{"usr/lib/erlang/lib/*/examples/", false, "documentation"},
	{"usr/bin/*lto-dump-*", false, "a debugger of the compiler, 30 MB"},
	{"usr/lib/udev/hwdb.d/", false, "hardware"},
}

// unpacked says whether the path (clean, without a slash at the start) is
// unpacked.
func unpacked(name string) bool {
	for _, row := range notUnpacked {
		if matches(row.pattern, name) {
			return row.keep
		}
	}
	return true
}

func matches(pattern, name string) bool {
	dir, ok := strings.CutSuffix(pattern, "/")
	if !ok {
		hit, err := path.Match(pattern, name)
		return err == nil && hit
	}
	if !strings.Contains(dir, "*") {
		return len(name) > len(dir) && name[len(dir)] == '/' && strings.HasPrefix(name, dir)
	}
	depth := strings.Count(dir, "/") + 1
	parts := strings.SplitN(name, "/", depth+1)
	if len(parts) <= depth {
		return false
	}
	hit, err := path.Match(dir, strings.Join(parts[:depth], "/"))
	return err == nil && hit
}
