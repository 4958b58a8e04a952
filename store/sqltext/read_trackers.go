package sqltext

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// Tracker implements store.Trackers.
func (r *Reader) Tracker(ctx context.Context, id banto.TrackerID) (banto.Tracker, error) {
	return r.now().tracker(ctx, id)
}

func (v view) tracker(ctx context.Context, id banto.TrackerID) (banto.Tracker, error) {
	return one(ctx, v, "tracker "+string(id), trackerFields, "SELECT "+trackerColumns+" FROM trackers WHERE id = ?", &id)
}

// ListTrackers implements store.Trackers.
func (r *Reader) ListTrackers(ctx context.Context, q store.TrackerQuery) ([]store.TrackerRow, error) {
	query, args := r.trackersQuery(q)
	return list(ctx, r.now(), trackerRowFields, query, args...)
}

// trackersQuery writes the query of a list of trackers. Whatever is asked for
// is an equality on the front of some index that goes on with seq, so that the
// page is read from the cursor in order. Several states are as many such
// walks, merged; each is no longer than the page.
func (r *Reader) trackersQuery(q store.TrackerQuery) (string, []any) {
	var where []string
	var args []any
	if q.Jobnet == "/" {
		q.Jobnet = ""
	}
	if q.Jobnet != "" {
		where, args = append(where, "t.jobnet = ?"), append(args, q.Jobnet)
	}
	before := q.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	if !q.To.IsZero() {
		to := Micros(q.To)
		before = min(before, to+Drift)
		where, args = append(where, "t.submitted_at < ?"), append(args, to)
	}
	if !q.From.IsZero() {
		from := Micros(q.From)
		where, args = append(where, "t.seq >= ?", "t.submitted_at >= ?"), append(args, from, from)
	}
	where, args = append(where, "t.seq < ?"), append(args, before)
	limit := Bounded(q.Limit)
	states := slices.Compact(slices.Sorted(slices.Values(q.States)))
	if len(states) == 0 {
		return r.trackersWalk(q.Jobnet, where), append(args, limit)
	}
	walk := r.trackersWalk(q.Jobnet, append([]string{"t.state = ?"}, where...))
	var walks []string
	var all []any
	for i, state := range states {
		walks = append(walks, "SELECT * FROM ("+walk+") AS walk"+strconv.Itoa(i))
		all = append(append(append(all, string(state)), args...), limit)
	}
	if len(walks) == 1 {
		return walk, all
	}
	return strings.Join(walks, " UNION ALL ") + " ORDER BY seq DESC LIMIT ?", append(all, limit)
}

// trackersWalk writes the walk of one index. SQLite is told which one: it
// would rather take one that does not know the state when there are bounds of
// time. PostgreSQL is not to be told.
func (r *Reader) trackersWalk(jobnet string, where []string) string {
	cond := strings.Join(where, " AND ")
	state := strings.Contains(cond, "t.state")
	if strings.HasSuffix(jobnet, "/") {
		for _, c := range []string{"state", "seq"} {
			cond = strings.ReplaceAll(cond, "t."+c+" ", "f."+c+" ")
		}
		cond = strings.Replace(cond, "t.jobnet = ?", "f.folder = ?", 1)
		index := "NOT INDEXED" // the primary key: folder, seq
		if state {
			index = "INDEXED BY tracker_folders_state"
		}
		// CROSS JOIN keeps SQLite to this order of the tables.
		return "SELECT " + trackerSelect + ", t.seq FROM tracker_folders AS f" + r.hint(index) +
			" CROSS JOIN trackers AS t WHERE t.seq = f.seq AND " + cond + " ORDER BY f.seq DESC LIMIT ?"
	}
	index := "NOT INDEXED" // the primary key: seq
	switch {
	case jobnet != "" && state:
		index = "INDEXED BY trackers_jobnet_state"
	case jobnet != "":
		index = "INDEXED BY trackers_jobnet"
	case state:
		index = "INDEXED BY trackers_state"
	}
	return "SELECT " + trackerColumns + ", t.seq FROM trackers AS t" + r.hint(index) + " WHERE " + cond + " ORDER BY t.seq DESC LIMIT ?"
}

func (r *Reader) hint(index string) string {
	if !r.Hints {
		return ""
	}
	return " " + index
}

// trackerSelect names the columns of t, for where two tables have some.
var trackerSelect = "t." + strings.ReplaceAll(trackerColumns, ", ", ", t.")

// Parts implements store.Trackers.
func (r *Reader) Parts(
	ctx context.Context, id banto.TrackerID, since int64, after banto.PartKey, limit int,
) ([]banto.Part, error) {
	if since <= 0 {
		return r.now().parts(ctx, id, after, limit)
	}
	// Few parts have changed since: find those by their revision and put them
	// in order. COALESCE keeps a database from walking all parts by key instead.
	return list(ctx, r.now(), partFields, "SELECT "+partColumns+" FROM parts"+
		" WHERE tracker = ? AND revision > ? AND COALESCE(key, '') > ? ORDER BY COALESCE(key, '') LIMIT ?", &id, since, &after, Bounded(limit))
}

func (v view) parts(ctx context.Context, id banto.TrackerID, after banto.PartKey, limit int) ([]banto.Part, error) {
	return list(ctx, v, partFields,
		"SELECT "+partColumns+" FROM parts WHERE tracker = ? AND key > ? ORDER BY key LIMIT ?", &id, &after, Bounded(limit))
}

// Attempts implements store.Trackers.
func (r *Reader) Attempts(
	ctx context.Context, id banto.TrackerID, part banto.PartKey, after, limit int,
) ([]banto.Attempt, error) {
	const cols = "SELECT " + attemptColumns + " FROM attempts WHERE tracker = ?"
	if part == "" {
		return attempts(ctx, r.now(), cols+" AND seq > ? ORDER BY seq LIMIT ?", &id, &after, Bounded(limit))
	}
	return attempts(ctx, r.now(), cols+" AND part = ? AND seq > ? ORDER BY seq LIMIT ?", &id, &part, &after, Bounded(limit))
}

// attempts gives the attempts of a query with their IDs.
func attempts(ctx context.Context, v view, query string, args ...any) ([]banto.Attempt, error) {
	rows, err := list(ctx, v, attemptFields, query, args...)
	for i := range rows {
		rows[i].ID = banto.NewAttemptID(rows[i].Tracker, rows[i].Seq)
	}
	return rows, err
}

// Attempt implements store.Trackers.
func (r *Reader) Attempt(ctx context.Context, id banto.AttemptID) (banto.Attempt, error) {
	none := fmt.Errorf("%w: attempt %s", store.ErrNotFound, id)
	tracker, number, _ := strings.Cut(string(id), ".")
	seq, err := strconv.Atoi(number)
	if err != nil {
		return banto.Attempt{}, none
	}
	rows, err := attempts(ctx, r.now(), "SELECT "+attemptColumns+" FROM attempts WHERE tracker = ? AND seq = ?", tracker, &seq)
	if err != nil {
		return banto.Attempt{}, err
	}
	if len(rows) == 0 || rows[0].ID != id {
		return banto.Attempt{}, none
	}
	return rows[0], nil
}

// Unfinished implements store.Trackers.
func (r *Reader) Unfinished(ctx context.Context, each func(engine.Records) error) error {
	return r.snapshot(ctx, func(v view) error {
		trackers, err := list(ctx, v, trackerFields, "SELECT "+trackerColumns+" FROM trackers WHERE ended = 0 ORDER BY seq")
		if err != nil {
			return err
		}
		for _, t := range trackers {
			r, err := v.records(ctx, t)
			if err != nil {
				return err
			}
			if err := each(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// Records implements store.Trackers.
func (r *Reader) Records(ctx context.Context, id banto.TrackerID) (all engine.Records, err error) {
	err = r.snapshot(ctx, func(v view) error {
		t, err := v.tracker(ctx, id)
		if err != nil {
			return err
		}
		all, err = v.records(ctx, t)
		return err
	})
	return all, err
}

// records gives what belongs to a tracker: all parts, and the attempts that
// have not ended.
func (v view) records(ctx context.Context, t banto.Tracker) (engine.Records, error) {
	parts, err := v.parts(ctx, t.ID, "", 0)
	if err != nil {
		return engine.Records{}, err
	}
	live, err := attempts(ctx, v,
		"SELECT "+attemptColumns+" FROM attempts WHERE tracker = ? AND ended = 0 ORDER BY seq", &t.ID)
	return engine.Records{Tracker: t, Parts: parts, Attempts: live}, err
}

// Submitted implements store.Trackers.
func (r *Reader) Submitted(ctx context.Context, principal, key string) (banto.TrackerID, string, error) {
	type row struct {
		id   banto.TrackerID
		hash string
	}
	fields := func(r *row) []any { return []any{&r.id, &r.hash} }
	found, err := one(ctx, r.now(), "idempotency key "+key, fields,
		"SELECT tracker, request_hash FROM submitted WHERE principal = ? AND key = ?", principal, key)
	return found.id, found.hash, err
}
