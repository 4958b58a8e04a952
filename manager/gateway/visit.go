package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/store"
)

// visit is what one host's loop works with.
type visit struct {
	g          *Gateway
	h          *host
	m          *Machine
	connection Connection
	owned      map[banto.AttemptID]bool // attempts whose owner is known: this host or not
	fetching   int                      // scripts that are being read for it
	left       bool                     // it is served no more
}

// maxOwned bounds what is remembered of attempts; what is forgotten is asked
// for again.
const maxOwned = 8192

// problemInbox is an inbox that wants to know what a host says is wrong with
// it, such as a full disk: empty when nothing is any more.
type problemInbox interface {
	HostProblem(id banto.HostID, problem string)
}

func newVisit(g *Gateway, h *host) *visit {
	v := &visit{g: g, h: h, m: NewMachine(g.opt.Epoch, g.opt.Incarnation), owned: map[banto.AttemptID]bool{}}
	v.m.Contacted(h.since)
	v.m.Managers(g.managersNow())
	if g.opt.Connection != nil {
		v.connection = func() (bool, string) { return g.opt.Connection(h.id) }
	}
	return v
}

// Turn does in the caller's goroutine what Run does in one for each host: it
// takes all that waits and sends what is to be sent. next is when it is to be
// called again though nothing has come; zero for never. It is for a caller that
// owns the time, and not beside Run.
func (g *Gateway) Turn(ctx context.Context) (next time.Time) {
	g.lookManagers()
	g.mu.Lock()
	g.begun = true
	if g.visits == nil {
		g.visits = map[banto.HostID]*visit{}
	}
	ids := slices.Sorted(maps.Keys(g.visits))
	for id, h := range g.hosts {
		if g.visits[id] == nil || g.visits[id].h != h {
			g.visits[id] = newVisit(g, h)
			ids = append(ids, id)
		}
	}
	visits := g.visits
	g.mu.Unlock()
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		v := visits[id]
		now := v.turn(ctx)
		if v.left {
			delete(visits, id)
			continue
		}
		if wake := v.wake(now); !wake.IsZero() && (next.IsZero() || wake.Before(next)) {
			next = wake
		}
	}
	return next
}

// wake says when the next turn is, though nothing has come; zero for never.
func (v *visit) wake(now time.Time) time.Time {
	if !v.g.leading() {
		return now.Add(leadAgain)
	}
	return v.m.Wake()
}

// turn takes all that waits for the host, and then sends. A manager that does not
// lead does neither.
func (v *visit) turn(ctx context.Context) time.Time {
	if !v.g.leading() {
		return v.g.opt.Now()
	}
	v.take(ctx, v.h.take())
	v.m.Proved(v.g.proved())
	now := v.g.opt.Now()
	if wake := v.m.Wake(); !wake.IsZero() && !now.Before(wake) {
		v.apply(ctx, v.m.Tick(now, v.connection), now)
	}
	for d, ok := v.m.Next(now); ok; d, ok = v.m.Next(now) {
		v.g.publish(v.h.id, d)
	}
	return now
}

// take takes all that has come for the host.
func (v *visit) take(ctx context.Context, in mail) {
	if in.known != nil {
		v.m.Known(in.known.generation, in.known.count)
	}
	if in.rekeyed {
		v.m.Rekeyed()
	}
	if in.ask {
		v.m.Ask()
	}
	if in.managers {
		v.m.Managers(v.g.managersNow())
	}
	if in.quiet > 0 {
		v.m.Quiet(in.quiet)
	}
	if in.recall != nil {
		v.apply(ctx, v.m.Recall(*in.recall), v.g.opt.Now())
	}
	for _, o := range in.orders {
		v.deliver(ctx, o)
	}
	v.m.Acknowledge(in.acks)
	for _, id := range in.acks {
		delete(v.owned, id)
	}
	for _, f := range in.scripts {
		v.script(f)
	}
	if in.dropped > 0 {
		v.g.opt.Log.Warn("frames are dropped: the host sends faster than they can be taken", "host", v.h.id, "dropped", in.dropped)
	}
	for _, f := range in.frames {
		v.frame(ctx, f)
	}
	if in.leave != "" {
		v.m.Leave(in.leave)
		v.left = true
	}
}

func (v *visit) deliver(ctx context.Context, o fabric.Order) {
	superseded, taken, fill := v.m.Deliver(o)
	switch {
	case !taken:
		v.g.notStarted(v.h.id, o, fmt.Sprintf("script, arguments and environment are more than %d KiB", fabric.FrameRoom>>10))
		return
	case o.Start != nil:
		v.own(o.Start.Attempt, true)
	}
	if len(superseded) > 0 {
		v.g.opt.Inbox.Confirmed(v.h.id, superseded, 0)
	}
	if fill {
		v.fetch(ctx, fetched{want: fabric.ScriptWant{Hash: o.Start.Spec.ScriptHash}, order: &o})
	}
}

func (v *visit) frame(ctx context.Context, f frame) {
	u, err := fabric.DecodeUp(f.data)
	var version *fabric.VersionError
	switch {
	case errors.As(err, &version):
		v.m.Refuse(u.Session, version.Error(), f.at)
		v.h.noteRefusal(version.Error(), f.at)
		fallthrough
	case err != nil:
		if n, ok := v.g.malformed.due(f.at); ok {
			v.g.opt.Log.Warn("frame is dropped", "host", v.h.id, "error", err, "dropped", n)
		}
		return
	}
	if !v.g.leading() {
		return
	}
	v.apply(ctx, v.m.Frame(u, f.at), f.at)
	v.m.Ping(&u, f.came, f.at)
}

// apply carries out what the machine asks for.
func (v *visit) apply(ctx context.Context, e Effects, now time.Time) {
	id, inbox := v.h.id, v.g.opt.Inbox
	if e.Refused != "" {
		v.h.noteRefusal(e.Refused, now)
		v.g.opt.Log.Warn(e.Refused, "host", id)
		if v.g.opt.Refused != nil {
			v.g.opt.Refused(id, e.Refused)
		}
	}
	if e.Up != nil {
		v.h.renewed(now)
		inbox.HostUp(runner.HostSession{ID: id, Hello: *e.Up, At: now, ClockMS: ahead(e.Up.At, now)})
		v.problem("")
	}
	if len(e.Confirmed) > 0 || e.Claims > 0 {
		inbox.Confirmed(id, e.Confirmed, e.Claims)
	}
	if len(e.Started) > 0 {
		started := make([]engine.Started, len(e.Started))
		for i, s := range e.Started {
			started[i] = engine.Started{Attempt: s.Attempt, At: s.At}
		}
		inbox.HostStarted(id, started)
	}
	for _, c := range e.Output {
		v.write(c, now)
	}
	if ended := v.complete(e.Ended); len(ended) > 0 {
		inbox.HostEnded(id, ended)
	}
	for _, w := range e.Wants {
		v.fetch(ctx, fetched{want: w})
	}
	for _, o := range e.Fill {
		v.fetch(ctx, fetched{want: fabric.ScriptWant{Hash: o.Start.Spec.ScriptHash}, order: &o})
	}
	if e.Problem != nil {
		v.problem(*e.Problem)
	}
	for i := range e.Recalled {
		r := &e.Recalled[i]
		inbox.Recalled(id, r.Attempts, !r.More, r.Whole && !r.More)
	}
	if e.Down != "" {
		inbox.HostDown(id, e.Down, now, e.Contact)
	}
}

// ahead says how far a host's clock is ahead, in milliseconds; 0 if it does not
// tell the time.
func ahead(clock, now time.Time) int64 {
	if clock.IsZero() {
		return 0
	}
	return clock.Sub(now).Milliseconds()
}

// problem passes on what the host says is wrong with it.
func (v *visit) problem(text string) {
	v.h.mu.Lock()
	same := v.h.problem == text
	v.h.mu.Unlock()
	if same {
		return
	}
	v.h.noteProblem(text)
	if text != "" {
		v.g.opt.Log.Warn("a host takes no new work", "host", v.h.id, "why", text)
	}
	if inbox, ok := v.g.opt.Inbox.(problemInbox); ok {
		inbox.HostProblem(v.h.id, text)
	}
}

// owns says whether an attempt is this host's. The store is asked until it has
// answered once; while it cannot, what is told of the attempt has to come again.
func (v *visit) owns(attempt banto.AttemptID) (bool, error) {
	if v.g.opt.Owns == nil {
		return true, nil
	}
	yes, known := v.owned[attempt]
	if known {
		return yes, nil
	}
	yes, err := v.g.opt.Owns(v.h.id, attempt)
	if err != nil {
		return false, err
	}
	v.own(attempt, yes)
	return yes, nil
}

func (v *visit) own(attempt banto.AttemptID, yes bool) {
	if len(v.owned) >= maxOwned {
		clear(v.owned)
	}
	v.owned[attempt] = yes
}

// write keeps a piece of output. When that fails it is not acknowledged, and
// the host sends it again after a while.
func (v *visit) write(c fabric.OutputChunk, now time.Time) {
	yes, err := v.owns(c.Attempt)
	if err != nil {
		v.unwritten(err, now)
		return
	}
	if !yes {
		if n, ok := v.g.malformed.due(now); ok {
			v.g.opt.Log.Warn("output of another host's attempt is dropped", "host", v.h.id, "attempt", c.Attempt, "dropped", n)
		}
		return
	}
	size, err := v.g.opt.Outputs.Write(c.Attempt, c.Offset, c.Data)
	var gap *store.GapError
	if err != nil && !errors.As(err, &gap) {
		v.unwritten(err, now)
		return
	}
	v.m.Stored(c.Attempt, size, gap != nil)
}

func (v *visit) unwritten(err error, now time.Time) {
	if n, ok := v.g.unwritten.due(now); ok {
		v.g.opt.Log.Error("output is not written and will be asked for again; its attempts cannot end until it is", "error", err, "failed", n)
	}
}

// hasOutput says whether a result's output is all here, or is none of this
// host's to send.
func (v *visit) hasOutput(r *fabric.EndedReport) bool {
	yes, err := v.owns(r.Attempt)
	if err != nil || !yes {
		return err == nil
	}
	size, err := v.g.opt.Outputs.Size(r.Attempt)
	return err == nil && size >= r.OutputSize
}

// complete gives the results whose output is all here. The others come again.
func (v *visit) complete(reports []fabric.EndedReport) []engine.Ended {
	var ended []engine.Ended
	for _, r := range reports {
		if r.OutputSize > 0 && !v.hasOutput(&r) {
			continue
		}
		ended = append(ended, engine.Ended{
			Attempt: r.Attempt, StartedAt: r.StartedAt, At: r.At, Exit: r.Exit, Reason: r.Reason, Message: r.Message,
			Vars: r.Vars, Output: r.OutputHead, OutputSize: r.OutputSize, OutputLost: r.OutputLost,
		})
	}
	return ended
}
