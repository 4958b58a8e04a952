package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bantoops/banto/notice"
	"github.com/bantoops/banto/store"
)

// A lease that is older than this is not renewed by anybody.
const leaseStands = 10 * time.Second

// leadership tells that no manager of the store can become the active one: who
// gave itself up has said only that. It looks as often as run does.
func (w *watching) leadership(ctx context.Context) error {
	var s stranded
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		why := ""
		if w.server.leads() == nil {
			why = w.nobodyLeads(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		switch id := s.look(w.server.leads() != nil, why); id {
		case notice.ManagerCannot:
			w.leadsNoMore(id, errors.New(why))
		case notice.ManagerStandsBy:
			w.notices.Tell(id, "manager", w.server.opts.Name, "active", w.server.peers.leader(ctx))
		}
	}
}

// nobodyLeads says why no manager is the active one; empty: one is.
func (w *watching) nobodyLeads(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	l, err := w.server.store.Lease(ctx)
	switch {
	case err != nil:
		return err.Error()
	case l.Holder != "" && l.Age <= leaseStands:
		return ""
	}
	if s, ok := w.server.store.(interface{ Blocker() (store.Blocker, bool) }); ok {
		if b, blocked := s.Blocker(); blocked {
			return b.String()
		}
	}
	if l.Holder == "" {
		return "nobody has taken the lease"
	}
	return fmt.Sprintf("nobody has renewed the lease for %s", l.Age.Round(time.Second))
}

// stranded is what a manager has told of nobody being the active one.
type stranded struct{ before, told bool }

// look gives what is to be told; empty: nothing. Once says nothing: a take-over
// takes a few seconds. That this manager has become the active one is told where
// it does.
func (s *stranded) look(leads bool, why string) notice.ID {
	before := s.before
	s.before = why != ""
	switch {
	case why != "" && before && !s.told:
		s.told = true
		return notice.ManagerCannot
	case why != "" || !s.told:
		return ""
	}
	s.told = false
	if leads {
		return ""
	}
	return notice.ManagerStandsBy
}
