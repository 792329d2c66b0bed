package debian

import (
	"slices"
	"strings"
	"testing"
)

// A root that is to have no Erlang or no Elixir begins with none of their packages,
// and has a compiler for what takes their place.
func TestSeedsOf(t *testing.T) {
	names := func(c content) []string {
		var out []string
		for _, s := range seedsOf(c) {
			out = append(out, s.name)
		}
		return out
	}
	for _, tt := range []struct {
		c        content
		has, not []string
	}{
		{toolchain, []string{"erlang-base", "elixir", "erlang-hex", "rebar3", "gcc"}, []string{"libssl-dev"}},
		{noElixir, []string{"erlang-base", "erlang-dev", "rebar3", "gcc", "make", "git"}, []string{"elixir", "erlang-hex", "libssl-dev"}},
		{noErlang, []string{"gcc", "g++", "make", "git", "ca-certificates", "libssl-dev", "libncurses-dev", "zlib1g-dev"}, []string{"elixir", "erlang-hex", "rebar3", "erlang-base", "erlang-ssl"}},
		{runtimeOnly, []string{"erlang-base", "erlang-crypto", "erlang-ssl", "ca-certificates"}, []string{"elixir", "erlang-hex", "erlang-dev", "rebar3", "gcc", "g++", "make", "git", "libc6-dev"}},
	} {
		got := names(tt.c)
		for _, n := range tt.has {
			if !slices.Contains(got, n) {
				t.Errorf("%d lacks %s", tt.c, n)
			}
		}
		for _, n := range tt.not {
			if slices.Contains(got, n) {
				t.Errorf("%d has %s", tt.c, n)
			}
		}
	}
	if got := names(noErlang); slices.ContainsFunc(got, func(n string) bool { return strings.HasPrefix(n, "erlang") }) {
		t.Errorf("some of Erlang is left: %q", got)
	}
	if len(names(toolchain)) != len(seeds) {
		t.Error("the table was changed")
	}
}
