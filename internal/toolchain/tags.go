package toolchain

import (
	"cmp"
	"context"
	"errors"
	"strings"
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

// fresh says whether the list is believed.
func (l *tagList) fresh() bool { return time.Since(l.At) < tagsHold && time.Since(l.At) >= 0 }

// freshTags says whether a list is kept and believed.
func (p *Provider) freshTags(key string) bool {
	var l tagList
	return p.Store.Get("tags", key, &l) && l.fresh()
}

// Tags lists the tags of an image repository that begin with opts.Prefix: what it said within the last day,
// unless opts asks for more; and what it last said where it says nothing now.
func (p *Provider) Tags(ctx context.Context, repository string, opts Options) ([]string, error) {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return nil, problem.New(problem.Usage, "write it as HOST/NAME", "image repository %q: %w", repository, err)
	}
	key := strings.TrimSpace(repo.Name() + " " + opts.Prefix)
	if opts.Prefix != "" && p.freshTags(repo.Name()) && !opts.Refresh {
		key = repo.Name() // which has them
	}
	var last tagList
	known := p.Store.Get("tags", key, &last)
	if known && !opts.Refresh && last.fresh() {
		return last.Tags, nil
	}
	p.call(opts.Progress).progress("asking the registry for the tags of %s", repo)
	from := p.registry()
	from.Limits.Silence = cmp.Or(from.Limits.Silence, tagsPatience)
	tags, err := from.TagsWith(ctx, repo, opts.Prefix)
	switch {
	case err == nil:
		return tags, p.Store.Put("tags", key, tagList{time.Now(), tags})
	case known && ctx.Err() == nil && !errors.Is(err, context.Canceled):
		if p.Warn != nil {
			p.Warn("the tags of %s are those of %s: %v", repo, last.At.Format(time.DateOnly), err)
		}
		return last.Tags, nil
	}
	return nil, registryProblem(Use(), repository, err)
}
