package sqltext

import (
	"context"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// keysAtOnce is how many keys one query carries.
const keysAtOnce = 512

// PartsByKey implements store.Trackers.
func (r *Reader) PartsByKey(ctx context.Context, id banto.TrackerID, keys []banto.PartKey) ([]banto.Part, error) {
	// A key that cannot be stored has no row, and must not hide the others.
	keys = slices.DeleteFunc(slices.Clone(keys), func(k banto.PartKey) bool { return store.CheckText(string(k)) != nil })
	var all []banto.Part
	for chunk := range slices.Chunk(keys, keysAtOnce) {
		// The next power of two, filled up with the last key: so there are ten
		// different statements, not one for each length of a page.
		n := 1
		for n < len(chunk) {
			n *= 2
		}
		args := make([]any, 0, n+1)
		args = append(args, &id)
		for i := range n {
			args = append(args, &chunk[min(i, len(chunk)-1)])
		}
		rows, err := list(ctx, r.now(), partFields, "SELECT "+partColumns+" FROM parts WHERE tracker = ? AND key IN (?"+
			strings.Repeat(", ?", n-1)+")", args...)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}
