package mix

import (
	"slices"
	"strings"

	"dram/internal/distro"
	"dram/internal/project"
	"dram/internal/tool"
)

// making are packages that compile more than Elixir and Erlang, and what with. What
// they depend on is in mix.lock, and so are elixir_make and rustler; that they use
// rebar3's port compiler (pc), or call make or cmake in hooks, is not.
var making = map[string]distro.Need{
	"elixir_make": distro.C, "cc_precompiler": distro.C,
	"cache_tab": distro.C, "crc32cer": distro.C, "crypt": distro.C, "eimp": distro.C, "enacl": distro.C, "epam": distro.C,
	"erlcloud_nif": distro.C, "esqlite": distro.C, "ezlib": distro.C, "fast_tls": distro.C, "fast_xml": distro.C, "fast_yaml": distro.C,
	"hamcrest_nif": distro.C, "iconv": distro.C, "jiffy": distro.C, "mqtree": distro.C, "p1_acme": distro.C, "re2": distro.C,
	"snappyer": distro.C, "sqlite3": distro.C, "stringprep": distro.C, "stun": distro.C, "syslog": distro.C, "xmpp": distro.C, "xxhash": distro.C,
	"erocksdb": distro.CMake, "evision": distro.CMake, "ezstd": distro.CMake, "h3": distro.CMake, "quicer": distro.CMake, "rocksdb": distro.CMake, "torchx": distro.CMake,
	"rustler": distro.Cargo, "zigler": distro.Zig,
}

// needs says what the steps call that a toolchain may lack.
func (c *Common) needs(env string) {
	c.gits(env)
	for _, code := range c.Facts.NativeCode {
		c.Planner.Need(tool.Need{What: compiles(code), Why: code})
		if compiles(code) == distro.CMake {
			c.Planner.Need(tool.Need{What: distro.C, Why: code})
		}
	}
	for _, name := range c.Facts.Locked {
		n, ok := making[name]
		if !ok || name == "rustler" && slices.Contains(c.Facts.Locked, "rustler_precompiled") { // beside which it is optional
			continue
		}
		if n == distro.CMake {
			c.Planner.Need(tool.Need{What: distro.C, Why: name, Perhaps: true})
		}
		c.Planner.Need(tool.Need{What: n, Why: name, Perhaps: true})
	}
}

// compiles is what evidence of native code is compiled with.
func compiles(code string) distro.Need {
	for _, sign := range []struct {
		ends string
		by   distro.Need
	}{{"Cargo.toml", distro.Cargo}, {":rustler", distro.Cargo}, {":zigler", distro.Zig}, {"CMakeLists.txt", distro.CMake}} {
		if strings.HasSuffix(code, sign.ends) {
			return sign.by
		}
	}
	return distro.C
}

// gits says what fetches dependencies out of repositories.
func (c *Common) gits(env string) {
	unused := map[string]bool{}
	need := func(name, url string) {
		why := "the git dependency " + name
		c.Planner.Need(tool.Need{What: distro.Git, Why: why})
		if overSSH(url) {
			c.Planner.Need(tool.Need{What: distro.SSH, Why: why + " (" + withoutUser(url) + ")"})
		}
	}
	for _, d := range c.Facts.Deps {
		switch {
		case d.Source != project.Git:
		case d.In(env):
			need(d.Name, d.Where)
		default:
			unused[d.Name] = true
		}
	}
	for _, l := range c.Facts.LockedGit {
		if !unused[l.Name] {
			need(l.Name, l.URL)
		}
	}
}

// overSSH says whether git fetches a URL by ssh: "ssh://…", "git+ssh://…", or its
// short form "[user@]host:path".
func overSSH(url string) bool {
	scheme, _, ok := strings.Cut(url, "://")
	if ok {
		return scheme == "ssh" || scheme == "git+ssh" || scheme == "ssh+git"
	}
	host, _, colon := strings.Cut(url, ":")
	return colon && !strings.Contains(host, "/")
}

// withoutUser is a URL to be shown: what stands before the host may be a secret.
func withoutUser(url string) string {
	at := strings.LastIndexByte(url, '@')
	scheme, _, ok := strings.Cut(url, "://")
	switch {
	case at < 0:
		return url
	case ok:
		return scheme + "://" + url[at+1:]
	}
	return url[at+1:]
}
