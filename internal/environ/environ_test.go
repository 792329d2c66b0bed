package environ_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/environ"
)

func TestMerge(t *testing.T) {
	got := environ.Merge(
		[]string{"PATH=/bin", "A=1", "EMPTY="},
		nil,
		[]string{"B=x=y", "A=2"},
		[]string{"PATH=/usr/bin", "A=3"},
	)
	want := []string{"PATH=/usr/bin", "A=3", "EMPTY=", "B=x=y"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestWithout(t *testing.T) {
	env := []string{"A=1", "B=2", "LANG=C", "A=3"}
	if d := cmp.Diff([]string{"B=2"}, environ.Without(env, "A", "LANG", "NONE")); d != "" || len(env) != 4 {
		t.Errorf("%s; the environment is %q now", d, env)
	}
}
