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

// inSample leaves a case to the campaign that is not in CI's sample.
func inSample(t *testing.T, is bool) {
	t.Helper()
	if !is && os.Getenv("DRAM_CAMPAIGN") == "" {
		t.Skip("make campaign tries it")
	}
}
