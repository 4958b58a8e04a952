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
	return byKeys(ctx, r, partFields, "SELECT "+partColumns+" FROM parts WHERE tracker = ? AND key", keys, &id)
}

// TrackersThere implements store.Submissions.
func (r *Reader) TrackersThere(ctx context.Context, ids []banto.TrackerID) ([]banto.TrackerID, error) {
	return byKeys(ctx, r, Itself[banto.TrackerID], "SELECT id FROM trackers WHERE id", ids)
}

// SubmittedKeys implements store.Submissions.
func (r *Reader) SubmittedKeys(ctx context.Context, principal string, keys []string) ([]store.Submission, error) {
	fields := func(s *store.Submission) []any { return []any{&s.Key, &s.Tracker, &s.RequestHash} }
	return byKeys(ctx, r, fields, "SELECT key, tracker, request_hash FROM submitted WHERE principal = ? AND key", keys, principal)
}

// byKeys runs a query that ends with a column whose values are the keys; args are
// the arguments before them.
func byKeys[T any, K ~string](ctx context.Context, r *Reader, fields func(*T) []any, query string, keys []K, args ...any) ([]T, error) {
	// A key that cannot be stored has no row, and must not hide the others.
	keys = slices.DeleteFunc(slices.Clone(keys), func(k K) bool { return store.CheckText(string(k)) != nil })
	var all []T
	for chunk := range slices.Chunk(keys, keysAtOnce) {
		// The next power of two, filled up with the last key: so there are ten
		// different statements, not one for each length of a page.
		n := 1
		for n < len(chunk) {
			n *= 2
		}
		values := make([]any, 0, n+len(args))
		values = append(values, args...)
		for i := range n {
			values = append(values, string(chunk[min(i, len(chunk)-1)]))
		}
		rows, err := list(ctx, r.now(), fields, query+" IN (?"+strings.Repeat(", ?", n-1)+")", values...)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}
