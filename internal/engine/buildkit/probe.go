package buildkit

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/platforms"

	"dram/internal/engine/dockerfile"
)

// Builder is what a builder says of itself.
type Builder struct {
	Address   string   // as it was dialled
	Name      string   // "Docker 28.3.0", "buildkitd v0.34.2"
	Platforms []string // what it builds for, its own first: "linux/amd64"
}

// Probe asks the builder at an address who it is. An error is a problem of the
// environment, or of usage, and says what to do.
func Probe(ctx context.Context, at Address) (Builder, error) {
	b, err := dial(ctx, at)
	if err != nil {
		return Builder{}, err
	}
	defer b.Close()
	info := Builder{Address: at.String(), Name: b.name()}
	info.Platforms, err = b.platforms(ctx)
	if err != nil {
		return Builder{}, unreachable(ctx, at, err)
	}
	return info, nil
}

// platforms is what the builder builds for, its own first.
func (b *builder) platforms(ctx context.Context) ([]string, error) {
	workers, err := b.ListWorkers(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, w := range workers {
		for _, p := range w.Platforms {
			if name := platforms.Format(platforms.Normalize(p)); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

func (b *builder) name() string {
	switch {
	case b.docker != nil:
		return b.docker.Name()
	case b.version == "":
		return "BuildKit, before 0.11"
	}
	return fmt.Sprintf("buildkitd %s", b.version)
}

// understands says what a Dockerfile for this builder may hold.
func (b *builder) understands() dockerfile.Builder {
	if b.docker == nil {
		return dockerfile.Current
	}
	var major int
	if _, err := fmt.Sscanf(b.docker.Name(), "Docker %d.", &major); err == nil && major < 23 {
		return dockerfile.Docker20
	}
	return dockerfile.Current
}
