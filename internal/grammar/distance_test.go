package grammar_test

import (
	"testing"

	"dram/internal/grammar"
)

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"soname", "soname", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"sonam", "soname", 1},
		{"soname", "sonane", 1},
		{"kitten", "sitting", 3},
		{"wieght", "weight", 2},
	} {
		if got := grammar.Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
