// Package tools is the table of the tools that make releases: a tool is one row.
package tools

import (
	"dram/internal/project"
	"dram/internal/release"
	"dram/internal/tool"
	"dram/internal/tool/distillery"
	"dram/internal/tool/erlangmk"
	"dram/internal/tool/escript"
	"dram/internal/tool/gleam"
	"dram/internal/tool/mix"
	"dram/internal/tool/rebar3"
)

// All is every tool that dram knows. Where files of two give a project away, the
// one that comes first has it.
func All() tool.Table {
	return tool.Table{
		distillery.Tool{},
		escript.Tool{},
		mix.Tool{},
		erlangmk.Tool{},
		rebar3.Tool{},
		gleam.Tool{},
		gleam.Exported{},
	}
}

// Read reads the project in dir for a build.
func Read(dir string, given project.Given) (tool.Project, error) { return All().Read(dir, given) }

// Boot is how a release starts.
func Boot(rel *release.Release) tool.Boot { return All().Boot(rel) }
