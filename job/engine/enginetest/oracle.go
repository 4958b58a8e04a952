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
	rerun      int
	attempts   int
}

// fate is where a part must stand.
type fate struct {
	state     banto.PartState
	attempt   int
	tries     int
	attemptID banto.AttemptID
	via       string
	justVia   bool // via was chosen in this step
	healed    bool
	exit      *int
	hasN      bool // it set n
	retryAt   time.Time
}

func newOracle(flow *simFlow) *oracle {
	o := &oracle{flow: flow, parts: map[string]*fate{}, state: banto.TrackerRunning}
	for _, p := range flow.parts {
		o.parts[p.name] = &fate{state: banto.PartWaiting}
	}
	o.move()
	return o
}

// apply takes an input. It gives true if the tracker must refuse it.
func (o *oracle) apply(in engine.Input, now time.Time) (refused bool) {
	switch in := in.(type) {
	case engine.Placed:
		o.placed(string(in.Part))
	case engine.NoPlace:
		if f := o.parts[string(in.Part)]; f != nil && f.state == banto.PartReady {
			f.fail()
		}
	case engine.Started:
		if f := o.live(in.Attempt); f != nil {
			f.state = banto.PartRunning
		}
	case engine.Found:
		if f := o.live(in.Attempt); f != nil {
			f.state = banto.PartRunning
		}
	case engine.Lost:
		if f := o.live(in.Attempt); f != nil {
			f.state = banto.PartLost
		}
	case engine.Ended:
		o.ended(in, now)
	case engine.Wake:
		f := o.parts[string(in.Part)]
		if f != nil && f.state == banto.PartRetrying && !now.Before(f.retryAt) {
			f.state = banto.PartReady
		}
	case engine.Cancel:
		refused = o.cancel()
	}
	if !refused {
		o.move()
	}
	return refused
}

// live gives the part whose attempt is on a host, as far as anyone knows.
func (o *oracle) live(id banto.AttemptID) *fate {
	for _, f := range o.parts {
		if f.attemptID == id && onHost(f.state) {
			return f
		}
	}
	return nil
}

func onHost(s banto.PartState) bool {
	return s == banto.PartStarting || s == banto.PartRunning || s == banto.PartLost
}

func (f *fate) fail() {
	f.state, f.exit, f.hasN = banto.PartError, nil, false
}

func (o *oracle) placed(name string) {
	f, p := o.parts[name], o.flow.part(name)
	if f == nil || p == nil || f.state != banto.PartReady {
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
	f.exit, f.hasN = nil, false
}

// ended judges a result.
func (o *oracle) ended(in engine.Ended, now time.Time) {
	f := o.live(in.Attempt)
	if f == nil {
		return
	}
	var p *simPart
	for name, g := range o.parts {
		if g == f {
			p = o.flow.part(name)
		}
	}
	f.exit, f.hasN = in.Exit, p.sets && in.Vars == varsRight
	switch {
	case in.Reason == banto.ReasonKilled && o.cancelling:
		f.state = banto.PartCancelled
		return
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
	again := f.state == banto.PartError && f.tries < p.attempts && !o.cancelling && in.Reason != banto.ReasonKilled
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
	if f.state == banto.PartOK || f.state == banto.PartWarning {
		o.heal(p, func(g *fate) { g.healed = true })
	}
}

// heal calls each for what the part heals when it has ended well.
func (o *oracle) heal(p *simPart, each func(*fate)) {
	for _, e := range p.edges {
		leads := e.outlet == jobnet.OutletError || e.outlet == jobnet.OutletEnded
		took := !p.any || o.parts[p.name].via == e.from
		if g := o.parts[e.from]; p.heals && leads && took && g.state == banto.PartError {
			each(g)
		}
	}
}

func (o *oracle) cancel() (refused bool) {
	if o.state.Ended() {
		return true
	}
	if o.cancelling {
		return false
	}
	o.cancelling, o.state = true, banto.TrackerRunning
	for _, f := range o.parts {
		if !f.state.Ended() && !onHost(f.state) {
			f.state = banto.PartCancelled
		}
	}
	return false
}

// look says how an edge stands: taken, off, failed or open.
func (o *oracle) look(e simEdge) string {
	s := o.parts[e.from].state
	well := s == banto.PartOK || s == banto.PartWarning || s == banto.PartSkipped
	switch {
	case !s.Ended():
		return "open"
	case s == banto.PartNotTaken:
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
	for again := true; again; {
		again = false
		for _, p := range o.flow.parts {
			if o.parts[p.name].state == banto.PartWaiting && o.arrive(&p) {
				again = true
			}
		}
	}
	if o.state.Ended() {
		return
	}
	for _, p := range o.flow.parts {
		if o.parts[p.name].state.Live() {
			return
		}
	}
	o.end()
}

// arrive moves a waiting part if its edges say so.
func (o *oracle) arrive(p *simPart) bool {
	f := o.parts[p.name]
	var ways []string
	via := ""
	for _, e := range p.edges {
		w := o.look(e)
		ways = append(ways, w)
		if w == "taken" && via == "" {
			via = e.from
		}
	}
	has := func(w string) bool { return slices.Contains(ways, w) }
	switch {
	case len(ways) == 0:
	case p.any && has("taken"):
		f.via = via
	case has("open") || has("failed"):
		return false
	case !has("taken"):
		f.state = banto.PartNotTaken
		return true
	}
	f.state, f.justVia = banto.PartReady, f.via != ""
	switch {
	case p.when == whenFalse:
		f.state, f.via = banto.PartNotTaken, ""
	case p.when == whenExit && o.parts[p.whenOf].exit == nil:
		f.via = ""
		f.fail()
	case p.when == whenExit && *o.parts[p.whenOf].exit != 0:
		f.state, f.via = banto.PartNotTaken, ""
	}
	return true
}

// end gives the tracker its outcome.
func (o *oracle) end() {
	if o.cancelling {
		o.state, o.cancelling = banto.TrackerCancelled, false
		return
	}
	has := map[banto.PartState]bool{}
	for _, p := range o.flow.parts {
		f := o.parts[p.name]
		s := f.state
		if s == banto.PartError && f.healed {
			s = banto.PartWarning
		}
		has[s] = true
	}
	switch {
	case has[banto.PartError] && o.flow.wait:
		o.state = banto.TrackerBlocked
		return
	case has[banto.PartError]:
		o.state = banto.TrackerError
	case has[banto.PartCancelled]:
		o.state = banto.TrackerCancelled
	case has[banto.PartWarning]:
		o.state = banto.TrackerWarning
	default:
		o.state = banto.TrackerOK
	}
	for _, p := range o.flow.parts {
		if f := o.parts[p.name]; f.state == banto.PartWaiting {
			f.state = banto.PartUnreached
		}
	}
}

// runAgain takes a rerun, or says that it must be refused.
func (o *oracle) runAgain(from []banto.PartKey, next *simFlow) (refused bool) {
	flow := o.flow
	if next != nil {
		flow = next
	}
	reset := map[string]bool{}
	for _, p := range o.flow.parts {
		f := o.parts[p.name]
		bad := f.state == banto.PartError && !f.healed || f.state == banto.PartCancelled || f.state == banto.PartUnreached
		if len(from) == 0 && bad && flow.part(p.name) != nil {
			reset[p.name] = true
		}
		if f.state.Live() && flow.part(p.name) == nil {
			return true
		}
	}
	for _, k := range from {
		if flow.part(string(k)) == nil {
			return true
		}
		reset[string(k)] = true
	}
	for again := true; again; {
		again = false
		for _, p := range flow.parts {
			for _, e := range p.edges {
				if reset[e.from] && !reset[p.name] {
					reset[p.name], again = true, true
				}
			}
		}
	}
	sense := len(flow.parts) != len(o.flow.parts)
	for _, p := range flow.parts {
		s := banto.PartWaiting
		if o.flow.part(p.name) != nil {
			s = o.parts[p.name].state
		} else {
			sense = true
		}
		if reset[p.name] && s.Live() {
			return true
		}
		sense = sense || reset[p.name] && s.Ended()
	}
	if !sense || o.cancelling {
		return true
	}
	o.again(flow, reset)
	return false
}

// again begins a rerun.
func (o *oracle) again(flow *simFlow, reset map[string]bool) {
	for _, p := range flow.parts {
		f := o.parts[p.name]
		if f == nil {
			f = &fate{}
			o.parts[p.name] = f
		}
		if reset[p.name] || o.flow.part(p.name) == nil {
			*f = fate{state: banto.PartWaiting, attempt: f.attempt, attemptID: f.attemptID}
		}
	}
	o.flow = flow
	o.rerun++
	o.state = banto.TrackerRunning
	for _, f := range o.parts {
		f.healed = false
	}
	for _, p := range flow.parts {
		if s := o.parts[p.name].state; s == banto.PartOK || s == banto.PartWarning {
			o.heal(&p, func(g *fate) { g.healed = true })
		}
	}
	o.move()
}

// compare says where the engine's rows are not what they must be.
func (o *oracle) compare(t banto.Tracker, rows map[banto.PartKey]banto.Part) error {
	if t.State != o.state || t.Cancelling != o.cancelling || t.Rerun != o.rerun || t.Attempts != o.attempts {
		return fmt.Errorf("the tracker is %s (cancelling %t, rerun %d, %d attempts), want %s (%t, %d, %d)",
			t.State, t.Cancelling, t.Rerun, t.Attempts, o.state, o.cancelling, o.rerun, o.attempts)
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
		if r.State != f.state || r.Attempt != f.attempt || r.Tries != f.tries ||
			r.AttemptID != f.attemptID || string(r.Via) != f.via || r.Healed != f.healed {
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
	s := fmt.Sprint(o.state, o.cancelling, o.rerun, o.attempts)
	for _, name := range slices.Sorted(maps.Keys(o.parts)) {
		s += fmt.Sprint(" ", name, o.parts[name].state, o.parts[name].tries)
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
