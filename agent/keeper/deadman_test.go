package keeper

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/boottime"
)

// limitMS is the dead-man's limit of these tests, as short as they can bear.
const limitMS = 1000

// limited is a job with a dead-man's limit that says so when it is asked to end.
func limited(script string) banto.Spec { return banto.Spec{Script: script, DeadManMS: limitMS} }

// patient is one with a limit that no test reaches: a keeper that forgets its
// contact ends it at once all the same.
func patient(script string) banto.Spec { return banto.Spec{Script: script, DeadManMS: 60_000} }

// contact tells that there is contact now.
func (b *bench) contact() {
	b.Helper()
	b.send(Request{Contact: boottime.Now()})
}

func wantLost(t *testing.T, e Ended) {
	t.Helper()
	if e.Reason != banto.ReasonLost || e.StartedAt == nil || !strings.Contains(e.Message, "ended by its keeper: no contact to the manager for ") ||
		!strings.Contains(e.Message, "and its limit is 1s") {
		t.Fatalf("%+v", e)
	}
}

// feed tells contact until it is stopped, as an agent does.
func (b *bench) feed() (stop func()) {
	c, end, ended := b.c, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(limitMS * time.Millisecond / 10)
		defer tick.Stop()
		for {
			if c.Send(Request{Contact: boottime.Now()}) != nil {
				return
			}
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	}()
	return func() { close(end); <-ended }
}

// At no moment an attempt lives on past its limit, none is launched past it, and
// none of that comes back with a later contact, whatever dies and is told late.
func TestDeadMen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClaims("g")
		c.enter("boot")
		var journal []byte
		var clock, contact int64
		count := 0
		limits := make(map[banto.AttemptID]int64)
		over := make(map[banto.AttemptID]bool) // its limit was reached once
		killed := make(map[banto.AttemptID]bool)
		asleep := false // since time went on
		pass := func(to int64) {
			for id, limit := range limits {
				over[id] = over[id] || contact+limit <= to
			}
		}
		do := func(step func(fx *effects)) {
			fx := &effects{}
			step(fx)
			for _, r := range fx.records {
				journal, _ = appendRecord(journal, r)
			}
			for _, kill := range append(slices.Clone(fx.kill), fx.withdraw...) {
				if kill.Dead == nil {
					continue
				}
				killed[kill.Attempt] = true
				if !over[kill.Attempt] || kill.Reason != banto.ReasonLost || int64(kill.Dead.By) > clock+int64(banto.DeadManGrace) {
					t.Fatalf("at %d, contact %d: %+v %+v", clock, contact, kill, kill.Dead)
				}
			}
			for _, s := range fx.launch {
				if over[s.Attempt] || s.Spec.DeadManMS > 0 && contact+s.Spec.DeadManMS*1e6 <= clock {
					t.Fatalf("at %d, contact %d: %s is launched", clock, contact, s.Attempt)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"time": func(t *rapid.T) {
				clock += int64(rapid.IntRange(1, 50).Draw(t, "ms")) * 1e6
				if asleep = rapid.Bool().Draw(t, "asleep"); !asleep {
					pass(clock)
					do(func(fx *effects) { c.expire(fx, clock) })
				}
			},
			"contact": func(t *rapid.T) { // sent some time ago
				at := clock - int64(rapid.IntRange(0, 40).Draw(t, "late"))*1e6
				if at > contact {
					pass(at)
				}
				do(func(fx *effects) {
					c.request(fx, &Request{Contact: time.Duration(at)}, ground{clock: clock, now: time.Unix(1, 0)})
				})
				contact = max(contact, at)
			},
			"start": func(t *rapid.T) {
				count++
				id := try(count)
				ms := int64(rapid.IntRange(0, 60).Draw(t, "limit"))
				if limit := ms * 1e6; ms > 0 {
					limits[id], over[id] = limit, contact+limit <= clock
				}
				do(func(fx *effects) {
					c.request(fx, &Request{Start: []Start{{Attempt: id, Spec: banto.Spec{DeadManMS: ms}}}}, ground{clock: clock, contact: contact, boot: "boot", now: time.Unix(1, 0)})
				})
			},
			"process made": func(t *rapid.T) {
				for _, cl := range c.liveClaims() {
					if cl.started == nil {
						do(func(fx *effects) {
							c.launched(fx, startedRecord{Attempt: cl.claimed.Attempt, PID: 1, DeadManMS: cl.claimed.DeadManMS})
							if len(fx.kill) == 0 && killed[cl.claimed.Attempt] {
								t.Fatalf("%s was withdrawn, and lives", cl.claimed.Attempt)
							}
						})
						return
					}
				}
			},
			"crash": func(t *rapid.T) {
				found := readRecords(journal)
				d, _, err := replay(found, len(journal), machine{}, mark{}, "boot", func() string { return "other" })
				if err != nil {
					t.Fatal(err)
				}
				d.enter("boot")
				if d.dead.at > contact || len(d.liveClaims()) != len(c.liveClaims()) {
					t.Fatalf("contact %d, was %d", d.dead.at, contact)
				}
				c, contact = d, d.dead.at
				pass(clock)
				do(func(fx *effects) { c.expire(fx, clock) })
			},
			"compact": func(t *rapid.T) {
				journal = nil
				for _, r := range c.snapshot() {
					journal, _ = appendRecord(journal, r)
				}
			},
			"": func(t *rapid.T) {
				if asleep {
					return
				}
				least := int64(0)
				for _, cl := range c.liveClaims() {
					id := cl.claimed.Attempt
					if over[id] && !killed[id] {
						t.Fatalf("at %d, contact %d: %s lives", clock, contact, id)
					}
					if end := contact + limits[id]; limits[id] > 0 && !killed[id] && (least == 0 || end < least) {
						least = end
					}
				}
				if least > 0 && (c.dead.due == 0 || c.dead.due > least) {
					t.Fatalf("nobody wakes at %d, but at %d", least, c.dead.due)
				}
			},
		})
	})
}

// While a limit is kept the journal is not for those who keep none.
func TestFormat(t *testing.T) {
	c := newClaims("g")
	c.enter("b")
	formats := func() (out []int) {
		text, _ := journalText(c.snapshot())
		for _, r := range readRecords(text).records {
			if r.Head != nil {
				out = append(out, r.Head.Format)
			}
		}
		return out
	}
	fx := &effects{}
	g := ground{clock: 10e9, contact: 10e9, boot: "b", now: time.Unix(1e9, 0)}
	c.request(fx, &Request{Contact: 10e9, Start: []Start{{Attempt: try(1)}}}, g)
	if got := formats(); c.format != plainFormat || !slices.Equal(got, []int{plainFormat}) {
		t.Fatal(c.format, got)
	}
	c.request(fx, &Request{Start: []Start{{Attempt: try(2), Spec: banto.Spec{DeadManMS: 5000}}}}, g)
	if got := formats(); c.format != journalFormat || !slices.Equal(got, []int{journalFormat}) || len(fx.launch) != 2 {
		t.Fatal(c.format, got)
	}
	// One that is being killed with more patience has no longer than the others.
	c.launched(fx, startedRecord{Attempt: try(2), PID: 1})
	c.killAttempt(fx, Kill{Attempt: try(2), Reason: banto.ReasonKilled, GraceMS: 1e6}, g.now)
	fx = &effects{}
	c.expire(fx, 15e9)
	if len(fx.kill) != 1 || fx.kill[0].Reason != banto.ReasonKilled || fx.kill[0].Dead == nil || fx.kill[0].Dead.By != 20*time.Second {
		t.Fatalf("%+v", fx.kill)
	}
	c.end(fx, Ended{Attempt: try(2)})
	if got := formats(); !slices.Equal(got, []int{plainFormat}) {
		t.Fatal(got)
	}
	// Another run of the host knows of no contact, and a lost claim keeps its limit.
	text, _ := journalText(fx.records)
	text, _ = appendRecord(text, record{Started: &startedRecord{Attempt: try(3), DeadManMS: 7}})
	text, _ = appendRecord(text, record{Contact: &contactRecord{Boot: "b", At: 5}})
	d, _, err := replay(readRecords(text), len(text), machine{}, mark{}, "c", func() string { return "h" })
	if err != nil {
		t.Fatal(err)
	}
	if d.enter("c"); d.dead.at != 0 || d.dead.limits[try(3)] != 7e6 {
		t.Fatalf("%+v", d.dead)
	}
}
