// Package assembly puts a release together of compiled code for which no tool does: an
// escript, or a directory of applications. It gets the toolchain's ERTS, the
// applications of it that the code names or calls, and a start script; so all that
// dram does with releases is done with it. See Erlang's documentation of escript and
// of release structures.
//
// What is assembled is decided by a program that runs in the build (assembly.erl), for
// only there the code is known. Modules that are called by computed names are not seen:
// their applications have to be named by those of the code.
package assembly

import (
	_ "embed"
	"strings"

	"dram/internal/engine"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/tool"
)

// Kind is what a release is assembled of. The start script names it.
type Kind string

// The kinds.
const (
	Escript  Kind = "escript"  // one file, with an archive of modules or one
	Shipment Kind = "shipment" // a directory of applications
)

//go:embed assembly.erl
var program string

// maxScript bounds a start script, in bytes; those made here have 500.
const maxScript = 64 << 10

// Step assembles the release name of what lies at from, inside.
func Step(kind Kind, from, name, version, export string) engine.Step {
	return engine.Step{Name: engine.StepRelease + " of the " + string(kind), Argv: []string{
		"sh", "-ec", `f="$(mktemp)"; trap 'rm -f "$f"' EXIT; printf %s "$1" > "$f"; shift; escript "$f" "$@"`,
		"assembly", "#!/usr/bin/env escript\n" + program, string(kind), from, name, version, export,
	}}
}

// mark is the line of the start script that tells the kind.
func mark(kind Kind) string { return "# dram: " + string(kind) + "\n" }

// Made says whether a release was assembled here, of that kind.
func Made(rel *release.Release, kind Kind) bool {
	name := "bin/" + rel.Name
	if rel.FS == nil || !rel.Has(name) {
		return false
	}
	raw, err := rootfs.ReadFile(rel.FS, name, maxScript)
	return err == nil && strings.HasPrefix(string(raw), "#!/bin/sh\n"+mark(kind))
}

// Boot is how such a release starts, with a command of its start script.
func Boot(kind Kind, command string) tool.Boot {
	return tool.Boot{
		Command: command, Mark: mark(kind), Scripts: []string{"start"}, Programs: []string{"dirname"},
		Exclude: []release.Exclusion{
			{Pattern: "erts-*/bin/escript", Reason: "the start script does what it does"},
			{Pattern: "erts-*/bin/erl_call", Reason: "no script of the release calls it"},
		},
	}
}
