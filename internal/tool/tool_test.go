package tool_test

import (
	"testing"

	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/tool"
	"dram/internal/tool/tooltest"
)

// A start script of nobody's is told foreground where it has that command.
func TestBootOfAnOwnScript(t *testing.T) {
	for script, want := range map[string]string{
		"#!/bin/sh\ncase $1 in\n  start) x & ;;\n  console|live|console_clean|foreground)\n    y ;;\nesac\n": "foreground",
		"#!/bin/sh\ncase $1 in\n  foreground)\n    y ;;\nesac\n":                                             "foreground",
		"#!/bin/sh\n# runs in the foreground\nstart() { exec y; }\n":                                         "start",
	} {
		fsys, err := rootfs.Dir(tooltest.Tree(t, "-- bin/web --\n"+script))
		if err != nil {
			t.Fatal(err)
		}
		rel := &release.Release{Name: "web", Version: "1", FS: fsys, Files: []release.File{{Path: "bin/web"}}}
		if got := (tool.Table{}).Boot(rel).Command; got != want {
			t.Errorf("%q is told %q, want %q", script, got, want)
		}
		_ = fsys.Close()
	}
}
