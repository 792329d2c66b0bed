package plan

import (
	"slices"

	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/tool/distillery"
)

// Releases names all releases that a project declares; none where Mix would make
// one of the application's own name.
func Releases(p *project.Project) ([]string, error) {
	var names []string
	open, file := p.ReleasesOpen, "mix.exs"
	for _, r := range p.Releases {
		names = append(names, r.Name)
	}
	if p.Kind == project.Distillery {
		names, open, file = nil, p.Distillery.Open, distillery.File
		for _, r := range p.Distillery.Releases {
			if !slices.Contains(names, r.Name) {
				names = append(names, r.Name)
			}
		}
	}
	if open {
		return nil, problem.New(problem.Usage, "name them: --release NAME --release NAME",
			"%s computes its releases, so not all their names are known", file)
	}
	return names, nil
}
