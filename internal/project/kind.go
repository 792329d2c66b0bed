package project

import (
	"regexp"
	"slices"
	"strings"

	"dram/internal/project/elixir"
)

// kind notes a project that makes something else than a release, as far as mix.exs
// shows it: it is planned nevertheless, for a release can be made of anything.
func (r *reader) kind(config elixir.Value) {
	has := func(key string) bool { _, ok := config.Get(key); return ok && config.Type == elixir.List }
	on := func(name string) bool {
		return slices.ContainsFunc(r.p.Deps, func(d Dep) bool { return d.Name == name && d.In("prod") })
	}
	declares := has("releases") || has("default_release")
	switch {
	case on("nerves") && (has("archives") || has("build_embedded") || declares):
		r.note("this is firmware of Nerves, whose image is made by `mix firmware` for a MIX_TARGET: what dram makes is a release for Linux with its own libraries")
	case on("burrito"):
		r.note("Burrito wraps this project's releases into programs, for which its step of `releases:` calls zig and xz and downloads Erlang: an image needs none of it; " +
			"dram runs the step as it stands, so name a release without it, or give it these by --package and --build-network host")
	case has("package") && !has("escript") && !declares && !r.p.Umbrella && !r.configuredForProd():
		r.note("this looks like a library (mix.exs has package: and no releases:): a release of it starts nothing but its own applications")
	}
}

// configuredForProd says whether there is configuration for a release.
func (r *reader) configuredForProd() bool {
	return r.Has("config/prod.exs") || r.Has("config/runtime.exs") || r.Has("config/releases.exs") || r.dir("rel")
}

// callsGit is a call of git by Elixir or by an alias of Mix.
var callsGit = regexp.MustCompile(`System\.(?:cmd|shell)\(\s*"git\b|\bos\.cmd\(\s*(?:~c)?["']git\b|"cmd git\b`)

// asks notes what the project asks of the build's environment while it compiles: the
// variables, and Mix's target.
func (r *reader) asks() {
	for _, name := range []string{"mix.exs", "config/config.exs", "config/prod.exs"} {
		text, ok, err := r.Text(name, maxConfig)
		if err != nil || !ok {
			continue // one that cannot be read is Mix's to refuse
		}
		code := comment.ReplaceAllString(text, "")
		if r.p.AsksGit == "" && callsGit.MatchString(code) {
			r.p.AsksGit = name
		}
		for _, m := range readsEnv.FindAllStringSubmatch(code, -1) {
			r.p.BuildReads = append(r.p.BuildReads, m[2])
			if (m[1] == "fetch_env!" || m[3] != "") && name != "mix.exs" { // where it may stand in a function that is not called
				r.p.BuildRequired = append(r.p.BuildRequired, m[2])
			}
		}
		if strings.Contains(code, "Mix.target()") || strings.Contains(code, "targets:") && name == "mix.exs" {
			if _, set, _ := r.Given.getenv("MIX_TARGET"); !set {
				r.note("%s goes by Mix.target(), which is :host unless --build-env MIX_TARGET=NAME says otherwise", name)
			}
		}
	}
	for _, list := range []*[]string{&r.p.BuildReads, &r.p.BuildRequired} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
}

// private notes packages of other repositories than the public one.
func (r *reader) private(items []elixir.Item) {
	var repos, names []string
	for _, it := range strangers(items) {
		if repo := it.Value.Items[6].Value; repo.Type == elixir.String {
			repos, names = append(repos, repo.Text), append(names, it.Key)
		}
	}
	slices.Sort(repos)
	if repos = slices.Compact(repos); len(repos) > 0 {
		slices.Sort(names)
		r.note("mix.lock has packages of %s (%s), which want a key: HEX_API_KEY, or HEX_REPOS_KEY for some, in dram's environment", strings.Join(repos, ", "), strings.Join(names[:min(len(names), 6)], ", "))
	}
}
