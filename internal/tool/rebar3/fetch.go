package rebar3

import (
	_ "embed"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/engine"
	"dram/internal/source"
	"dram/internal/tool"
	"dram/internal/tool/relx"
)

// fetchScript runs rebar3 with the keys of repositories, and fails where it passes over
// what it could not fetch. It is POSIX sh.
//
//go:embed fetch.sh
var fetchScript string

// fetching is what has the network, and what can be compiled of that apart. rebar3
// fetches plugins, and compiles them, with whatever it does first.
func (b *Common) fetching(c tool.Circumstances) []engine.Step {
	if !b.fetch {
		return nil
	}
	program := b.program(c)
	needs := fetchNeeds(c.Source, b.Project.script)
	if program != "rebar3" {
		needs = insert(needs, "rebar3")
	}
	repositories := strings.Join(b.Project.config.repositories(), " ")
	step := func(name string, argv ...string) engine.Step {
		s := engine.Step{
			Name: name, Argv: append([]string{"sh", "-c", fetchScript, "fetch", repositories, scriptLimit}, argv...), Secrets: fetchEnvironment(c.Environ), Private: true, Network: true, Needs: needs,
			Remotes: relx.Repositories(b.Project.facts.Deps),
		}
		if b.Project.facts.HasLock || !b.deps {
			s.InputDigest = tool.FetchKey(c.Source, needs, argv)
		}
		return s
	}
	get := step("fetch", program, "get-deps")
	if b.deps { // rebar3 locks what the default profile has
		get.Lock, get.Relock = Lock, "rebar3 get-deps"
	}
	steps := []engine.Step{get}
	if b.extra {
		steps = append(steps, step("fetch for "+b.Profile, b.as(program, "get-deps")...))
	}
	if !b.deps {
		return steps
	}
	deps := Assembling(c, b.as(program, "compile", "--deps_only")...)
	deps.Name, deps.Needs, deps.InputDigest, deps.Optional = "dependencies", needs, tool.FetchKey(c.Source, needs, deps.Argv), true
	return append(steps, deps)
}

// scriptLimit is how long rebar.config.script may take, in seconds.
const scriptLimit = "300"

// public is the repository that rebar3 knows by itself.
const public = "hexpm"

// repositoryName is what repositories are called; an organisation's is "hexpm:acme".
var repositoryName = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,200}$`)

// repositories are the names of those that packages come from: the public one, or its
// mirror, and those of {hex, [{repos, …}]}.
func (c config) repositories() []string {
	names := []string{public}
	for _, t := range c.get("hex") {
		entry, ok := t.(beam.Tuple)
		if !ok || len(entry) < 2 || entry[0] != beam.Atom("repos") {
			continue
		}
		list, _ := entry[len(entry)-1].(beam.List)
		for _, r := range list {
			repository, _ := r.(beam.Map)
			if text, ok := beam.Text(repository.Get("name")); ok && repositoryName.MatchString(text) && !slices.Contains(names, text) {
				names = append(names, text)
			}
		}
	}
	return names
}

// fetchEnvironment is what of dram's own environment rebar3 goes by when it fetches:
// proxies, mirrors, and the key for repositories. Plugins run with it, so that no key
// is among it that rebar3 itself has no use for.
func fetchEnvironment(environ []string) []string {
	return append(tool.Proxies(environ), tool.Chosen(environ, "HEX_CDN", "HEX_MIRROR", "HEX_REPOS_KEY", "REBAR_NO_VERIFY_REPO_ORIGIN")...)
}

// fetchNeeds is what a fetching step reads of the source: the configuration of the
// project and its applications, and what resource files say; beside a script,
// whatever lies at the top.
func fetchNeeds(src *source.Tree, script bool) []string {
	needs := []string{}
	for _, f := range src.Files {
		base := path.Base(f.Path)
		switch {
		case slices.Contains([]string{File, Script, Lock, "relx.config"}, base),
			strings.HasSuffix(base, ".app.src"), strings.HasSuffix(base, ".app.src.script"),
			strings.HasPrefix(f.Path, "_checkouts/"),
			script && !strings.Contains(f.Path, "/"):
			needs = append(needs, f.Path)
		}
	}
	return needs
}

// insert adds a name to a sorted list.
func insert(names []string, name string) []string {
	if i, found := slices.BinarySearch(names, name); !found {
		return slices.Insert(names, i, name)
	}
	return names
}
