// Package config gathers a build's settings: flags over environment (DRAM_*)
// over the project's dram.toml over what dram detects or its defaults. One
// table (Settings) holds every setting with its key in dram.toml, its variable
// and its flag; help texts and docs/configuration.md come from it.
package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/upstream"
)

// Config is the settings of one call. The zero value of a field means that
// nobody set it: detection or the default decides.
type Config struct {
	Toolchain string   // a reference: "distro:debian/13"
	Packages  []string // added to a distribution's toolchain
	Places
	FromRelease
	Engine       string   // "auto", "native", "buildkit", "host"
	Releases     []string // which of the project's releases
	Platforms    []string // what they are built for, "linux/arm64"
	Emulate      bool     // another platform's own toolchain builds for it, instead of a cross compiler
	OutputDir    string   // where results go, in place of releases/NAME
	MixEnv       string
	BuildEnv     []string // "K=V", sorted
	BuildNetwork string   // "none", "isolated" or "host": what compiling sees, and fetching
	RunsOn       string   // a reference as package target has it: what the toolchain is chosen for
	Access
	Making
	Source
	Image
	Check
	Tables

	state
}

// state is what is known of the settings themselves.
type state struct {
	origin      map[string]string
	perPlatform bool
	targets     []string // all platforms, where Platforms is one of them
}

// Places is settings of where toolchains come from.
type Places struct {
	Mirror         string // URL of a distribution's package archive
	SecurityMirror string // URL of its security archive
	Repository     string // where images for asked versions are looked for
	Expired        string // "refuse" or "allow": indexes of a mirror that is out of date
}

// FromRelease is settings of what is taken of the projects' own releases.
type FromRelease struct {
	OTP       string   // a version of Erlang/OTP: "27.2"
	Elixir    string   // a version of Elixir: "1.18.1"
	Sources   string   // where they are, a directory or a URL
	Checksums []string // "NAME=SHA256", sorted
}

// SourceChecksums are the checksums that were set, by the file's name.
func (c Config) SourceChecksums() map[string]string {
	out := map[string]string{}
	for _, kv := range c.Checksums {
		name, sum, _ := strings.Cut(kv, "=")
		out[name] = strings.ToLower(sum)
	}
	return out
}

// Access is what a build is given that others are not to see.
type Access struct {
	Secrets     []string // files that it sees whatever they hold
	Credentials []string // of the user's own, for git dependencies: "ssh", "netrc"
}

// Source is settings of what a build sees beside the project.
type Source struct {
	Context string   // the directory that holds both, relative to the project
	Include []string // files and directories there, relative to the project
	// Dockerfile is whether the project's own is followed: "follow" or "ignore".
	Dockerfile string
	// Followed is what that says where no setting does.
	Followed
}

// Making is settings of the tool that makes the releases.
type Making struct {
	Tool       string // its name, where a directory has files of several
	ReleaseEnv string // what the release is made for, where it asks
	// UpgradeFrom is the tarball of an earlier release, in the project, which the new
	// one is to upgrade while it runs.
	UpgradeFrom string
	Git         bool // the build is given what git says of the commit
}

// Image is settings of the image.
type Image struct {
	Base          string   // a reference: what it is made on top of
	Programs      []string // added to it
	ImagePackages []string // of the toolchain's distribution, with all that they hold
	Entrypoint    []string // in place of the release's script
	Command       []string // what that is given, in place of what starts the release
	User          string   // "UID" or "UID:GID"
	ImageEnv      []string // "K=V", sorted
	Labels        []string // "K=V", sorted
	GitLabels     bool     // and those that git and the project's own files tell
	Expose        []int    // ports, TCP
	TZData        bool     // time zones
	Locales       []string // "de_DE.UTF-8"
	PackageList   bool     // which packages it has, where scanners look for it
	Shell         bool     // false counts where it was set: see NoShell
	Strip         bool     // likewise: see KeepDebug
	Packing
	ImageTables
}

// Packing is settings of how an image's layers are compressed.
type Packing struct {
	Compression string // "gzip" or "zstd"
	Level       string // a number, within what the format has
}

// Check is settings of the check.
type Check struct {
	CheckTarget string   // a reference as package target has it: where the release will run
	Allow       []string // rules that may fail
}

// Tables are what dram.toml alone has.
type Tables struct {
	// Builders run the builds, instead of this machine.
	Builders []Builder
	// Steps are commands of the user's own.
	Steps []Step
}

// Setting is one row of the table.
type Setting struct {
	Key     string // in dram.toml: "toolchain.ref"
	Env     string // "DRAM_TOOLCHAIN"
	Flag    string // "toolchain", "" if there is none
	Default string // for people
	Help    string
	field   func(*Config) any // *string, *bool, *[]string or *[]int
	pairs   bool              // a []string of K=V: a table in dram.toml
	names   bool              // a []string of names, each once: one may stand alone, several between commas
	words   bool              // a []string that is a command, each word as it is
	own     bool              // the user's own to set, by flag or environment
	number  bool              // a string that is a number: it may be one in dram.toml
	check   func(string) error
}

// Settings is every setting, in the order in which docs list them.
func Settings() []Setting {
	return []Setting{
		{Key: "toolchain.ref", Env: "DRAM_TOOLCHAIN", Flag: "toolchain", Default: "detected", Help: "toolchain: distro:debian/13, image:REF, oci:DIR or tar:FILE; host: with the host engine", field: func(c *Config) any { return &c.Toolchain }},
		{Key: "toolchain.packages", Env: "DRAM_PACKAGES", Flag: "package", Help: "packages added to the toolchain, by their names in its distribution", field: func(c *Config) any { return &c.Packages }},
		{Key: "toolchain.mirror", Env: "DRAM_MIRROR", Flag: "mirror", Default: "the host's apt sources, else ftp.debian.org", Help: "URL of the Debian archive", field: func(c *Config) any { return &c.Mirror }},
		{Key: "toolchain.security_mirror", Env: "DRAM_SECURITY_MIRROR", Flag: "security-mirror", Default: "the host's apt sources, else security.debian.org", Help: "URL of the Debian security archive", field: func(c *Config) any { return &c.SecurityMirror }},
		{Key: "toolchain.expired_indexes", Env: "DRAM_EXPIRED_INDEXES", Flag: "expired-indexes", Default: "refuse", Help: "signed package indexes past their date, as old mirrors serve them: refuse or allow", field: func(c *Config) any { return &c.Expired }, check: oneOf("refuse", "allow")},
		{Key: "toolchain.repository", Env: "DRAM_REPOSITORY", Flag: "repository", Default: DefaultRepository, Help: "image repository searched for the versions that the project asks for", field: func(c *Config) any { return &c.Repository }},
		{Key: "toolchain.otp", Env: "DRAM_OTP", Flag: "otp", Default: "the toolchain's", Help: "release of Erlang/OTP to put into the toolchain, compiled of its source once: 27.3.4", field: func(c *Config) any { return &c.OTP }, check: release(upstream.OTP)},
		{Key: "toolchain.elixir", Env: "DRAM_ELIXIR", Flag: "elixir", Default: "the toolchain's", Help: "release of Elixir to put into the toolchain: 1.18.3", field: func(c *Config) any { return &c.Elixir }, check: release(upstream.Elixir)},
		{Key: "toolchain.sources", Env: "DRAM_SOURCES", Flag: "sources", Default: "where the projects publish", Help: "directory or URL with releases of Erlang/OTP and Elixir, and a SHA256SUMS", field: func(c *Config) any { return &c.Sources }, check: upstream.CheckPlace},
		{Key: "toolchain.checksums", Env: "DRAM_CHECKSUMS", Flag: "checksum", Help: "SHA-256 that a release's file must have, NAME=HEX", pairs: true, field: func(c *Config) any { return &c.Checksums }},
		{Key: "engine", Env: "DRAM_ENGINE", Flag: "engine", Default: "auto", Help: "what runs the build: native (dram's own sandbox), buildkit, host (this machine as it is), or auto: native, or else buildkit, whichever works here", field: func(c *Config) any { return &c.Engine }, check: oneOf("auto", "native", "buildkit", "host")},
		{Key: "tool", Env: "DRAM_TOOL", Flag: "tool", Default: "the first that the directory's files tell of", Help: "what makes the release, where a directory has files of several: see docs/project-kinds.md", field: func(c *Config) any { return &c.Tool }},
		{Key: "source.context", Env: "DRAM_CONTEXT", Flag: "context", Default: "found, where a path dependency leads out of the project", Help: "directory, such as .., that holds the project and what it takes from beside it, relative to the project", field: func(c *Config) any { return &c.Context }},
		{Key: "source.include", Env: "DRAM_INCLUDE", Flag: "include", Help: "files and directories outside of the project, in its context, that the build sees beside path dependencies, relative to the project", field: func(c *Config) any { return &c.Include }},
		{Key: "source.dockerfile", Env: "DRAM_DOCKERFILE", Flag: "dockerfile", Default: "follow", Help: "what the project's own Dockerfile installs, sets and runs, where no setting says otherwise: follow, or ignore", field: func(c *Config) any { return &c.Dockerfile }, check: oneOf("follow", IgnoreDockerfile)},
		{Key: "release", Env: "DRAM_RELEASE", Flag: "release", Default: "the only one, or default_release", Help: "which of the project's releases", names: true, field: func(c *Config) any { return &c.Releases }, check: grammar.Name},
		{Key: "platform", Env: "DRAM_PLATFORM", Flag: "platform", Default: "this machine's", Help: "what to build for: linux/amd64, linux/arm64", names: true, field: func(c *Config) any { return &c.Platforms }, check: oneOf("linux/amd64", "linux/arm64")},
		{Key: "emulate", Env: "DRAM_EMULATE", Flag: "emulate", Default: "false", Help: "build for another platform with its own toolchain, at a builder of it or under emulation, instead of cross-compiling", field: func(c *Config) any { return &c.Emulate }},
		{Key: "output_dir", Env: "DRAM_OUTPUT_DIR", Flag: "output-dir", Default: "releases/NAME", Help: "directory for results, relative to the project", field: func(c *Config) any { return &c.OutputDir }},
		{Key: "build.mix_env", Env: "DRAM_MIX_ENV", Flag: "mix-env", Default: "prod", Help: "MIX_ENV of the build", field: func(c *Config) any { return &c.MixEnv }, check: grammar.Name},
		{Key: "build.release_env", Env: "DRAM_RELEASE_ENV", Flag: "release-env", Default: "the one named like build.mix_env, else the tool's own default", Help: "what the release is made for, where the tool that makes it asks: an environment, a profile", field: func(c *Config) any { return &c.ReleaseEnv }, check: grammar.Name},
		{Key: "build.upgrade_from", Env: "DRAM_UPGRADE_FROM", Flag: "upgrade-from", Default: "no relup is made", Help: "tarball of an earlier release, in the project: the new one gets a relup, by which that is upgraded while it runs; not every tool makes one", field: func(c *Config) any { return &c.UpgradeFrom }},
		{Key: "build.env", Env: "DRAM_BUILD_ENV", Flag: "build-env", Help: "environment of the build, K=V", pairs: true, field: func(c *Config) any { return &c.BuildEnv }},
		{Key: "build.git", Env: "DRAM_BUILD_GIT", Flag: "build-git", Default: "false", Help: "give the build GIT_SHA, GIT_TAG and SOURCE_DATE_EPOCH, as git says of the commit that is checked out; each commit then compiles all anew", field: func(c *Config) any { return &c.Git }},
		{Key: "build.network", Env: "DRAM_BUILD_NETWORK", Flag: "build-network", Default: "none", Help: "network while compiling: none (loopback alone), or host, for packages that download then; isolated is none, and fetching does not reach this machine nor private networks", field: func(c *Config) any { return &c.BuildNetwork }, check: oneOf("none", "isolated", "host")},
		{Key: "build.include_secrets", Env: "DRAM_INCLUDE_SECRETS", Flag: "include-secret", Help: "files that the build may see although they hold a private key or a credential: paths, or patterns as in .dockerignore", field: func(c *Config) any { return &c.Secrets }},
		{Key: "build.credentials", Env: "DRAM_CREDENTIALS", Flag: "credentials", Default: "none", Help: "what of yours opens git dependencies: ssh (your agent and known_hosts), netrc (its entries for their hosts); not for dram.toml", field: func(c *Config) any { return &c.Credentials }, own: true, names: true, check: oneOf("ssh", "netrc")},
		{Key: "build.for", Env: "DRAM_FOR", Flag: "for", Default: "nowhere in particular", Help: "where the release will run, named as --target does: a toolchain is chosen whose release runs there, and the release is checked against it", field: func(c *Config) any { return &c.RunsOn }},
		{Key: "image.base", Env: "DRAM_BASE", Flag: "base", Default: "none: the image is made from scratch", Help: "image that the release's is made on top of: image:REF, oci:DIR or tar:FILE; only what it lacks is added", field: func(c *Config) any { return &c.Base }},
		{Key: "image.programs", Env: "DRAM_PROGRAMS", Flag: "program", Help: "programs of the toolchain added to the image", field: func(c *Config) any { return &c.Programs }},
		{Key: "image.packages", Env: "DRAM_IMAGE_PACKAGES", Flag: "image-package", Help: "packages of the toolchain's distribution that the image has, with their data and what they depend on", field: func(c *Config) any { return &c.ImagePackages }},
		{Key: "image.entrypoint", Env: "DRAM_ENTRYPOINT", Flag: "entrypoint", Default: "bin/NAME of the release", Help: "program that the image starts, and its first arguments", field: func(c *Config) any { return &c.Entrypoint }, words: true},
		{Key: "image.command", Env: "DRAM_IMAGE_COMMAND", Flag: "image-command", Default: "what starts the release in the foreground", Help: "what the entrypoint is given unless a container is: a command of the release and its arguments", field: func(c *Config) any { return &c.Command }, words: true},
		{Key: "image.user", Env: "DRAM_IMAGE_USER", Flag: "user", Default: "65532:65532", Help: "user of the image, UID or UID:GID", field: func(c *Config) any { return &c.User }, check: checkUser},
		{Key: "image.env", Env: "DRAM_IMAGE_ENV", Flag: "image-env", Help: "environment in the image, K=V", pairs: true, field: func(c *Config) any { return &c.ImageEnv }},
		{Key: "image.labels", Env: "DRAM_LABELS", Flag: "label", Help: "labels of the image, K=V", pairs: true, field: func(c *Config) any { return &c.Labels }},
		{Key: "image.git_labels", Env: "DRAM_GIT_LABELS", Flag: "git-labels", Default: "false", Help: "label the image with its source's commit and address (of git) and its licences (of mix.exs)", field: func(c *Config) any { return &c.GitLabels }},
		{Key: "image.expose", Env: "DRAM_EXPOSE", Flag: "expose", Help: "TCP ports that the image declares", field: func(c *Config) any { return &c.Expose }},
		{Key: "image.tzdata", Env: "DRAM_TZDATA", Flag: "tzdata", Default: "false", Help: "have the time zones in the image", field: func(c *Config) any { return &c.TZData }},
		{Key: "image.locales", Env: "DRAM_LOCALES", Flag: "locale", Help: "locales that the image has besides C.UTF-8: de_DE.UTF-8", names: true, field: func(c *Config) any { return &c.Locales }, check: checkLocale},
		{Key: "image.package_list", Env: "DRAM_PACKAGE_LIST", Flag: "package-list", Default: "false", Help: "list in the image which packages its files are of, where scanners look for it", field: func(c *Config) any { return &c.PackageList }},
		{Key: "image.shell", Env: "DRAM_SHELL", Flag: "shell", Default: "true", Help: "have a shell in the image; without one, small programs do what the release's start scripts do", field: func(c *Config) any { return &c.Shell }},
		{Key: "image.strip", Env: "DRAM_STRIP", Flag: "strip", Default: "true", Help: "leave debug information of native code out of the image; the release's tarball keeps it", field: func(c *Config) any { return &c.Strip }},
		{Key: "image.compression", Env: "DRAM_COMPRESSION", Flag: "compression", Default: "gzip", Help: "how the image's layers are compressed: gzip, or zstd, which Docker reads from version 23 on", field: func(c *Config) any { return &c.Compression }, check: oneOf("gzip", "zstd")},
		{Key: "image.compression_level", Env: "DRAM_COMPRESSION_LEVEL", Flag: "compression-level", Default: "the smallest", Help: "how hard that tries: 1 (fast) to 9 of gzip, to 22 of zstd", field: func(c *Config) any { return &c.Level }, number: true, check: checkLevel},
		{Key: "check.target", Env: "DRAM_TARGET", Flag: "target", Default: "the image, else the toolchain", Help: "where the release will run: profile:debian/12, distro:debian/12, image:REF, oci:DIR, tar:FILE, dir:PATH, host:, ssh:HOST or file:TARGET.json", field: func(c *Config) any { return &c.CheckTarget }},
		{Key: "check.allow", Env: "DRAM_ALLOW", Flag: "allow", Help: "rules of the check that may fail", field: func(c *Config) any { return &c.Allow }},
	}
}

// release checks the version of a release.
func release(s upstream.Software) func(string) error {
	return func(v string) error { return upstream.Wanted{Software: s, Version: v}.Check() }
}

// Brought is c for a release that brings its libraries: where it will run chooses no
// toolchain, and is what it is checked against.
func (c Config) Brought() Config {
	if c.RunsOn == "" || c.CheckTarget != "" && c.CheckTarget != c.RunsOn {
		return c
	}
	c.origin = maps.Clone(c.origin)
	c.origin["check.target"] = c.origin["build.for"]
	c.CheckTarget, c.RunsOn = c.RunsOn, ""
	return c
}

// DefaultRepository holds images for every pair of Elixir and Erlang versions.
const DefaultRepository = "hexpm/elixir"

// Origin says where the value of a setting came from: "--toolchain",
// "DRAM_TOOLCHAIN", "dram.toml", or "" if nobody set it.
func (c Config) Origin(key string) string { return c.origin[key] }

// with is c with one setting set.
func (c Config) with(s Setting, values []string, origin string) (Config, error) {
	var err error
	switch f := s.field(&c).(type) {
	case *string:
		*f = values[len(values)-1]
		if s.check != nil {
			err = s.check(*f)
		}
	case *[]string:
		if s.pairs {
			err = checkPairs(values)
		}
		if s.Key == "toolchain.checksums" && err == nil {
			err = checkSums(values)
		}
		if s.names {
			values, err = s.splitNames(values)
		}
		if s.words {
			err = checkWords(values)
		}
		*f = slices.Clone(values)
		if s.pairs {
			slices.Sort(*f)
		}
	case *[]int:
		*f, err = ports(values)
	case *bool:
		if *f, err = strconv.ParseBool(values[len(values)-1]); err != nil {
			err = fmt.Errorf("%s is neither true nor false", grammar.Quote(values[len(values)-1]))
		}
	}
	if err == nil && origin == FileName {
		if err := s.inFile(values); err != nil {
			return c, err
		}
	}
	if err != nil && origin == FileName {
		err = fmt.Errorf("%s: %w", s.Key, err)
	}
	if err != nil {
		return c, problem.New(problem.Usage, s.Help, "%s: %w", origin, err)
	}
	m := map[string]string{s.Key: origin}
	for k, v := range c.origin {
		if k != s.Key {
			m[k] = v
		}
	}
	c.origin = m
	return c, nil
}

// splitNames takes names apart that stand between commas, and drops repeated
// ones.
func (s Setting) splitNames(values []string) ([]string, error) {
	var names []string
	for name := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if name = strings.TrimSpace(name); name == "" {
			return nil, fmt.Errorf("%s holds an empty name", grammar.Quote(strings.Join(values, ",")))
		}
		if s.check != nil {
			if err := s.check(name); err != nil {
				return nil, err
			}
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// WithEnviron is c with the DRAM_* variables of environ ("K=V") on top. Lists
// are separated by commas.
func (c Config) WithEnviron(environ []string) (Config, error) {
	vars := map[string]string{}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && v != "" {
			vars[k] = v
		}
	}
	var err error
	for _, s := range Settings() {
		v, ok := vars[s.Env]
		if !ok {
			continue
		}
		values := []string{v}
		if s.IsList() {
			values = strings.Split(v, ",")
		}
		if c, err = c.with(s, values, s.Env); err != nil {
			return c, err
		}
	}
	return c, nil
}

// WithFlag is c with the values of one flag on top.
func (c Config) WithFlag(flag string, values []string) (Config, error) {
	for _, s := range Settings() {
		if s.Flag == flag && len(values) > 0 {
			return c.with(s, values, "--"+flag)
		}
	}
	return c, fmt.Errorf("no setting has the flag --%s", flag)
}

// Own says whether the setting is the user's alone, which no dram.toml may set.
func (s Setting) Own() bool { return s.own }

// KeepDebug says whether the image is to have debug information.
func (c Config) KeepDebug() bool { return c.Origin("image.strip") != "" && !c.Strip }

// NoShell says whether the image is to have none.
func (c Config) NoShell() bool { return c.Origin("image.shell") != "" && !c.Shell }

// IsList says whether the setting takes several values.
func (s Setting) IsList() bool {
	_, scalar := s.field(&Config{}).(*string)
	return !scalar && !s.IsSwitch()
}

// IsSwitch says whether the setting is true or false.
func (s Setting) IsSwitch() bool {
	_, is := s.field(&Config{}).(*bool)
	return is
}
