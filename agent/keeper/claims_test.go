package keeper

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bantoops/banto"
)

// world is a keeper without an operating system: the claims, the journal as
// far as it is written, and what became of each attempt.
type world struct {
	claims   *claims
	journal  []byte
	now      time.Time
	launched map[banto.AttemptID]int  // by the system
	queued   map[banto.AttemptID]bool // launched, and nothing heard of it yet
	running  map[banto.AttemptID]bool
	killed   map[banto.AttemptID]bool // asked for before any start
	started  map[banto.AttemptID]bool // asked for
	told     map[banto.AttemptID]Ended
	acked    map[banto.AttemptID]bool
	cleaned  int
	claimed  int64
}

func (w *world) ids(n int) banto.AttemptID {
	return banto.NewAttemptID([]banto.TrackerID{"20261121-0000000", "20261121-0000001"}[n%2], n/2+1)
}

// do makes a step as the keeper does: records first, then effects.
func (w *world) do(t *rapid.T, step func(fx *effects)) {
	w.now = w.now.Add(time.Second)
	fx := &effects{}
	step(fx)
	for _, r := range fx.records {
		var err error
		if w.journal, err = appendRecord(w.journal, r); err != nil {
			t.Fatal(err)
		}
		if r.Claim != nil {
			w.claimed++
		}
	}
	w.claims.settle(fx)
	for _, s := range fx.launch {
		if slices.ContainsFunc(fx.withdraw, func(k Kill) bool { return k.Attempt == s.Attempt }) {
			continue
		}
		w.launched[s.Attempt]++
		w.queued[s.Attempt] = true
		if w.launched[s.Attempt] > 1 || w.killed[s.Attempt] {
			t.Fatalf("%s was launched %d times, killed before: %v", s.Attempt, w.launched[s.Attempt], w.killed[s.Attempt])
		}
	}
	for _, k := range fx.withdraw {
		if w.launched[k.Attempt] == 0 || w.queued[k.Attempt] {
			delete(w.queued, k.Attempt)
			w.do(t, func(fx *effects) { w.claims.end(fx, Ended{Attempt: k.Attempt, At: w.now, Reason: k.Reason}) })
		}
	}
	w.hear(t, fx.tell)
	for _, cl := range fx.clean {
		w.cleaned++
		w.do(t, func(fx *effects) { w.claims.cleaned(fx, cl) })
	}
}

func (w *world) hear(t *rapid.T, e Event) {
	for _, r := range e.Ended {
		if before, ok := w.told[r.Attempt]; ok && !cmp.Equal(before, r) {
			t.Fatalf("two results of one attempt: %+v and %+v", before, r)
		}
		if w.acked[r.Attempt] {
			t.Fatalf("told again after its acknowledgement: %+v", r)
		}
		w.told[r.Attempt] = r
	}
	for _, s := range e.Started {
		if w.launched[s.Attempt] != 1 {
			t.Fatalf("started without a launch: %s", s.Attempt)
		}
	}
}

// crash ends the keeper and reads the journal again, with a torn write at its
// end; what was being launched may or may not have become a process.
func (w *world) crash(t *rapid.T) {
	torn := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "torn")
	found := readRecords(append(slices.Clone(w.journal), torn...))
	if found.good != len(w.journal) || found.damaged != 0 {
		t.Fatalf("%d of %d bytes are good, %d damaged", found.good, len(w.journal), found.damaged)
	}
	before := w.claims.snapshot()
	w.claims = newClaims("")
	for _, r := range found.records {
		w.claims.apply(r)
	}
	after := w.claims.snapshot()
	if w.claims.total != w.claimed {
		t.Fatalf("%d claims are counted, %d were made", w.claims.total, w.claimed)
	}
	after[0].Head = before[0].Head
	normal := func(records []record) string {
		var b []byte
		for _, r := range records {
			b, _ = appendRecord(b, r)
		}
		return string(b)
	}
	if diff := cmp.Diff(normal(before), normal(after)); diff != "" {
		t.Fatalf("the journal does not make the same claims:\n%s", diff)
	}
	for _, cl := range w.claims.liveClaims() {
		id := cl.claimed.Attempt
		if w.running[id] || w.queued[id] && rapid.Bool().Draw(t, "made") {
			w.running[id] = true
			if cl.started == nil {
				w.do(t, func(fx *effects) { w.claims.launched(fx, startedRecord{Attempt: id, PID: 1, At: w.now}) })
			}
		} else {
			w.do(t, func(fx *effects) {
				w.claims.end(fx, Ended{Attempt: id, At: w.now, Reason: banto.ReasonKeeperDied})
			})
		}
	}
	clear(w.queued)
}

// Whatever is asked, in whatever order and how often, and wherever the keeper
// dies: no attempt is launched twice or after a kill, each has one result,
// and that is told until it is acknowledged.
func TestClaims(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{claims: newClaims("g"), now: time.Unix(1e9, 0).UTC(),
			launched: map[banto.AttemptID]int{}, queued: map[banto.AttemptID]bool{}, running: map[banto.AttemptID]bool{},
			killed: map[banto.AttemptID]bool{}, started: map[banto.AttemptID]bool{},
			told: map[banto.AttemptID]Ended{}, acked: map[banto.AttemptID]bool{}}
		pick := func(name string) banto.AttemptID { return w.ids(rapid.IntRange(0, 5).Draw(t, name)) }
		t.Repeat(map[string]func(*rapid.T){
			"start": func(t *rapid.T) {
				id := pick("id")
				w.started[id] = true
				w.do(t, func(fx *effects) { w.claims.start(fx, Start{Attempt: id}, "boot") })
			},
			"kill": func(t *rapid.T) {
				id := pick("id")
				w.killed[id] = w.killed[id] || !w.started[id]
				w.do(t, func(fx *effects) { w.claims.killAttempt(fx, Kill{Attempt: id}, w.now) })
			},
			"start and kill": func(t *rapid.T) {
				id := pick("id")
				w.started[id] = true
				w.do(t, func(fx *effects) {
					w.claims.start(fx, Start{Attempt: id}, "boot")
					w.claims.killAttempt(fx, Kill{Attempt: id}, w.now)
				})
			},
			"process made": func(t *rapid.T) {
				if id := pick("id"); w.queued[id] {
					delete(w.queued, id)
					w.running[id] = true
					w.do(t, func(fx *effects) { w.claims.launched(fx, startedRecord{Attempt: id, PID: 1, At: w.now}) })
				}
			},
			"process ended": func(t *rapid.T) {
				if id := pick("id"); w.running[id] {
					delete(w.running, id)
					code := rapid.IntRange(0, 255).Draw(t, "exit")
					w.do(t, func(fx *effects) { w.claims.end(fx, Ended{Attempt: id, At: w.now, Exit: &code}) })
				}
			},
			"ack": func(t *rapid.T) {
				if id := pick("id"); rapid.Bool().Draw(t, "any") || w.told[id].Attempt != "" {
					if _, ok := w.told[id]; ok {
						w.acked[id] = true
					}
					w.do(t, func(fx *effects) { w.claims.ack(fx, []banto.AttemptID{id, id}, w.now) })
				}
			},
			"clean": func(t *rapid.T) {
				tracker, _, _ := pick("id").Split()
				keep := rapid.Bool().Draw(t, "keep")
				w.do(t, func(fx *effects) { w.claims.cleanTracker(fx, Clean{Tracker: tracker, Keep: keep}, w.now) })
			},
			"sweep": func(t *rapid.T) {
				w.do(t, func(fx *effects) { w.claims.sweep(fx, w.now.Add(-10*time.Second)) })
			},
			"refuse": func(t *rapid.T) {
				id := pick("id")
				w.started[id] = true
				w.do(t, func(fx *effects) { w.claims.refuse(fx, Start{Attempt: id}, banto.ReasonNotStarted, "no room", w.now) })
			},
			"renew": func(t *rapid.T) {
				w.do(t, func(fx *effects) { w.claims.renew(fx, "h", w.now) })
			},
			"compact": func(t *rapid.T) {
				w.journal = nil
				for _, r := range w.claims.snapshot() {
					w.journal, _ = appendRecord(w.journal, r)
				}
			},
			"crash": w.crash,
			"":      w.check,
		})
	})
}

// check looks at what must hold at all times.
func (w *world) check(t *rapid.T) {
	live := 0
	hello := w.claims.hello()
	w.hear(t, hello)
	for id := range w.started {
		known := w.claims.byID[id]
		if known == nil {
			t.Fatalf("%s was asked for and is not known", id)
		}
		if known.phase < phaseEnded {
			live++
			if !slices.Contains(hello.Hello.Running, id) {
				t.Fatalf("%s is live, and Hello does not say so", id)
			}
		}
	}
	if live != w.claims.live {
		t.Fatalf("%d are live, %d counted", live, w.claims.live)
	}
	for id := range w.told {
		if !w.acked[id] && !slices.ContainsFunc(hello.Ended, func(e Ended) bool { return e.Attempt == id }) {
			t.Fatalf("the result of %s is forgotten before its acknowledgement", id)
		}
	}
}

// Acknowledged attempts are remembered up to a number, oldest forgotten first.
func TestSeenIsBounded(t *testing.T) {
	c := newClaims("g")
	id := func(n int) banto.AttemptID { return banto.NewAttemptID("20261121-0000000", n+1) }
	const more = 500
	for n := range seenMax + more {
		fx := &effects{}
		c.end(fx, Ended{Attempt: id(n)})
		c.ack(fx, []banto.AttemptID{id(n)}, time.Time{})
	}
	if len(c.byID) != seenMax || len(c.seen.all) != seenMax || len(c.trackers) != 0 || c.live != 0 {
		t.Fatalf("%d known, %d seen, %d trackers, %d live", len(c.byID), len(c.seen.all), len(c.trackers), c.live)
	}
	fx := &effects{}
	c.start(fx, Start{Attempt: id(more)}, "b")
	if len(fx.launch) != 0 {
		t.Fatal("one that was remembered was launched")
	}
}
