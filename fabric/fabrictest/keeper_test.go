package fabrictest

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
)

const simTracker = banto.TrackerID("20261121-7k3mq0x")

// simKeeper is a keeper as its protocol promises it, without processes.
type simKeeper struct {
	w       *world
	jobs    map[banto.AttemptID]*simJob
	order   []banto.AttemptID
	has     map[string]bool // orders that are on disk, by the IDs that the tests give them
	unacked map[banto.AttemptID]bool
	events  []keeper.Event // of this connection
	noise   []byte
	terse   bool

	generation int
	ever       int                     // generations that have been
	starts     map[banto.AttemptID]int // whatever the keeper remembers of them
}

// save takes a picture of what is on the machine's disk.
func (k *simKeeper) save() *simKeeper {
	s := &simKeeper{jobs: map[banto.AttemptID]*simJob{}, order: slices.Clone(k.order), unacked: maps.Clone(k.unacked), generation: k.generation}
	for id, j := range k.jobs {
		copied := *j
		s.jobs[id] = &copied
	}
	return s
}

// restore puts the machine back to the picture.
func (k *simKeeper) restore(s *simKeeper) {
	again := s.save()
	k.jobs, k.order, k.unacked, k.generation = again.jobs, again.order, again.unacked, again.generation
}

// simJob is a claim.
type simJob struct {
	started int
	running bool
	killed  bool
	text    []byte
	size    int64 // of the output so far
	told    int64
	ended   *keeper.Ended
}

func newSimKeeper(w *world) *simKeeper {
	k := &simKeeper{w: w, jobs: map[banto.AttemptID]*simJob{}, has: map[string]bool{}, unacked: map[banto.AttemptID]bool{}, starts: map[banto.AttemptID]int{}}
	for range 100_000 {
		k.noise = binary.LittleEndian.AppendUint64(k.noise, w.rand.Uint64())
	}
	return k
}

// connect begins a new connection: Hello, then what is not acknowledged.
func (k *simKeeper) connect() {
	k.events = nil
	hello := k.hello()
	var again keeper.Event
	for _, id := range k.order {
		switch j := k.jobs[id]; {
		case j.running:
			hello.Running = append(hello.Running, id)
			if j.size > 0 {
				again.Output = append(again.Output, keeper.Output{Attempt: id, Size: j.size})
			}
		case k.unacked[id]:
			again.Ended = append(again.Ended, *j.ended)
		}
	}
	k.events = append(k.events, keeper.Event{Hello: hello}, again)
}

func (k *simKeeper) hello() *keeper.Hello {
	return &keeper.Hello{PID: 1, BootID: "boot", Generation: fmt.Sprintf("gen%d", k.generation), Claims: int64(len(k.order)), Shells: []string{"sh"}}
}

func (k *simKeeper) hear(q keeper.Request) {
	e := keeper.Event{Done: q.Seq}
	if k.terse {
		e.Done = 0
	}
	for _, s := range q.Start {
		k.has["start:"+number(s.Attempt)] = true
		if k.jobs[s.Attempt] != nil {
			k.again(s.Attempt, &e)
			continue
		}
		n := k.w.rand.IntN(600)
		if k.w.chance(10) {
			n = k.w.rand.IntN(600 << 10)
		}
		at := k.w.rand.IntN(len(k.noise) - n)
		if want := k.w.meant[s.Attempt]; s.Spec.Script != want || s.Spec.ScriptHash != "" {
			k.w.t.Fatalf("attempt %s: a script of %d bytes, not %d", s.Attempt, len(s.Spec.Script), len(want))
		}
		j := &simJob{started: 1, running: true, text: k.noise[at : at+n]}
		k.starts[s.Attempt]++
		k.claim(s.Attempt, j)
		e.Started = append(e.Started, keeper.Started{Attempt: s.Attempt, At: k.w.now})
	}
	for _, x := range q.Kill {
		k.has["kill:"+number(x.Attempt)] = true
		if j := k.jobs[x.Attempt]; j != nil {
			j.killed = j.killed || j.running
			k.again(x.Attempt, &e)
			continue
		}
		k.has["start:"+number(x.Attempt)] = true // it will never start
		k.claim(x.Attempt, &simJob{killed: true})
		k.end(x.Attempt, &e)
	}
	for _, id := range q.Ack {
		delete(k.unacked, id)
	}
	for _, c := range q.Clean {
		k.has["clean"] = true
		e.Cleaned = append(e.Cleaned, c.Tracker)
	}
	if q.Renew {
		k.ever++
		k.generation = k.ever
		e.Hello = k.hello()
		for _, id := range k.order {
			if k.jobs[id].running {
				e.Hello.Running = append(e.Hello.Running, id)
			}
		}
	}
	e.Claims = int64(len(k.order))
	k.events = append(k.events, e)
}

// again answers what was asked before.
func (k *simKeeper) again(id banto.AttemptID, e *keeper.Event) {
	switch j := k.jobs[id]; {
	case j.running:
		e.Started = append(e.Started, keeper.Started{Attempt: id, At: k.w.now})
	case k.unacked[id]:
		e.Ended = append(e.Ended, *j.ended)
	}
}

func number(id banto.AttemptID) string { return string(id[len(simTracker)+1:]) }

func (k *simKeeper) claim(id banto.AttemptID, j *simJob) {
	k.jobs[id] = j
	k.order = append(k.order, id)
}

// work lets the jobs go on.
func (k *simKeeper) work() {
	var e keeper.Event
	for _, id := range k.order {
		j := k.jobs[id]
		if !j.running {
			continue
		}
		switch {
		case j.killed || k.w.chance(20):
			k.end(id, &e)
		case k.w.chance(50):
			j.size += int64(k.w.rand.IntN(len(j.text) - int(j.size) + 1))
			if j.size > j.told {
				j.told = j.size
				e.Output = append(e.Output, keeper.Output{Attempt: id, Size: j.size})
			}
		}
	}
	if len(e.Output)+len(e.Ended) > 0 {
		k.events = append(k.events, e)
	}
}

func (k *simKeeper) end(id banto.AttemptID, e *keeper.Event) {
	j := k.jobs[id]
	j.running = false
	j.ended = &keeper.Ended{Attempt: id, At: k.w.now}
	if j.killed {
		j.ended.Reason = banto.ReasonKilled
	} else {
		exit := 0
		j.ended.Exit = &exit
		j.size = int64(len(j.text))
	}
	if j.started > 0 {
		at := k.w.now.Add(-time.Second)
		j.ended.StartedAt = &at
	}
	j.ended.OutputSize = j.size
	k.unacked[id] = true
	e.Ended = append(e.Ended, *j.ended)
}

// output reads as the client does: from disk, whatever was told.
func (k *simKeeper) output(id banto.AttemptID, offset int64, n int) []byte {
	j := k.jobs[id]
	if j == nil || offset >= j.size {
		return nil
	}
	return j.text[offset:min(j.size, offset+int64(n))]
}
