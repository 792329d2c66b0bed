package mix

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/engine"
	"dram/internal/fsutil"
	"dram/internal/source"
	"dram/internal/tool"
)

// fetching is what steps that fetch have in common.
type fetching struct {
	env, secrets, needs []string
	source              *source.Tree
}

func newFetching(in tool.Circumstances) fetching {
	f := fetching{source: in.Source, needs: fetchNeeds(in.Source, in.Inert)}
	f.env, f.secrets = fetchEnvironment(in.Toolchain, in.Environ)
	return f
}

func (f fetching) step(name string, argv ...string) engine.Step {
	return engine.Step{Name: name, Argv: argv, Env: f.env, Secrets: f.secrets, Network: true, Needs: f.needs}
}

// once is a step that is left out where it last succeeded with the same.
func (f fetching) once(name string, argv ...string) engine.Step {
	s := f.step(name, argv...)
	s.InputDigest = tool.FetchKey(f.source, f.needs, argv)
	return s
}

// fetchEnvironment is what of dram's own environment concerns fetching: Hex's
// settings and proxies. It may hold secrets; it is given to these steps alone
// and kept nowhere. What the toolchain says is none.
func fetchEnvironment(tc tool.Toolchain, environ []string) (env, secrets []string) {
	secrets = tool.Proxies(environ)
	cacerts := false
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		ours := name == "HEX_HOME" || name == "HEX_OFFLINE"
		if strings.HasPrefix(name, "HEX_") && !ours {
			secrets = append(secrets, kv)
			cacerts = cacerts || name == "HEX_CACERTS_PATH"
		}
	}
	if !cacerts && tc.CACerts != "" {
		env = append(env, "HEX_CACERTS_PATH="+tc.CACerts)
	}
	return env, secrets
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
			names(src.Dir, f.Path, named)
		}
	}
	needs := []string{}
	for _, f := range src.Files {
		script := path.Ext(f.Path) == ".exs" && projects[path.Dir(f.Path)]
		if inert[f.Path] {
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
func names(dir, file string, to map[string]bool) {
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		return // whoever stages the source says so
	}
	defer func() { _ = root.Close() }() // only read from
	const most = 1 << 20                // bytes
	raw, err := fsutil.ReadIn(root, file, most)
	if err != nil {
		return
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
