package pipeline

import (
	"context"
	"slices"
	"strings"

	"dram/internal/match"
	"dram/internal/target"
)

// place opens where a release is to run, before a toolchain is chosen for it; nil
// where nobody says where. done lets go of it.
func (p *Pipeline) place(ctx context.Context, name string) (place *match.Place, done func(), err error) {
	if name == "" {
		return nil, func() {}, nil
	}
	open := name
	if suite, ok := strings.CutPrefix(name, "distro:"); ok && slices.Contains(target.ProfileNames(), suite) {
		open = "profile:" + suite // which has the same libraries, and need not be unpacked
	}
	t, err := p.OpenTarget(ctx, open)
	if err != nil {
		return nil, nil, err
	}
	return match.New(name, t, p.Toolchains.Distros), func() { _ = t.Close() }, nil // only read
}
