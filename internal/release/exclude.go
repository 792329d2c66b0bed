package release

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Exclusion is a row of the table of what stays out of an image. Patterns are
// of path.Match, element by element, and "**" is any number of elements.
type Exclusion struct {
	Pattern string
	Reason  string
	// If, when set, is a pattern that a file of the release must match for this
	// row to count.
	If string

	elems []string // of Pattern, where it is matched often
}

// ImageExclusions is what never goes into an image, whatever tool made the
// release. What stays of erts-*/bin: beam.smp, erlexec, erl and erl_child_setup
// run the VM; inet_gethost resolves names; epmd serves distribution; heart
// restarts; run_erl and to_erl serve `daemon`. Scripts of some tools call escript
// and erl_call as well: those of which none does leave them out (see tool.Boot).
func ImageExclusions() []Exclusion {
	const (
		compiler = "a tool of development, which a release never runs"
		headers  = "only compilers read it"
		linked   = "only linkers read it"
		docs     = "documentation"
		running  = "what a running release left behind"
		windows  = "a script for Windows"
	)
	return []Exclusion{
		{Pattern: "releases/COOKIE", Reason: "a secret: RELEASE_COOKIE gives it, or it is made at start"},
		{Pattern: "releases/*/*.tar.gz", Reason: "the release itself, packed"},
		{Pattern: "tmp/**", Reason: running},
		{Pattern: "log/**", Reason: running},
		{Pattern: "var/**", Reason: running},
		{Pattern: "erl_crash.dump", Reason: running},
		{Pattern: "bin/*.bat", Reason: windows},
		{Pattern: "releases/*/*.bat", Reason: windows},
		{Pattern: "releases/*/*.ps1", Reason: windows},
		{Pattern: "erts-*/bin/dialyzer", Reason: compiler},
		{Pattern: "erts-*/bin/typer", Reason: compiler},
		{Pattern: "erts-*/bin/ct_run", Reason: compiler},
		{Pattern: "erts-*/bin/erlc", Reason: compiler},
		{Pattern: "erts-*/bin/yielding_c_fun", Reason: compiler},
		{Pattern: "erts-*/bin/beam.*.smp", Reason: "an instrumented VM"},
		{Pattern: "erts-*/bin/erl_child_setup.*", Reason: "part of an instrumented VM"},
		{Pattern: "erts-*/bin/*.src", Reason: "a template of a script"},
		{Pattern: "erts-*/src/**", Reason: headers},
		{Pattern: "erts-*/include/**", Reason: headers},
		{Pattern: "erts-*/lib/**", Reason: linked},
		{Pattern: "erts-*/man/**", Reason: docs},
		{Pattern: "erts-*/doc/**", Reason: docs},
		{Pattern: "lib/*/src/**", Reason: headers},
		{Pattern: "lib/*/c_src/**", Reason: headers},
		{Pattern: "lib/*/include/**", Reason: headers},
		{Pattern: "lib/*/man/**", Reason: docs},
		{Pattern: "lib/*/doc/**", Reason: docs},
		{Pattern: "lib/*/examples/**", Reason: docs},
		{Pattern: "lib/*/priv/obj/**", Reason: linked},
		{Pattern: "lib/*/priv/**/*.a", Reason: linked},
		{Pattern: "lib/*/priv/**/*.la", Reason: linked},
		{Pattern: "lib/*/priv/**/*.o", Reason: linked},
		{Pattern: "lib/crypto-*/priv/lib/otp_test_engine.so", Reason: "only OTP's own tests load it"},
	}
}

// Excluded is a file that stays out of an image, and why.
type Excluded struct {
	File
	Reason string
}

// ForImage splits a release's files by ImageExclusions and those of its tool.
// Devices, sockets and pipes, which a running release can leave anywhere, stay
// out too.
func (r *Release) ForImage(ofTool []Exclusion) (kept []File, out []Excluded) {
	rules := slices.DeleteFunc(slices.Concat(ImageExclusions(), ofTool), func(e Exclusion) bool {
		return e.If != "" && !slices.ContainsFunc(r.Files, func(f File) bool { return match(e.If, f.Path) })
	})
	for i := range rules { // split once, not for each file
		rules[i].elems = strings.Split(rules[i].Pattern, "/")
	}
	for _, f := range r.Files {
		if reason, yes := excluded(rules, f); yes {
			out = append(out, Excluded{f, reason})
		} else {
			kept = append(kept, f)
		}
	}
	return kept, out
}

func excluded(rules []Exclusion, f File) (reason string, yes bool) {
	if f.Mode.Type()&^(fs.ModeDir|fs.ModeSymlink) != 0 {
		return "neither a file, a directory nor a link", true
	}
	name := strings.Split(f.Path, "/")
	for _, e := range rules {
		if matchElems(e.elems, name) {
			return e.Reason, true
		}
	}
	return "", false
}

// match matches element by element. A pattern that ends in "**" matches the
// directory before it too.
func match(pattern, name string) bool {
	return matchElems(strings.Split(pattern, "/"), strings.Split(name, "/"))
}

func matchElems(pattern, name []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for skip := range len(name) + 1 {
				if matchElems(pattern[1:], name[skip:]) {
					return true
				}
			}
			return false
		}
		if len(name) == 0 {
			return false
		}
		if !matchElem(pattern[0], name[0]) {
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	return len(name) == 0
}

func matchElem(pattern, name string) bool {
	if !strings.ContainsAny(pattern, `*?[\`) {
		return pattern == name
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}
