package main

import (
	"strings"
	"testing"
)

func TestProfile(t *testing.T) {
	var p profile
	for _, said := range []string{
		"  plan   x\n  done in 1.62s (plan 0.00s, toolchain 0.03s, build 1.27s, bottle 0.20s)\n  next docker load",
		"  done in 1.66s (plan 0.00s, toolchain 0.03s, build 1.31s, bottle 0.24s)",
		"  done in 1.60s (plan 0.00s, toolchain 0.03s, build 1.25s, bottle 0.22s)",
	} {
		if err := p.add(said); err != nil {
			t.Fatal(err)
		}
	}
	got := p.text(row{ours: []float64{1.62, 1.66, 1.60}, theirs: []float64{1.15}})
	for _, want := range []string{"median of 1.62 s", "plan 0.00 s, toolchain 0.03 s, build 1.27 s, bottle 0.22 s", "no stage counts, 0.10 s", "alone in 1.15 s", "other 0.12 s"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if err := p.add("FAIL"); err == nil {
		t.Error("a run that says nothing of its time passes")
	}
}
