package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqltext"
)

// tx collects one transaction. What must be answered at once is judged by what
// is committed, read on another connection, and by what was put before: nobody
// else writes, and if somebody does, the proof fails and none of it counts.
type tx struct {
	sqltext.Puts
	ctx    context.Context
	s      *Store
	batch  batch
	failed error // an error after which nothing can be committed
	over   bool

	trackers    map[banto.TrackerID]identity
	newest      int64 // the highest seq that was given to a tracker here
	dropped     map[banto.TrackerID]bool
	submissions map[[2]string]bool
	names       map[string]banto.HostID // of hosts that were put; empty: free now
	hosts       map[banto.HostID]named  // that were put or deleted
	versions    map[[2]string]version
}

// identity is what of a tracker never changes.
type identity struct {
	seq, at int64
	jobnet  string
}

// version is the last version of a definition, and whether one is active.
type version struct {
	last   int
	active bool
}

// named is a host by its name, if it is there.
type named struct {
	name  string
	there bool
}

// mostKnown bounds how many trackers are remembered.
const mostKnown = 100_000

func newTx(ctx context.Context, s *Store) *tx {
	t := &tx{
		ctx: ctx, s: s, batch: batch{last: map[string]*op{}},
		trackers: map[banto.TrackerID]identity{}, dropped: map[banto.TrackerID]bool{}, submissions: map[[2]string]bool{},
		names: map[string]banto.HostID{}, hosts: map[banto.HostID]named{}, versions: map[[2]string]version{},
	}
	t.Puts = sqltext.Puts{Putter: putting{t}}
	return t
}

// learn keeps what is known of trackers now that the transaction is committed.
func (t *tx) learn() {
	if t.s.known == nil || len(t.s.known)+len(t.trackers) > mostKnown {
		t.s.known = map[banto.TrackerID]identity{}
	}
	maps.Copy(t.s.known, t.trackers)
	if t.s.newest > 0 {
		t.s.newest = max(t.s.newest, t.newest)
	}
	for id := range t.dropped {
		if _, again := t.trackers[id]; !again {
			delete(t.s.known, id)
		}
	}
}

// putting takes rows as sqltext gives them.
type putting struct{ t *tx }

// Put implements sqltext.Putter.
func (p putting) Put(doing string, u *sqltext.Upsert, fields []any) error {
	if err := p.t.ready(doing, fields); err != nil {
		return err
	}
	p.t.batch.put(u, fields)
	return nil
}

// ready encodes values, if the transaction still takes any.
func (t *tx) ready(doing string, fields []any) error {
	if t.over {
		return errTxOver
	}
	if t.failed != nil {
		return t.failed
	}
	if err := sqltext.Encode(fields); err != nil {
		return fmt.Errorf("cannot %s: %w", doing, err)
	}
	return nil
}

// ask reads what is committed: one row of numbers, texts or nothing at all.
func ask[T any](t *tx, doing string, fields func(*T) []any, query string, args ...any) (row T, found bool, err error) {
	row, err = sqltext.One(t.ctx, t.s.Reader, doing, fields, query, args...)
	if errors.Is(err, store.ErrNotFound) {
		return row, false, nil
	}
	if err != nil {
		t.failed = fmt.Errorf("cannot %s: %w", doing, err)
		return row, false, t.failed
	}
	return row, true, nil
}

func (t *tx) number(doing, query string, args ...any) (int64, error) {
	n, _, err := ask(t, doing, sqltext.Itself[int64], query, args...)
	return n, err
}

func (t *tx) PutTracker(r banto.Tracker) error {
	doing := "store tracker " + string(r.ID)
	at := max(sqltext.Micros(r.SubmittedAt), 1)
	row := sqltext.TrackerRow(0, &r)
	if err := t.ready(doing, row); err != nil {
		return err
	}
	is, err := t.identify(doing, r, at)
	if err != nil {
		return err
	}
	if is.jobnet != r.Jobnet || is.at != sqltext.Micros(r.SubmittedAt) {
		return fmt.Errorf("cannot %s: %w", doing, store.ErrDuplicate)
	}
	t.trackers[r.ID] = is
	row[0] = is.seq
	t.batch.put(sqltext.Trackers, row)
	for folder := range sqltext.FoldersOf(r.Jobnet) {
		t.batch.put(sqltext.Folders, []any{folder, is.seq, string(r.State)})
	}
	return nil
}

// identify gives the identity of a tracker that is there, or makes one.
func (t *tx) identify(doing string, r banto.Tracker, at int64) (identity, error) {
	if is, ok := t.trackers[r.ID]; ok {
		return is, nil
	}
	if is, ok := t.s.known[r.ID]; ok && !t.dropped[r.ID] {
		return is, nil
	}
	if seq, ok, err := t.following(doing, r.ID, at); err != nil {
		return identity{}, err
	} else if ok {
		return t.numberIt(r, at, seq), nil
	}
	type found struct {
		identity
		next int64
	}
	fields := func(f *found) []any { return []any{&f.seq, &f.at, &f.jobnet, &f.next} }
	f, _, err := ask(t, doing, fields, "SELECT COALESCE(t.seq, 0), COALESCE(t.submitted_at, 0), COALESCE(t.jobnet, ''),"+
		" COALESCE((SELECT seq + 1 FROM trackers WHERE seq >= ? AND seq < ? ORDER BY seq DESC LIMIT 1), ?)"+
		" FROM (SELECT 1) AS o LEFT JOIN trackers AS t ON t.id = ?", at, at+sqltext.Drift, at, string(r.ID))
	if err != nil || f.seq != 0 && !t.dropped[r.ID] {
		return f.identity, err
	}
	return t.numberIt(r, at, f.next), nil
}

// numberIt gives a tracker that is not there the seq, or the one behind those of
// this transaction.
func (t *tx) numberIt(r banto.Tracker, at, seq int64) identity {
	switch {
	case t.newest >= seq && t.newest < at+sqltext.Drift:
		seq = t.newest + 1
	case t.newest >= at+sqltext.Drift: // clocks that go back are rare
		for _, is := range t.trackers {
			if is.seq >= seq && is.seq < at+sqltext.Drift {
				seq = is.seq + 1
			}
		}
	}
	t.newest = max(t.newest, seq)
	return identity{seq: seq, at: sqltext.Micros(r.SubmittedAt), jobnet: r.Jobnet}
}

func (t *tx) DeleteTracker(id banto.TrackerID, limit int) (left bool, err error) {
	doing, most := "drop tracker "+string(id), sqltext.Bounded(limit)
	if err := t.ready(doing, []any{&id}); err != nil {
		return false, err
	}
	ended, err := t.number(doing, sqltext.IsEnded, &id)
	if err != nil || ended == 0 {
		return false, err
	}
	for _, rows := range []struct{ table, delete string }{{"attempts", sqltext.DeleteAttempts}, {"parts", sqltext.DeleteParts}} {
		n, err := t.number(doing, "SELECT count(*) FROM (SELECT 1 FROM "+rows.table+" WHERE tracker = ? LIMIT ?) AS r", &id, most)
		if err != nil {
			return false, err
		}
		t.batch.exec(rows.delete, []any{string(id), string(id), most}, rows.table)
		if n == most {
			return true, nil
		}
	}
	t.batch.exec(sqltext.DeleteTracker, []any{string(id)}, "trackers", "tracker_folders", "parts", "attempts", "submitted")
	t.dropped[id] = true
	delete(t.trackers, id)
	return false, nil
}

func (t *tx) PutSubmitted(principal, key, requestHash string, id banto.TrackerID, at time.Time) error {
	doing := "store an idempotency key"
	row := []any{principal, key, requestHash, &id, &at}
	if err := t.ready(doing, row); err != nil {
		return err
	}
	of := [2]string{principal, key}
	there := t.submissions[of]
	if !there && !t.s.absent.key(of) {
		n, err := t.number(doing, "SELECT count(*) FROM submitted WHERE principal = ? AND key = ?", principal, key)
		if err != nil {
			return err
		}
		there = n > 0
	}
	if there {
		return fmt.Errorf("cannot store the idempotency key %s of %s: %w", key, principal, store.ErrDuplicate)
	}
	t.submissions[of] = true
	t.batch.put(sqltext.Submissions, row)
	return nil
}

func (t *tx) DeleteOutbox(id string) error {
	if err := t.ready("drop an order", []any{id}); err != nil {
		return err
	}
	t.batch.each("outbox", "DELETE FROM outbox WHERE id = ANY($1)", id)
	return nil
}

func (t *tx) DeleteTokens(principal, note string) error {
	if err := t.ready("drop tokens of "+principal, []any{&principal, &note}); err != nil {
		return err
	}
	t.batch.exec(sqltext.DeleteTokens, []any{principal, note}, "tokens")
	return nil
}

func (t *tx) DeleteOutboxOf(host banto.HostID) error {
	if err := t.ready("drop the orders of host "+string(host), []any{&host}); err != nil {
		return err
	}
	t.batch.exec(sqltext.DeleteOutboxOf, []any{string(host)}, "outbox")
	return nil
}
