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
