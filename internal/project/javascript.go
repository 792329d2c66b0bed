package project

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Package is a directory with a package.json: what is installed there, and by
// which package manager.
type Package struct {
	Dir string // "assets", "."
	// Manager is "npm", "yarn", "pnpm" or "bun", by packageManager or by the lock
	// file.
	Manager string
	// ManagerVersion is the one that is asked for, or the major version that wrote
	// the lock file: "9.1.0", "9"; "" for any.
	ManagerVersion string
	Lock           string   // the lock file, "" if there is none
	Others         []string // lock files of other managers, which do not count
	Needs          bool     // it names packages that have to be installed
	Scripts        []string // that it has, sorted
	Apart          bool     // only the Dockerfile says that something runs there
	Script         string   // the one that makes the assets, "deploy" or "build"; "" for none
	Local          []string // directories of the project that its packages lie in
	// Node is what it asks of Node.js, in words of npm: ">=18", "22", "20.11.1".
	Node Version
	// Broken says why it cannot be read, "" if it can.
	Broken string
}

// lockFiles are the managers' lock files; the first that is there counts.
var lockFiles = [...]struct{ name, manager string }{
	{"package-lock.json", "npm"},
	{"npm-shrinkwrap.json", "npm"},
	{"pnpm-lock.yaml", "pnpm"},
	{"yarn.lock", "yarn"},
	{"bun.lock", "bun"},
	{"bun.lockb", "bun"},
}

// maxLockJS bounds a lock file of JavaScript, in bytes.
const maxLockJS = 32 << 20

// packageJSON is what dram reads of a package.json. Fields that others write in
// several forms are taken as they are.
type packageJSON struct {
	PackageManager  string         `json:"packageManager"`
	Scripts         map[string]any `json:"scripts"`
	Engines         map[string]any `json:"engines"`
	Volta           map[string]any `json:"volta"`
	Dependencies    map[string]any `json:"dependencies"`
	DevDependencies map[string]any `json:"devDependencies"`
}

// packages reads every package.json beside a mix.exs and in its assets/, and where commands
// of the Dockerfile run.
func (r *reader) packages() {
	defer r.packagesOfDocker()
	for _, dir := range slices.Sorted(maps.Keys(r.seen)) {
		for _, at := range []string{path.Join(dir, "assets"), dir} {
			if r.Has(path.Join(at, "package.json")) {
				r.p.Assets.Packages = append(r.p.Assets.Packages, r.javascript(at))
			}
		}
	}
}

// runsIn is an option by which a package manager runs in another directory.
var runsIn = regexp.MustCompile(`^(?:npm|yarn|pnpm|bun)\s(?:.*\s)?(?:--prefix|--cwd|--dir|-C)[= ](\S+)`)

func (r *reader) packagesOfDocker() {
	for _, c := range r.p.Docker.Commands {
		dir := c.Dir
		if m := runsIn.FindStringSubmatch(c.Run); m != nil && dir != "" {
			dir = path.Join(dir, m[1])
		}
		known := slices.ContainsFunc(r.p.Assets.Packages, func(p Package) bool { return p.Dir == dir })
		if dir == "" || known || !fs.ValidPath(dir) || !r.Has(path.Join(dir, "package.json")) {
			continue
		}
		p := r.javascript(dir)
		p.Apart = true
		r.p.Assets.Packages = append(r.p.Assets.Packages, p)
	}
}

// javascript reads the package.json of a directory.
func (r *reader) javascript(dir string) Package {
	p := Package{Dir: dir, Manager: "npm"}
	text, _, err := r.Text(path.Join(dir, "package.json"), maxConfig)
	var doc packageJSON
	if err == nil {
		err = json.Unmarshal([]byte(strings.TrimPrefix(text, "\ufeff")), &doc)
	}
	if err != nil {
		p.Needs, p.Broken = true, err.Error()
		return p
	}
	r.lockOf(&p, doc.PackageManager)
	for _, name := range slices.Sorted(maps.Keys(doc.Scripts)) {
		if s, ok := doc.Scripts[name].(string); ok && s != "" {
			p.Scripts = append(p.Scripts, name)
		}
	}
	p.Needs = len(doc.Dependencies)+len(doc.DevDependencies) > 0
	for _, name := range []string{"deploy", "build"} {
		if s, ok := doc.Scripts[name].(string); ok && s != "" && p.Script == "" {
			p.Script = name
		}
	}
	p.Local = r.local(dir, doc.Dependencies, doc.DevDependencies)
	p.Node = r.node(dir, doc)
	return p
}

// lockOf finds the manager and its lock file.
func (r *reader) lockOf(p *Package, asked string) {
	manager, version, _ := strings.Cut(asked, "@")
	version, _, _ = strings.Cut(version, "+") // a checksum of its archive
	named := slices.ContainsFunc(lockFiles[:], func(l struct{ name, manager string }) bool { return l.manager == manager })
	if named {
		p.Manager, p.ManagerVersion = manager, version
	}
	for _, l := range lockFiles {
		file := path.Join(p.Dir, l.name)
		switch {
		case !r.Has(file):
		case p.Lock == "" && (!named || l.manager == p.Manager):
			p.Lock, p.Manager = file, l.manager
		case l.manager != p.Manager:
			p.Others = append(p.Others, file)
		}
	}
	if !numeric(p.ManagerVersion) {
		p.ManagerVersion = r.writer(*p)
	}
}

var (
	pnpmLock  = regexp.MustCompile(`(?m)^lockfileVersion:\s*'?(\d+)`)
	yarnBerry = regexp.MustCompile(`(?m)^__metadata:`)
	yarnFirst = regexp.MustCompile(`(?m)^# yarn lockfile v1`)
)

// writer is the major version of the manager that wrote a lock file, as far as the
// file tells.
func (r *reader) writer(p Package) string {
	if p.Lock == "" || p.Manager == "npm" || p.Manager == "bun" {
		return ""
	}
	text, _, err := r.Text(p.Lock, maxLockJS)
	if err != nil {
		return ""
	}
	switch m := pnpmLock.FindStringSubmatch(text); {
	case p.Manager == "yarn" && yarnBerry.MatchString(text):
		return "4"
	case p.Manager == "yarn" && yarnFirst.MatchString(text):
		return "1"
	case p.Manager == "pnpm" && m != nil:
		return map[string]string{"5": "7", "6": "8", "9": "9"}[m[1]]
	}
	return ""
}

// local are the directories, beside dir itself, that dependencies lie in.
func (r *reader) local(dir string, all ...map[string]any) (dirs []string) {
	for _, deps := range all {
		for _, name := range slices.Sorted(maps.Keys(deps)) {
			text, _ := deps[name].(string)
			for _, scheme := range []string{"file:", "link:", "portal:"} {
				if at, ok := strings.CutPrefix(text, scheme); ok && r.near(path.Join(dir, at)) && path.Join(dir, at) != dir {
					dirs = append(dirs, path.Join(dir, at))
					r.take(path.Join(dir, at))
				}
			}
		}
	}
	return dirs
}

// node is what is asked of Node.js: by a version file beside package.json or at the
// top, by package.json, by the version files of all tools.
func (r *reader) node(dir string, doc packageJSON) Version {
	for _, at := range slices.Compact([]string{dir, "."}) {
		for _, name := range []string{".nvmrc", ".node-version"} {
			file := path.Join(at, name)
			if text, ok, err := r.Text(file, maxText); err == nil && ok && firstWord(text) != "" {
				return Version{strings.TrimPrefix(firstWord(text), "v"), file}
			}
		}
		if v := r.toolNode(at); v.Version != "" {
			return v
		}
	}
	file := path.Join(dir, "package.json")
	if v, ok := doc.Volta["node"].(string); ok && v != "" {
		return Version{v, file}
	}
	if v, ok := doc.Engines["node"].(string); ok && v != "" && v != "*" {
		return Version{v, file}
	}
	if v := r.nodeAbove(); v.Version != "" {
		return v
	}
	if v := r.builtNode(); v.Version != "" {
		return v
	}
	for _, deps := range []map[string]any{doc.Dependencies, doc.DevDependencies} {
		if v, ok := deps["webpack"].(string); ok && oldWebpack.MatchString(v) {
			return Version{"<17", fmt.Sprintf("%s (webpack %s)", file, v)}
		}
	}
	return Version{}
}

// nodeAbove is the Node.js of the version files of the directories above.
func (r *reader) nodeAbove() (found Version) {
	r.above(func(d *Dir, prefix string) bool {
		if v := (&reader{Dir: d, p: r.p}).toolNode("."); v.Version != "" {
			found = Version{v.Version, prefix + v.File}
		}
		return found.Version != ""
	})
	return found
}

// staticBuildpack is the file of Heroku's buildpack for Phoenix's assets.
const staticBuildpack = "phoenix_static_buildpack.config"

// builtNode is the Node.js that the project's assets are built with elsewhere: where
// no file asks for one, it is the one that is known to do.
func (r *reader) builtNode() Version {
	if text, ok, err := r.Text(staticBuildpack, maxText); err == nil && ok {
		for line := range strings.Lines(text) {
			key, value, _ := strings.Cut(uncommented(line), "=")
			if value = strings.Trim(strings.TrimSpace(value), `"'`); strings.TrimSpace(key) == "node_version" && numeric(value) {
				return Version{value, staticBuildpack}
			}
		}
	}
	if major := r.p.Docker.Node; major != "" {
		return Version{major, r.p.DockerFile}
	}
	return Version{}
}

// oldWebpack are webpack's versions that ask OpenSSL for what Node.js has no more
// from 17 on.
var oldWebpack = regexp.MustCompile(`^[~^=v]?[1-4](\.|$)`)

// toolNode is the Node.js of .tool-versions or mise's file in a directory.
func (r *reader) toolNode(dir string) Version {
	for _, f := range versionFiles[:4] {
		file := path.Join(dir, f.name)
		text, ok, err := r.Text(file, maxText)
		if err != nil || !ok {
			continue
		}
		if a, err := f.read(strings.TrimPrefix(text, "\ufeff")); err == nil && a.node != "" {
			return Version{strings.TrimPrefix(a.node, "v"), file}
		}
	}
	return Version{}
}
