package plan

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Versions go by number, part by part, and one that is not released comes before the
// one that is.
func TestVersionsInOrder(t *testing.T) {
	want := []string{"1.9.4", "1.18-rc.1", "1.18-rc.2", "1.18", "1.18.3", "1.18.10", "1.19.0-dev", "1.19.0-rc.0", "1.19.0", "27.3.4", "27.3.4.1"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, compareVersions)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if compareVersions("1.18", "1.18.0") != 0 || compareVersions("1.018", "1.18") != 0 {
		t.Error("parts that are not there and leading zeros count")
	}
}
