package runner

import (
	"slices"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/engine"
)

// field holds the hosts that a test plays: each with the claims of its keeper,
// which outlive every manager.
type field struct {
	mu    sync.Mutex
	hosts map[banto.HostID]*played
	// result says how an attempt ends; nil: it runs on until finish or a kill.
	result func(banto.Spec) *engine.Ended
	// act takes over what a host does next; nil: it is done at once.
	act func(func())
	// unstarted makes attempts end before they have a process.
	unstarted bool
}

// played is one host. It talks to the manager whose link it is connected to.
type played struct {
	id       banto.HostID
	name     string
	boot     string
	gen      string
	slots    int
	clock    time.Duration // ahead of the manager's
	shells   []string
	link     *link
	claims   map[banto.AttemptID]*claim
	claimed  []banto.AttemptID // in order
	cleaned  []banto.TrackerID
	mute     bool // it does not say what its keeper knows
	forgot   bool // or not all
	asked    int  // how often it alone was asked for that
	reticent bool // its results come later than its Hello, which does not name them
	deadMan  bool // its keeper ends attempts by their dead-man's limit
	overload int  // most attempts that ran at once
}

// claim is an attempt that the keeper was asked to start or kill.
type claim struct {
	spec   banto.Spec
	starts int
	at     *time.Time
	end    *engine.Ended
	acked  bool
}

// link is the way from one loop to the hosts, as the gateway would be: it keeps
// orders until they are confirmed, and dies with its manager.
type link struct {
	field   *field
	inbox   Inbox
	dead    bool
	pending map[banto.HostID][]fabric.Order
	may     map[banto.HostID]int // who may connect, and how often that was said
	removed []banto.HostID
	recall  *time.Time
}

func newField(*testStore) *field {
	return &field{hosts: make(map[banto.HostID]*played), result: succeed}
}

func succeed(banto.Spec) *engine.Ended { return &engine.Ended{Exit: new(int)} }

func (f *field) add(id banto.HostID, name string) {
	f.hosts[id] = &played{id: id, name: name, boot: "boot-1", gen: "gen-1", slots: 4, claims: make(map[banto.AttemptID]*claim)}
}

func (f *field) newLink() *link {
	return &link{field: f, pending: make(map[banto.HostID][]fabric.Order), may: make(map[banto.HostID]int)}
}

// Deliver implements Hosts.
func (l *link) Deliver(host banto.HostID, orders []fabric.Order) {
	f := l.field
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range orders {
		l.pending[host] = slices.DeleteFunc(l.pending[host], func(p fabric.Order) bool { return p.ID == o.ID })
		if o.Kill != nil { // as the gateway does
			l.pending[host] = slices.DeleteFunc(l.pending[host], func(p fabric.Order) bool { return p.ID == startOrder(o.Kill.Attempt) })
		}
		l.pending[host] = append(l.pending[host], o)
	}
	if h := f.hosts[host]; h != nil && h.link == l && !l.dead {
		for _, o := range orders {
			f.do(func() { h.obey(l, o) })
		}
	}
}

// Acknowledge implements Hosts.
func (l *link) Acknowledge(host banto.HostID, attempts []banto.AttemptID) {
	l.field.mu.Lock()
	defer l.field.mu.Unlock()
	for _, a := range attempts {
		if c := l.field.hosts[host].claims[a]; c != nil && !l.dead {
			c.acked = true
		}
	}
}

// Enrolled implements Hosts.
func (l *link) Enrolled(id banto.HostID, _ string, _ int64) {
	l.field.mu.Lock()
	defer l.field.mu.Unlock()
	l.may[id]++
}

// Recall implements Hosts.
func (l *link) Recall(since time.Time) {
	l.field.mu.Lock()
	defer l.field.mu.Unlock()
	l.recall = &since
	for _, h := range l.field.hosts {
		if h.link == l {
			h.tellRecalled(l)
		}
	}
}

// RecallFrom implements Hosts.
func (l *link) RecallFrom(host banto.HostID, since time.Time) {
	l.field.mu.Lock()
	defer l.field.mu.Unlock()
	h := l.field.hosts[host]
	h.asked++
	if h.link == l && !h.mute {
		h.tellAll(l, since)
	}
}

// tellRecalled tells what the keeper knows, if all hosts were asked. f.mu is held.
func (h *played) tellRecalled(l *link) {
	if l.recall != nil && !h.mute {
		h.tellAll(l, *l.recall)
	}
}

func (h *played) tellAll(l *link, since time.Time) {
	var out []fabric.RecalledAttempt
	for _, a := range h.claimed {
		c := h.claims[a]
		r := fabric.RecalledAttempt{Attempt: a, Part: c.spec.Part, State: recalledRunning, StartedAt: c.at}
		if c.end != nil {
			r.At, r.Exit, r.Reason, r.State = &c.end.At, c.end.Exit, c.end.Reason, recalledEnded
			if c.acked {
				r.State = recalledTold
			}
		}
		if r.At == nil || r.At.After(since) {
			out = append(out, r)
		}
	}
	l.inbox.Recalled(h.id, out, false, false) // once more from the beginning, as after a loss
	l.inbox.Recalled(h.id, out, true, !h.forgot)
}

// Removed implements Hosts.
func (l *link) Removed(id banto.HostID, _ string) {
	l.field.mu.Lock()
	defer l.field.mu.Unlock()
	delete(l.may, id)
	delete(l.pending, id)
	l.removed = append(l.removed, id)
}

// do does something now or when the test says.
func (f *field) do(what func()) {
	if f.act != nil {
		f.act(what)
		return
	}
	what()
}

// up connects a host: hello, what has ended and was never acknowledged, and
// then the orders that wait.
func (f *field) up(l *link, id banto.HostID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.hosts[id]
	h.link = l
	hello := fabric.Hello{Name: h.name, Version: "1", OS: "linux", Arch: "amd64", BootID: h.boot, Generation: h.gen, Slots: h.slots, Shells: h.shells, Claims: int64(len(h.claimed)), DeadMan: h.deadMan}
	for _, a := range h.claimed {
		switch c := h.claims[a]; {
		case c.end != nil && h.reticent:
		case c.end != nil && !c.acked:
			hello.Ended = append(hello.Ended, a)
		case c.starts > 0 && c.end == nil:
			hello.Running = append(hello.Running, a)
		}
	}
	l.inbox.HostUp(HostSession{ID: id, Hello: hello, At: time.Now(), ClockMS: h.clock.Milliseconds()})
	if !h.reticent {
		h.tellEnded(l)
	}
	h.tellRecalled(l)
	for _, o := range l.pending[id] {
		f.do(func() { h.obey(l, o) })
	}
}

// isUp says whether a host is connected.
func (f *field) isUp(id banto.HostID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hosts[id].link != nil
}

// tellEnded tells all results that were not acknowledged. f.mu is held.
func (h *played) tellEnded(l *link) {
	var ended []engine.Ended
	for _, a := range h.claimed {
		if c := h.claims[a]; c.end != nil && !c.acked {
			ended = append(ended, *c.end)
		}
	}
	if len(ended) > 0 {
		l.inbox.HostEnded(h.id, ended)
	}
}

// down cuts a host off.
func (f *field) down(id banto.HostID, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.hosts[id]
	if l := h.link; l != nil {
		h.link = nil
		l.inbox.HostDown(id, why, time.Now(), time.Now())
	}
}

// obey does what an order says, at most once. f.mu is held.
func (h *played) obey(l *link, o fabric.Order) {
	if h.link != l || l.dead {
		return
	}
	switch {
	case o.Start != nil:
		h.start(l, o.Start)
	case o.Kill != nil:
		h.kill(l, o.Kill.Attempt)
	case o.Clean != nil:
		if !slices.Contains(h.cleaned, o.Clean.Tracker) {
			h.cleaned = append(h.cleaned, o.Clean.Tracker)
		}
	}
	l.pending[h.id] = slices.DeleteFunc(l.pending[h.id], func(p fabric.Order) bool { return p.ID == o.ID })
	l.inbox.Confirmed(h.id, []string{o.ID}, int64(len(h.claimed)))
}

func (h *played) start(l *link, o *fabric.StartOrder) {
	if h.claims[o.Attempt] != nil {
		return // claimed before
	}
	if o.Generation != h.gen { // as the agent does
		l.inbox.HostEnded(h.id, []engine.Ended{{Attempt: o.Attempt, At: h.now(), Reason: banto.ReasonKeeperDied}})
		return
	}
	c := &claim{spec: o.Spec, starts: 1}
	h.claims[o.Attempt] = c
	h.claimed = append(h.claimed, o.Attempt)
	h.overload = max(h.overload, h.running())
	at := h.now()
	c.at = &at
	end := l.field.result(o.Spec)
	if end == nil {
		l.inbox.HostStarted(h.id, []engine.Started{{Attempt: o.Attempt, At: at}})
		return
	}
	if !l.field.unstarted {
		end.StartedAt = &at
	}
	l.field.do(func() {
		if c.end == nil {
			h.finish(o.Attempt, *end)
		}
	})
}

// now is what the host's clock says.
func (h *played) now() time.Time { return time.Now().Add(h.clock) }

func (h *played) running() int {
	n := 0
	for _, c := range h.claims {
		if c.starts > 0 && c.end == nil {
			n++
		}
	}
	return n
}

func (h *played) kill(l *link, id banto.AttemptID) {
	c := h.claims[id]
	if c == nil {
		c = &claim{} // a tombstone: a late start does nothing
		h.claims[id] = c
		h.claimed = append(h.claimed, id)
	}
	if c.end == nil {
		h.finish(id, engine.Ended{Reason: banto.ReasonKilled})
	}
}

// finish ends an attempt, and tells it if the host is connected.
func (h *played) finish(id banto.AttemptID, end engine.Ended) {
	c := h.claims[id]
	end.Attempt, end.At = id, h.now()
	c.end = &end
	if h.link != nil && !h.link.dead {
		h.link.inbox.HostEnded(h.id, []engine.Ended{end})
	}
}

// end ends the attempt of a part that runs.
func (f *field) end(id banto.HostID, part banto.PartKey, end engine.Ended) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.hosts[id]
	for _, a := range h.claimed {
		if c := h.claims[a]; c.spec.Part == part && c.end == nil {
			end.StartedAt = new(h.now())
			h.finish(a, end)
		}
	}
}

// starts counts the processes that a part was given on all hosts.
func (f *field) starts(part banto.PartKey) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, h := range f.hosts {
		for _, c := range h.claims {
			if c.spec.Part == part {
				n += c.starts
			}
		}
	}
	return n
}
