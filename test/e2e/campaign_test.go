package e2e

import (
	"os"
	"testing"
)

// campaign is how often something is tried: a sample in CI, all of it with
// DRAM_CAMPAIGN=1 (make campaign).
func campaign(t *testing.T, sample, all int) int {
	t.Helper()
	if os.Getenv("DRAM_CAMPAIGN") == "" {
		t.Logf("a sample of %d; make campaign tries %d", sample, all)
		return sample
	}
	return all
}
