package cli

import (
	"testing"

	"dram/internal/problem"
	"dram/internal/store"
)

func TestCacheLimit(t *testing.T) {
	for s, want := range map[string]int64{
		"": store.DefaultLimit, "0": 0, "10GB": 10_000_000_000, "10gb": 10_000_000_000, "1 GB": 1_000_000_000, "1.5GB": 1_500_000_000,
		"1GiB": 1 << 30, "2KiB": 2048, "500M": 500_000_000, "123": 123, "7b": 7,
	} {
		if got, err := cacheLimit(s); err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"ten", "-1", "-1GB", "10 parsecs", "GB", "1e400", "inf", "NaN", "99999999999999TB", " "} {
		if got, err := cacheLimit(s); problem.Code(err) != int(problem.Usage) {
			t.Errorf("%q is %d, %v", s, got, err)
		}
	}
}
