// Package project reads what is in a project's directory: its applications and
// releases, the versions it asks for, its dependencies, its native code and its
// assets. Which tool makes its releases, and what that has of its own, is package
// tool's. It runs nothing, follows no link out of the directory and reads a
// bounded number of bounded files (mix.exs at most 1 MiB, 256 of them).
//
// What mix.exs says is known only where it says it in literals (see package
// elixir); everything else is left empty, never guessed. Failures are problems:
// Usage where there is no directory, Build where mix.exs cannot be Elixir.
package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/problem"
	"dram/internal/project/dockerfile"
)

// Project is what was found.
type Project struct {
	Dir      string // absolute
	Umbrella bool

	App     string // "" in an umbrella's root or where it is not known
	Version string // "" where it is known only to Mix

	Releases []Release
	// ReleasesOpen means that mix.exs computes releases: there may be more.
	ReleasesOpen   bool
	DefaultRelease string

	ElixirRequirement string
	Asked             Asked
	Elsewhere

	Deps []Dep
	// DepsOpen means that mix.exs computes dependencies: there may be more.
	DepsOpen bool
	UsesHex  bool // a dependency comes from Hex, or mix.lock names one
	HasLock  bool

	// AppVersions are the versions of the project's own applications, as far
	// as they are known.
	AppVersions map[string]string
	// KeepsCodePaths means that mix.exs says prune_code_paths: false.
	KeepsCodePaths bool

	OwnApps []string // the project's own applications, sorted
	Assets  Assets
	Shown
	Notes []string
}

// Layout is where mix.exs has what Mix makes and reads, "" for the usual places.
type Layout struct {
	BuildPath, DepsPath string
	LockFile            string // relative to the project
}

// Elsewhere is what other files than the project's own mix.exs and version files say
// of versions.
type Elsewhere struct {
	// Requirements are those of the project's other mix.exs files: an umbrella's
	// applications, path dependencies.
	Requirements []Version
	// Offers are versions that files which dram does not obey build with.
	Offers []Offer
	// Docker is what the project's Dockerfile does, DockerFile its name, "" if there is
	// none.
	DockerFile string
	Docker     dockerfile.Recipe
}

// Shown is what files show, each list sorted.
type Shown struct {
	Layout
	NativeCode []string // evidence of code that a C or Rust compiler must build
	Aliases    []string // names
	// AliasesOpen means that mix.exs computes aliases: there may be more.
	AliasesOpen bool
	Start       Start
	Locked      []string // names in mix.lock
	Rustler     []string // those that use rustler_precompiled
	Rust        []string // those that use rustler alone: their code is compiled
	Keyless     bool     // what is fetched is locked, and none of it private to a Hex repository
	LockedGit   []Repository
	LockedDeps  []LockedDep
	Licences    []string // that mix.exs names of the project's package
	Context     Context  // what beside the project a build sees
	Escript     bool     // mix.exs says how an escript is made
	EscriptPath string   // where it then is, "" where that is computed
	BuildReads  []string // those that mix.exs, config.exs and prod.exs read of the environment
	// BuildRequired are those without which config.exs or prod.exs raises.
	BuildRequired []string
	AsksGit       string // the first of these that calls git, "" if none does
}

// LockedDep is a dependency as a lock file has it.
type LockedDep struct {
	Name    string // the application's
	Version string // "" of what git has
	// Of a package of Hex:
	Hex        bool
	Package    string // its name there
	Checksum   string // SHA-256 of the package's file, in hex; "" where the lock has none
	Repository string // "hexpm", "hexpm:ORGANISATION" or another
	// Of git:
	URL, Commit string
}

// Repository is where mix.lock has a dependency from, if that is git.
type Repository struct{ Name, URL string }

// Release is a release that mix.exs declares.
type Release struct {
	Name         string
	Version      string // "" where it is the application's or not known
	Applications []string
	Overlays     []string // directories whose files it has, relative to the project; rel/overlays apart
	NoERTS       bool     // include_erts: false
	Tar          bool     // steps has :tar
	Cookie       bool     // a cookie is declared
	Elsewhere    bool     // path: says where it is assembled, or may say so
}

// Asked holds the versions that a version file asks for.
type Asked struct{ Elixir, Erlang Version }

// Version is an asked version and the file that asks, both "" if none does.
type Version struct{ Version, File string }

// Offer is what a Dockerfile or the like builds with.
type Offer struct {
	File           string // "Dockerfile"
	Image          string // what it builds in, "" where it names none
	Elixir, Erlang string // "" where it does not say
}

// Source is where a dependency comes from.
type Source string

// The sources.
const (
	Hex      Source = "hex"
	Git      Source = "git"
	Path     Source = "path"
	Sibling  Source = "umbrella" // in_umbrella: true
	Computed Source = "computed" // its options are not literal
)

// Dep is a dependency that mix.exs names.
type Dep struct {
	Name        string
	Source      Source
	Requirement string   // "" if there is none or it is not known
	Where       string   // the path relative to the project, or the git URL
	Tag         string   // the git tag
	Only        []string // environments, empty for all
	NoApp       bool     // app: false, it is no OTP application
	Near        bool     // it lies outside of the project, and in its context
}

// In says whether the dependency is used in a Mix environment.
func (d Dep) In(env string) bool {
	if slices.Contains(d.Only, env) {
		return true
	}
	return len(d.Only) == 0
}

// Assets says how a web project's assets are made.
type Assets struct {
	Setup, Deploy bool // the aliases assets.setup and assets.deploy exist
	// SetupApart says that assets.setup does nothing but install tools and
	// packages, as far as its commands tell: it needs no code of the project.
	SetupApart bool
	// Dir is where these aliases stand: ".", or an application of an umbrella.
	Dir      string
	Packages []Package
	// Setups and Deploys are the commands of these aliases, as far as they are
	// literal.
	Setups, Deploys []string
	// Manifest is the configuration that names a digested manifest of static
	// files, which some step has to make: "config/prod.exs".
	Manifest string
}

const (
	maxMixFiles = 256
	maxText     = 64 << 10 // version files and other small texts
)

// Dir is a project's directory, open to be read. It is for one goroutine.
type Dir struct {
	Path string // absolute
	// Given is what the project is read for.
	Given Given
	root  *os.Root
	mix   *Project // once read

	outer    *os.Root // what is open around the project, nil for nothing
	outerDir string   // absolute
	at       string   // where in it the project lies
}

// Open opens the directory dir.
func Open(dir string) (*Dir, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding directory %q: %w", dir, err)
	}
	root, err := fsutil.OpenRoot(abs)
	if err != nil {
		return nil, problem.New(problem.Usage, "name the directory of the project: the one with mix.exs",
			"opening project %q: %w", dir, err)
	}
	return &Dir{Path: abs, root: root}, nil
}

// Close closes it.
func (d *Dir) Close() error {
	if d.outer != nil {
		_ = d.outer.Close() // only read from
	}
	return d.root.Close()
}

// in is the root that a path relative to the project lies in, and the path there.
func (d *Dir) in(name string) (*os.Root, string) {
	if d.outer != nil && (name == ".." || strings.HasPrefix(name, "../")) {
		return d.outer, filepath.FromSlash(path.Join(d.at, name))
	}
	return d.root, filepath.FromSlash(name)
}

// Mix is what mix.exs files and files beside them say, read once; nil where there
// is no mix.exs. Whoever changes it changes a copy.
func (d *Dir) Mix() (*Project, error) {
	if d.mix != nil || !d.Has("mix.exs") {
		return d.mix, nil
	}
	if err := d.widen(); err != nil {
		return nil, err
	}
	r := &reader{Dir: d, p: &Project{Dir: d.Path}}
	r.offers()
	if !r.Given.IgnoreDocker {
		r.Given.Env = slices.Concat(r.p.Docker.Env, r.Given.Env)
		if env := r.p.Docker.ForEnv(); r.Given.MixEnvOpen && env != "" {
			r.Given.MixEnv = env
		}
	}
	if err := errors.Join(r.read(), r.versions()); err != nil {
		return nil, err
	}
	r.finish()
	if err := r.context(); err != nil {
		return nil, err
	}
	d.mix = r.p
	return d.mix, nil
}

// Note adds to what is noted of the project.
func (d *Dir) Note(text string) {
	if d.mix != nil {
		d.mix.Notes = append(d.mix.Notes, text)
	}
}

type reader struct {
	*Dir
	p    *Project
	seen map[string]bool // directories whose mix.exs was read
	// beside is what a Dockerfile of the project builds in, whether it makes the release.
	beside Offer
	// argued is for each Dockerfile what another file adds to it.
	argued map[string]string
	// outside is what the build has to see outside of the project, relative to it.
	outside []string
}

// Has says whether the directory has a file of that name, with slashes, or a link
// that leads out of it: reading that will say so.
func (d *Dir) Has(name string) bool {
	root, name := d.in(name)
	info, err := root.Stat(name)
	return err == nil && info.Mode().IsRegular() || err != nil && escapes(root, name)
}

// escapes says whether name is a symbolic link (which Stat could not follow
// within the project); reading it will say so.
func escapes(root *os.Root, name string) bool {
	info, err := root.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

func (d *Dir) dir(name string) bool {
	root, name := d.in(name)
	info, err := root.Lstat(name)
	return err == nil && info.IsDir()
}

// entries are a directory's names, at most 10,000, none if it cannot be read; in their
// own order, for a plan is the same on each file system.
func (d *Dir) entries(name string) []fs.DirEntry {
	root, name := d.in(name)
	f, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // only read from
	entries, _ := f.ReadDir(10_000)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries
}

// Text reads a file of at most limit bytes; it must be a regular file inside
// the project. ok is false if there is none.
func (d *Dir) Text(name string, limit int64) (text string, ok bool, err error) {
	root, at := d.in(name)
	info, err := root.Stat(at)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !escapes(root, at):
		return "", false, nil
	case err == nil && !info.Mode().IsRegular():
		return "", false, nil
	case err == nil && info.Size() > limit:
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	var b []byte
	if err == nil {
		b, err = fsutil.ReadIn(root, filepath.ToSlash(at), limit)
	}
	if err != nil {
		return "", false, problem.New(problem.Usage,
			"make it a readable file inside the project (links that leave the project are not followed)",
			"reading %q: %w", filepath.Join(d.Path, filepath.FromSlash(name)), err)
	}
	return string(b), true, nil
}

func (r *reader) note(format string, args ...any) {
	r.p.Notes = append(r.p.Notes, fmt.Sprintf(format, args...))
}
