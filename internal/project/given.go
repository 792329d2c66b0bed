package project

import (
	"slices"
	"strings"
)

// Given is what mix.exs may ask of the build that it is read for. The zero value knows
// nothing of it.
type Given struct {
	Tool   string   // what makes the releases, "" for whatever the files tell of
	MixEnv string   // of the build, "" where it is not known
	Env    []string // set for the build, "K=V"
	// EnvOpen means that the build's environment may have more that is not known here,
	// such as what an image of the user's own sets.
	EnvOpen bool
}

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
