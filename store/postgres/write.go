package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/store"
)

var (
	errClosed   = errors.New("store: closed")
	errNotBegun = errors.New("store: Write before Begin")
	errTxOver   = errors.New("store: a transaction was used after its end")
)

// Write implements store.Store.
func (s *Store) Write(ctx context.Context, fn func(store.Tx) error) (err error) {
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.giveTurn()
	defer func() {
		s.absent.forget()
		if err != nil {
			s.newest = 0 // an earlier one may have been written
		}
	}()
	switch {
	case s.deposed:
		return store.ErrDeposed
	case s.epoch == 0:
		return errNotBegun
	}
	if s.unsure {
		written, err := s.settle(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", store.ErrUncertain, err)
		}
		if written {
			s.behind = true
			return s.uncertain(ctx)
		}
	}
	if s.behind && store.Remembers(ctx) {
		return s.uncertain(ctx)
	}
	t := newTx(ctx, s)
	defer func() { t.over = true }()
	if err := fn(t); err != nil {
		return err
	}
	if t.failed != nil {
		return t.failed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// Half a transaction is of no use: it is not interrupted, but has an end.
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opt.Patience)
	defer cancel()
	if err := s.send(sending, &t.batch); err != nil {
		return err
	}
	t.learn()
	return nil
}

// uncertain tells that what was read before is out of date. Who remembers it is
// told, whoever else was.
func (s *Store) uncertain(ctx context.Context) error {
	if store.Remembers(ctx) {
		s.behind = false
	}
	return store.ErrUncertain
}

const connectionLost = "the connection to PostgreSQL was lost in a transaction"

// tries is how often a transaction is sent of which it is certain that it was
// not written before.
const tries = 3

// send sends a batch. When its answer is lost the store is asked whether it
// was written; one that was not is sent again.
func (s *Store) send(ctx context.Context, b *batch) error {
	var last error
	for range tries {
		err := s.sendOnce(ctx, b)
		if err == nil {
			return nil
		}
		last = err
		var lost *lostError
		if !errors.As(err, &lost) {
			return s.refused(ctx, err)
		}
		s.unsure = s.unsure || lost.sent
		s.seldom.Warn(connectionLost, "error", s.discreet(lost.cause))
		if !s.unsure {
			continue // it had not begun
		}
		written, err := s.settle(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", store.ErrUncertain, err)
		}
		if written {
			return nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("cannot write: %w", s.explain(last))
}

// lostError is the loss of a connection; sent says that the transaction may
// have reached the server.
type lostError struct {
	cause error
	sent  bool
}

func (e *lostError) Error() string { return e.cause.Error() }
func (e *lostError) Unwrap() error { return e.cause }

func (s *Store) sendOnce(ctx context.Context, b *batch) error {
	w, err := s.writer(ctx)
	if err != nil {
		return err // whoever cannot be reached now is not tried at once again
	}
	p, err := b.pipeline(ctx, w, &s.texts, s.epoch, s.seq)
	if err != nil {
		if definite(err) {
			return err
		}
		s.drop()
		return &lostError{cause: err}
	}
	began := boottime.Now()
	stop := s.watched(writeLook, w.conn.PgConn().PID(), "")
	err = w.conn.PgConn().ExecBatch(ctx, p).Close()
	stop(err)
	if err == nil {
		s.seldom.Over(connectionLost, "the connection to PostgreSQL is there again")
		s.seq++
		s.proved.Store(int64(began))
		return nil
	}
	if definite(err) && !w.conn.PgConn().IsClosed() {
		return err
	}
	s.drop()
	return &lostError{cause: err, sent: true}
}

// refused handles what the server said no to: nothing was written.
func (s *Store) refused(ctx context.Context, err error) error {
	switch code(err) {
	case codeDeposed:
		s.depose()
		return store.ErrDeposed
	case codeUncertain: // something under our epoch that we do not know of
		s.unsure, s.behind = true, true
		if _, err := s.settle(ctx); err != nil {
			return fmt.Errorf("%w: %w", store.ErrUncertain, err)
		}
		return s.uncertain(ctx)
	}
	return fmt.Errorf("cannot write: %w", s.explain(err))
}

// depose notes that another manager is active.
func (s *Store) depose() {
	s.deposed = true
	s.known, s.newest = nil, 0
	s.endSession()
}

// How long and how often the outcome of a transaction is asked for.
const (
	settleTime  = 4 * time.Second
	settlePause = 100 * time.Millisecond
)

// settle finds out whether a transaction whose answer was lost was written, and
// sees to it that it cannot be any more. It moves seq on by two: so an odd
// distance from what we know says that it was written, however often settling
// itself was without an answer. Its commit comes behind the other's, so that
// what is read afterwards is as durable as it.
func (s *Store) settle(ctx context.Context) (written bool, err error) {
	// It has a time of its own: that of the transaction may be over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	var why error // the last one that says more than that time is up
	for {
		if written, err = s.settleOnce(ctx); err == nil {
			s.unsure = false
			return written, nil
		}
		if errors.Is(err, store.ErrDeposed) {
			s.depose()
			return false, err
		}
		if why == nil || ctx.Err() == nil {
			why = err
		}
		pause := time.NewTimer(settlePause)
		select {
		case <-ctx.Done():
			pause.Stop()
			return false, s.explain(why)
		case <-pause.C:
		}
	}
}

func (s *Store) settleOnce(ctx context.Context) (bool, error) {
	w, err := s.writer(ctx)
	if err != nil {
		return false, err
	}
	began := boottime.Now()
	var epoch, seq int64
	err = s.overLease(ctx, w, appName(s.holder), func() error {
		return w.conn.QueryRow(ctx, "UPDATE lease SET seq = CASE WHEN epoch = $1 THEN seq + 2 ELSE seq END,"+
			" renewed_at = CASE WHEN epoch = $1 THEN banto_micros() ELSE renewed_at END WHERE id = 1 RETURNING epoch, seq", s.epoch).Scan(&epoch, &seq)
	})
	if err != nil {
		s.drop()
		return false, err
	}
	if epoch != s.epoch {
		return false, store.ErrDeposed
	}
	written := (seq-s.seq)%2 != 0
	s.seq = seq
	s.proved.Store(int64(began))
	return written, nil
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
