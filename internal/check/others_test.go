package check_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
)

// What several scripts beside the start lack is told once, with each of them by name.
func TestWhatSeveralScriptsLack(t *testing.T) {
	rel := started("").with("bin/migrate", "#!/bin/sh\npsql\n").with("bin/seed", "#!/bin/sh\npsql\npsql\n").with("bin/other", "#!/bin/sh\nmysql\n")
	got, err := check.Run(t.Context(), open(t, rel, bookworm()))
	if err != nil {
		t.Fatal(err)
	}
	fails := map[string]string{}
	for _, f := range got.Findings {
		if f.Rule == "program" {
			fails[f.Params["program"]] += f.Facts["fails"]
		}
	}
	if diff := cmp.Diff(map[string]string{"psql": "bin/migrate, bin/seed", "mysql": "bin/other"}, fails); diff != "" {
		t.Error(diff)
	}
}

// A variable of boot scripts is a name and a value, as many as there are; without one of
// the two the VM does not start.
func TestVariablesOfBootScripts(t *testing.T) {
	for args, wrong := range map[string]bool{
		"-boot_var A /x": false, "-boot_var A /x B /y": false, "-boot_var A /x -noshell": false, "-boot_var A /x +S 1": false,
		"-boot_var A": true, "-boot_var": true, "-boot_var -noshell": true, "-boot_var A /x B": true, "-boot_var A +S 1": true,
	} {
		got, err := check.Run(t.Context(), open(t, named(args), bookworm()))
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(lines(got), func(l string) bool { return strings.HasPrefix(l, "FAIL vm-args ") })
		if found != wrong {
			t.Errorf("%s: %q", args, lines(got))
		}
	}
}
