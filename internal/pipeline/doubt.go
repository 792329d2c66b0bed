package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dram/internal/engine"
	"dram/internal/engine/local"
	"dram/internal/output"
	"dram/internal/problem"
	"dram/internal/store"
	"dram/internal/toolchain"
)

// derived is what is made with a toolchain and kept: where damage of one was
// found after it was used, none of it is believed.
var derived = store.Derived{Records: []string{"result", "fetched", "place", "verified"}, Trees: []string{"fetched"}, Work: []string{"build"}}

// doubting does work once more if damage of the toolchain was found while it
// was done: after what was found is out of the way, and what may come of it.
func (p *Pipeline) doubting(ctx context.Context, ref string, work func() (*output.Result, error)) (*output.Result, error) {
	r, err := work()
	damage := toolchain.Damaged(err)
	if damage == nil || ctx.Err() != nil {
		return r, err
	}
	p.UI.Warn("toolchain %s is unpacked anew, and what was kept of builds is dropped: %v", ref, damage)
	_, dropErr := p.Store.DropTree(ctx, damage)
	if err := errors.Join(dropErr, p.Store.Doubt(ctx, derived)); err != nil {
		return nil, err
	}
	if r, err = work(); toolchain.Damaged(err) != nil && ctx.Err() == nil {
		err = problem.New(problem.Environment,
			"something damages files of the cache ("+p.Store.Dir()+"): check the disk and the memory, or set DRAM_CACHE_DIR to another disk",
			"toolchain %s was damaged again: %w", ref, err)
	}
	return r, err
}

// blame says whether a build failed over a damaged toolchain: then that is the
// error, whatever the step said.
func (p *Pipeline) blame(ctx context.Context, tc *toolchain.Toolchain, err error) error {
	var lost *engine.LostError
	if err == nil || ctx.Err() != nil || errors.As(err, &lost) || toolchain.Damaged(err) != nil {
		return err
	}
	key := string(tc.Content())
	if age, ok := p.Store.Age("verified", key); ok && age >= 0 && age < verifiedFor {
		return err
	}
	found := tc.Verify(ctx)
	if toolchain.Damaged(found) != nil {
		return fmt.Errorf("%w (over it, the build failed: %v)", found, err) //nolint:errorlint // what failed is no project's failure any longer
	}
	if found == nil {
		_ = p.Store.Put("verified", key, true) // at worst it is read again
	}
	return err
}

// verifiedFor is how long a toolchain that was read and found sound is not read
// again when a step fails: whoever mends their code one error after the other
// need not wait for it each time.
const verifiedFor = 10 * time.Minute

// damaged is the damage that was found while a root was read, which says more
// than what came of it; else err.
func damaged(root toolchain.RootFS, err error) error {
	if found := root.Err(); found != nil {
		return found
	}
	return err
}

// VerifyCache reads all of the cache and removes what is damaged.
func (p *Pipeline) VerifyCache(ctx context.Context) (*store.Verified, error) {
	v, err := p.Store.Verify(ctx, derived)
	if err != nil {
		return nil, err
	}
	places, mended, err := local.Verify(ctx, p.Store)
	v.Places, v.Mended = places, append(v.Mended, mended...)
	return v, err
}
