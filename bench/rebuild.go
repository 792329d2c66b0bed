package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
)

// edit measures the rebuild after an edit of one module.
func (b *bench) edit(ctx context.Context) ([]row, error) {
	ours, theirs, err := b.warmProjects(ctx)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(b.work, "big.tar")
	r := row{what: "rebuild after one edited module of " + strconv.Itoa(b.modules), rival: "plain mix release", ratio: 1.25}
	var p profile
	r.ours, r.theirs, err = alternate(b.runs,
		func(n int) (float64, error) {
			if err := b.generate(ctx, ours, n+1); err != nil {
				return 0, err
			}
			took, err := b.image(ctx, ours, out)
			if err != nil {
				return 0, err
			}
			return took, p.add(b.said)
		},
		func(n int) (float64, error) {
			if err := b.generate(ctx, theirs, n+1); err != nil {
				return 0, err
			}
			return b.plain(ctx, theirs, "big")
		})
	if err != nil {
		return nil, err
	}
	r.profile = p.text(r)
	return []row{r}, nil
}

// unchanged measures the rebuild of what was built a moment ago.
func (b *bench) unchanged(ctx context.Context) ([]row, error) {
	ours, theirs, err := b.warmProjects(ctx)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(b.work, "big.tar")
	r := row{what: "rebuild with nothing changed", rival: "plain mix release", ratio: 0.3}
	r.ours, r.theirs, err = alternate(b.runs,
		func(int) (float64, error) { return b.image(ctx, ours, out) },
		func(int) (float64, error) { return b.plain(ctx, theirs, "big") })
	return []row{r}, err
}

// warmProjects makes two copies of the large project, one for dram and one for
// plain Mix, unless they are there, and builds each until nothing is left to do.
func (b *bench) warmProjects(ctx context.Context) (ours, theirs string, err error) {
	ours, theirs = filepath.Join(b.work, "big-dram"), filepath.Join(b.work, "big-plain")
	for _, dir := range []string{ours, theirs} {
		if !exists(dir) {
			if err := b.generate(ctx, dir, 0); err != nil {
				return "", "", err
			}
		}
	}
	for range 2 {
		took, err := b.image(ctx, ours, filepath.Join(b.work, "big.tar"))
		if err != nil {
			return "", "", err
		}
		plain, err := b.plain(ctx, theirs, "big")
		if err != nil {
			return "", "", err
		}
		b.log("warming up: dram %s, plain %s", seconds.format(took), seconds.format(plain))
	}
	return ours, theirs, nil
}

// generate writes the large project to dir, or applies an edit to it.
func (b *bench) generate(ctx context.Context, dir string, edit int) error {
	_, err := b.output(ctx, nil, b.big, "-modules", strconv.Itoa(b.modules), "-o", dir, "-edit", strconv.Itoa(edit))
	if err != nil {
		return fmt.Errorf("preparing the large project: %w", err)
	}
	return nil
}
