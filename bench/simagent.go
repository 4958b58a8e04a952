//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/agent/link"
)

// simKeeper is a keeper in memory: its processes do nothing, for as long as they
// are told, and print the same line each. Beside that it keeps what the protocol
// promises: an attempt is claimed once, whatever is sent twice; a kill of an
// attempt that it does not know leaves a tombstone; a result is told on every new
// connection until it is acknowledged. It has no dead-man's limit and says so.
type simKeeper struct {
	boot, generation string
	takes            time.Duration // how long a process runs; 0: it has ended when it is told
	prints           string

	mu      sync.Mutex
	renewed int
	claims  map[banto.AttemptID]*simClaim
	conn    *simConn
}

// simClaim is an attempt; one whose result was told is forgotten but for its
// having been.
type simClaim struct {
	part    banto.PartKey
	started *time.Time
	ended   *keeper.Ended
	acked   bool
	stop    *time.Timer
}

func newSimKeeper(name string, takes time.Duration, prints string) *simKeeper {
	return &simKeeper{boot: "boot-of-" + name, generation: "sim-" + name, takes: takes, prints: prints, claims: map[banto.AttemptID]*simClaim{}}
}

// simConn is a connection of an agent to its keeper. It is never lost; so its
// events need not be closed.
type simConn struct {
	k      *simKeeper
	events chan keeper.Event
	closed chan struct{}
	once   sync.Once
}

// connect is link.Options.Keeper.
func (k *simKeeper) connect(context.Context) (link.Keeper, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := &simConn{k: k, events: make(chan keeper.Event, 4), closed: make(chan struct{})}
	var again keeper.Event
	for _, x := range k.claims {
		if x.ended != nil && !x.acked {
			again.Ended = append(again.Ended, *x.ended)
		}
	}
	c.events <- keeper.Event{Hello: k.hello()}
	c.events <- again
	k.conn = c
	return c, nil
}

// hello opens a connection; k.mu is held.
func (k *simKeeper) hello() *keeper.Hello {
	h := &keeper.Hello{PID: 1, Version: "bench", BootID: k.boot, Generation: k.generation, Claims: k.claimed(), Shells: []string{"sh"}, Protocol: keeper.Protocol}
	if k.renewed > 0 {
		h.Generation = fmt.Sprintf("%s-%d", k.generation, k.renewed)
	}
	for id, x := range k.claims {
		if x.ended == nil {
			h.Running = append(h.Running, id)
		}
	}
	return h
}

func (k *simKeeper) claimed() int64 { return int64(len(k.claims)) }

// Send handles a request. The link calls it apart from its loop, which reads the
// events meanwhile.
func (c *simConn) Send(q keeper.Request) error {
	c.k.mu.Lock()
	e := c.k.handle(q)
	c.k.mu.Unlock()
	return c.tell(e)
}

func (c *simConn) tell(e keeper.Event) error {
	select {
	case c.events <- e:
		return nil
	case <-c.closed:
		return errors.New("the connection to the keeper is closed")
	}
}

func (c *simConn) Events() <-chan keeper.Event { return c.events }
func (c *simConn) Close()                      { c.once.Do(func() { close(c.closed) }) }

func (c *simConn) ReadOutput(id banto.AttemptID, offset int64, p []byte) (int, error) {
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	x := c.k.claims[id]
	if x == nil || x.started == nil || offset >= int64(len(c.k.prints)) {
		return 0, io.EOF
	}
	return copy(p, c.k.prints[offset:]), nil
}

// handle is one request; k.mu is held.
func (k *simKeeper) handle(q keeper.Request) keeper.Event {
	e := keeper.Event{Done: q.Seq}
	if q.Recall != nil {
		e.Recalled = k.recall(q.Recall.ID)
	}
	if q.Renew {
		k.renewed++
		e.Hello = k.hello()
	}
	for _, s := range q.Start {
		k.start(s, &e)
	}
	for _, x := range q.Kill {
		k.kill(x, &e)
	}
	for _, id := range q.Ack {
		if x := k.claims[id]; x != nil && x.ended != nil {
			x.acked, x.ended = true, &keeper.Ended{Exit: x.ended.Exit, Reason: x.ended.Reason, At: x.ended.At}
		}
	}
	for _, c := range q.Clean {
		e.Cleaned = append(e.Cleaned, c.Tracker)
	}
	e.Claims = k.claimed()
	return e
}

func (k *simKeeper) start(s keeper.Start, e *keeper.Event) {
	if x := k.claims[s.Attempt]; x != nil {
		switch {
		case x.ended == nil:
			e.Started = append(e.Started, keeper.Started{Attempt: s.Attempt, PID: 1, At: *x.started})
		case !x.acked:
			e.Ended = append(e.Ended, *x.ended)
		}
		return
	}
	now := time.Now().UTC()
	x := &simClaim{part: s.Spec.Part}
	k.claims[s.Attempt] = x
	if s.Refused != "" {
		x.ended = &keeper.Ended{Attempt: s.Attempt, At: now, Reason: banto.ReasonNotStarted, Message: s.Refused}
		e.Ended = append(e.Ended, *x.ended)
		return
	}
	x.started = &now
	if k.takes <= 0 {
		x.ended = k.end(s.Attempt, x, now)
		e.Ended = append(e.Ended, *x.ended)
		return
	}
	e.Started = append(e.Started, keeper.Started{Attempt: s.Attempt, PID: 1, At: now})
	x.stop = time.AfterFunc(k.takes, func() { k.over(s.Attempt) })
}

func (k *simKeeper) end(id banto.AttemptID, x *simClaim, now time.Time) *keeper.Ended {
	exit := 0
	return &keeper.Ended{Attempt: id, StartedAt: x.started, At: now, Exit: &exit, OutputSize: int64(len(k.prints))}
}

// over ends a process that has run its time.
func (k *simKeeper) over(id banto.AttemptID) {
	k.mu.Lock()
	x, c := k.claims[id], k.conn
	if x.ended != nil {
		k.mu.Unlock()
		return
	}
	x.ended = k.end(id, x, time.Now().UTC())
	e := keeper.Event{Ended: []keeper.Ended{*x.ended}, Claims: k.claimed()}
	k.mu.Unlock()
	_ = c.tell(e) // a closed connection is followed by one that is told it again
}

func (k *simKeeper) kill(q keeper.Kill, e *keeper.Event) {
	x := k.claims[q.Attempt]
	if x == nil {
		x = &simClaim{}
		k.claims[q.Attempt] = x
	}
	if x.ended == nil {
		if x.stop != nil {
			x.stop.Stop()
		}
		x.ended = &keeper.Ended{Attempt: q.Attempt, StartedAt: x.started, At: time.Now().UTC(), Reason: q.Reason, Signal: "terminated"}
	}
	if !x.acked {
		e.Ended = append(e.Ended, *x.ended)
	}
}

// recall tells all claims; in one piece, which holds what one agent of a
// benchmark runs.
func (k *simKeeper) recall(id string) *keeper.Recalled {
	r := &keeper.Recalled{ID: id, Whole: true}
	for attempt, x := range k.claims {
		a := keeper.RecalledAttempt{Attempt: attempt, Part: x.part, State: keeper.RecalledRunning, StartedAt: x.started}
		if x.ended != nil {
			a.State, a.At, a.Exit, a.Reason = keeper.RecalledEnded, &x.ended.At, x.ended.Exit, x.ended.Reason
			if x.acked {
				a.State = keeper.RecalledTold
			}
		}
		r.Attempts = append(r.Attempts, a)
	}
	return r
}

// simLine is what each simulated process prints.
func simLine(n int) string {
	if n <= 0 {
		return ""
	}
	return strings.Repeat("x", n-1) + "\n"
}
