package check_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a provider reads is found however it stands in the configuration, down to a depth
// that no configuration by a person has; beyond it nothing is said.
func TestProvidersFileInTheDeep(t *testing.T) {
	const reader = `{'Elixir.Config.Reader',{system,"RELEASE_ROOT","/releases/0.1.0/gone.exs"}}`
	at := func(levels int) string {
		return "644 [{e,[{p," + strings.Repeat("[", levels) + reader + strings.Repeat("]", levels) + "}]}]."
	}
	for levels, want := range map[int][]string{
		0: {"FAIL config releases/0.1.0/sys.config"}, 1: {"FAIL config releases/0.1.0/sys.config"},
		12: {"FAIL config releases/0.1.0/sys.config"}, 13: nil, 40: nil,
	} {
		got, err := runOf(t, mixed().with("releases/0.1.0/sys.config", at(levels)), bookworm())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%d levels: %v (-want +got):\n%s", levels, err, diff)
		}
	}
}
