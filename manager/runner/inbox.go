package runner

import (
	"sync"

	"github.com/bantoops/banto"
)

// input is something that happened and waits for the loop.
type input interface {
	// step changes memory and collects in the batch what is to be written and
	// done. An error means that the input could not be judged, mostly because
	// the store could not be read; then it has changed nothing.
	step(b *batch) error
	// refuse ends an input that was not stored. Only callers are told; what a
	// host reported is kept or repeated.
	refuse(err error)
}

// fromHost is an input that has no caller who waits for an answer: after a
// transaction failed it is tried again. Those of one host keep their order.
type fromHost interface {
	input
	from() banto.HostID
	// droppable says that the host tells it again if it is forgotten.
	droppable() bool
}

// forJobnet is a call of which very many may come for one jobnet.
type forJobnet interface {
	input
	jobnet() string
	// crowded ends it before it was taken: too many like it wait.
	crowded(waiting int) error
}

// inbox is the queue before the loop: bounded for callers and for reports, but
// never for what says that a host came or went.
type inbox struct {
	maxCalls, maxReports int
	signal               chan struct{}          // cap 1: something waits
	refused              func(Refusal, Refused) // is told of calls that are turned away

	mu             sync.Mutex
	items          []input
	calls, reports int
	told           map[banto.HostID]int // reports of each host that wait
	asked          map[string]int       // submissions of each jobnet that wait
	submissions    int
	dropped        int
	closed         error
}

const (
	// hostShare is how many inputs of one host are taken at once while others
	// wait: one that floods is not before all others.
	hostShare = 128
	// hostPart is which part of all reports one host's may be.
	hostPart = 4
	// jobnetPart is which part of all calls one jobnet's submissions may be, and
	// the last such part is not for submissions at all.
	jobnetPart = 4
)

func newInbox(calls, reports int) *inbox {
	return &inbox{maxCalls: calls, maxReports: reports, told: map[banto.HostID]int{}, asked: map[string]int{}, signal: make(chan struct{}, 1), refused: func(Refusal, Refused) {}}
}

// call adds a caller's input, or says why not.
func (b *inbox) call(in input) error {
	met, err := b.admit(in)
	if met != "" { // whoever is told holds nobody up
		var of Refused
		if s, ok := in.(*submitIn); ok {
			if s.Repeats != nil && s.Repeats() {
				return err
			}
			of = Refused{Jobnet: s.jobnet(), By: s.By.Name}
		}
		b.refused(met, of)
	}
	return err
}

// admit is call; it says which limit was met.
func (b *inbox) admit(in input) (met Refusal, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != nil {
		return "", b.closed
	}
	if b.calls >= b.maxCalls {
		return RefusedCalls, banto.Fail(banto.KindTooMany, "cannot take the request",
			"too many requests wait already", "try again in a moment")
	}
	if s, ok := in.(forJobnet); ok {
		part := max(b.maxCalls/jobnetPart, 1)
		if mine := b.asked[s.jobnet()]; mine >= part {
			return RefusedWaiting, s.crowded(mine)
		}
		if b.submissions >= max(b.maxCalls-part, 1) {
			return RefusedWaiting, s.crowded(b.submissions)
		}
	}
	b.enter(in)
	b.items = append(b.items, in)
	b.wake()
	return "", nil
}

// report adds what hosts say; what can be told again is dropped when too much
// waits.
func (b *inbox) report(ins ...fromHost) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != nil {
		return
	}
	for _, in := range ins {
		if in.droppable() {
			if b.reports >= b.maxReports || b.told[in.from()] >= max(b.maxReports/hostPart, hostShare) {
				b.dropped++
				continue
			}
			b.count(in)
		}
		b.items = append(b.items, in)
	}
	b.wake()
}

// take gives the oldest inputs, and how many reports were dropped since the
// last time. If more wait than are taken, no host gets more than its share.
func (b *inbox) take(limit int) ([]input, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []input
	dropped := b.dropped
	b.dropped = 0
	if len(b.items) <= limit {
		out, b.items = b.items, nil
	} else {
		out = b.takeShares(limit)
	}
	if len(b.items) == 0 {
		b.items = nil
	}
	for _, in := range out {
		b.uncount(in)
	}
	return out, dropped
}

// takeShares takes the oldest of each, so many of a host or jobnet that it is
// not before all others; those of one keep their order.
func (b *inbox) takeShares(limit int) []input {
	var out, rest []input
	taken := map[string]int{}
	for i, in := range b.items {
		if len(out) == limit {
			rest = append(rest, b.items[i:]...)
			break
		}
		if who := crowd(in); who != "" {
			if taken[who]++; taken[who] > hostShare {
				rest = append(rest, in)
				continue
			}
		}
		out = append(out, in)
	}
	// What is left of the batch hurts nobody: all others are in it.
	more := min(limit-len(out), len(rest))
	out, b.items = append(out, rest[:more]...), rest[more:]
	return out
}

// crowd names those of whom an input is one; empty: it stands alone.
func crowd(in input) string {
	switch in := in.(type) {
	case fromHost:
		return "host " + string(in.from())
	case forJobnet:
		return "jobnet " + in.jobnet()
	}
	return ""
}

// takeCalls gives the callers' inputs alone.
func (b *inbox) takeCalls() []input {
	b.mu.Lock()
	defer b.mu.Unlock()
	var calls, rest []input
	for _, in := range b.items {
		if _, report := in.(fromHost); report {
			rest = append(rest, in)
			continue
		}
		b.uncount(in)
		calls = append(calls, in)
	}
	b.items = rest
	return calls
}

// putBack puts inputs before all others.
func (b *inbox) putBack(ins []fromHost) {
	if len(ins) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	items := make([]input, 0, len(ins)+len(b.items))
	for _, in := range ins {
		items = append(items, in)
		if in.droppable() {
			b.count(in)
		}
	}
	b.items = append(items, b.items...)
}

// waits says whether there is anything to take.
func (b *inbox) waits() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.items) > 0
}

// count takes room for a report.
func (b *inbox) count(in fromHost) {
	b.reports++
	b.told[in.from()]++
}

// enter takes room for a call.
func (b *inbox) enter(in input) {
	b.calls++
	if s, ok := in.(forJobnet); ok {
		b.submissions++
		b.asked[s.jobnet()]++
	}
}

// leave gives back the room of a call.
func (b *inbox) leave(in input) {
	b.calls--
	if s, ok := in.(forJobnet); ok {
		b.submissions--
		if b.asked[s.jobnet()]--; b.asked[s.jobnet()] == 0 {
			delete(b.asked, s.jobnet())
		}
	}
}

// uncount gives back the room of an input.
func (b *inbox) uncount(in input) {
	report, ok := in.(fromHost)
	switch {
	case !ok:
		b.leave(in)
	case report.droppable():
		b.reports--
		if b.told[report.from()]--; b.told[report.from()] == 0 {
			delete(b.told, report.from())
		}
	}
}

// close refuses what waits and all that comes later.
func (b *inbox) close(why error) {
	b.mu.Lock()
	items := b.items
	b.items, b.closed = nil, why
	b.mu.Unlock()
	for _, in := range items {
		in.refuse(why)
	}
}

func (b *inbox) wake() {
	select {
	case b.signal <- struct{}{}:
	default:
	}
}
