package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqltext"
)

// What is written with an eye on what is there. An upsert that sets a column that
// refers to another table, and an insertion from a query, have SQLite keep a copy
// of each page that they touch, to take it back: they are for what is seldom.
var (
	insertTracker = "INSERT INTO trackers (" + strings.Join(sqltext.Trackers.Columns, ", ") + ") VALUES (" +
		"COALESCE((SELECT seq + 1 FROM trackers WHERE seq >= ? AND seq < ? ORDER BY seq DESC LIMIT 1), ?)" +
		strings.Repeat(", ?", len(sqltext.Trackers.Columns)-1) + ")"
	newTracker = insertTracker + " ON CONFLICT (id) DO NOTHING"
	putTracker = insertTracker + sqltext.Trackers.Conflict() +
		" WHERE trackers.jobnet = excluded.jobnet AND trackers.submitted_at = excluded.submitted_at"
	putFolder = "INSERT INTO tracker_folders (folder, seq, state) SELECT ?, seq, ? FROM trackers WHERE id = ?" +
		" ON CONFLICT (folder, seq) DO UPDATE SET state = excluded.state WHERE tracker_folders.state <> excluded.state"
)

const (
	newFolder   = "INSERT INTO tracker_folders (folder, seq, state) VALUES (?, ?, ?)"
	stateFolder = "UPDATE tracker_folders SET state = ? WHERE folder = ? AND seq = ?"
	seqTracker  = "SELECT seq FROM trackers WHERE id = ?"
)

// update is a statement for a row that is there and of which some columns stay as
// they are: those that are in an index or refer to another table, which then need
// not be touched. An upsert would write them all anew.
type update struct {
	text   string
	places []int // of its parameters in the row
}

// updateOf makes one; never are columns that are neither written nor compared.
func updateOf(u *sqltext.Upsert, steady []string, never ...string) update {
	var out update
	var sets, wheres []string
	var last []int
	for i, c := range u.Columns {
		switch {
		case slices.Contains(steady, c):
			wheres, last = append(wheres, c+" = ?"), append(last, i)
		case !slices.Contains(never, c):
			sets, out.places = append(sets, c+" = ?"), append(out.places, i)
		}
	}
	out.text = "UPDATE " + u.Table + " SET " + strings.Join(sets, ", ") + " WHERE " + strings.Join(wheres, " AND ")
	out.places = append(out.places, last...)
	return out
}

var (
	updateTracker = updateOf(sqltext.Trackers, []string{"id", "state", "ended", "jobnet", "submitted_at", "flow"}, "seq")
	moveTracker   = updateOf(sqltext.Trackers, []string{"id", "jobnet", "submitted_at", "flow"}, "seq") // to another state
	updatePart    = updateOf(sqltext.Parts, []string{"tracker", "key"})
	updateAttempt = updateOf(sqltext.Attempts, []string{"tracker", "seq", "part"})
	updateHost    = updateOf(sqltext.Hosts, []string{"id", "name"})
)

// update writes a row in place; false if there is none that stays as it is where
// it must.
func (t *tx) update(doing string, u *update, row []any) (bool, error) {
	fields := make([]any, len(u.places))
	for i, at := range u.places {
		fields[i] = row[at]
	}
	n, err := t.exec(doing, u.text, fields...)
	return n > 0, err
}

// trackerRow is what this process wrote of a tracker. It says which statement is
// tried first, and no more: each looks itself whether it fits.
type trackerRow struct {
	seq   int64
	state banto.TrackerState
}

// PutTracker implements store.Tx.
func (t *tx) PutTracker(r banto.Tracker) error {
	doing := "store tracker " + string(r.ID)
	at := max(sqltext.Micros(r.SubmittedAt), 1)
	is, known := t.s.rows[r.ID]
	if known && is.state == r.State {
		if done, err := t.update(doing, &updateTracker, sqltext.TrackerRow(at, &r)); done || err != nil {
			return err
		}
	}
	put := []func(string, *banto.Tracker, int64) (bool, error){t.moveTracker, t.newTracker, t.anyTracker}
	if !known {
		put[0], put[1] = put[1], put[0]
	}
	for _, try := range put {
		if done, err := try(doing, &r, at); done || err != nil {
			if r.State.Ended() {
				delete(t.s.rows, r.ID)
			}
			return err
		}
	}
	return fmt.Errorf("cannot %s: %w", doing, store.ErrDuplicate)
}

// newTracker writes a tracker that is not there yet; false if it is.
func (t *tx) newTracker(doing string, r *banto.Tracker, at int64) (bool, error) {
	did, err := t.run(doing, newTracker, append([]any{at, at + sqltext.Drift}, sqltext.TrackerRow(at, r)...))
	if err != nil || did.rows == 0 {
		return false, err
	}
	t.s.rows[r.ID] = trackerRow{seq: did.last, state: r.State}
	for folder := range sqltext.FoldersOf(r.Jobnet) {
		if _, err := t.exec(doing, newFolder, folder, did.last, string(r.State)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// moveTracker writes one that is there, and whose flow is the same; false if it is
// not.
func (t *tx) moveTracker(doing string, r *banto.Tracker, at int64) (bool, error) {
	if done, err := t.update(doing, &moveTracker, sqltext.TrackerRow(at, r)); !done || err != nil {
		return false, err
	}
	is, known := t.s.rows[r.ID]
	if !known {
		var err error
		if is.seq, err = t.number(doing, seqTracker, &r.ID); err != nil {
			return false, err
		}
	}
	is.state = r.State
	t.s.rows[r.ID] = is
	for folder := range sqltext.FoldersOf(r.Jobnet) {
		if _, err := t.exec(doing, stateFolder, string(r.State), folder, is.seq); err != nil {
			return false, err
		}
	}
	return true, nil
}

// anyTracker writes one as it is; false if another is there under its ID.
func (t *tx) anyTracker(doing string, r *banto.Tracker, at int64) (bool, error) {
	n, err := t.exec(doing, putTracker, append([]any{at, at + sqltext.Drift}, sqltext.TrackerRow(at, r)...)...)
	if err != nil || n == 0 {
		return false, err
	}
	delete(t.s.rows, r.ID)
	for folder := range sqltext.FoldersOf(r.Jobnet) {
		if _, err := t.exec(doing, putFolder, folder, string(r.State), string(r.ID)); err != nil {
			return false, err
		}
	}
	return true, nil
}
