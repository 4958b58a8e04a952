package memstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/store"
)

var (
	errClosed   = errors.New("store: closed")
	errNotBegun = errors.New("store: Write before Begin")
	errTxOver   = errors.New("store: a transaction was used after its end")
)

// Options say what is around a store.
type Options struct {
	Clock func() time.Duration // as boottime.Now; nil: that
	Now   func() time.Time     // the store's clock; nil: time.Now
	// The edges of a transaction, for faults; nil for none. Begin comes before
	// it, Commit before its commit, and Committed after it: then the error is
	// told, and the rows are there all the same. Read comes before each reading.
	Begin, Commit, Committed, Read func() error
	// Gone says whether the session of a lease's holder is not there any more; nil:
	// it is.
	Gone func(holder string) bool
	// Row is told each tracker and attempt that is written, at its commit and with
	// the epoch that proved it. It must not change them.
	Row func(epoch int64, row any)
}

// Store is a Shelf in the hands of one manager. It implements store.Store.
type Store struct {
	opt   Options
	shelf *Shelf

	mu     sync.Mutex
	epoch  int64
	proved time.Duration
	closed bool
}

var _ store.Store = (*Store)(nil)

// Open gives a store on a shelf.
func Open(shelf *Shelf, o Options) *Store {
	if o.Clock == nil {
		o.Clock = boottime.Now
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, edge := range []*func() error{&o.Begin, &o.Commit, &o.Committed, &o.Read} {
		if *edge == nil {
			*edge = func() error { return nil }
		}
	}
	return &Store{opt: o, shelf: shelf}
}

// Begin implements store.Store.
func (s *Store) Begin(ctx context.Context, holder string, now time.Time) (int64, error) {
	return s.take(ctx, store.TakeOver{Holder: holder, Force: true}, now)
}

// Take implements store.Leases.
func (s *Store) Take(ctx context.Context, t store.TakeOver) (int64, error) {
	return s.take(ctx, t, s.opt.Now())
}

func (s *Store) take(ctx context.Context, t store.TakeOver, now time.Time) (int64, error) {
	if err := errors.Join(store.CheckText(t.Holder), store.CheckText(t.URL), store.CheckText(t.Name), ctx.Err()); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errClosed
	}
	began := s.opt.Clock()
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	l := &s.shelf.rows.lease
	others := l.Holder != "" && l.Holder != t.Holder || l.Holder == "" && l.Next != "" && l.Next != t.Name
	if l.Epoch > 0 && others && !t.Force && s.opt.Now().Sub(l.RenewedAt) < t.After {
		return 0, store.ErrHeld
	}
	*l = store.Lease{Epoch: l.Epoch + 1, Seq: l.Seq + 1, Holder: t.Holder, URL: t.URL, RenewedAt: now.UTC().Truncate(time.Microsecond)}
	s.epoch, s.proved = l.Epoch, began
	return l.Epoch, nil
}

// Release implements store.Leases.
func (s *Store) Release(_ context.Context, next string) error {
	if err := store.CheckText(next); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	if l := &s.shelf.rows.lease; s.epoch != 0 && l.Epoch == s.epoch {
		l.Holder, l.URL, l.Next = "", "", next
	}
	s.epoch = 0
	return nil
}

// ProvedAt implements store.Leases.
func (s *Store) ProvedAt() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proved
}

// Shared implements store.Leases.
func (s *Store) Shared() bool { return true }

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *Store) state() (epoch int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errClosed
	}
	return s.epoch, nil
}

// Write implements store.ReadWriter.
func (s *Store) Write(ctx context.Context, fn func(store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	began := s.opt.Clock()
	if err := s.opt.Begin(); err != nil {
		return err
	}
	select {
	case <-s.shelf.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	turn := true
	giveTurn := func() {
		if turn {
			s.shelf.turn <- struct{}{}
			turn = false
		}
	}
	defer giveTurn()
	epoch, err := s.state()
	if err != nil {
		return err
	}
	if epoch == 0 {
		return errNotBegun
	}
	t := newTx(s.shelf)
	defer func() { t.over = true }()
	if !s.proves(epoch) {
		return store.ErrDeposed
	}
	if err := fn(t); err != nil {
		return err
	}
	if t.failed != nil {
		return t.failed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// A transaction that takes long holds nobody up: the lease decides.
	giveTurn()
	if err := s.opt.Commit(); err != nil {
		return err
	}
	if err := s.commit(t, epoch, began); err != nil {
		return err
	}
	return s.opt.Committed()
}

// proves says whether the epoch is the one that may write.
func (s *Store) proves(epoch int64) bool {
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	return s.shelf.rows.lease.Epoch == epoch
}

func (s *Store) commit(t *tx, epoch int64, began time.Duration) error {
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	r := &s.shelf.rows
	if r.lease.Epoch != epoch {
		return store.ErrDeposed
	}
	if err := t.whole(); err != nil {
		return fmt.Errorf("cannot commit: %w", err)
	}
	if s.opt.Row != nil {
		t.tell(epoch, s.opt.Row)
	}
	t.apply()
	r.lease.Seq++
	r.lease.RenewedAt = s.opt.Now().UTC().Truncate(time.Microsecond)
	s.mu.Lock()
	s.proved = began
	s.mu.Unlock()
	return nil
}
