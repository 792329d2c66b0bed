package project

import (
	"cmp"
	"slices"
	"strings"
)

// Given is what mix.exs may ask of the build that it is read for. The zero value knows
// nothing of it.
type Given struct {
	Tool   string // what makes the releases, "" for whatever the files tell of
	MixEnv string // of the build, "" where it is not known
	// MixEnvOpen means that nobody set it: what the project's Dockerfile builds for counts.
	MixEnvOpen bool
	Env        []string // set for the build, "K=V"
	// EnvOpen means that the build's environment may have more that is not known here,
	// such as what an image of the user's own sets.
	EnvOpen bool
	// IgnoreDocker means that nothing of the project's own Dockerfile holds in the build.
	IgnoreDocker bool
	// Context is the directory that holds the project and what it takes from beside it,
	// relative to the project: "" where dram is to find it.
	Context string
	// ContextFromFile says that the project itself names it.
	ContextFromFile bool
	// Include are more files and directories that the build is to see, relative to the
	// project, outside of it.
	Include []string
}

// env is the build's MIX_ENV.
func (g Given) env() string { return cmp.Or(g.MixEnv, "prod") }

// others are variables that the build has of its toolchain, or of dram.
var others = []string{
	"PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "SHELL", "PWD", "TERM", "HOSTNAME", "SOURCE_DATE_EPOCH",
	"ERL_FLAGS", "ERL_ZFLAGS", "ERL_AFLAGS", "ELIXIR_VERSION", "OTP_VERSION", "REBAR_VERSION", "REBAR3_VERSION",
}

// getenv is a variable of the build's environment.
func (g Given) getenv(name string) (value string, set, known bool) {
	if name == "MIX_ENV" {
		return g.MixEnv, g.MixEnv != "", g.MixEnv != ""
	}
	for _, kv := range slices.Backward(g.Env) {
		if k, v, _ := strings.Cut(kv, "="); k == name {
			return v, true, true
		}
	}
	for _, prefix := range []string{"HEX_", "MIX_"} { // some are given to some steps
		if strings.HasPrefix(name, prefix) && name != "MIX_TARGET" {
			return "", false, false
		}
	}
	return "", false, g.MixEnv != "" && !g.EnvOpen && !slices.Contains(others, name)
}

// HasDir says whether the project has a directory of that name, with slashes.
func (p *Project) HasDir(name string) bool {
	d, err := Open(p.Dir)
	if err != nil {
		return false
	}
	defer func() { _ = d.Close() }() // only read from
	return d.dir(name)
}

// HasFile says whether the project has a file of that name, with slashes.
func (p *Project) HasFile(name string) bool {
	d, err := Open(p.Dir)
	if err != nil {
		return false
	}
	defer func() { _ = d.Close() }() // only read from
	return d.Has(name)
}

// Text is a small file of the project.
func (p *Project) Text(name string) (text string, ok bool) {
	d, err := Open(p.Dir)
	if err != nil {
		return "", false
	}
	defer func() { _ = d.Close() }() // only read from
	text, ok, err = d.Text(name, maxText)
	return text, ok && err == nil
}
