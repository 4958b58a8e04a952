package sqltext

import (
	"context"
	"time"

	"github.com/bantoops/banto/store"
)

// Ended implements store.Archive. What ended before a time was submitted
// before it, so the walk from the cursor on ends there.
func (r *Reader) Ended(ctx context.Context, before time.Time, after int64, limit int) ([]store.TrackerRow, error) {
	at := Micros(before)
	return list(ctx, r.now(), trackerRowFields, "SELECT "+trackerColumns+", seq FROM trackers"+
		" WHERE seq > ? AND seq < ? AND ended = 1 AND ended_at < ? ORDER BY seq LIMIT ?", after, at+Drift, at, Bounded(limit))
}
