package oci_test

import (
	"strings"
	"testing"
	"time"

	"dram/internal/oci"
)

// Pages of tags end at a bound, whichever it is.
func TestPagesOfTags(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	many := func(n int, page []string) (pages [][]string, next []string) {
		for i := range n {
			pages, next = append(pages, page), append(next, strings.Repeat("n", i%50)+time.Duration(i).String())
		}
		return pages, next
	}
	for name, tt := range map[string]struct {
		n    int
		page []string
		says string
	}{
		"many tags":    {600, make([]string, 1000), "more than 500000 tags"},
		"long tags":    {100, []string{long}, "of more than 67108864 bytes"},
		"empty pages":  {10_002, nil, "more than 10000 pages"},
		"a few of all": {100, []string{"a", "b"}, ""},
	} {
		pages, next := many(tt.n, tt.page)
		_, err := oci.JoinTags(pages, next)
		if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
}
