//go:build linux

package main

import (
	"cmp"
	"math"
	"slices"
)

// percentile gives the value below or at which so many of a hundred values are
// (the nearest rank). The values must be sorted; of none it is zero.
func percentile[T cmp.Ordered](sorted []T, p float64) T {
	var zero T
	if len(sorted) == 0 {
		return zero
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// median gives the value in the middle, the lower one of two. It leaves the
// order of the values as it is.
func median[T cmp.Ordered](values []T) T {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return percentile(sorted, 50)
}

// sorted gives the values in order, and leaves them as they are.
func sorted[T cmp.Ordered](values []T) []T {
	out := slices.Clone(values)
	slices.Sort(out)
	return out
}
