package enginetest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// oracle says where every part must stand. It reads the language's words
// again after each input, over all parts, until nothing moves: slow, and with
// nothing that could be counted wrongly.
type oracle struct {
	flow       *simFlow
	parts      map[string]*fate
	state      banto.TrackerState
	cancelling bool
	held       bool
	rerun      int
	attempts   int
	restarts   int
	starting   bool // it starts again from its start once nothing of it is on a host
	now        time.Time
}

var zeroTime time.Time

// fate is where a part must stand.
type fate struct {
	state      banto.PartState
	attempt    int
	tries      int
	attemptID  banto.AttemptID
	via        string
	justVia    bool // via was chosen in this step
	justCalled bool // it has begun an attempt in this step, the engine says with which number
	healed     bool
	exit       *int
	hasN       bool // it set n
	retryAt    time.Time
	toSkip     bool // skipped, and its turn has not come
	forced     banto.Outcome
	outlet     string    // the way that a branch took
	until      time.Time // of a wait that goes on
	stopped    bool      // it is an end that took effect
	left       bool      // it has left waiting
	rerun      int       // in which it did
	killing    bool
	limited    bool             // its keeper ends it by its dead man's limit
	deadBy     time.Time        // while it is lost
	gone       bool             // lost for good: the tracker is about to start again
	items      map[string]*fate // by host
}

func newOracle(flow *simFlow, now time.Time) *oracle {
	o := &oracle{flow: flow, now: now, parts: map[string]*fate{}, state: banto.TrackerRunning}
	for _, p := range flow.parts {
		o.parts[p.name] = &fate{state: banto.PartWaiting}
	}
	o.move()
	return o
}

// apply takes an input. It gives true if the tracker must refuse it.
func (o *oracle) apply(in engine.Input, now time.Time) (refused bool) {
	o.now = now
	switch in := in.(type) {
	case engine.Placed:
		o.placed(in)
	case engine.FanOut:
		o.fanOut(in)
	case engine.NoPlace:
		if f, _, _ := o.find(in.Part); f != nil && f.state == banto.PartReady && !o.held && !o.starting {
			f.fail()
		}
	case engine.Started:
		o.there(in.Attempt)
	case engine.Found:
		o.there(in.Attempt)
	case engine.Lost:
		o.lost(in)
	case engine.Ended:
		o.ended(in, now)
	case engine.Wake:
		o.wake(in)
	default:
		refused = o.moveOf(in)
	}
	if !refused {
		o.move()
	}
	return refused
}

// live gives the part whose attempt is on a host, as far as anyone knows.
func (o *oracle) live(id banto.AttemptID) *fate {
	f, _, _ := o.liveOf(id)
	return f
}

// liveOf gives with it what it is of, and the part as it is defined.
func (o *oracle) liveOf(id banto.AttemptID) (f, of *fate, p *simPart) {
	o.all(func(g, of2 *fate, p2 *simPart) {
		if g.attemptID == id && g.out() {
			f, of, p = g, of2, p2
		}
	})
	return f, of, p
}

func onHost(s banto.PartState) bool {
	return s == banto.PartStarting || s == banto.PartRunning || s == banto.PartLost
}

// out says whether an attempt of it is or may be on a host.
func (f *fate) out() bool { return onHost(f.state) && !f.spread() && !f.gone && f.until.IsZero() }

func (f *fate) fail() {
	f.state, f.exit, f.hasN, f.outlet = banto.PartError, nil, false, ""
}

func (o *oracle) placed(in engine.Placed) {
	f, _, p := o.find(in.Part)
	if f == nil || f.state != banto.PartReady || o.held || o.starting {
		return
	}
	if p.needs != "" {
		if of := o.parts[p.needs]; !of.state.Ended() || !of.hasN {
			f.fail()
			return
		}
	}
	o.attempts++
	f.state, f.attempt, f.tries = banto.PartStarting, f.attempt+1, f.tries+1
	f.attemptID = banto.NewAttemptID(simTracker, o.attempts)
	f.exit, f.hasN, f.killing, f.retryAt = nil, false, false, zeroTime
	f.limited, f.deadBy = in.DeadMan && p.onLost != "", zeroTime
}

// ended judges a result.
func (o *oracle) ended(in engine.Ended, now time.Time) {
	f, of, p := o.liveOf(in.Attempt)
	if f == nil {
		return
	}
	if in.Reason == banto.ReasonLost && in.StartedAt != nil && f.limited && !f.killing && o.onLost(f, p) {
		return
	}
	f.exit, f.hasN = in.Exit, p.sets && in.Vars == varsRight
	if in.Outcome != "" {
		f.exit = new(map[banto.Outcome]int{banto.OK: 0, banto.Warning: 1, banto.Error: 2}[in.Outcome])
	}
	switch {
	case f.forced != "":
		f.state = banto.PartState(f.forced)
		o.endedWell(f, of, p)
		return
	case in.Reason == banto.ReasonKilled && o.cancelling:
		f.state = banto.PartCancelled
		return
	case in.Outcome != "":
		f.state = banto.PartState(in.Outcome)
	case in.Reason != "" || in.Exit == nil:
		f.state = banto.PartError
	case *in.Exit == 0:
		f.state = banto.PartOK
	case p.warns && *in.Exit <= 3:
		f.state = banto.PartWarning
	default:
		f.state = banto.PartError
	}
	if p.sets && in.Vars == varsWrong {
		f.state = banto.PartError
	}
	again := f.state == banto.PartError && f.tries < p.attempts && !o.hasStopped(f.rerun) && !o.cancelling && !f.killing && in.Reason != banto.ReasonKilled
	if in.Reason == banto.ReasonLost && p.onLost == jobnet.LostRerunJobnet {
		again = false
	}
	if again && p.codes {
		again = in.Exit != nil && *in.Exit == 75
	}
	if again {
		wait := p.wait
		for range f.tries - 1 {
			wait *= 2
		}
		f.state, f.retryAt = banto.PartRetrying, now.Add(wait)
	}
	o.endedWell(f, of, p)
}

// endedWell lets a part that has ended well heal.
func (o *oracle) endedWell(f, of *fate, p *simPart) {
	if of == nil && (f.state == banto.PartOK || f.state == banto.PartWarning) {
		o.heal(p, func(g *fate) { g.healed = true })
	}
}

// heal calls each for what the part heals when it has ended well.
func (o *oracle) heal(p *simPart, each func(*fate)) {
	me := o.parts[p.name]
	if me.state != banto.PartOK && me.state != banto.PartWarning || me.forced != "" && me.tries == 0 {
		return
	}
	for _, e := range p.edges {
		leads := e.outlet == jobnet.OutletError || e.outlet == jobnet.OutletEnded
		took := !p.any || o.parts[p.name].via == e.from
		if g := o.parts[e.from]; p.heals && leads && took && g.state == banto.PartError {
			each(g)
		}
	}
}

// look says how an edge stands: taken, off, failed or open.
func (o *oracle) look(e simEdge) string {
	s := o.parts[e.from].state
	if o.parts[e.from].toSkip {
		return "open"
	}
	well := s == banto.PartOK || s == banto.PartWarning || s == banto.PartSkipped
	switch {
	case !s.Ended():
		return "open"
	case s == banto.PartNotTaken:
		return "off"
	case e.way:
		switch chosen := o.parts[e.from].outlet; {
		case !well || chosen == "":
			return "failed"
		case chosen == string(e.outlet):
			return "taken"
		}
		return "off"
	case s == banto.PartUnreached || s == banto.PartCancelled:
		return "failed"
	case e.outlet == jobnet.OutletEnded,
		e.outlet == jobnet.OutletDone && well,
		string(e.outlet) == string(s):
		return "taken"
	case e.outlet == jobnet.OutletDone,
		e.outlet == jobnet.OutletOK && s != banto.PartSkipped:
		return "failed"
	}
	return "off"
}

// move lets everything flow until nothing moves, and ends the tracker if
// nothing can.
func (o *oracle) move() {
	defer o.mark()
	o.flowOn()
	if o.startAgain() {
		o.flowOn()
	}
	if o.state.Ended() {
		return
	}
	o.state = banto.TrackerRunning
	if o.held {
		o.state = banto.TrackerHeld
	}
	for _, p := range o.flow.parts {
		if o.parts[p.name].state.Live() {
			return
		}
	}
	o.end()
}

// mark notes in which rerun parts and items have left waiting.
func (o *oracle) mark() {
	o.all(func(f, _ *fate, _ *simPart) {
		if !f.left && f.state != banto.PartWaiting {
			f.left, f.rerun = true, o.rerun
		}
	})
}

// flowOn lets everything flow until nothing moves; then an end that was reached
// takes effect, and it goes on from there.
func (o *oracle) flowOn() {
	for o.flowTo(); o.stop(); o.flowTo() {
	}
}

func (o *oracle) flowTo() {
	for again := true; again; {
		again = false
		for i := range o.flow.parts {
			p := &o.flow.parts[i]
			o.sum(p)
			o.call(p)
			if f := o.parts[p.name]; (f.state == banto.PartWaiting || f.toSkip) && o.arrive(p) {
				again = true
			}
			o.sum(p)
		}
	}
}

// arrive moves a waiting part if its edges say so.
func (o *oracle) arrive(p *simPart) bool {
	f := o.parts[p.name]
	if !p.runs() && !p.calls && !f.toSkip && (o.held || o.starting) {
		if allowed, _, settled := o.allowed(p); allowed || !settled {
			return false
		}
	}
	allowed, via, settled := o.allowed(p)
	if f.via != "" {
		via = f.via // it was held when it was ready
	}
	if !allowed {
		if settled {
			f.state, f.toSkip = banto.PartNotTaken, false
		}
		return settled
	}
	wasSkipped := f.toSkip
	if p.end != "" && !wasSkipped && !o.whenStops(p) {
		return false // it takes effect when nothing else moves
	}
	f.via = via
	f.state, f.justVia, f.toSkip = banto.PartReady, f.via != "", false
	switch {
	case p.when == whenFalse:
		f.state, f.via = banto.PartNotTaken, ""
	case p.when == whenExit && o.parts[p.whenOf].exit == nil && !wasSkipped:
		f.via = ""
		f.fail()
	case p.when == whenExit && o.parts[p.whenOf].exit != nil && *o.parts[p.whenOf].exit != 0:
		f.state, f.via = banto.PartNotTaken, ""
	case wasSkipped:
		f.state, f.via = banto.PartSkipped, ""
	case len(p.ways) > 0:
		o.branch(p, f)
	case p.pause > 0:
		f.state, f.until, f.exit, f.hasN = banto.PartRunning, o.now.Add(p.pause), nil, false
	case f.has(func(i *fate) bool { return i.state != banto.PartNotTaken }):
		f.state = banto.PartRunning
		for _, i := range f.items {
			if i.state == banto.PartWaiting {
				i.state = banto.PartReady
			}
		}
	}
	return true
}

// allowed says whether the edges of a part let it start, over which one if any
// will do, and if not, whether that is settled for good.
func (o *oracle) allowed(p *simPart) (yes bool, via string, settled bool) {
	var ways []string
	for _, e := range p.edges {
		w := o.look(e)
		ways = append(ways, w)
		if w == "taken" && via == "" {
			via = e.from
		}
	}
	has := func(w string) bool { return slices.Contains(ways, w) }
	switch {
	case len(p.edges) == 0:
		return true, "", false
	case p.any && has("taken"):
		return true, via, false
	case has("open") || has("failed"):
		return false, "", false
	case has("taken"):
		return true, "", false
	}
	return false, "", true
}

// end gives the tracker its outcome.
func (o *oracle) end() {
	o.mark()
	if o.cancelling {
		o.state, o.cancelling, o.held = banto.TrackerCancelled, false, false
		return
	}
	has := map[banto.PartState]bool{}
	for _, p := range o.flow.parts {
		f := o.parts[p.name]
		s := f.state
		if s == banto.PartError && f.healed {
			s = banto.PartWarning
		}
		if reachable, _, _ := o.allowed(&p); s == banto.PartUnreached && !reachable {
			continue
		}
		has[s] = true
	}
	blocked := has[banto.PartError] && (o.flow.wait && !o.quits() || has[banto.PartHeld])
	switch {
	case o.held && (blocked || has[banto.PartHeld] || has[banto.PartWaiting]):
		return
	case blocked:
		o.state = banto.TrackerBlocked
		return
	case has[banto.PartHeld]:
		return
	case has[banto.PartError]:
		o.state = banto.TrackerError
	case has[banto.PartCancelled]:
		o.state = banto.TrackerCancelled
	case has[banto.PartUnreached]:
		o.state = banto.TrackerError
	case has[banto.PartWarning]:
		o.state = banto.TrackerWarning
	default:
		o.state = banto.TrackerOK
	}
	o.held = false
	for _, p := range o.flow.parts {
		if f := o.parts[p.name]; f.state == banto.PartWaiting {
			f.state = banto.PartUnreached
		}
	}
}

// compare says where the engine's rows are not what they must be.
func (o *oracle) compare(t banto.Tracker, rows map[banto.PartKey]banto.Part) error {
	if t.State != o.state || t.Held != o.held || t.Cancelling != o.cancelling || t.Rerun != o.rerun || t.Attempts != o.attempts || t.Restarts != o.restarts {
		return fmt.Errorf("the tracker is %s (held %t, cancelling %t, rerun %d, %d attempts, %d restarts), want %s (%t, %t, %d, %d, %d)",
			t.State, t.Held, t.Cancelling, t.Rerun, t.Attempts, t.Restarts, o.state, o.held, o.cancelling, o.rerun, o.attempts, o.restarts)
	}
	counts := map[banto.PartState]int{}
	for _, p := range o.flow.parts {
		f := o.parts[p.name]
		counts[f.state]++
		r, ok := rows[banto.PartKey(p.name)]
		if !ok {
			r.State = banto.PartWaiting
		}
		o.chooseVia(&p, string(r.Via))
		if f.justCalled {
			f.justCalled, f.attemptID = false, r.AttemptID
		}
		for host, i := range f.items {
			r := rows[banto.PartKey(p.name+"["+host+"]")]
			if r.State != i.state || r.Attempt != i.attempt || r.Tries != i.tries || r.AttemptID != i.attemptID || r.Forced != i.forced {
				return fmt.Errorf("item %s of %s is %+v, want %+v", host, p.name, r, *i)
			}
		}
		if toSkip := r.State == banto.PartSkipped && r.EndedAt == nil; toSkip != f.toSkip || r.Forced != f.forced {
			return fmt.Errorf("part %s is to be skipped: %t, forced %q; want %t, %q", p.name, toSkip, r.Forced, f.toSkip, f.forced)
		}
		if r.State != f.state || r.Attempt != f.attempt || r.Tries != f.tries ||
			r.AttemptID != f.attemptID || string(r.Via) != f.via || r.Healed != f.healed || r.Outlet != f.outlet {
			return fmt.Errorf("part %s is %+v, want %+v", p.name, r, *f)
		}
		if !sameExit(r.Exit, f.exit) || f.hasN != (r.Vars["n"] != "") {
			return fmt.Errorf("part %s ended with %s, want %+v", p.name, encode(r), *f)
		}
	}
	if !maps.Equal(counts, t.Counts) || t.Parts != len(o.flow.parts) {
		return fmt.Errorf("counts are %v of %d, want %v", t.Counts, t.Parts, counts)
	}
	return nil
}

func sameExit(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// picture is the oracle as it stands, to see whether an input meant anything.
func (o *oracle) picture() string {
	s := fmt.Sprint(o.state, o.cancelling, o.held, o.rerun, o.attempts, o.starting)
	for _, name := range slices.Sorted(maps.Keys(o.parts)) {
		f := o.parts[name]
		s += fmt.Sprint(" ", name, f.state, f.tries, f.toSkip, f.deadBy, f.gone)
		for _, host := range slices.Sorted(maps.Keys(f.items)) {
			s += fmt.Sprint(" ", host, f.items[host].state, f.items[host].tries, f.items[host].deadBy, f.items[host].gone)
		}
	}
	return s
}

// chooseVia takes the engine's word for which edge started a join any, when
// several were taken in one step.
func (o *oracle) chooseVia(p *simPart, via string) {
	f := o.parts[p.name]
	if !f.justVia {
		return
	}
	f.justVia = false
	for _, e := range p.edges {
		if e.from == via && o.look(e) == "taken" {
			f.via = via
		}
	}
}
