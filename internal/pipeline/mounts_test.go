package pipeline

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
	"dram/internal/sandbox"
)

func TestParseVolume(t *testing.T) {
	for given, want := range map[string]sandbox.Mount{
		"/a:/b":       {Source: "/a", Target: "/b"},
		"/a:/b:ro":    {Source: "/a", Target: "/b", ReadOnly: true},
		"/a/../c:/b/": {Source: "/c", Target: "/b"},
		"/a:/b:rw":    {Source: "/a", Target: "/b"},
	} {
		if m, err := ParseVolume(given); err != nil || !cmp.Equal(m, want) {
			t.Errorf("%s: %+v, %v", given, m, err)
		}
	}
	for _, given := range []string{"", "/a", ":/b", "/a:b", "/a:", "/a:/b:z", "/a:/b:ro:more"} {
		if m, err := ParseVolume(given); problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), "is no volume") {
			t.Errorf("%q was read as %+v, %v", given, m, err)
		}
	}
}
