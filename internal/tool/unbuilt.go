package tool

import (
	"slices"

	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/release"
)

// Unbuilt is a tool that dram recognises, and builds nothing with yet.
type Unbuilt struct {
	Is      About
	Instead string // what dram builds instead, for people
}

// About says what it is.
func (u Unbuilt) About() About { return u.Is }

// Read goes by the tool's files.
func (u Unbuilt) Read(d *project.Dir) (Project, error) {
	if !slices.ContainsFunc(u.Is.Files, d.Has) {
		return nil, nil //nolint:nilnil // none of the tool's, as Tool has it
	}
	return unbuilt{u, d.Path}, nil
}

// Made is not known of any release.
func (u Unbuilt) Made(*release.Release) bool { return false }

// Boot is as most releases have it.
func (u Unbuilt) Boot(*release.Release) Boot { return Boot{Command: "start"} }

// unbuilt is a project of such a tool.
type unbuilt struct {
	tool Unbuilt
	dir  string
}

func (u unbuilt) Tool() Tool                  { return u.tool }
func (u unbuilt) Facts() *project.Project     { return &project.Project{Dir: u.dir} }
func (u unbuilt) Releases() ([]string, error) { return nil, u.refused() }
func (u unbuilt) Plan(Planner) (Build, error) { return nil, u.refused() }

func (u unbuilt) refused() error {
	return problem.New(problem.Usage, u.tool.Instead,
		"%s is a project for %s, which this version of dram does not build yet", u.dir, u.tool.Is.Title)
}
