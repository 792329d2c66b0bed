package release_test

import (
	"errors"
	"testing"

	"dram/internal/release"
)

func TestFind(t *testing.T) {
	with := func(at string) tree {
		return tree{
			"usr/lib/erlang/releases/start_erl.data":    "15.2 27",
			"usr/lib/erlang/releases/27/start_sasl.rel": `{release, {"Erlang/OTP","27"}, {erts,"15.2"}, []}.`,
			"opt/erlang/releases/start_erl.data":        "15.2 27",
			"opt/erlang/releases/27/start_clean.rel":    `{release, {"Erlang/OTP","27"}, {erts,"15.2"}, []}.`,
			at + "/releases/start_erl.data":             "15.2 0.1.0",
			at + "/releases/0.1.0/hello.rel":            `{release, {"hello","0.1.0"}, {erts,"15.2"}, []}.`,
		}
	}
	linked := with("srv/releases/7")
	linked["app"] = "-> /srv/releases/7"
	for _, tt := range []struct {
		tree tree
		want string
	}{
		{with("app"), "app"},
		{with("opt/app"), "opt/app"},
		{with("home/elixir/my_app"), "home/elixir/my_app"},
		{linked, "srv/releases/7"},
		{tree{"usr/lib/x": ""}, ""},
	} {
		got, err := release.Find(tt.tree.open(t))
		if got != tt.want || (err != nil) != (tt.want == "") || err != nil && !errors.Is(err, release.ErrNotRelease) {
			t.Errorf("got %q, %v; want %q", got, err, tt.want)
		}
	}
}
