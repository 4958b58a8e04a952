package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/store"
)

const (
	// leaseOld is how old the proof of a lease may be before a manager is not ready.
	leaseOld = 5 * time.Second
	// probeRest is how often at most a store of one manager is tried for whether
	// it can be written.
	probeRest = 5 * time.Second
)

type health struct {
	Status string `json:"status" enum:"ok"`
}

type healthOut struct{ Body health }

// healthz says that the process lives, and nothing else.
func (s *server) healthz(context.Context, *none) (*healthOut, error) {
	return &healthOut{Body: health{Status: "ok"}}, nil
}

// readiness is what a manager says of whether it takes work.
type readiness struct {
	Status  string   `json:"status" enum:"ok,not-ready"`
	Role    string   `json:"role" enum:"active,standby"`
	Leader  string   `json:"leader,omitempty" doc:"Of a standby: where the active manager answers"`
	Reasons []reason `json:"reasons,omitempty" doc:"Why it is not ready"`
}

type reason struct {
	Check string `json:"check" enum:"manager,lease,store,recovery,fabric" doc:"What is not right"`
	Why   string `json:"why"`
}

type readyOut struct {
	Status int
	Body   readiness
}

// readyz says whether the manager takes work.
func (s *server) readyz(ctx context.Context, _ *none) (*readyOut, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out := &readyOut{Status: http.StatusOK, Body: readiness{Status: "ok", Role: "active"}}
	not := func(check, why string) {
		out.Status, out.Body.Status = http.StatusServiceUnavailable, "not-ready"
		out.Body.Reasons = append(out.Body.Reasons, reason{Check: check, Why: why})
	}
	const away = "the store does not answer"
	if _, err := s.Store.Incarnation(ctx); err != nil {
		s.seldom.Warn(away, "error", err)
		not("store", away)
	} else {
		s.seldom.Over(away, "the store answers again")
	}
	if s.Runner == nil {
		out.Body.Role, out.Body.Leader = "standby", s.leader.current(ctx)
		s.led(ctx, not)
		return out, nil
	}
	s.work(ctx, not)
	return out, nil
}

// led says, at a standby, that no manager is the active one.
func (s *server) led(ctx context.Context, not func(check, why string)) {
	if !s.Store.Shared() {
		return
	}
	l, err := s.Store.Lease(ctx)
	if err == nil && l.Epoch != 0 && l.Age > leaseOld {
		not("lease", fmt.Sprintf("the lease was last renewed %s ago: %s", l.Age.Round(time.Second), s.because(ctx, "no manager has taken over yet")))
	}
}

// because gives that somebody holds the lease up, or else what is to be said. Who
// it is, is told to those who show a token; what the session does is for the doctor.
func (s *server) because(ctx context.Context, other string) string {
	b, ok := s.blocker()
	switch {
	case !ok:
		return other
	case s.trusted(ctx):
		return b.String()
	}
	return store.Locked
}

// trusted says whether who asks, of a route that needs no token, shows one that is
// known, and may read.
func (s *server) trusted(ctx context.Context) bool {
	r := requestOf(ctx)
	if r == nil || r.token() == "" {
		return false
	}
	by, err := s.who(ctx, route{open: true}, r.token())
	return err == nil && auth.Read.Allows(by) == nil
}

func (s *server) blocker() (store.Blocker, bool) {
	if s.Blocker == nil {
		return store.Blocker{}, false
	}
	return s.Blocker()
}

// work looks for what keeps the active manager from taking work.
func (s *server) work(ctx context.Context, not func(check, why string)) {
	switch age, shared := s.leaseAge(); {
	case !s.rebuilt():
		not("manager", "the trackers are being rebuilt")
	case !s.leads():
		not("lease", "this manager is no longer the active one")
	case shared && age > leaseOld:
		not("lease", fmt.Sprintf("the lease was last proved %s ago: %s", age.Round(time.Second), s.because(ctx, "the store does not answer")))
	case s.Runner.Held(ctx):
		not("recovery", "nothing starts until what was found after a restore is confirmed: banto recovery show")
	default:
		if err := s.writable(ctx); err != nil {
			not("store", shortly(err))
		}
	}
	if s.FabricProblem != nil {
		if err := s.FabricProblem(); err != nil {
			not("fabric", err.Error())
		}
	}
}

// rebuilt says whether the runner has begun.
func (s *server) rebuilt() bool {
	select {
	case <-s.Runner.Ready():
		return true
	default:
		return false
	}
}

// writable says why nothing can be written now; nil when it can.
func (s *server) writable(ctx context.Context) error {
	if err := s.Runner.Health(ctx); err != nil {
		return err
	}
	return s.probe.look(ctx, s.Store, s.Now())
}

// leaseAge tells how long ago the lease was proved, and whether that matters:
// where no other manager can be, nobody need prove it.
func (s *server) leaseAge() (time.Duration, bool) {
	if !s.Store.Shared() {
		return 0, false
	}
	return boottime.Now() - s.Store.ProvedAt(), true
}

// shortly says why a manager takes no work, in words for people.
func shortly(err error) string {
	var e *banto.ErrorInfo
	switch {
	case errors.As(err, &e) && e.Why != "":
		return e.Why
	case errors.As(err, &e):
		return e.What
	case errors.Is(err, store.ErrFull):
		return "the store is full"
	case errors.Is(err, store.ErrDeposed):
		return "another manager has taken over"
	case errors.Is(err, context.DeadlineExceeded):
		return "the store does not answer"
	}
	return "the store cannot be written; the manager's log says more"
}

// probe tries now and then whether a store can be written. Only a store of one
// manager is tried: with managers that follow each other the lease is renewed
// all the time, which tells as much.
type probe struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

func (p *probe) look(ctx context.Context, st Store, now time.Time) error {
	if st.Shared() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.at.IsZero() && now.Sub(p.at) < probeRest && !now.Before(p.at) {
		return p.err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	p.err = st.Write(ctx, func(store.Tx) error { return nil })
	p.at = now
	return p.err
}

type leaderInfo struct {
	Active bool   `json:"active" doc:"This manager is the active one"`
	Leader string `json:"leader,omitempty" doc:"Where the active manager answers; empty: nobody knows"`
}

type leaderOut struct {
	Status int
	Body   leaderInfo
}

// getLeader says whether this manager is the active one.
func (s *server) getLeader(ctx context.Context, _ *none) (*leaderOut, error) {
	if s.leads() {
		return &leaderOut{Status: http.StatusOK, Body: leaderInfo{Active: true, Leader: s.URL}}, nil
	}
	return &leaderOut{Status: http.StatusServiceUnavailable, Body: leaderInfo{Leader: s.leader.current(ctx)}}, nil
}
