package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/sim/memstore"
	"github.com/bantoops/banto/store"
)

var (
	errDisk = errors.New("the disk failed")
	errAway = errors.New("the store cannot be reached")
)

// truth is what really happened, which no part of the product knows.
type truth struct {
	w       *world
	look    *memstore.Store
	epoch   int64                   // that was taken last
	over    map[reign]time.Duration // when another followed it
	last    reign
	fates   map[banto.AttemptID]*fate
	rows    map[banto.AttemptID]banto.Attempt // that have ended, as committed
	givenUp map[banto.TrackerID]bool          // an operator gave up, or ran again, what may still run
	killed  map[banto.TrackerID]bool          // an operator had killed what runs, or is lost
}

// fate is what became of an attempt.
type fate struct {
	processes []*process
	printed   int64         // the most that its output ever was
	told      *keeper.Ended // what its keeper made of its end
	on        *host
	excuse    string // why it may be started again, or beside another
	lost      string // why its result need not arrive
	before    bool   // it was there before the store was put back
}

func newTruth(w *world) *truth {
	return &truth{
		w: w, look: memstore.Open(w.shelf, memstore.Options{Clock: w.clock}), fates: map[banto.AttemptID]*fate{},
		rows: map[banto.AttemptID]banto.Attempt{}, over: map[reign]time.Duration{},
		givenUp: map[banto.TrackerID]bool{}, killed: map[banto.TrackerID]bool{},
	}
}

func (t *truth) of(id banto.AttemptID) *fate {
	f := t.fates[id]
	if f == nil {
		f = &fate{}
		t.fates[id] = f
	}
	return f
}

// reign is the time in which a manager is the active one.
type reign struct {
	incarnation string
	epoch       int64
}

// taken says that a manager has become active.
func (t *truth) taken(incarnation string, epoch int64) {
	if epoch <= t.epoch {
		t.w.broken(5, "epoch %d was taken after %d", epoch, t.epoch)
	}
	t.over[t.last] = t.w.now
	t.last, t.epoch = reign{incarnation, epoch}, epoch
}

// contact says that a host was told of contact until then by a manager: as long
// as it was the active one, and no longer. Another manager counts on that.
func (t *truth) contact(h *host, by reign, until time.Duration) {
	if end, over := t.over[by]; over && until > end {
		t.w.broken(2, "%s was told that it had contact at %s, and the manager that told it was not the active one since %s", h, until, end)
	}
}

// row takes what is about to be committed.
func (t *truth) row(epoch int64, row any) {
	if row == nil {
		if epoch < t.epoch {
			t.w.broken(5, "a transaction of epoch %d is committed after %d was taken", epoch, t.epoch)
		}
		return
	}
	a, ok := row.(*banto.Attempt)
	if !ok || !a.State.Ended() {
		if r, was := t.rows[idOf(row)]; was {
			t.w.broken(3, "%s had ended as %s, and is %s", r.ID, r.State, a.State)
		}
		return
	}
	t.w.note("%s ends as %s %s%s", a.ID, a.State, a.Reason, exitText(a.Exit))
	before, known := t.rows[a.ID]
	if known && (before.State != a.State || exitText(before.Exit) != exitText(a.Exit) || before.Reason != a.Reason) {
		t.w.broken(3, "%s ended as %s %s%s, and then as %s %s%s", a.ID,
			before.State, before.Reason, exitText(before.Exit), a.State, a.Reason, exitText(a.Exit))
	}
	t.rows[a.ID] = *a
	if a.Exit != nil {
		f := t.of(a.ID)
		if len(f.processes) == 0 || !f.exited(*a.Exit) {
			t.w.broken(3, "%s has the exit code %d, which no process of it had", a.ID, *a.Exit)
		}
	}
	if (a.State == banto.AttemptOK || a.State == banto.AttemptWarning) && a.Exit == nil {
		t.w.broken(3, "%s is %s without an exit code", a.ID, a.State)
	}
}

func idOf(row any) banto.AttemptID {
	if a, ok := row.(*banto.Attempt); ok {
		return a.ID
	}
	return ""
}

func exitText(exit *int) string {
	if exit == nil {
		return ""
	}
	return fmt.Sprintf(" exit %d", *exit)
}

func (f *fate) exited(code int) bool {
	for _, p := range f.processes {
		if p.over && !p.signal && p.exit == code {
			return true
		}
	}
	return false
}

// spawned says that a process was made.
func (t *truth) spawned(p *process) {
	id := p.start.Attempt
	f := t.of(id)
	f.processes = append(f.processes, p)
	f.on = p.h
	t.w.note("%s starts %s of %s, which will end at %s with %d", p.h, id, p.start.Spec.Part, p.ends, p.exit)
	if n := len(f.processes); n > 1 && f.excuse == "" && !p.h.twin {
		t.w.broken(2, "%s was started %d times", id, n)
	}
	if t.givenUp[p.start.Spec.Tracker] || f.excuse != "" || p.h.copied {
		return
	}
	if r, ended := t.rows[id]; ended {
		t.w.broken(2, "%s is started, and had ended as %s %s", id, r.State, r.Reason)
	}
	for _, h := range t.w.hosts {
		for _, other := range h.procs {
			if o := other.start; o.Spec.Tracker == p.start.Spec.Tracker && o.Spec.Part == p.start.Spec.Part && o.Attempt != id && !other.over &&
				t.of(o.Attempt).excuse == "" && !h.copied && !p.h.copied {
				t.w.broken(2, "%s of %s runs on %s while %s is started on %s", o.Attempt, o.Spec.Part, h, id, p.h)
			}
		}
	}
}

// endedProcess says that a process has ended.
func (t *truth) endedProcess(p *process) {
	t.w.note("%s has ended on %s (by a signal: %v)", p.start.Attempt, p.h, p.signal)
}

// printed says how long an attempt's output has become.
func (t *truth) printed(id banto.AttemptID, size int64) {
	f := t.of(id)
	f.printed = max(f.printed, size)
}

// told says what a keeper makes of an attempt's end, once it is on its disk: it
// stays at that.
func (t *truth) told(on *host, e *keeper.Ended) {
	f, c := t.of(e.Attempt), *e
	if before := f.told; before != nil && f.lost == "" && !on.copied && (before.Reason != e.Reason || exitText(before.Exit) != exitText(e.Exit)) {
		t.w.broken(3, "the keeper of %s tells of %s %s%s, and has told %s%s", on, e.Attempt, e.Reason, exitText(e.Exit), before.Reason, exitText(before.Exit))
	}
	if f.told = &c; f.on == nil { // it was refused, or killed before it was started
		f.on = on
	}
}

// stunned says that a machine stands still: what runs on it may be given up
// before it knows, and its keeper cannot end it.
func (t *truth) stunned(h *host, _ time.Duration) { t.excuseRunning(h, "its machine stood still") }

// keeperGone says that nobody on the host counts the dead-man's limits.
func (t *truth) keeperGone(h *host) { t.excuseRunning(h, "") }

// excuseRunning excuses what runs on a host.
func (t *truth) excuseRunning(h *host, why string) {
	for _, p := range h.procs {
		if f := t.of(p.start.Attempt); f.excuse == "" {
			f.excuse = why
		}
	}
}

// putBack says that a machine forgets what was on its disk since a picture was
// taken. What it had run is lost; but it is not run again, if the manager can
// know: it has heard of claims, or of a generation, that are not in the picture.
func (t *truth) putBack(h *host, to *disk) {
	row, err := t.look.HostByID(t.w.ctx, h.id)
	noticed := err == nil && (row.Generation != to.of || row.Claims > to.claims)
	t.w.note("the manager knows of %d claims of %s, which has %d again (%s, %s)", row.Claims, h, to.claims, row.Generation, to.of)
	for _, f := range t.fates {
		if f.on != h {
			continue
		}
		f.lost = "its machine was put back"
		if !noticed && f.excuse == "" {
			f.excuse = f.lost
		}
	}
}

// copiedHost says that a machine has a copy.
func (t *truth) copiedHost(h *host) {
	for _, f := range t.fates {
		if f.on == h && f.told == nil {
			f.lost = "its machine was copied"
		}
	}
}

// touched says that an operator makes a move.
func (t *truth) touched(id banto.TrackerID, m banto.Move) {
	switch m {
	case banto.MoveSkip, banto.MoveForceEnd, banto.MoveRerun:
		t.givenUp[id] = true
	case banto.MoveKill, banto.MoveCancel:
		t.killed[id] = true
	}
}

// answered says that a tracker's ID was told.
func (t *truth) answered(id banto.TrackerID) {
	if _, err := t.look.Tracker(t.w.ctx, id); err != nil {
		t.w.broken(1, "%s was answered, and is not in the store: %v", id, err)
	}
}

// ordered says that orders are handed to a host: they are in the outbox.
func (t *truth) ordered(epoch int64, host banto.HostID, orders []fabric.Order) {
	if epoch != t.epoch {
		return // it is another's by now, and nobody listens to this manager
	}
	entries, err := t.look.Outbox(t.w.ctx)
	if err != nil {
		return
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.ID] = e.HostID == host
	}
	for _, o := range orders {
		if !there[o.ID] {
			t.w.broken(5, "the order %s is sent, and is not in the outbox of %s", o.ID, host)
		}
	}
}

// acknowledged says that results are acknowledged: they are committed.
func (t *truth) acknowledged(ids []banto.AttemptID) {
	for _, id := range ids {
		if t.of(id).before {
			continue // by the store that is no more, maybe
		}
		a, err := t.look.Attempt(t.w.ctx, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) || err == nil && !a.State.Ended() {
			t.w.broken(3, "the result of %s is acknowledged, and the attempt is %s in the store", id, a.State)
		}
	}
}
