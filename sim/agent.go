package sim

import (
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/agent/link"
	"github.com/bantoops/banto/fabric"
)

// agent is an agent's process.
type agent struct {
	h     *host
	life  *life
	link  *link.Machine
	conn  *conn
	end   int // the endpoint that it uses, or tries next
	heard map[string]int64

	keeper  *keeperProcess // that it is connected to
	toAt    time.Duration  // the last request arrives then
	fromAt  time.Duration  // and the last event
	wakeAt  time.Duration
	calling bool // it is connecting to a manager
}

// startAgent starts the agent of a host, if none runs.
func (h *host) startAgent() {
	if h.life.dead || h.agent != nil && !h.agent.life.dead {
		return
	}
	w := h.w
	h.agents++
	about := fabric.Hello{Name: h.name, Version: "v1", OS: "linux", Arch: "amd64", Slots: h.slots}
	a := &agent{h: h, life: &life{of: h.life}, heard: map[string]int64{}, end: w.rand.IntN(len(w.managers))}
	a.link = link.NewMachine(w.word(13), func() string { return w.word(10) }, about)
	h.agent = a
	w.note("%s starts its agent", h)
	a.reach()
	a.call(w.some(50 * time.Millisecond))
}

// kill ends the agent's process.
func (a *agent) kill(why string) {
	if a == nil || a.life.dead {
		return
	}
	a.h.w.note("the agent of %s ends: %s", a.h, why)
	a.life.over()
	if a.conn != nil {
		c := a.conn
		a.conn = nil
		c.broken = true
		c.w.after(c.w.some(time.Second), c.life, c.forget)
	}
	if a.keeper != nil && a.keeper.agent == a {
		a.keeper.agent = nil
	}
}

// wall is the host's clock.
func (a *agent) wall() time.Time { return a.h.wall() }

// call connects to a manager, after a while.
func (a *agent) call(wait time.Duration) {
	if a.calling || a.conn != nil {
		return
	}
	a.calling = true
	w := a.h.w
	w.after(wait, a.life, func() {
		a.calling = false
		m := w.managers[a.end%len(w.managers)]
		if c := w.connect(a, m); c != nil {
			a.conn = c
			w.note("the agent of %s is connected to %s", a.h, m.name)
			a.link.Connected(true, m.endpoint(), a.wall())
			a.work()
			return
		}
		a.end++
		a.call(100*time.Millisecond + w.some(1500*time.Millisecond))
	})
}

// disconnected says that a connection is gone.
func (a *agent) disconnected(c *conn) {
	if a.conn != c {
		return
	}
	a.conn = nil
	a.link.Connected(false, c.m.endpoint(), a.wall())
	a.work()
	a.end += a.h.w.rand.IntN(2)
	a.call(a.h.w.some(500 * time.Millisecond))
}

// receive takes a frame of a manager. No order of a manager that was deposed is
// obeyed once another was heard.
func (a *agent) receive(data []byte) {
	d, err := fabric.DecodeDown(data)
	if err != nil {
		a.h.w.broken(0, "a frame cannot be read: %v", err)
		return
	}
	a.work()
	before, _ := a.link.Welcome()
	note := a.link.Frame(d, a.wall())
	if note != "" {
		a.h.w.note("%s: %s", a.h, note)
	}
	old := d.Epoch < a.heard[d.Incarnation]
	if open, _ := a.link.Welcome(); open && old && !before {
		a.h.w.broken(5, "the agent of %s takes epoch %d for the active manager, after %d", a.h, d.Epoch, a.heard[d.Incarnation])
	}
	a.heard[d.Incarnation] = max(a.heard[d.Incarnation], d.Epoch)
	if q, asked := a.link.Request(); asked {
		if old {
			a.h.w.broken(5, "the agent of %s obeys epoch %d after %d: %+v", a.h, d.Epoch, a.heard[d.Incarnation], q)
		}
		if d.Pong > 0 {
			a.h.w.truth.contact(a.h, reign{d.Incarnation, d.Epoch}, q.Contact)
		}
		a.ask(q)
	}
	a.work()
	a.surprised(d.Orders)
}

// work does what the link's loop does.
func (a *agent) work() {
	w, now := a.h.w, a.wall()
	if wake := a.link.Wake(); !wake.IsZero() && !now.Before(wake) {
		a.link.Tick(now)
	}
	if away := a.link.Away(); away.Why != "" && a.conn != nil && (away.Gone || len(w.managers) > 1) {
		w.note("the agent of %s leaves %s: %s", a.h, a.conn.m.name, away.Why)
		c := a.conn
		c.broken = true
		w.after(w.some(time.Second), c.life, c.forget)
		a.conn = nil
		a.link.Connected(false, c.m.endpoint(), now)
		a.end++
		a.call(w.some(500 * time.Millisecond))
	}
	a.link.Managers()
	if a.keeper != nil {
		if q, asked := a.link.Request(); asked {
			a.ask(q)
		}
	}
	for {
		u, more := a.link.Next(now, a.read)
		if !more {
			break
		}
		data, err := u.Encode()
		if err != nil || len(data) > fabric.MaxFrame {
			w.broken(0, "a frame of %d bytes: %v", len(data), err)
			return
		}
		a.link.Sent(&u, w.clock())
		if a.conn != nil {
			a.conn.up(data)
		}
	}
	if wake := a.link.Wake(); !wake.IsZero() {
		at := w.now + max(wake.Sub(now), time.Millisecond)
		if a.wakeAt <= w.now || at < a.wakeAt {
			a.wakeAt = at
			w.after(at-w.now, a.life, func() {
				if a.wakeAt == at {
					a.wakeAt = 0
					a.work()
				}
			})
		}
	}
}

// ask sends a request to the keeper.
func (a *agent) ask(q keeper.Request) {
	k := a.keeper
	if k == nil {
		return
	}
	w := a.h.w
	a.toAt = max(a.toAt, w.now+w.some(2*time.Millisecond))
	w.after(a.toAt-w.now, k.life, func() { k.hear(a, &q) })
}

// tell brings an event of the keeper to the agent.
func (a *agent) tell(k *keeperProcess, e keeper.Event) {
	w := a.h.w
	a.fromAt = max(a.fromAt, w.now+w.some(2*time.Millisecond))
	w.after(a.fromAt-w.now, a.life, func() {
		if a.keeper == k {
			a.link.Keeper(e, a.wall())
			a.work()
		}
	})
}

// greet brings the keeper's greeting: at times in more than one frame, as one of
// many results, and the agent has connected before it knows them all.
func (a *agent) greet(k *keeperProcess) {
	e := k.greeting()
	for a.h.w.chance(2) && (e.Hello != nil || len(e.Ended) > 0) {
		first := keeper.Event{Hello: e.Hello}
		if e.Hello == nil {
			first.Ended, e.Ended = e.Ended[:1], e.Ended[1:]
		}
		e.Hello = nil
		a.tell(k, first)
	}
	a.tell(k, e)
}

// reach connects to the keeper, and starts one if none runs.
func (a *agent) reach() {
	w := a.h.w
	w.after(50*time.Millisecond+w.some(100*time.Millisecond), a.life, func() {
		h := a.h
		if h.keeper == nil || h.keeper.life.dead {
			if !h.startKeeper() || h.keeper.life.dead {
				a.reach()
				return
			}
		}
		a.keeper = h.keeper
		w.after(w.some(5*time.Millisecond), h.keeper.life, func() { h.keeper.join(a) })
	})
}

// lost says that the keeper's end of the socket is gone.
func (a *agent) lost(k *keeperProcess) {
	if a.keeper != k {
		return
	}
	a.keeper = nil
	a.link.KeeperGone("the agent has lost its keeper and connects again")
	a.work()
	a.reach()
}

// read reads output from the host's disk.
func (a *agent) read(id banto.AttemptID, offset int64, n int) []byte {
	size := a.h.disk.outputs[id]
	if offset >= size {
		return nil
	}
	return printed(id, offset, min(size, offset+int64(n)))
}

// printed is what an attempt prints: everybody can tell what is whose, and where.
func printed(id banto.AttemptID, from, to int64) []byte {
	text := fmt.Sprintf("%s|", id)
	b := make([]byte, 0, to-from)
	for i := from; i < to; i++ {
		b = append(b, text[i%int64(len(text))]+byte(i/int64(len(text))%7))
	}
	return b
}
