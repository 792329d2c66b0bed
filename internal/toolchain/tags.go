package toolchain

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"dram/internal/problem"
)

const (
	// tagsHold is how long a registry's list of tags is believed: it is long, and
	// grows by a few a day.
	tagsHold = 24 * time.Hour
	// tagsPatience is how long a registry may be silent when it is asked for them.
	tagsPatience = 10 * time.Second
)

// tagList is a list of tags as the cache has it.
type tagList struct {
	At   time.Time `json:"at"`
	Tags []string  `json:"tags"`
}

// Tags lists the tags of an image repository: what it said within the last day,
// unless opts asks for more; and what it last said where it says nothing now.
func (p *Provider) Tags(ctx context.Context, repository string, opts Options) ([]string, error) {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return nil, problem.New(problem.Usage, "write it as HOST/NAME", "image repository %q: %w", repository, err)
	}
	var last tagList
	known := p.Store.Get("tags", repo.Name(), &last)
	if known && !opts.Refresh && time.Since(last.At) < tagsHold && time.Since(last.At) >= 0 {
		return last.Tags, nil
	}
	p.call(opts.Progress).progress("asking the registry for the tags of %s", repo)
	from := p.registry()
	from.Limits.Silence = cmp.Or(from.Limits.Silence, tagsPatience)
	tags, err := from.Tags(ctx, repo)
	switch {
	case err == nil:
		return tags, p.Store.Put("tags", repo.Name(), tagList{time.Now(), tags})
	case known && ctx.Err() == nil && !errors.Is(err, context.Canceled):
		if p.Warn != nil {
			p.Warn("the tags of %s are those of %s: %v", repo, last.At.Format(time.DateOnly), err)
		}
		return last.Tags, nil
	}
	return nil, registryProblem(Use(), repository, err)
}
