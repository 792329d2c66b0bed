package mix

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/engine"
	"dram/internal/source"
	"dram/internal/tool"
)

// fetching is what steps that fetch have in common.
type fetching struct {
	env []string
	// public is how the network is reached, as far as it is this machine's to say:
	// proxies and mirrors, whose URLs may hold passwords.
	public []string
	// private are keys to private code as well: nothing but Mix and Hex themselves
	// runs with them.
	private     []string
	source      *source.Tree
	needs       []string
	withPrivate bool
}

func newFetching(in tool.Circumstances) fetching {
	f := fetching{source: in.Source, needs: fetchNeeds(in.Source, in.Inert), withPrivate: true}
	f.env, f.public, f.private = fetchEnvironment(in.Toolchain, in.Environ)
	return f
}

// keyless is the same without keys that nothing asks for: Mix runs the mix.exs of
// git dependencies as it fetches. A mirror may want them whatever it has.
func (f fetching) keyless() fetching {
	if len(tool.Chosen(f.private, "HEX_TRUSTED_MIRROR_URL")) == 0 {
		f.private = slices.DeleteFunc(slices.Clone(f.private), func(kv string) bool {
			return len(tool.Chosen([]string{kv}, "HEX_API_KEY", "HEX_REPOS_KEY")) > 0
		})
	}
	return f
}

// strangers is the same for steps that run code of others.
func (f fetching) strangers() fetching {
	f.withPrivate = false
	return f
}

func (f fetching) step(name string, argv ...string) engine.Step {
	s := engine.Step{Name: name, Argv: argv, Env: f.env, Secrets: f.public, Network: true, Private: f.withPrivate, Needs: f.needs}
	if f.withPrivate {
		s.Secrets = slices.Concat(f.public, f.private)
	}
	return s
}

// once is a step that is left out where it last succeeded with the same.
func (f fetching) once(name string, argv ...string) engine.Step {
	s := f.step(name, argv...)
	s.InputDigest = tool.FetchKey(f.source, f.needs, argv)
	return s
}

// mirrors are the variables that say where else the job's steps fetch from.
func (c *Common) mirrors() (names []string) {
	if c.work.Fetch {
		names = []string{"HEX_MIRROR_URL", "HEX_UNSAFE_REGISTRY", "HEX_NO_VERIFY_REPO_ORIGIN"}
	}
	if c.js.uses || c.setsUp() {
		names = append(names, assetMirrors[:2]...)
	}
	return names
}

// assetMirrors are the variables that say where what assets are made with comes from.
var assetMirrors = [...]string{"NODEJS_ORG_MIRROR", "NPM_CONFIG_REGISTRY", "NPM_REGISTRY", "npm_config_registry", "YARN_NPM_REGISTRY_SERVER"}

// mirrors is where what assets are made with comes from, instead of where it is
// published.
func mirrors(environ []string) []string {
	return tool.Chosen(environ, assetMirrors[:]...)
}

// fetchEnvironment is what of dram's own environment concerns fetching: Hex's
// settings, mirrors and proxies. It may hold secrets; it is given to these steps
// alone and kept nowhere. What the toolchain says is none.
func fetchEnvironment(tc tool.Toolchain, environ []string) (env, public, private []string) {
	const trusted = "HEX_CACERTS_PATH"
	public = slices.Concat(tool.Proxies(environ), mirrors(environ), tool.Chosen(environ, trusted))
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "HEX_") && !slices.Contains([]string{"HEX_HOME", "HEX_OFFLINE", trusted}, name) {
			private = append(private, kv)
		}
	}
	if len(tool.Chosen(environ, trusted)) == 0 && tc.CACerts != "" {
		env = append(env, trusted+"="+tc.CACerts)
	}
	return env, public, private
}

// fetchNeeds lists what a fetching step reads of the source: the scripts beside
// every mix.exs (it may read some), what its text names (a VERSION, say),
// mix.lock, configuration, what makes a directory a project of rebar3, and what
// packages of JavaScript there are to install.
func fetchNeeds(src *source.Tree, inert map[string]bool) []string {
	projects, named := map[string]bool{}, map[string]bool{}
	for _, f := range src.Files {
		if path.Base(f.Path) == "mix.exs" {
			projects[path.Dir(f.Path)] = true
			names(src, f.Path, named)
		}
	}
	needs := []string{}
	for _, f := range src.Files {
		script := path.Ext(f.Path) == ".exs" && projects[path.Dir(f.Path)]
		if inert[f.Path] || f.Leaves {
			continue
		}
		if script || named[f.Path] || strings.HasPrefix(f.Path, "config/") || slices.Contains(manifests[:], path.Base(f.Path)) {
			needs = append(needs, f.Path)
		}
	}
	return needs
}

// literal is a string of Elixir that may be a path.
var literal = regexp.MustCompile(`((?:File\.[a-z_]+[!?]?\(?[ ]*)?)"([^"\\\n]{1,200})"`)

// names adds what a mix.exs names in its strings, as paths in the source.
func names(src *source.Tree, file string, to map[string]bool) {
	const most = 1 << 20 // bytes
	raw, err := src.ReadFile(file, most)
	if err != nil {
		return // whoever stages the source says so
	}
	for _, m := range literal.FindAllSubmatch(raw, -1) {
		page := bytes.HasSuffix(m[2], []byte(".md")) // named for the documentation, unless it is read
		if !page || bytes.HasPrefix(m[1], []byte("File.")) {
			to[path.Join(path.Dir(file), string(m[2]))] = true
		}
	}
}

var manifests = [...]string{
	"mix.lock", "rebar.config", "rebar.config.script", "rebar.lock", "package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb",
}
