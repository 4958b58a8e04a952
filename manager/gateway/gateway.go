package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/manager/outputs"
	"github.com/bantoops/banto/manager/runner"
)

// Options say what the gateway works with.
type Options struct {
	Conn        *nats.Conn
	Inbox       runner.Inbox // may be given later with Attach
	Outputs     *outputs.Store
	Epoch       int64
	Incarnation string
	Now         func() time.Time
	Log         *slog.Logger
	// Known says whether a host is enrolled; nil: all are. It is called for
	// every frame and must not block.
	Known func(banto.HostID) bool
	// Owns says whether an attempt is the host's, so that no host writes
	// another's output; nil: all are. It must not block.
	Owns func(banto.HostID, banto.AttemptID) bool
	// Hosts are asked to say hello when the gateway starts. Others say it
	// within a few seconds.
	Hosts []banto.HostID
}

// Gateway is the manager's end of all hosts. It implements runner.Hosts.
type Gateway struct {
	opt       Options
	malformed complaint
	unsent    complaint
	unwritten complaint

	mu      sync.Mutex
	hosts   map[banto.HostID]*host
	running context.Context // nil before Run and after it
	wg      sync.WaitGroup
}

// New makes a gateway. What is delivered before Run is sent by Run.
func New(o Options) *Gateway {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Gateway{opt: o, hosts: map[banto.HostID]*host{}}
}

// Attach gives the inbox, since the runner needs a gateway to be made. It is
// called before Run.
func (g *Gateway) Attach(inbox runner.Inbox) { g.opt.Inbox = inbox }

// Deliver hands over orders, repeated until the host confirms them.
func (g *Gateway) Deliver(id banto.HostID, orders []fabric.Order) {
	h := g.host(id)
	h.mu.Lock()
	h.orders = append(h.orders, orders...)
	h.mu.Unlock()
	h.poke()
}

// Acknowledge tells the host that these results are committed.
func (g *Gateway) Acknowledge(id banto.HostID, attempts []banto.AttemptID) {
	h := g.host(id)
	h.mu.Lock()
	h.acks = append(h.acks, attempts...)
	h.mu.Unlock()
	h.poke()
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
	g.mu.Lock()
	g.running = ctx
	for _, h := range g.hosts {
		g.start(h)
	}
	g.mu.Unlock()
	for _, id := range g.opt.Hosts {
		h := g.host(id)
		h.mu.Lock()
		h.ask = true
		h.mu.Unlock()
		h.poke()
	}
	<-ctx.Done()
	_ = sub.Unsubscribe()
	g.mu.Lock()
	g.running = nil
	g.mu.Unlock()
	g.wg.Wait()
	return nil
}

// receive takes a message off the connection. It only sorts by host.
func (g *Gateway) receive(msg *nats.Msg) {
	id := banto.HostID(strings.TrimPrefix(msg.Subject, fabric.UpSubject("")))
	if g.opt.Known != nil && !g.opt.Known(id) {
		g.refuseUnknown(id, msg.Data)
		return
	}
	g.host(id).receive(msg.Data)
}

func (g *Gateway) refuseUnknown(id banto.HostID, data []byte) {
	n, ok := g.malformed.due(g.opt.Now())
	if !ok {
		return
	}
	g.opt.Log.Warn("frame of a host that is not enrolled is dropped", "host", id, "dropped", n)
	u, err := fabric.DecodeUp(data)
	if err != nil {
		return
	}
	g.publish(id, fabric.Down{Epoch: g.opt.Epoch, Incarnation: g.opt.Incarnation, Session: u.Session,
		Refused: "this host is not enrolled with this manager (was it removed?)"})
}

// host gives a host's mailbox, made and started if it is not there.
func (g *Gateway) host(id banto.HostID) *host {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.hosts[id]
	if h == nil {
		h = &host{id: id, signal: make(chan struct{}, 1)}
		g.hosts[id] = h
		g.start(h)
	}
	return h
}

func (g *Gateway) start(h *host) {
	if ctx := g.running; ctx != nil {
		g.wg.Go(func() { g.serve(ctx, h) })
	}
}

// serve is one host's loop: take all that waits, then send, then wait.
func (g *Gateway) serve(ctx context.Context, h *host) {
	m := NewMachine(g.opt.Epoch, g.opt.Incarnation)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		mail := h.take()
		now := g.opt.Now()
		if mail.ask {
			m.Ask()
		}
		for _, o := range mail.orders {
			superseded, taken := m.Deliver(o)
			if !taken {
				g.tooLarge(h.id, o, now)
			}
			if len(superseded) > 0 {
				g.opt.Inbox.Confirmed(h.id, superseded)
			}
		}
		m.Acknowledge(mail.acks)
		if mail.dropped > 0 {
			g.opt.Log.Warn("frames are dropped: the host sends faster than they can be taken", "host", h.id, "dropped", mail.dropped)
		}
		for _, data := range mail.frames {
			g.frame(h.id, m, data, now)
		}
		if wake := m.Wake(); !wake.IsZero() && !now.Before(wake) {
			g.apply(h.id, m, m.Tick(now), now)
		}
		for d, ok := m.Next(now); ok; d, ok = m.Next(now) {
			g.publish(h.id, d)
		}
		if wake := m.Wake(); !wake.IsZero() {
			timer.Reset(wake.Sub(now))
		}
		select {
		case <-ctx.Done():
			return
		case <-h.signal:
		case <-timer.C:
		}
	}
}

func (g *Gateway) frame(id banto.HostID, m *Machine, data []byte, now time.Time) {
	u, err := fabric.DecodeUp(data)
	var version *fabric.VersionError
	switch {
	case errors.As(err, &version):
		m.Refuse(u.Session, version.Error(), now)
		fallthrough
	case err != nil:
		if n, ok := g.malformed.due(now); ok {
			g.opt.Log.Warn("frame is dropped", "host", id, "error", err, "dropped", n)
		}
		return
	}
	g.apply(id, m, m.Frame(u, now), now)
}

// apply carries out what the machine asks for.
func (g *Gateway) apply(id banto.HostID, m *Machine, e Effects, now time.Time) {
	if e.Clash != "" {
		g.opt.Log.Warn(e.Clash, "host", id)
	}
	if e.Up != nil {
		g.opt.Inbox.HostUp(runner.HostSession{ID: id, Hello: *e.Up, At: now})
	}
	if len(e.Confirmed) > 0 {
		g.opt.Inbox.Confirmed(id, e.Confirmed)
	}
	if len(e.Started) > 0 {
		started := make([]engine.Started, len(e.Started))
		for i, s := range e.Started {
			started[i] = engine.Started{Attempt: s.Attempt, At: s.At}
		}
		g.opt.Inbox.HostStarted(id, started)
	}
	for _, c := range e.Output {
		g.write(id, m, c, now)
	}
	if ended := g.complete(id, e.Ended); len(ended) > 0 {
		g.opt.Inbox.HostEnded(id, ended)
	}
	if e.Down != "" {
		g.opt.Inbox.HostDown(id, e.Down, now)
	}
}

// write keeps a piece of output. When that fails it is not acknowledged, and
// the host sends it again after a while.
func (g *Gateway) write(id banto.HostID, m *Machine, c fabric.OutputChunk, now time.Time) {
	if g.opt.Owns != nil && !g.opt.Owns(id, c.Attempt) {
		if n, ok := g.malformed.due(now); ok {
			g.opt.Log.Warn("output of another host's attempt is dropped", "host", id, "attempt", c.Attempt, "dropped", n)
		}
		return
	}
	size, err := g.opt.Outputs.Write(c.Attempt, c.Offset, c.Data)
	var gap *outputs.GapError
	if err != nil && !errors.As(err, &gap) {
		if n, ok := g.unwritten.due(now); ok {
			g.opt.Log.Error("output is not written and will be asked for again; its attempts cannot end until it is", "error", err, "failed", n)
		}
		return
	}
	m.Stored(c.Attempt, size, gap != nil)
}

// complete gives the results whose output is all here. The others come again.
func (g *Gateway) complete(id banto.HostID, reports []fabric.EndedReport) []engine.Ended {
	var ended []engine.Ended
	for _, r := range reports {
		if r.OutputSize > 0 && (g.opt.Owns == nil || g.opt.Owns(id, r.Attempt)) {
			if size, err := g.opt.Outputs.Size(r.Attempt); err != nil || size < r.OutputSize {
				continue
			}
		}
		ended = append(ended, engine.Ended{
			Attempt: r.Attempt, StartedAt: r.StartedAt, At: r.At, Exit: r.Exit, Reason: r.Reason, Message: r.Message,
			Vars: r.Vars, Output: r.OutputHead, OutputSize: r.OutputSize, OutputLost: r.OutputLost,
		})
	}
	return ended
}

// tooLarge ends an attempt whose order fits no frame: it was never sent.
func (g *Gateway) tooLarge(id banto.HostID, o fabric.Order, now time.Time) {
	g.opt.Log.Error("order does not fit a frame", "host", id, "order", o.ID)
	if o.Start != nil {
		g.opt.Inbox.HostEnded(id, []engine.Ended{{
			Attempt: o.Start.Attempt, At: now, Reason: banto.ReasonNotStarted,
			Message: fmt.Sprintf("script, arguments and environment are more than %d KiB", fabric.FrameRoom>>10),
		}})
	}
	g.opt.Inbox.Confirmed(id, []string{o.ID})
}

func (g *Gateway) publish(id banto.HostID, d fabric.Down) {
	data, err := d.Encode()
	if err == nil {
		err = g.opt.Conn.Publish(fabric.DownSubject(id), data)
	}
	if err != nil {
		if n, ok := g.unsent.due(g.opt.Now()); ok {
			g.opt.Log.Warn("frame is not sent", "host", id, "error", err, "failed", n)
		}
	}
}
