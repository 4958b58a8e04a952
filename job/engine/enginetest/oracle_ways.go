package enginetest

import (
	"github.com/bantoops/banto"
)

// whenStops says whether the condition of a part keeps it from starting, or has
// no value.
func (o *oracle) whenStops(p *simPart) bool {
	if p.when == whenExit {
		exit := o.parts[p.whenOf].exit
		return exit == nil || *exit != 0
	}
	return p.when == whenFalse
}

// branch takes the first way that is true.
func (o *oracle) branch(p *simPart, f *fate) {
	for _, w := range p.ways {
		yes := w.when == whenAlways || w.when == whenTrue
		if w.when == whenExit {
			exit := o.parts[p.whenOf].exit
			if exit == nil {
				f.fail()
				return
			}
			yes = *exit == 0
		}
		if yes {
			f.state, f.outlet = banto.PartOK, w.outlet
			o.endedWell(f, nil, p)
			return
		}
	}
	f.fail()
}

// call begins an attempt of a part that runs another jobnet, which needs no place.
func (o *oracle) call(p *simPart) {
	f := o.parts[p.name]
	if !p.calls || f.state != banto.PartReady || o.held || o.starting {
		return
	}
	o.attempts++
	f.state, f.attempt, f.tries, f.justCalled = banto.PartStarting, f.attempt+1, f.tries+1, true
	f.exit, f.hasN, f.killing, f.retryAt = nil, false, false, zeroTime
	f.limited, f.deadBy = false, zeroTime
}

// stop lets the first end that was reached take effect: what has not started is
// not taken, and what was to be tried again is not.
func (o *oracle) stop() bool {
	if o.held || o.starting {
		return false
	}
	for i := range o.flow.parts {
		p := &o.flow.parts[i]
		f := o.parts[p.name]
		allowed, via, _ := o.allowed(p)
		if p.end == "" || f.state != banto.PartWaiting || !allowed || o.whenStops(p) {
			continue
		}
		if f.via == "" {
			f.via = via
		}
		f.state, f.stopped, f.justVia = banto.PartState(p.end), true, f.via != ""
		f.left, f.rerun = true, o.rerun
		o.endedWell(f, nil, p)
		for _, q := range o.flow.parts {
			g := o.parts[q.name]
			begun := g.tries > 0 && (g.state == banto.PartReady || g.state == banto.PartHeld)
			switch {
			case g.spread():
			case begun || g.state == banto.PartRetrying:
				g.state, g.retryAt = banto.PartError, zeroTime
			case g.state == banto.PartReady || g.state == banto.PartHeld || g.state == banto.PartWaiting || g.toSkip || !g.until.IsZero():
				*g = fate{state: banto.PartNotTaken, attempt: g.attempt, attemptID: g.attemptID, items: g.items, via: g.via, tries: g.tries, left: g.left, rerun: g.rerun}
			}
		}
		return true
	}
	return false
}

// quits says whether an end has taken effect, and nothing has run again since.
func (o *oracle) quits() bool {
	since, last := -1, -1
	for _, p := range o.flow.parts {
		f := o.parts[p.name]
		if p.end != "" && f.stopped && f.state.Ended() {
			since = max(since, f.rerun)
		}
		if f.left {
			last = max(last, f.rerun)
		}
	}
	return since >= 0 && last <= since
}

// hasStopped says whether an end has taken effect in that rerun or later.
func (o *oracle) hasStopped(rerun int) bool {
	for _, p := range o.flow.parts {
		if f := o.parts[p.name]; p.end != "" && f.stopped && f.state.Ended() && f.rerun >= rerun {
			return true
		}
	}
	return false
}
