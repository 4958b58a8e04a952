package app

import (
	"context"
	"errors"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/lease"
	"github.com/bantoops/banto/notice"
	"github.com/bantoops/banto/store"
)

// lead takes part in who is the active manager, until the server stops. It
// returns once this manager is active, or stands by.
func (s *Server) lead(ctx context.Context) error {
	if err := s.peers.alone(ctx); err != nil {
		return err
	}
	s.parts.run("peers", s.peers.run)
	s.parts.run("probes", s.peers.probe)
	if s.store.Shared() {
		s.parts.run("leadership", s.watch.leadership)
	}
	first := make(chan error, 1)
	s.parts.run("lease", func(ctx context.Context) error { return s.follow(ctx, first) })
	short := time.NewTimer(settle)
	defer short.Stop()
	select {
	case err := <-first:
		return err
	case <-short.C:
		if s.opts.RecoverSite != "" && s.leads() == nil {
			// It would count at a take-over of some night.
			return banto.Fail(banto.KindConflict, "cannot begin at a second site", "another manager of this store is active: "+s.peers.leader(ctx),
				"name the store of the second site, or stop that manager first")
		}
	case <-s.parts.failed():
		return errors.New("cannot take part in who is the active manager")
	case <-ctx.Done():
	}
	return nil
}

// follow waits for the lease, leads while it holds, and waits again. What the
// first activation came to is told.
func (s *Server) follow(ctx context.Context, first chan<- error) error {
	told := func(err error) {
		select {
		case first <- err:
		default:
		}
	}
	for ctx.Err() == nil && !s.stopping.Load() {
		epoch, err := s.lease.Wait(ctx, func(l store.Lease, err error) {
			if err == nil {
				s.since = l.RenewedAt
			}
			s.peers.saw(l, err)
		})
		if err != nil {
			return nil //nolint:nilerr // the server stops
		}
		s.opts.Log.Info("this is the active manager now", "epoch", epoch)
		// It is renewed from now on: reading the trackers may take long.
		k := s.keep(ctx)
		s.watch.leaving.Store(s.stopping.Load())
		if err := s.activate(k.ctx, epoch); err != nil {
			told(err)
			k.end()
			s.opts.Log.Error("this manager cannot become the active one; it is tried again", "error", err)
			s.watch.leadsNoMore(notice.ManagerCannot, err)
			s.giveUp("")
			pause(ctx, afterFailure)
			continue
		}
		told(nil)
		if err := s.writeConfig(ctx); err != nil {
			s.opts.Log.Warn("the token of the first administrator is not written", "error", err)
		}
		s.hold(ctx, k)
		k.end()
	}
	return nil
}

// Pauses before the lease is wanted again.
const (
	afterFailure  = 5 * time.Second  // when this manager could not lead
	afterHandOver = 10 * time.Second // when another one is to
)

// keeping is a lease that is renewed. Its context ends when it is not any more.
type keeping struct {
	ctx  context.Context
	stop context.CancelFunc
	done chan struct{}
	err  error // once done: why it ended by itself
}

// keep renews the lease until end is called, ctx ends, or it is lost.
func (s *Server) keep(ctx context.Context) *keeping {
	ctx, stop := context.WithCancel(ctx)
	k := &keeping{ctx: ctx, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(k.done)
		defer stop()
		k.err = s.lease.Keep(ctx)
	}()
	return k
}

// end ends the renewing, and waits for that.
func (k *keeping) end() {
	k.stop()
	<-k.done
}

// hold leads until the lease is lost or handed over, or the server stops.
func (s *Server) hold(ctx context.Context, k *keeping) {
	a := s.leads()
	if a == nil {
		return // the server stops
	}
	select {
	case h := <-s.handing:
		k.end()
		s.watch.leadsNoMore(notice.ManagerGaveUp, errors.New("it was handed over"))
		h.done <- s.retire(h.to)
		s.giveWay(ctx)
	case <-k.done:
		if k.err == nil || a.retiring.Load() { // the server stops, which retires it
			return
		}
		s.opts.Log.Error("this manager is not the active one any more", "error", k.err)
		s.watch.leadsNoMore(notice.ManagerGaveUp, k.err)
		if err := s.retired(a); err != nil {
			s.opts.Log.Warn("what it did while it was the active one ended with an error", "error", err)
		}
	case <-a.parts.failed():
		k.end()
		err := s.retire("")
		s.opts.Log.Error("a part of the active manager has failed; another may follow, and it is tried again", "error", err)
		s.watch.leadsNoMore(notice.ManagerGaveUp, err)
		pause(ctx, afterFailure)
	}
}

// retire ends what stands behind the API and gives the lease up, for next or
// anybody.
func (s *Server) retire(next string) error {
	a := s.leads()
	if a == nil {
		return nil
	}
	err := s.retired(a)
	s.giveUp(next)
	return err
}

// retired ends what stands behind the API. It is a standby's from now on.
func (s *Server) retired(a *active) error {
	a.retiring.Store(true)
	s.watch.leaving.Store(true)
	s.mu.Lock()
	s.active = nil
	s.mu.Unlock()
	if s.store.Shared() {
		s.answer(s.standby())
	}
	return a.stop()
}

// giveUp lets another manager follow at once.
func (s *Server) giveUp(next string) {
	if !s.store.Shared() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := s.lease.Release(ctx, next); err != nil {
		s.opts.Log.Warn("the lease is not given up; another manager follows when it has run out", "error", err)
	}
}

// handing is a hand-over that was asked for.
type handing struct {
	to   string
	done chan error
}

// handOver lets another manager take over at once, since by wants it so, and
// returns when it may.
func (s *Server) handOver(ctx context.Context, by banto.Principal, h banto.HandOver) error {
	const what = "cannot hand over"
	a := s.leads()
	if a == nil {
		return banto.Fail(banto.KindConflict, what, "this manager is not the active one", "ask the one that is: banto server list")
	}
	if err := s.peers.follows(ctx, h.To); err != nil {
		return err
	}
	detail := "to any other"
	if h.To != "" {
		detail = "to " + h.To
	}
	err := s.store.Write(ctx, func(tx store.Tx) error {
		return tx.PutAudit(audit.Done(time.Now().UTC(), by, audit.ManagerHandOver, "manager", detail+reason(h.Reason)))
	})
	if err != nil {
		return err
	}
	asked := handing{to: h.To, done: make(chan error, 1)}
	select {
	case s.handing <- asked:
	case <-ctx.Done():
		return banto.Fail(banto.KindConflict, what, "another hand-over is under way, or this manager has just lost its lease", "look at banto server list").Because(ctx.Err())
	}
	return <-asked.done
}

func reason(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// giveWay waits until another manager has followed; not longer than
// afterHandOver. After that this one follows as any other: also the one that
// came may end a moment later.
func (s *Server) giveWay(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, afterHandOver)
	defer cancel()
	for ctx.Err() == nil {
		l, err := s.store.Lease(ctx)
		s.peers.saw(l, err)
		if err == nil && l.Holder != "" {
			return
		}
		pause(ctx, lease.DefaultTimes().Poll)
	}
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
