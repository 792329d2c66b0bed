package main

import "slices"

// median is the middle of the samples, or the mean of the two in the middle;
// 0 if there are none.
func median(samples []float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// extremes are the least and the greatest sample; 0 if there are none.
func extremes(samples []float64) (low, high float64) {
	if len(samples) == 0 {
		return 0, 0
	}
	return slices.Min(samples), slices.Max(samples)
}

// measure is one way of taking a figure; n counts from 0.
type measure func(n int) (float64, error)

// alternate takes k figures of each of two measures, and swaps their order from
// one time to the next: what warms up or fills up then helps or hurts both.
func alternate(k int, ours, theirs measure) (a, b []float64, err error) {
	take := func(n int, from measure, into *[]float64) error {
		v, err := from(n)
		*into = append(*into, v)
		return err
	}
	for n := range k {
		first, second, into, then := ours, theirs, &a, &b
		if n%2 == 1 {
			first, second, into, then = theirs, ours, &b, &a
		}
		if err := take(n, first, into); err != nil {
			return nil, nil, err
		}
		if err := take(n, second, then); err != nil {
			return nil, nil, err
		}
	}
	return a, b, nil
}
