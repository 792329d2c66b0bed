package pool

import (
	"cmp"
	"slices"
)

// choose is the worker that takes a job for a platform now: of those that do it
// natively the one with room that is least loaded for its weight. Emulation is
// many times slower than waiting: it is for where nobody does the platform
// natively. If there is none now, wait says whether there may be later.
func choose(workers []*worker, platform string) (best *worker, wait bool) {
	var native, emulating []*worker
	unknown := false
	for _, w := range workers {
		switch {
		case w.state == lost:
		case w.state == asked:
			unknown = unknown || len(w.Platforms) == 0 || does(w.Platforms, platform)
		case does(w.own, platform):
			native = append(native, w)
		case does(w.other, platform):
			emulating = append(emulating, w)
		}
	}
	switch {
	case len(native) > 0:
		return leastLoaded(native), true
	case unknown:
		return nil, true
	}
	return leastLoaded(emulating), len(emulating) > 0
}

func does(platforms []string, platform string) bool {
	return platform == "" || slices.Contains(platforms, platform)
}

// leastLoaded is the worker with room whose jobs are fewest for its weight; of
// equals the one with the greater weight, then the first. nil if none has room.
func leastLoaded(workers []*worker) *worker {
	free := slices.DeleteFunc(slices.Clone(workers), func(w *worker) bool { return w.running >= w.Weight })
	if len(free) == 0 {
		return nil
	}
	return slices.MinFunc(free, func(a, b *worker) int {
		return cmp.Or(cmp.Compare(a.running*b.Weight, b.running*a.Weight), cmp.Compare(b.Weight, a.Weight))
	})
}
