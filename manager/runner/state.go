package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// state is what others than the loop may ask at any time, also while a
// transaction hangs.
type state struct {
	mu      sync.Mutex
	begun   bool
	closed  error
	held    bool
	illness error // why the store cannot be used; nil: it can
	since   time.Time
}

func (s *state) set(change func(*state)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// proofAge is how old the last proof of a lease may be that several managers
// compete for, before Health says so.
const proofAge = 6 * time.Second

// Health says what keeps the manager from taking new work, and since when: it
// has not begun, the store cannot be written, the lease is not proved, a
// recovery waits for its confirmation. Nil: nothing does. It does not wait for
// the loop.
func (r *Runner) Health(context.Context) error {
	s := &r.state
	s.mu.Lock()
	defer s.mu.Unlock()
	const what = "the manager takes no new work"
	switch {
	case s.closed != nil:
		return s.closed
	case !s.begun:
		return banto.Fail(banto.KindUnavailable, what, "it reads its trackers from the store", "wait a moment")
	case s.illness != nil:
		return banto.Fail(banto.KindUnavailable, what,
			fmt.Sprintf("its store cannot be used since %s: %v", s.since.UTC().Format(time.RFC3339), s.illness), storeHint(s.illness)).Because(s.illness)
	}
	if l, ok := r.opt.Store.(store.Leases); ok && l.Shared() {
		if age := r.opt.Clock() - l.ProvedAt(); age > proofAge {
			return banto.Fail(banto.KindUnavailable, what,
				fmt.Sprintf("it could not prove for %s that it is the active one", age.Round(time.Second)), "look at its connection to the store")
		}
	}
	if s.held {
		return unconfirmed(what)
	}
	return nil
}

// storeHint says what to do about a store that cannot be used.
func storeHint(err error) string {
	if errors.Is(err, store.ErrFull) {
		return "make room: the manager goes on by itself, and no result is lost"
	}
	return "look at the manager's store and log; it goes on by itself"
}
