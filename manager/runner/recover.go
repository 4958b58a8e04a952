package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// Recover says how a manager starts on a store that may be behind reality.
type Recover string

// The starts of a second site. Each start with one of them is one: a manager
// that is started with it again does it again.
const (
	RecoverCold Recover = "cold" // all trackers that have not ended are cancelled
	RecoverWarm Recover = "warm" // it goes on as after a take-over
	RecoverHeld Recover = "held" // nothing starts until it is confirmed
)

// RecoveryMark is the store's mark that holds the banto.Recovery of a store that
// was restored (its mode is "restore"), as JSON: while it is held and not
// confirmed the manager starts held.
const RecoveryMark = "recovery"

const (
	// recallMargin is how much further back keepers are asked: clocks are off.
	recallMargin = 10 * time.Minute
	// defaultSince is how far back that is when nobody knows better.
	defaultSince = 24 * time.Hour
	// maxFound is how many attempts are remembered, and listed, at most.
	maxFound = 100_000
)

// recovery is what is found out after the store was restored or a second site
// was started. It is no part of memory: what keepers told is in no store, and
// is asked for again after a start.
type recovery struct {
	rec   banto.Recovery // as the mark has it: without items
	cold  bool           // trackers are still to be cancelled
	hosts map[banto.HostID]*recalledHost
	// seen is the highest number of an attempt that a keeper knows and the store
	// does not, of trackers that the store knows.
	seen    map[banto.TrackerID]int
	unknown int // attempts remembered that the store does not know
	cut     bool
	final   *banto.Recovery // what the confirmation has done
}

// recalledHost is what the keeper of a host knows.
type recalledHost struct {
	answered, whole bool
	attempts        map[banto.AttemptID]recalled
}

// unconfirmed is what is refused while a recovery waits for its confirmation.
func unconfirmed(what string) *banto.ErrorInfo {
	return banto.Fail(banto.KindUnavailable, what, "the manager was started on a restored store or at a second site, and holds everything until that is confirmed",
		"look with banto recovery show, then banto recovery confirm")
}

// held says whether a recovery waits for its confirmation.
func (r *Runner) held() bool { return r.recovery != nil && r.recovery.rec.Held }

// still says whether nothing is started, sent or woken now.
func (r *Runner) still() bool { return r.held() || r.recovery != nil && r.recovery.cold }

// beginRecovery finds out how this manager is to start.
func (r *Runner) beginRecovery(ctx context.Context) error {
	rec, err := r.readMark(ctx)
	if err != nil {
		return err
	}
	switch waits := rec.Held && rec.Confirmed == nil; {
	case waits:
	case r.opt.Recover == RecoverHeld, r.opt.Recover == RecoverWarm, r.opt.Recover == RecoverCold:
		rec = banto.Recovery{Held: r.opt.Recover == RecoverHeld, Mode: string(r.opt.Recover), Since: r.opt.Since}
	case r.opt.Recover != "":
		return fmt.Errorf("cannot start: there is no way to start called %q; there are cold, warm and held", r.opt.Recover)
	case rec.Mode == "":
		return nil
	default:
		r.recovery = &recovery{rec: rec} // confirmed
		return nil
	}
	if rec.StartedAt.IsZero() {
		rec.StartedAt = r.started.UTC().Truncate(time.Microsecond)
	}
	if rec.Since.IsZero() {
		rec.Since = rec.StartedAt.Add(-defaultSince)
	}
	if !rec.Held {
		rec.Confirmed, rec.By, rec.Apart = new(rec.StartedAt), ourselves().Name, true
	}
	r.recovery = &recovery{
		rec: rec, cold: rec.Mode == string(RecoverCold),
		hosts: make(map[banto.HostID]*recalledHost), seen: make(map[banto.TrackerID]int),
	}
	if !rec.Held {
		return nil
	}
	r.state.set(func(s *state) { s.held = true })
	r.log.Warn("nothing starts, and nothing is sent, until it is confirmed: banto recovery show", "mode", rec.Mode, "since", rec.Since)
	return r.opt.Store.Write(ctx, func(tx store.Tx) error { return putMark(tx, rec) })
}

// recall asks what the hosts know. A second site that is not held does first
// what has to be done there.
func (r *Runner) recall() {
	if r.recovery == nil || r.recovery.hosts == nil {
		return
	}
	if !r.held() {
		r.inbox.putBack([]fromHost{siteIn{}})
	}
	r.opt.Hosts.Recall(r.recovery.rec.Since.Add(-recallMargin))
}

func (r *Runner) readMark(ctx context.Context) (banto.Recovery, error) {
	var rec banto.Recovery
	text, err := r.opt.Store.Mark(ctx, RecoveryMark)
	if err == nil && text != "" {
		err = json.Unmarshal([]byte(text), &rec)
	}
	if err != nil {
		return rec, fmt.Errorf("cannot read whether the store was restored: %w", err)
	}
	return rec, nil
}

func putMark(tx store.Tx, rec banto.Recovery) error {
	text, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return tx.PutMark(RecoveryMark, string(text))
}

// lifted sees, in a rebuild, that a confirmation was written without an answer.
func (r *Runner) lifted(ctx context.Context) error {
	if !r.held() {
		return nil
	}
	rec, err := r.readMark(ctx)
	if err == nil && rec.Confirmed != nil {
		r.lift(rec)
	}
	return err
}

// lift takes note that a recovery is confirmed.
func (r *Runner) lift(rec banto.Recovery) {
	r.recovery.rec = rec
	r.state.set(func(s *state) { s.held = false })
}

// Held says whether nothing starts until a recovery is confirmed.
func (r *Runner) Held(context.Context) bool {
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	return r.state.held
}

// Recovery tells what was found out of attempts since the store was restored,
// or the site was started. Its Mode is empty when neither has happened.
func (r *Runner) Recovery(ctx context.Context) banto.Recovery {
	return ask(ctx, r, func(m *memory) banto.Recovery {
		switch q := r.recovery; {
		case q == nil:
			return banto.Recovery{}
		case q.final != nil:
			return *q.final
		case q.hosts == nil:
			return q.rec
		}
		return r.found(m, false)
	})
}

// siteIn comes first when a second site starts cold or warm. Its store may be
// behind: no attempt gets a number that was used at the first site. When it
// starts cold, all that has not ended is cancelled, and what the store says was
// to be started is not sent any more.
type siteIn struct{}

func (siteIn) droppable() bool    { return false }
func (siteIn) refuse(error)       {}
func (siteIn) from() banto.HostID { return "" }

func (siteIn) step(b *batch) error {
	q := b.r.recovery
	cancel := engine.Cancel{By: ourselves().Name, Reason: "the site was started cold, and what had not ended does not go on"}
	b.reserve(nil, true)
	ids := sortedKeys(b.mem.trackers)
	slices.SortStableFunc(ids, func(x, y banto.TrackerID) int { // who runs others comes before them
		return cmp.Compare(b.mem.trackers[x].Row().Depth, b.mem.trackers[y].Row().Depth)
	})
	for _, id := range ids {
		if !q.cold {
			break
		}
		t := b.mem.trackers[id]
		if t == nil || t.Row().State.Ended() {
			continue // it has ended with the one that ran it
		}
		for _, a := range t.Live() {
			if b.mem.startUnconfirmed(a.ID) {
				b.dropOrder(startOrder(a.ID)) // only the kill is sent
			}
		}
		b.mustStep(id, t, cancel)
	}
	said := fmt.Sprintf("%s: %d trackers had not ended", q.rec.Mode, len(ids))
	if q.cold {
		said += ", and are cancelled"
	}
	b.audit(ourselves(), audit.ManagerStart, "-", said, "")
	b.mark = new(q.rec)
	if q.cold {
		b.after(func() {
			q.cold = false
			b.r.mem = nil // the rebuild delivers what is to be sent
		})
	}
	return nil
}

// recalledIn is what a host's keeper knows of attempts.
type recalledIn struct {
	host        banto.HostID
	attempts    []fabric.RecalledAttempt
	last, whole bool
}

// Recalled takes what a host's keeper knows of attempts.
func (r *Runner) Recalled(id banto.HostID, attempts []fabric.RecalledAttempt, last, whole bool) {
	r.inbox.report(recalledIn{host: id, attempts: attempts, last: last, whole: whole})
}

func (recalledIn) droppable() bool       { return false }
func (recalledIn) refuse(error)          {}
func (in recalledIn) from() banto.HostID { return in.host }

func (in recalledIn) step(b *batch) error {
	if _, known := b.mem.hosts[in.host]; !known {
		return nil
	}
	if q := b.r.recovery; q != nil && q.hosts != nil {
		for _, a := range in.attempts {
			if err := b.recall(in.host, a); err != nil {
				return err
			}
		}
		if h := q.host(in.host); in.last {
			h.answered, h.whole = true, in.whole
		}
	}
	if !b.r.held() {
		in.endTold(b)
		in.judge(b)
	}
	return nil
}

// endTold ends attempts that the store has as live and whose results a manager
// had: one whose last transactions never came here. Who is held does that with
// the confirmation.
func (in recalledIn) endTold(b *batch) {
	for _, a := range in.attempts {
		l, live := b.mem.live[a.Attempt]
		if live && l.host == in.host && a.State == recalledTold {
			b.straightenRecalled(in.host, &a)
			b.endTold(a)
		}
	}
}

func (q *recovery) host(id banto.HostID) *recalledHost {
	if q.hosts[id] == nil {
		q.hosts[id] = &recalledHost{attempts: make(map[banto.AttemptID]recalled)}
	}
	return q.hosts[id]
}
