// Package rehearse starts a release under the circumstances that production has, and
// says what came of it: what the check cannot know from files, it tries.
//
// A circumstance is a row of a table (Circumstances), which changes one thing in the
// sandbox that the release starts in. Each start is an observation (Seen); what it
// comes to is judged by comparing it with the plain one, in words of the check. A
// start is bounded in time, in memory, and in what is kept of its output, and has no
// network but its own loopback interface: nothing of the world is touched. What this
// machine cannot make is UNKNOWN, never OK.
package rehearse

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"dram/internal/problem"
)

// Stage starts what is rehearsed once, in a circumstance. plain is what was seen in
// the plain one; of that itself it is the zero value.
type Stage interface {
	Try(ctx context.Context, c Circumstance, plain Seen) (Seen, error)
}

// atOnce is how many starts run beside one another. Two leave machines of two
// processors enough that a start takes no longer for it.
const atOnce = 2

// Choose is the circumstances by name, in the table's order: those of only, or all
// but those of without. The plain one is always among them.
func Choose(only, without []string) ([]Circumstance, error) {
	all := Circumstances()
	for _, name := range slices.Concat(only, without) {
		if !slices.Contains(Names(all), name) {
			return nil, problem.New(problem.Usage, "dram rehearse --list prints them", "there is no circumstance %q", name)
		}
	}
	return slices.DeleteFunc(all, func(c Circumstance) bool {
		chosen := len(only) == 0 || slices.Contains(only, c.Name)
		return c.Name != Plain && (!chosen || slices.Contains(without, c.Name))
	}), nil
}

// All tries the circumstances, the plain one first, and judges them. tell is told each
// as it is done.
func All(ctx context.Context, stage Stage, list []Circumstance, tell func(done, of int)) ([]Row, error) {
	if len(list) == 0 || list[0].Name != Plain {
		return nil, errors.New("rehearsing: the plain circumstance is not the first")
	}
	seen := make([]Seen, len(list))
	var err error
	if seen[0], err = stage.Try(ctx, list[0], Seen{}); err != nil {
		return nil, err
	}
	tell(1, len(list))
	if plain := judge(list[0], seen[0], Seen{}); plain.failed() {
		for i := range list[1:] {
			seen[i+1] = Seen{Why: "it does not run in the plain circumstance"}
		}
	} else if err := others(ctx, stage, list, seen, tell); err != nil {
		return nil, err
	}
	return judgeAll(list, seen), nil
}

// others tries all but the first, some at once.
func others(ctx context.Context, stage Stage, list []Circumstance, seen []Seen, tell func(done, of int)) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	ended := make(chan struct{}, len(list))
	for i := range list[1:] {
		group.Go(func() (err error) {
			if err = ctx.Err(); err != nil {
				return err
			}
			seen[i+1], err = stage.Try(ctx, list[i+1], seen[0])
			ended <- struct{}{}
			tell(len(ended)+1, len(list))
			return err
		})
	}
	return group.Wait()
}
