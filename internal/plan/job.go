package plan

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dram/internal/engine"
	"dram/internal/fsutil"
	"dram/internal/source"
	"dram/internal/store"
	"dram/internal/toolchain"
)

// Epoch is the time, in seconds since 1970, that the build and every file of
// its results bear (SOURCE_DATE_EPOCH): one second after 1970 began, since some
// tools take 0 for "unknown".
const Epoch = 1

// Where Hex and Mix keep what they fetch, inside.
const (
	hexHome = "/cache/hex"
	mixHome = "/cache/mix"
)

// proxies is what of dram's own environment steps with the network need.
func proxies(environ []string) []string {
	names := []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}
	var env []string
	for _, kv := range environ {
		if name, _, _ := strings.Cut(kv, "="); slices.Contains(names, name) {
			env = append(env, kv)
		}
	}
	return env
}

// Key names the result: what has the same key is the same bytes.
func (p *Plan) Key(src store.Digest, tc store.Digest) string {
	raw, err := json.Marshal([]any{
		"recipe", Recipe, src, tc, p.Release, p.Platform, p.MixEnv, p.OwnApps, p.Fetch, p.Setup, p.Deploy, p.Cookie, p.Network, p.Kind, p.ReleaseEnv,
		p.BuildEnv, p.Image.Programs, p.Image.User, p.Image.Env, p.Image.Labels, p.Image.Expose,
	})
	if err != nil {
		panic(err) // strings, numbers and booleans always encode
	}
	return store.DigestOf(raw).Hex()
}

// Job is the build as an engine runs it, in a toolchain with these facts.
// environ is dram's own environment. What is kept between runs is yet to be given
// its Lineage.
func (p *Plan) Job(tc *toolchain.Toolchain, root string, facts toolchain.Facts, src *source.Tree, environ []string) engine.Job {
	build := engine.SourceDir + "/_build"
	job := engine.Job{
		Key:    store.DigestOf([]byte(p.Dir + "\n" + string(tc.ID) + "\n" + p.MixEnv)).Hex(),
		Name:   p.Release,
		Root:   root,
		Source: src, Platform: p.Platform,
		Toolchain: engine.Toolchain{
			ID: tc.ID, Name: tc.Ref.String(), Pull: tc.Pull(), Image: tc.Image,
		},
		Keep:   []string{build, engine.SourceDir + "/deps", hexHome, mixHome},
		Env:    append(p.environment(tc, facts), p.BuildEnv...),
		Export: p.export(), Isolated: p.Isolated,
	}
	if p.distillery != nil && p.distillery.output != "" {
		job.Assembled = engine.SourceDir + "/" + p.distillery.output
	}
	job.Emulated = emulated(facts, job.Env)
	job.Steps = p.stepsFor(facts, src, environ)
	return job
}

// emulated is what Erlang needs to run under qemu's user emulation, where a page
// of memory cannot be mapped twice, for writing and for running: so it is told to
// map it once (OTP 26), or to do what that comes with (24 and 25).
func emulated(facts toolchain.Facts, env []string) []string {
	major, _, _ := strings.Cut(facts.OTP, ".")
	otp, err := strconv.Atoi(major)
	flags := "+JMsingle true"
	switch {
	case err != nil || otp < 24: // no just-in-time compiler
		return nil
	case otp < 26:
		flags = "+JPperf true"
	}
	for _, kv := range env {
		if set, ok := strings.CutPrefix(kv, "ERL_FLAGS="); ok && set != "" {
			flags = set + " " + flags
		}
	}
	return []string{"ERL_FLAGS=" + flags}
}

// export is where `mix release` assembles, inside.
func (p *Plan) export() string {
	return engine.SourceDir + "/_build/" + p.MixEnv + "/rel/" + p.Release
}

func (p *Plan) environment(tc *toolchain.Toolchain, facts toolchain.Facts) []string {
	var env []string
	for _, kv := range tc.Config.Env {
		if name, _, _ := strings.Cut(kv, "="); name != "PATH" && name != "LANG" && name != "LC_ALL" {
			env = append(env, kv)
		}
	}
	env = append(env,
		"PATH="+facts.Path, "HOME=/root", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC",
		"SOURCE_DATE_EPOCH="+strconv.Itoa(Epoch),
		// Up to OTP 27, what PCRE makes of a regular expression with named groups
		// ends up in beams with whatever was in memory before, between the names.
		// The VM takes memory for it from malloc then, and malloc clears it.
		"ERL_ZFLAGS=+MDe false", "MALLOC_PERTURB_=255",
		"MIX_ENV="+p.MixEnv,
		"HEX_HOME="+hexHome, "MIX_HOME="+mixHome)
	if facts.Rebar3 != "" {
		env = append(env, "MIX_REBAR3="+facts.Rebar3)
	}
	return env
}

func (p *Plan) stepsFor(facts toolchain.Facts, src *source.Tree, environ []string) []engine.Step {
	var steps []engine.Step
	network, secrets := fetchEnvironment(facts, environ)
	needs := p.fetchNeeds(src)
	online := func(once bool, name string, argv ...string) {
		s := engine.Step{Name: name, Argv: argv, Env: network, Secrets: secrets, Network: true, Needs: needs}
		if once {
			s.Once = fetchKey(src, needs, argv)
		}
		steps = append(steps, s)
	}
	if p.Fetch || p.Setup {
		if !facts.Hex {
			online(true, "fetch Hex", "mix", "local.hex", "--force", "--if-missing")
		}
		if facts.Rebar3 == "" {
			online(true, "fetch rebar3", "mix", "local.rebar", "--force", "--if-missing")
		}
	}
	if p.Fetch {
		online(p.Locked, "fetch", "mix", "deps.get", "--only", p.MixEnv)
		steps[len(steps)-1].Lock = "mix.lock"
	}
	compiling := func(name string, argv ...string) {
		s := engine.Step{Name: name, Argv: argv, Env: []string{"HEX_OFFLINE=1"}, Network: p.Network}
		if p.Network {
			s.Secrets = proxies(environ)
		}
		steps = append(steps, s)
	}
	if p.Fetch { // as far as they need nothing of the project, whose code then cannot change what is kept of them
		compiling("dependencies", "mix", "deps.compile", "--skip-umbrella-children", "--skip-local-deps")
		s := &steps[len(steps)-1]
		s.Needs, s.Once, s.Optional = needs, fetchKey(src, needs, s.Argv), true
	}
	if p.Setup {
		online(true, "assets setup", "mix", "assets.setup")
		if !p.setupApart {
			steps[len(steps)-1].Needs = nil
		}
	}
	if p.Deploy {
		compiling("compile", "mix", "compile") // Phoenix extracts hooks from templates for the bundler to find
		compiling("assets", "mix", "assets.deploy")
		steps[len(steps)-1].Volatile = true
	}
	d := p.distillery
	if d != nil {
		steps = append(steps, d.clear()...)
	}
	compiling(engine.StepRelease, p.releaseCommand()...)
	if d != nil {
		steps = append(steps, d.steps(p.Release, p.export(), facts)...)
	}
	return steps
}

// releaseCommand names the release only where mix.exs declares it: Mix knows
// the one that it infers from the application by no name.
func (p *Plan) releaseCommand() []string {
	if p.distillery != nil {
		return p.distillery.releaseCommand(p.Release, p.ReleaseEnv)
	}
	if p.Declared {
		return []string{"mix", "release", p.Release, "--overwrite"}
	}
	return []string{"mix", "release", "--overwrite"}
}

// fetchEnvironment is what of dram's own environment concerns fetching: Hex's
// settings and proxies. It may hold secrets; it is given to these steps alone
// and kept nowhere. What the toolchain says is none.
func fetchEnvironment(facts toolchain.Facts, environ []string) (env, secrets []string) {
	secrets = proxies(environ)
	cacerts := false
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		ours := name == "HEX_HOME" || name == "HEX_OFFLINE"
		if strings.HasPrefix(name, "HEX_") && !ours {
			secrets = append(secrets, kv)
			cacerts = cacerts || name == "HEX_CACERTS_PATH"
		}
	}
	if !cacerts && facts.CACerts != "" {
		env = append(env, "HEX_CACERTS_PATH="+facts.CACerts)
	}
	return env, secrets
}

// fetchNeeds lists what a fetching step reads of the source: the scripts beside
// every mix.exs (it may read some), what its text names (a VERSION, say),
// mix.lock, configuration, what makes a directory a project of rebar3, and what
// packages of JavaScript there are to install.
func (p *Plan) fetchNeeds(src *source.Tree) []string {
	inert := p.inert(src)
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

// fetchKey names what a fetching step depends on: what it needs, and the
// command.
func fetchKey(src *source.Tree, needs, argv []string) string {
	parts := slices.Clone(argv)
	for _, f := range src.Files {
		if _, ok := slices.BinarySearch(needs, f.Path); ok {
			parts = append(parts, f.Path, string(f.Digest))
		}
	}
	return store.DigestOf([]byte(strings.Join(parts, "\n"))).Hex()
}

var manifests = [...]string{
	"mix.lock", "rebar.config", "rebar.config.script", "rebar.lock", "package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb",
}
