package project

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/problem"
	"dram/internal/project/elixir"
)

// read reads the project's mix.exs and those of its own applications and of the
// path dependencies that lie inside it.
func (r *reader) read() error {
	r.seen = map[string]bool{".": true}
	config, err := r.config(".")
	if err != nil {
		return err
	}
	p := r.p
	if config.Type != elixir.List {
		p.ReleasesOpen, p.DepsOpen = true, true
		return nil
	}
	p.App = textOf(config, "app")
	p.Version = textOf(config, "version")
	p.ElixirRequirement = textOf(config, "elixir")
	p.DefaultRelease = textOf(config, "default_release")
	if v, ok := config.Get("elixir"); ok && v.Type == elixir.Unknown {
		r.note("mix.exs computes elixir: its value is not known before the build")
	}
	if packaged, ok := config.Get("package"); ok {
		licences, _ := packaged.Get("licenses")
		for _, l := range licences.Items {
			p.Licences = append(p.Licences, l.Value.Text)
		}
	}
	keeps, _ := config.Get("prune_code_paths")
	p.KeepsCodePaths = keeps.IsAtom("false")
	r.layout(config)
	r.releases(config)
	r.aliases(config)
	r.deps(".", config)
	r.native(".", config)
	r.kind(config)
	if p.App != "" {
		p.OwnApps = []string{p.App}
		r.appVersion(p.App, config)
	}
	if apps, ok := config.Get("apps_path"); ok && !apps.IsAtom("nil") {
		p.Umbrella = true
		if err := r.umbrella(apps, config); err != nil {
			return err
		}
	}
	return r.pathDeps()
}

// config is what `def project` of the mix.exs in dir returns, Unknown if that
// is not literal.
func (r *reader) config(dir string) (elixir.Value, error) {
	name := path.Join(dir, "mix.exs")
	text, _, err := r.Text(name, elixir.MaxFile)
	if err != nil {
		return elixir.Value{}, err
	}
	m, err := elixir.Read(name, text, "project", r.world(dir))
	if _, ok := errors.AsType[*elixir.Error](err); ok {
		return elixir.Value{}, problem.New(problem.Build, "mend the file there; mix would fail on it too",
			"reading mix.exs: %w", err)
	}
	if m == nil {
		r.note("%s defines no project: nothing is known of it", name)
		return elixir.Value{}, nil
	}
	config := closed(m.Call("project"), text)
	if config.Type != elixir.List {
		r.note("%s computes its project: nothing is known of it", name)
		return elixir.Value{}, nil
	}
	return config, nil
}

// told are the keys of a project that dram goes by.
var told = []string{"app", "version", "elixir", "apps_path", "apps", "deps", "aliases", "releases", "default_release", "escript", "compilers", "package"}

// closed is the list of a project, of which a part is computed, without that part: where
// the file has no key that dram goes by beside those that are known, it holds none.
func closed(config elixir.Value, text string) elixir.Value {
	if config.Type != elixir.List || !config.Open() {
		return config
	}
	rest := slices.DeleteFunc(slices.Clone(config.Items), func(it elixir.Item) bool { return !it.Keyed && it.Value.Type == elixir.Unknown })
	known := elixir.Value{Type: elixir.List, Items: rest}
	for _, key := range told {
		if _, has := known.Get(key); !has && strings.Contains(text, key+":") {
			return config
		}
	}
	return known
}

// world is what the mix.exs in dir may ask of its surroundings.
func (r *reader) world(dir string) elixir.World {
	return elixir.World{
		ReadFile: func(file string) (string, error) { return r.readInside(dir, file) },
		Exists: func(file string) bool {
			name := path.Join(dir, file)
			return r.near(name) && (r.Has(name) || r.dir(name))
		},
		MixEnv: r.Given.MixEnv,
		Getenv: r.Given.getenv,
	}
}

func (r *reader) readInside(dir, file string) (string, error) {
	if path.IsAbs(file) {
		return "", errors.New("an absolute path")
	}
	name := path.Join(dir, file)
	text, ok, err := r.Text(name, maxText)
	if err == nil && !ok {
		err = errors.New("no such file")
	}
	if err == nil {
		r.take(name)
	}
	return text, err
}

func (r *reader) appVersion(app string, config elixir.Value) {
	if v := textOf(config, "version"); v != "" && app != "" {
		if r.p.AppVersions == nil {
			r.p.AppVersions = map[string]string{}
		}
		r.p.AppVersions[app] = v
	}
}

// textOf is the string or atom that a keyword list has for key, else "".
func textOf(config elixir.Value, key string) string {
	v, _ := config.Get(key)
	if v.Type == elixir.String || v.Type == elixir.Atom && !v.IsAtom("nil") {
		return v.Text
	}
	return ""
}

func (r *reader) releases(config elixir.Value) {
	r.escript(config)
	list, ok := config.Get("releases")
	r.p.ReleasesOpen = ok && list.Open()
	for _, it := range list.Pairs() {
		rel := Release{Name: it.Key, Version: textOf(it.Value, "version")}
		apps, _ := it.Value.Get("applications")
		for _, app := range apps.Pairs() {
			rel.Applications = append(rel.Applications, app.Key)
		}
		overlays, _ := it.Value.Get("overlays")
		rel.Overlays = directories(overlays)
		if templates := textOf(it.Value, "rel_templates_path"); templates != "" {
			rel.Overlays = append(rel.Overlays, path.Join(templates, "overlays"))
		}
		erts, _ := it.Value.Get("include_erts")
		rel.NoERTS = erts.IsAtom("false")
		steps, _ := it.Value.Get("steps")
		rel.Tar = slices.Contains(steps.Atoms(), "tar")
		_, rel.Cookie = it.Value.Get("cookie")
		rel.Cookie = rel.Cookie && it.Value.Type == elixir.List
		_, rel.Elsewhere = it.Value.Get("path")
		r.p.Releases = append(r.p.Releases, rel)
	}
}

// layout takes where Mix is told to have what it makes and reads.
func (r *reader) layout(config elixir.Value) {
	l := &r.p.Layout
	l.BuildPath, l.DepsPath, l.LockFile = textOf(config, "build_path"), textOf(config, "deps_path"), textOf(config, "lockfile")
	if l.LockFile != "" {
		l.LockFile = path.Clean(l.LockFile)
		r.take(l.LockFile)
	}
}

// directories are the texts of a list, or one text.
func directories(v elixir.Value) (names []string) {
	if v.Type == elixir.String {
		return []string{path.Clean(v.Text)}
	}
	for _, it := range v.Items {
		if it.Value.Type == elixir.String {
			names = append(names, path.Clean(it.Value.Text))
		}
	}
	return names
}

// escript takes where an escript goes.
func (r *reader) escript(config elixir.Value) {
	options, ok := config.Get("escript")
	if r.p.Escript = ok && !options.IsAtom("nil"); !r.p.Escript || options.Type != elixir.List || options.Open() {
		return
	}
	for _, key := range []string{"path", "name"} {
		if _, ok := options.Get(key); ok {
			r.p.EscriptPath = textOf(options, key)
			return
		}
	}
	r.p.EscriptPath = r.p.App
}

func (r *reader) aliases(config elixir.Value) {
	aliases, ok := config.Get("aliases")
	r.p.AliasesOpen = ok && aliases.Open()
	for _, it := range aliases.Pairs() {
		r.p.Aliases = append(r.p.Aliases, it.Key)
	}
	r.assets(".", aliases)
}

// assets takes the aliases of a directory that make assets.
func (r *reader) assets(dir string, aliases elixir.Value) {
	a := &r.p.Assets
	for _, it := range aliases.Pairs() {
		switch it.Key {
		case "assets.setup":
			a.Setup, a.SetupApart, a.Setups, a.Dir = true, installs(it.Value), commands(it.Value), dir
		case "assets.deploy":
			a.Deploy, a.Deploys, a.Dir = true, commands(it.Value), dir
		}
	}
}

// installer is a command of an alias that brings tools or packages.
var installer = regexp.MustCompile(`^(esbuild|tailwind|dart_sass|sass|bun|npm|node)\.install\b|^cmd `)

// commands are those of an alias that are literal.
func commands(alias elixir.Value) []string {
	if alias.Type == elixir.String {
		return []string{alias.Text}
	}
	var all []string
	for _, it := range alias.Items {
		if it.Value.Type == elixir.String {
			all = append(all, it.Value.Text)
		}
	}
	return all
}

// installs says whether an alias does nothing but that.
func installs(alias elixir.Value) bool {
	for _, it := range alias.Items {
		if it.Value.Type != elixir.String || !installer.MatchString(it.Value.Text) {
			return false
		}
	}
	return alias.Type == elixir.List && !alias.Open() && len(alias.Items) > 0
}

// umbrella reads the applications under apps_path.
func (r *reader) umbrella(apps, config elixir.Value) error {
	if apps.Type != elixir.String || !insideProject(apps.Text) {
		r.note("the umbrella's apps_path is not known before the build")
		return nil
	}
	chosen, limited := config.Get("apps")
	for _, e := range r.entries(apps.Text) {
		dir := path.Join(apps.Text, e.Name())
		if limited && chosen.Type == elixir.List && !slices.Contains(chosen.Atoms(), e.Name()) || !r.Has(path.Join(dir, "mix.exs")) {
			continue
		}
		app, err := r.child(dir)
		if err != nil {
			return err
		}
		if app == "" {
			app = e.Name()
		}
		r.p.OwnApps = append(r.p.OwnApps, app)
	}
	return nil
}

// child reads the mix.exs of another directory of the project, once.
func (r *reader) child(dir string) (app string, err error) {
	if r.seen[dir] {
		return "", nil
	}
	if len(r.seen) >= maxMixFiles {
		return "", problem.New(problem.Usage, "build a part of it", "reading project %q: it has more than %d mix.exs files",
			r.p.Dir, maxMixFiles)
	}
	r.seen[dir] = true
	config, err := r.config(dir)
	if err != nil {
		return "", err
	}
	r.deps(dir, config)
	r.native(dir, config)
	if wants := textOf(config, "elixir"); wants != "" {
		r.p.Requirements = append(r.p.Requirements, Version{wants, path.Join(dir, "mix.exs")})
	}
	app = textOf(config, "app")
	r.appVersion(app, config)
	r.childAssets(dir, config)
	return app, nil
}

// childAssets takes the aliases of an application of an umbrella that has none of its
// own: Mix knows them in the application's directory alone.
func (r *reader) childAssets(dir string, config elixir.Value) {
	aliases, _ := config.Get("aliases")
	has := slices.ContainsFunc(aliases.Pairs(), func(it elixir.Item) bool { return it.Key == "assets.deploy" })
	switch {
	case !has || !r.p.Umbrella || r.p.Assets.Dir == ".":
	case r.p.Assets.Deploy:
		r.note("%s/mix.exs has the alias assets.deploy as %s/mix.exs has, and only that is run: have both run by aliases of the umbrella's mix.exs\n"+
			`"assets.setup": ["do --app APP assets.setup"], "assets.deploy": ["do --app APP assets.deploy"]`, dir, r.p.Assets.Dir)
	default:
		r.assets(dir, aliases)
	}
}

// pathDeps reads the path dependencies inside the project, and theirs.
func (r *reader) pathDeps() error {
	looked := 0
	for i := 0; i < len(r.p.Deps); i++ { // it grows on the way
		looked = r.besides(looked)
		d := r.p.Deps[i]
		if d.Source != Path || !insideProject(d.Where) && !d.Near || !r.Has(path.Join(d.Where, "mix.exs")) {
			continue
		}
		if _, err := r.child(d.Where); err != nil {
			return err
		}
	}
	return nil
}

func insideProject(rel string) bool {
	return rel != "" && fsutil.Local(".", rel)
}
