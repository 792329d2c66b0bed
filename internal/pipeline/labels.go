package pipeline

import (
	"fmt"

	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/sbom"
	"dram/internal/source"
)

// The annotations of the OCI image specification 1.1 that say where an image is from.
const (
	labelRevision = "org.opencontainers.image.revision"
	labelSource   = "org.opencontainers.image.source"
	labelLicences = "org.opencontainers.image.licenses"
)

// revision is which commit the source is: where labels ask for it, or an output; nil
// where none does, or where only an output does and git does not tell.
func (p *Pipeline) revision(pl *plan.Plan, src *source.Tree, needs output.Needs) (*source.Revision, error) {
	if !pl.Image.GitLabels && !pl.Git && !needs.Revision {
		return nil, nil //nolint:nilnil // nobody asks
	}
	r, err := src.Revision()
	switch {
	case err == nil:
		if pl.Git && len(r.Changed) > 0 {
			p.UI.WarnOnce("the source is not as commit %.12s has it (%s): GIT_SHA names the commit alone", r.Commit, some(r.Changed))
		}
		return &r, nil
	case pl.Image.GitLabels:
		return nil, problem.New(problem.Usage, "build it from a checkout of git, or give the labels by name: --label "+labelRevision+"=…",
			"image.git_labels asks for what git says of %q: %w", pl.Dir, err)
	}
	return nil, nil //nolint:nilnil // a source need not be git's
}

// labelled is the plan with the labels that git and the project's files tell, where
// they are asked for. A source that is not as its commit has it says so: the commit
// alone would not give that image again.
func (p *Pipeline) labelled(pl *plan.Plan, r *source.Revision) *plan.Plan {
	if !pl.Image.GitLabels {
		return pl
	}
	commit := r.Commit
	if len(r.Changed) > 0 {
		commit += "-dirty"
		p.UI.WarnOnce("the source is not as commit %.12s has it (%s): the image's revision ends in -dirty", r.Commit, some(r.Changed))
	}
	labels := []string{labelRevision + "=" + commit}
	if at := r.Address(); at != "" {
		labels = append(labels, labelSource+"="+at)
	}
	if licences := sbom.Expression(pl.Licences); licences != "" {
		labels = append(labels, labelLicences+"="+licences)
	}
	return pl.Labelled(labels)
}

// some is the first of what changed, and how much more did.
func some(changed []string) string {
	if n := len(changed) - 1; n > 0 {
		return fmt.Sprintf("%s and %d more", changed[0], n)
	}
	return changed[0]
}
