package assembly

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/tool/tooltest"
)

// What is assembled is told by the second line of its start script.
func TestMade(t *testing.T) {
	for script, want := range map[string][2]bool{
		"#!/bin/sh\n# dram: escript\nset -e\n":       {true, false},
		"#!/bin/sh\n# dram: shipment\nset -e\n":      {false, true},
		"#!/bin/sh\necho 1\n# dram: escript\n":       {},
		"#!/bin/sh\n# dram: escriptx\n":              {},
		"#!/bin/bash\n# dram: escript\n":             {},
		"#!/bin/sh\n# dram: shipment":                {},
		strings.Repeat("#", maxScript+1) + "escript": {},
	} {
		fsys, err := rootfs.Dir(tooltest.Tree(t, "-- bin/web --\n"+script))
		if err != nil {
			t.Fatal(err)
		}
		rel := &release.Release{Name: "web", Version: "1", FS: fsys, Files: []release.File{{Path: "bin/web"}}}
		if got := [2]bool{Made(rel, Escript), Made(rel, Shipment)}; strings.HasSuffix(script, "\n") && got != want {
			t.Errorf("%.60q: %v, want %v", script, got, want)
		}
		_ = fsys.Close()
	}
	if Made(&release.Release{Name: "web"}, Escript) {
		t.Error("a release that is yet to be made is one")
	}
}

// A name that a project chose is an argument of the step, and no part of its script.
func TestStepKeepsNamesApart(t *testing.T) {
	argv := Step(Escript, "/app/x'; rm -rf /", "x", "1", "/app/out").Argv
	if strings.Contains(argv[2], "rm -rf /") || !slices.Contains(argv, "/app/x'; rm -rf /") {
		t.Errorf("%q", argv)
	}
}

// assembled runs the program here, if this machine has Erlang.
func assembled(t *testing.T, kind Kind, from string) (to, out string, err error) {
	t.Helper()
	if _, err := exec.LookPath("escript"); err != nil {
		t.Skip("no Erlang here; test/e2e has its own")
	}
	to = filepath.Join(t.TempDir(), "rel")
	argv := Step(kind, from, "tool", "1.0", to).Argv
	raw, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput() //nolint:gosec // the step's own
	return to, string(raw), err
}

// A script in source is run by the compiler, which goes in; what is no script is refused
// by name, and leaves nothing that could be taken for a release.
func TestAssemble(t *testing.T) {
	dir := tooltest.Tree(t, "-- tool --\n#!/usr/bin/env escript\n%%! +A 3 -extra_'flag x\nmain(A) -> io:format(\"~p~n\", [A]).\n-- broken --\nnothing\n")
	to, out, err := assembled(t, Escript, filepath.Join(dir, "tool"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	script, err := os.ReadFile(filepath.Join(to, "bin/tool"))
	if err != nil || !strings.Contains(string(script), `'+A' '3' '-extra_'\''flag' 'x' -run escript start -extra`) {
		t.Errorf("%v\n%s", err, script)
	}
	if found, _ := filepath.Glob(filepath.Join(to, "lib/compiler-*/ebin/compile.beam")); len(found) != 1 {
		t.Errorf("compile.beam: %q", found)
	}
	ran, err := exec.CommandContext(t.Context(), filepath.Join(to, "bin/tool"), "a b", "c").Output() //nolint:gosec // made above
	if string(ran) != "[\"a b\",\"c\"]\n" {
		t.Errorf("it says %q, %v", ran, err)
	}
	if to, out, err := assembled(t, Escript, filepath.Join(dir, "absent")); err == nil || !strings.Contains(out, "absent cannot be read") {
		t.Errorf("%s: %v, %s", to, err, out)
	}
	if _, out, err := assembled(t, Shipment, dir); err == nil || !strings.Contains(out, "has no applications") {
		t.Errorf("%v, %s", err, out)
	}
}
