package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/store"
)

// Options say what the gateway works with.
type Options struct {
	Conn        *nats.Conn
	Send        func(subject string, data []byte) error // nil: Conn.Publish
	Inbox       runner.Inbox                            // may be given later with Attach
	Outputs     store.Outputs
	Epoch       int64
	Incarnation string
	Now         func() time.Time
	Log         *slog.Logger
	// Owns says whether an attempt is the host's, so that no host writes
	// another's output; nil: all are. It is asked once for an attempt that was
	// not delivered since the start; an error means that it cannot be told now,
	// and what the host sends of it has to come again.
	Owns func(banto.HostID, banto.AttemptID) (bool, error)
	// Scripts reads a script by its hash; store.ErrNotFound if it is not there.
	Scripts func(ctx context.Context, hash string) ([]byte, error)
	// Connection says whether a host has a connection to the fabric, and if not
	// how the last one ended (fabric.Server.Connection); nil: nobody knows, and
	// a silent host is down. It is asked only for hosts that are silent.
	Connection func(banto.HostID) (open bool, why string)
	// Proved tells when the last transaction began that proved the manager's
	// lease, by internal/boottime; nil: it is always proved. Hosts are told of
	// contact only for what came before that.
	Proved func() time.Duration
	// Leading says whether the manager still leads; nil: always. While it does
	// not, nothing is sent, and nothing is passed on to the inbox.
	Leading func() bool
	// Managers gives the endpoints of all managers, this one's first, as hosts are
	// to know them; nil: they are told of none. It is asked every second.
	Managers func() []string
	// Refused is told of an agent that is refused, and why; nil: nobody is. It must
	// not wait.
	Refused func(host banto.HostID, why string)
	// Quiet says how often a host on which nothing is under way is to be heard, in
	// a house of so many; nil: fabric.QuietFor.
	Quiet func(hosts int) time.Duration
	// Beats is told how often idle hosts are to be heard, whenever that changes; nil:
	// nobody is. It must not wait.
	Beats func(every time.Duration)
	// Boot is the clock of Proved; nil: boottime.Now.
	Boot func() time.Duration
}

// Gateway is the manager's end of all hosts. It implements runner.Hosts: it
// serves the hosts that were announced by Enrolled, and no other.
type Gateway struct {
	opt       Options
	scripts   *scripts
	strangers strangers
	malformed complaint
	unsent    complaint
	unwritten complaint
	unread    complaint
	homeless  complaint

	ends  atomic.Pointer[[]string] // of all managers, as they were when last looked at
	endAt atomic.Int64             // when that was

	mu      sync.Mutex
	begun   bool           // Run or Turn was called
	recall  *fabric.Recall // what hosts are asked that come later
	quiet   time.Duration  // how often idle hosts are to be heard, by how many there are
	hosts   map[banto.HostID]*host
	running context.Context         // nil before Run and after it
	visits  map[banto.HostID]*visit // of Turn
	work    work
}

// New makes a gateway. What is delivered before Run is sent by Run.
func New(o Options) *Gateway {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Quiet == nil {
		o.Quiet = fabric.QuietFor
	}
	if o.Boot == nil {
		o.Boot = boottime.Now
	}
	return &Gateway{opt: o, hosts: map[banto.HostID]*host{}, scripts: newScripts(o.Scripts),
		strangers: strangers{gone: map[banto.HostID]string{}, told: map[banto.HostID]time.Time{}}}
}

// Attach gives the inbox, since the runner needs a gateway to be made. It is
// called before Run.
func (g *Gateway) Attach(inbox runner.Inbox) { g.opt.Inbox = inbox }

// Enrolled says that this host may connect, and what is known of the claims of
// its keeper. Said again of a host, it has a new key.
func (g *Gateway) Enrolled(id banto.HostID, generation string, count int64) {
	g.mu.Lock()
	h := g.hosts[id]
	made := h == nil
	if made {
		h = &host{id: id}
		if g.begun { // it may have been here before, and be taken in again
			h.since = g.opt.Now()
		}
		h.recall = g.recall
		g.hosts[id] = h
		g.strangers.forget(id)
		g.lookQuiet()
	}
	h.post(func(m *mail) {
		m.known = &claims{generation, count}
		m.ask = m.ask || made
		m.quiet = g.quiet
		m.rekeyed = m.rekeyed || !made
	})
	if made {
		g.start(h)
	}
	g.mu.Unlock()
}

// Removed says that this host may connect no more, and why in words. What was
// delivered for it is dropped.
func (g *Gateway) Removed(id banto.HostID, why string) {
	if why == "" {
		why = notEnrolled
	}
	g.mu.Lock()
	h := g.hosts[id]
	delete(g.hosts, id)
	g.lookQuiet()
	g.strangers.remove(id, why)
	g.mu.Unlock()
	if h != nil {
		h.post(func(m *mail) { m.leave = why })
	}
}

// Deliver hands over orders, repeated until the host confirms them.
func (g *Gateway) Deliver(id banto.HostID, orders []fabric.Order) {
	if h := g.host(id); h != nil {
		h.post(func(m *mail) { m.orders = append(m.orders, orders...) })
	} else if n, ok := g.homeless.due(g.opt.Now()); ok {
		g.opt.Log.Error("orders are for a host that is not enrolled", "host", id, "failed", n)
	}
}

// Acknowledge tells the host that these results are committed.
func (g *Gateway) Acknowledge(id banto.HostID, attempts []banto.AttemptID) {
	if h := g.host(id); h != nil {
		h.post(func(m *mail) { m.acks = append(m.acks, attempts...) })
	}
}

// Recall asks every host, as soon as it is connected and until it has answered,
// what its keeper knows of attempts since then. What was lost on the way is told
// again, so that an attempt may be told of twice.
func (g *Gateway) Recall(since time.Time) {
	r := newRecall(since)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recall = r
	for _, h := range g.hosts {
		h.post(func(m *mail) { m.recall = r })
	}
}

// RecallFrom asks one host the same. If it is being asked already, the answer to
// that is enough.
func (g *Gateway) RecallFrom(id banto.HostID, since time.Time) {
	h := g.host(id)
	if h == nil {
		return
	}
	h.post(func(m *mail) {
		if m.recall == nil {
			m.recall = newRecall(since)
		}
	})
}

func newRecall(since time.Time) *fabric.Recall {
	return &fabric.Recall{ID: strings.ToLower(rand.Text()[:16]), Since: since}
}

// Problem says what is wrong with a host: what it says itself, such as a full
// disk, what was refused in the last minute of an agent with its identity, and
// whether its keeper was made to begin anew in the last hour.
// Empty if nothing is.
func (g *Gateway) Problem(id banto.HostID) string {
	if h := g.host(id); h != nil {
		return h.trouble(g.opt.Now())
	}
	return ""
}

// Run serves the hosts until the context ends.
func (g *Gateway) Run(ctx context.Context) error {
	if g.opt.Inbox == nil || g.opt.Outputs == nil || g.opt.Conn == nil {
		return errors.New("cannot run gateway: connection, inbox or outputs are missing")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sub, err := g.opt.Conn.Subscribe(fabric.UpWildcard, g.receive)
	if err != nil {
		return fmt.Errorf("cannot run gateway: %w", err)
	}
	if err := sub.SetPendingLimits(1<<17, 256<<20); err != nil {
		return fmt.Errorf("cannot run gateway: %w", err)
	}
	if err := g.opt.Conn.Flush(); err != nil { // the subscription stands before hosts are asked
		return fmt.Errorf("cannot run gateway: %w", err)
	}
	g.lookManagers()
	g.mu.Lock()
	g.running, g.begun = ctx, true
	for _, h := range g.hosts {
		g.start(h)
	}
	g.mu.Unlock()
	g.watchManagers(ctx)
	_ = sub.Unsubscribe()
	g.mu.Lock()
	g.running = nil
	g.mu.Unlock()
	g.work.end()
	return nil
}

// receive takes a message off the connection. It only sorts by host.
func (g *Gateway) receive(msg *nats.Msg) { g.Receive(msg.Subject, msg.Data) }

// Receive takes a frame of a host, for a caller that owns the time; see Turn.
func (g *Gateway) Receive(subject string, data []byte) {
	id, now := banto.HostID(strings.TrimPrefix(subject, fabric.UpSubject(""))), g.opt.Now()
	if h := g.host(id); h != nil {
		h.receive(frame{data, now, g.opt.Boot()})
		return
	}
	g.refuseStranger(id, data, now)
}

// host gives an enrolled host's mailbox, or nil.
func (g *Gateway) host(id banto.HostID) *host {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hosts[id]
}

// start lets a host have turns; g.mu is held.
func (g *Gateway) start(h *host) {
	if ctx := g.running; ctx != nil {
		v := newVisit(g, h)
		h.run(func() { g.work.do(func() { g.serve(ctx, v) }) })
	}
}

// serve gives a host turns for as long as there is something to do, and leaves it
// with a timer: thousands of hosts with nothing under way are thousands of timers,
// and no goroutine.
func (g *Gateway) serve(ctx context.Context, v *visit) {
	for ctx.Err() == nil {
		v.h.look()
		now := v.turn(ctx)
		if v.left {
			v.h.run(nil)
			return
		}
		var wait time.Duration
		if wake := v.wake(now); !wake.IsZero() {
			wait = max(wake.Sub(now), 1)
		}
		if v.h.rest(wait) {
			return
		}
	}
}

func (g *Gateway) publish(id banto.HostID, d fabric.Down) {
	if !g.leading() {
		return
	}
	data, err := d.Encode()
	if err == nil {
		err = g.send(fabric.DownSubject(id), data)
	}
	if err != nil {
		if n, ok := g.unsent.due(g.opt.Now()); ok {
			g.opt.Log.Warn("frame is not sent", "host", id, "error", err, "failed", n)
		}
	}
}

func (g *Gateway) send(subject string, data []byte) error {
	if g.opt.Send != nil {
		return g.opt.Send(subject, data)
	}
	return g.opt.Conn.Publish(subject, data)
}
