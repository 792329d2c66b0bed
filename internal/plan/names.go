package plan

import (
	"dram/internal/fsutil"
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/tool"
)

// What a project's text names becomes a part of paths, an argument of mix, the name
// of a file. Each name is held against its tool's rule as soon as it is chosen; a
// plan holds none that breaks it.

// names checks what is chosen by nobody: the version, the applications and their
// directories.
func (m *maker) names() error {
	if v := m.plan.Version; v != "" {
		if err := grammar.Version(v); err != nil {
			return problem.New(problem.Usage, `write one such as "1.2.3"`, "the version of release %q: %w", m.plan.Release, err)
		}
	}
	for _, app := range m.plan.OwnApps {
		if err := grammar.Name(app); err != nil {
			return problem.New(problem.Usage, tool.NameHint, "an application of the project: %w", err)
		}
	}
	return nil
}

// ResultsInside is the directory that results may not leave, through no link: the
// project's, unless the user said where they go. Then it is "".
func (p *Plan) ResultsInside() string {
	if p.inProject {
		return p.Dir
	}
	return ""
}

// inside refuses results that would leave the project.
func (m *maker) inside() error {
	dir := m.plan.ResultsInside()
	if dir == "" {
		return nil
	}
	if _, err := fsutil.Inside(dir, m.plan.OutputDir); err != nil {
		return problem.New(problem.Usage, "name a directory of the project, or say it yourself: --output-dir, or DRAM_OUTPUT_DIR", "output_dir: %w", err)
	}
	return nil
}
