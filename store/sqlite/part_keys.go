package sqlite

import (
	"context"
	"slices"
	"strings"

	"github.com/bantoops/banto"
)

// keysAtOnce is how many keys one query carries.
const keysAtOnce = 500

// PartsByKey implements store.Trackers.
func (s *Store) PartsByKey(ctx context.Context, id banto.TrackerID, keys []banto.PartKey) ([]banto.Part, error) {
	var all []banto.Part
	for chunk := range slices.Chunk(keys, keysAtOnce) {
		args := make([]any, 0, len(chunk)+1)
		args = append(args, &id)
		for i := range chunk {
			args = append(args, &chunk[i])
		}
		rows, err := list(ctx, s.now(), partFields, "SELECT "+partColumns+" FROM parts WHERE tracker = ? AND key IN (?"+
			strings.Repeat(", ?", len(chunk)-1)+")", args...)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}
