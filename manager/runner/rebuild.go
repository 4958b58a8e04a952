package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/engine"
)

// rebuild makes memory from the store, and hands over again what the hosts
// have not confirmed.
func (r *Runner) rebuild(ctx context.Context) error {
	if err := r.lifted(ctx); err != nil {
		return err
	}
	m := newMemory()
	if err := r.rebuildHosts(ctx, m); err != nil {
		return fmt.Errorf("cannot read the hosts: %w", err)
	}
	if err := r.rebuildAccounts(ctx, m); err != nil {
		return err
	}
	if err := r.rebuildDrop(ctx, m); err != nil {
		return err
	}
	revoked, err := r.opt.Store.Revoked(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the keys that were revoked: %w", err)
	}
	b := &batch{r: r, ctx: ctx, mem: m, now: r.now()}
	err = r.opt.Store.Unfinished(ctx, func(rec engine.Records) error { return b.restore(rec) })
	if err != nil {
		return fmt.Errorf("cannot read the trackers that have not ended: %w", err)
	}
	entries, err := r.opt.Store.Outbox(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the outbox: %w", err)
	}
	var byHost rows[banto.HostID, []fabric.Order]
	for _, e := range entries {
		var o fabric.Order
		if err := json.Unmarshal(e.Payload, &o); err != nil {
			return fmt.Errorf("cannot read the order %s: %w", e.ID, err)
		}
		m.outbox[e.ID] = e.HostID
		list, _ := byHost.get(e.HostID)
		byHost.put(e.HostID, append(list, o))
	}
	r.mem, r.kick = m, true
	r.count()
	r.announce(m, revoked)
	for i, host := range byHost.keys {
		if r.still() {
			break
		}
		r.opt.Hosts.Deliver(host, byHost.vals[i])
	}
	r.log.Info("trackers read from the store", "trackers", len(m.trackers), "attempts", len(m.live), "orders", len(entries))
	return nil
}

// restore takes one tracker into memory.
func (b *batch) restore(rec engine.Records) error {
	id := rec.Tracker.ID
	flow, err := b.r.flows.load(b.ctx, b.r.opt.Store, rec.Tracker.Flow)
	if err != nil && !errors.Is(err, errUnusable) {
		return err
	}
	var t *engine.Tracker
	if err == nil {
		t, err = engine.Restore(flow, rec)
	}
	if err != nil {
		// One damaged tracker must not keep all others from running.
		b.r.log.Error("a tracker cannot be brought back, and stays as it is", "tracker", id, "error", err)
		b.mem.unusable[id] = err
		for _, a := range rec.Attempts {
			if a.HostID != "" {
				b.mem.board.Occupy(a.ID, a.HostID)
			}
		}
		return nil
	}
	b.mem.keep(id, t)
	b.mem.noteState(rec.Tracker)
	for _, a := range t.Live() {
		b.mem.noteAttempt(a)
		if a.HostID == "" {
			continue
		}
		b.mem.board.Occupy(a.ID, a.HostID)
		b.mem.under(a, accountOf(t, a.Part))
	}
	for _, e := range t.Resume() {
		b.note(id, e)
	}
	return nil
}

// hostPage is how many hosts are read at once.
const hostPage = 500

// rebuildHosts reads the hosts. One is up only if its session is open, whatever
// the store says; one that was connected when the manager stopped is expected
// back for a while.
func (r *Runner) rebuildHosts(ctx context.Context, m *memory) error {
	after := ""
	for {
		page, err := r.opt.Store.ListHosts(ctx, after, hostPage)
		if err != nil {
			return err
		}
		for _, h := range page {
			after = h.Name
			session, up := r.sessions[h.ID]
			if up {
				m.connected(session)
			}
			m.setHost(h, up, h.ID == r.opt.LocalHost)
			r.doubtAgain(m, h.ID)
			if !up && h.State == banto.HostConnected {
				m.timers.set(timerKey{host: h.ID}, r.started.Add(returnGrace))
			}
		}
		if len(page) < hostPage {
			return nil
		}
	}
}
