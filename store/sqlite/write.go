package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqltext"
)

var (
	errClosed   = errors.New("store: closed")
	errNotBegun = errors.New("store: Write before Begin")
	errTxOver   = errors.New("store: a transaction was used after its end")
)

// Write implements store.Store.
func (s *Store) Write(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.giveTurn()
	if s.epoch == 0 {
		return errNotBegun
	}
	began := boottime.Now()
	t := newTx(s)
	defer func() { t.over = true }()
	if err := t.begin(); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // an error, or a panic in fn
			_, _ = s.exec("ROLLBACK") // SQLite may have rolled back already
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	if t.failed != nil {
		return t.failed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := s.exec("COMMIT"); err != nil {
		return fmt.Errorf("cannot commit: %w", s.explain(err))
	}
	done = true
	s.seq++
	s.proved.Store(int64(began))
	return nil
}

func (s *Store) takeTurn(ctx context.Context) error {
	if err := ctx.Err(); err != nil { // select would choose at random
		return err
	}
	select {
	case <-s.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.closed {
		s.giveTurn()
		return errClosed
	}
	return nil
}

func (s *Store) giveTurn() { s.turn <- struct{}{} }

// exec runs a statement of the writer, prepared the first time. It is not
// interrupted by a context: half a transaction is of no use, and watching a
// context costs more than most statements.
func (s *Store) exec(query string, args ...any) (sql.Result, error) {
	stmt := s.stmts[query]
	if stmt == nil {
		var err error
		if stmt, err = s.conn.PrepareContext(context.Background(), query); err != nil {
			return nil, err
		}
		s.stmts[query] = stmt
	}
	return stmt.ExecContext(context.Background(), args...)
}

// tx is one transaction.
type tx struct {
	sqltext.Puts
	s      *Store
	failed error // an error after which nothing can be committed
	over   bool
}

func newTx(s *Store) *tx {
	t := &tx{s: s}
	t.Puts = sqltext.Puts{Putter: putting{t}}
	return t
}

// putting writes rows as sqltext gives them.
type putting struct{ t *tx }

// Put implements sqltext.Putter.
func (p putting) Put(doing string, u *sqltext.Upsert, fields []any) error {
	_, err := p.t.exec(doing, u.One, fields...)
	return err
}

// begin opens the transaction and proves the epoch.
func (t *tx) begin() error {
	if _, err := t.s.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("cannot begin a transaction: %w", t.s.explain(err))
	}
	n, err := t.exec("prove the epoch", "UPDATE lease SET seq = ?, renewed_at = ? WHERE id = 1 AND epoch = ?",
		t.s.seq+1, sqltext.Micros(time.Now()), t.s.epoch)
	if err == nil && n != 1 {
		err = store.ErrDeposed
	}
	if err != nil {
		_, _ = t.s.exec("ROLLBACK")
	}
	return err
}

// exec runs a statement with fields or values of the types that encode knows,
// and gives the number of rows it changed.
func (t *tx) exec(doing, query string, fields ...any) (int64, error) {
	if t.over {
		return 0, errTxOver
	}
	if t.failed != nil {
		return 0, t.failed
	}
	if err := sqltext.Encode(fields); err != nil {
		return 0, fmt.Errorf("cannot %s: %w", doing, err)
	}
	res, err := t.s.exec(query, fields...)
	if err != nil {
		t.failed = fmt.Errorf("cannot %s: %w", doing, t.s.explain(err))
		return 0, t.failed
	}
	return res.RowsAffected()
}

// What is written with an eye on what is there.
var (
	putTracker = "INSERT INTO trackers (" + strings.Join(sqltext.Trackers.Columns, ", ") + ") VALUES (" +
		"COALESCE((SELECT seq + 1 FROM trackers WHERE seq >= ? AND seq < ? ORDER BY seq DESC LIMIT 1), ?)" +
		strings.Repeat(", ?", len(sqltext.Trackers.Columns)-1) + ")" + sqltext.Trackers.Conflict() +
		" WHERE trackers.jobnet = excluded.jobnet AND trackers.submitted_at = excluded.submitted_at"
	putFolder = "INSERT INTO tracker_folders (folder, seq, state) SELECT ?, seq, ? FROM trackers WHERE id = ?" +
		" ON CONFLICT (folder, seq) DO UPDATE SET state = excluded.state WHERE tracker_folders.state <> excluded.state"
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

// PutAttempt implements store.Tx.
func (t *tx) PutAttempt(a banto.Attempt) error {
	if a.State != banto.AttemptStarting && a.ID == banto.NewAttemptID(a.Tracker, a.Seq) { // else it is new
		if done, err := t.update("store attempt", &updateAttempt, sqltext.AttemptRow(&a)); done || err != nil {
			return err
		}
	}
	return t.Puts.PutAttempt(a)
}

func (t *tx) PutTracker(r banto.Tracker) error {
	at := max(sqltext.Micros(r.SubmittedAt), 1)
	doing := "store tracker " + string(r.ID)
	if done, err := t.update(doing, &updateTracker, sqltext.TrackerRow(at, &r)); done || err != nil {
		return err
	}
	n, err := t.exec(doing, putTracker, append([]any{at, at + sqltext.Drift}, sqltext.TrackerRow(at, &r)...)...)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("cannot %s: %w", doing, store.ErrDuplicate)
	}
	for folder := range sqltext.FoldersOf(r.Jobnet) {
		if _, err := t.exec(doing, putFolder, folder, string(r.State), string(r.ID)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) DeleteTracker(id banto.TrackerID, limit int) (left bool, err error) {
	doing, most := "drop tracker "+string(id), sqltext.Bounded(limit)
	ended, err := t.number(doing, sqltext.IsEnded, &id)
	if err != nil || ended == 0 {
		return false, err
	}
	for _, rows := range []string{sqltext.DeleteAttempts, sqltext.DeleteParts} {
		n, err := t.exec(doing, rows, &id, &id, most)
		if err != nil || n == most {
			return true, err
		}
	}
	_, err = t.exec(doing, sqltext.DeleteTracker, &id) // what is left goes with it
	return false, err
}

func (t *tx) DeleteOutbox(id string) error {
	_, err := t.exec("drop an order", sqltext.DeleteOutbox, id)
	return err
}

func (t *tx) DeleteOutboxOf(host banto.HostID) error {
	_, err := t.exec("drop the orders of host "+string(host), sqltext.DeleteOutboxOf, &host)
	return err
}
