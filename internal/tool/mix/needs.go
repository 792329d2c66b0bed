package mix

import (
	"slices"
	"strings"

	"dram/internal/distro"
	"dram/internal/project"
	"dram/internal/tool"
)

// making are packages of Mix that compile more than Elixir, and what with: mix.lock has
// them.
var making = map[string]distro.Need{
	"elixir_make": distro.C, "cc_precompiler": distro.C, "evision": distro.CMake, "torchx": distro.CMake, "rustler": distro.Cargo, "zigler": distro.Zig,
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
	tool.NeedMakers(c.Planner, c.Facts.Locked)
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
	for _, r := range c.remotes(env) {
		tool.NeedGit(c.Planner, r.Name, r.URL)
	}
}

// remotes are the repositories that dependencies are fetched from.
func (c *Common) remotes(env string) []project.Repository {
	var all []project.Repository
	unused := map[string]bool{}
	for _, d := range c.Facts.Deps {
		switch {
		case d.Source != project.Git:
		case d.In(env):
			all = append(all, project.Repository{Name: d.Name, URL: atGitHub(d.Where)})
		default:
			unused[d.Name] = true
		}
	}
	for _, l := range c.Facts.LockedGit {
		if !unused[l.Name] {
			all = append(all, l)
		}
	}
	return all
}

// atGitHub is the whole URL of what `github: "owner/name"` says.
func atGitHub(url string) string {
	owner, name, ok := strings.Cut(url, "/")
	if !ok || owner == "" || owner[0] == '.' || strings.ContainsAny(owner, ":@") || strings.Contains(name, "/") {
		return url
	}
	return "https://github.com/" + url
}
