package sqlite

import (
	"context"
	"errors"
	"fmt"
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
			_, _ = s.writer.exec("ROLLBACK") // SQLite may have rolled back already
			clear(s.rows)
		}
	}()
	defer func() {
		if t.tokens {
			s.tokens.forget()
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
	if _, err := s.writer.exec("COMMIT"); err != nil {
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

// tx is one transaction.
type tx struct {
	sqltext.Puts
	s      *Store
	failed error // an error after which nothing can be committed
	tokens bool  // some are written, or dropped
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
	if _, err := t.s.writer.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("cannot begin a transaction: %w", t.s.explain(err))
	}
	n, err := t.exec("prove the epoch", "UPDATE lease SET seq = ?, renewed_at = ? WHERE id = 1 AND epoch = ?",
		t.s.seq+1, sqltext.Micros(time.Now()), t.s.epoch)
	if err == nil && n != 1 {
		err = store.ErrDeposed
	}
	if err != nil {
		_, _ = t.s.writer.exec("ROLLBACK")
	}
	return err
}

// exec runs a statement with fields or values of the types that encode knows,
// and gives the number of rows it changed.
func (t *tx) exec(doing, query string, fields ...any) (int64, error) {
	did, err := t.run(doing, query, fields)
	return did.rows, err
}

// run is exec; it tells all that the statement has done.
func (t *tx) run(doing, query string, fields []any) (result, error) {
	if t.over {
		return result{}, errTxOver
	}
	if t.failed != nil {
		return result{}, t.failed
	}
	if err := sqltext.Encode(fields); err != nil {
		return result{}, fmt.Errorf("cannot %s: %w", doing, err)
	}
	did, err := t.s.writer.exec(query, fields...)
	if err != nil {
		t.failed = fmt.Errorf("cannot %s: %w", doing, t.s.explain(err))
	}
	return did, t.failed
}

// PutPart implements store.Tx. A part whose process runs, or that has ended,
// was written before, as a rule.
func (t *tx) PutPart(p banto.Part) error {
	if p.State == banto.PartRunning || p.State.Ended() {
		if done, err := t.update("store part", &updatePart, sqltext.PartRow(&p)); done || err != nil {
			return err
		}
	}
	return t.Puts.PutPart(p)
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
	delete(t.s.rows, id)
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
