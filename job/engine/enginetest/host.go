package enginetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
)

// What a process of the simulator may write into its file of variables.
const (
	varsRight = "n=5\n"
	varsWrong = "n=many\n"
)

// host is a machine of the simulator with its keeper: it claims each attempt
// once, and tells a result until that is acknowledged.
type host struct {
	id      banto.HostID
	name    string
	up      bool
	claims  map[banto.AttemptID]bool // true while its process runs
	started map[banto.AttemptID]time.Time
	results map[banto.AttemptID]engine.Ended
	begun   map[banto.AttemptID]int // processes that were made

	house bool // no machine: it stands for the trackers that attempts are

	old     bool                              // its keeper knows no dead man's limit
	limits  map[banto.AttemptID]time.Duration // of those that have one
	down    time.Time                         // when it was last cut off, as the manager knows
	contact time.Time                         // when it was last sure of the manager then
}

func newHost(name string) *host {
	return &host{
		id: banto.HostID("h-" + name), name: name,
		claims:  map[banto.AttemptID]bool{},
		started: map[banto.AttemptID]time.Time{},
		results: map[banto.AttemptID]engine.Ended{},
		begun:   map[banto.AttemptID]int{},
		limits:  map[banto.AttemptID]time.Duration{},
	}
}

// obey ends what has had no contact for longer than its limit.
func (h *host) obey(now time.Time) {
	if h.up {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(h.limits)) {
		limit := h.contact.Add(h.limits[id])
		if late := limit.Add(banto.DeadManGrace); h.claims[id] && !now.Before(late) {
			h.end(id, engine.Ended{At: limit, Reason: banto.ReasonLost, Message: "no contact"})
		}
	}
}

// start claims an attempt and makes its process, unless it is claimed. It
// gives what the host has to say at once, if anything.
func (h *host) start(r *rand.Rand, id banto.AttemptID, now time.Time) engine.Input {
	if _, known := h.claims[id]; known {
		return nil
	}
	if r.IntN(12) == 0 && h.house {
		h.claims[id] = false
		h.results[id] = engine.Ended{Attempt: id, At: now, Outcome: banto.Error, Reason: banto.ReasonJobnet, Message: "no such jobnet"}
		return nil
	}
	if r.IntN(12) == 0 {
		h.claims[id] = false
		h.results[id] = engine.Ended{Attempt: id, At: now, Reason: banto.ReasonNoProgram, Message: "no such program"}
		return nil
	}
	h.claims[id] = true
	h.started[id] = now
	h.begun[id]++
	if h.house {
		return engine.Started{Attempt: id, At: now, Child: childOf(id)}
	}
	return engine.Started{Attempt: id, At: now}
}

// childOf names the tracker that an attempt is.
func childOf(id banto.AttemptID) banto.TrackerID {
	_, seq, _ := id.Split()
	return banto.TrackerID(fmt.Sprintf("20261121-c%06d", seq))
}

// kill ends an attempt, or sees to it that it never begins. Now and then the
// process was about to end by itself.
func (h *host) kill(r *rand.Rand, id banto.AttemptID, now time.Time) {
	running, known := h.claims[id]
	switch {
	case !known:
		h.claims[id] = false
		h.results[id] = engine.Ended{Attempt: id, At: now, Reason: banto.ReasonKilled}
	case running && r.IntN(5) == 0:
		h.finish(r, id, now)
	case running:
		h.end(id, engine.Ended{At: now, Reason: banto.ReasonKilled})
	}
}

// finish ends a process by itself, one way or another.
func (h *host) finish(r *rand.Rand, id banto.AttemptID, now time.Time) {
	in := engine.Ended{At: now, OutputSize: 3}
	if h.house {
		outcome := []banto.Outcome{banto.OK, banto.OK, banto.Warning, banto.Error}[r.IntN(4)]
		in = engine.Ended{At: now, Outcome: outcome}
		if outcome == banto.Error {
			in.Reason, in.Message = banto.ReasonJobnet, "its tracker ended in error"
		}
		h.end(id, in)
		return
	}
	switch n := r.IntN(40); {
	case n < 24:
		in.Exit = new(0)
	case n < 28:
		in.Exit = new(1 + r.IntN(3))
	case n < 32:
		in.Exit = new(75)
	case n < 36:
		in.Exit = new(9)
	case n < 37:
		in.Reason = banto.ReasonTimeout
	case n < 38:
		in.Reason = banto.ReasonHostRestarted
	case n < 39:
		in.Reason = banto.ReasonKilled // by a person on the host
	}
	switch n := r.IntN(8); {
	case n < 4:
		in.Vars = varsRight
	case n < 5:
		in.Vars = varsWrong
	}
	h.end(id, in)
}

func (h *host) end(id banto.AttemptID, in engine.Ended) {
	start := h.started[id]
	in.Attempt, in.StartedAt = id, &start
	h.claims[id] = false
	h.results[id] = in
}

// once says whether no attempt made more than one process.
func (h *host) once() error {
	for id, n := range h.begun {
		if n > 1 {
			return fmt.Errorf("%s made %d processes of attempt %s", h.name, n, id)
		}
	}
	return nil
}
