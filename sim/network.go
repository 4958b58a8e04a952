package sim

import (
	"time"

	"github.com/bantoops/banto/fabric"
)

// conn is a connection of an agent to a manager: it keeps the order, may hang,
// and loses what is under way when it breaks.
type conn struct {
	w        *world
	agent    *agent
	m        *manager
	life     *life // of the manager's process when it was made
	broken   bool  // nothing arrives any more
	downAt   time.Duration
	upAt     time.Duration
	deferred []func() // what waits because the network is cut
}

// latency is how long a frame takes.
func (w *world) latency() time.Duration {
	switch {
	case w.calm || !w.chance(20):
		return time.Millisecond + w.some(5*time.Millisecond)
	case w.chance(5):
		return w.some(5 * time.Second)
	}
	return w.some(300 * time.Millisecond)
}

// connect makes a connection of an agent to a manager, if it takes one.
func (w *world) connect(a *agent, m *manager) *conn {
	if m.cut || a.h.cut || m.life.dead || m.life.frozen > 0 || m.run == nil {
		return nil
	}
	c := &conn{w: w, agent: a, m: m, life: m.life}
	m.conns = append(m.conns, c)
	return c
}

// hangs says whether nothing gets through now, though nobody has noticed.
func (c *conn) hangs() bool { return c.m.cut || c.agent.h.cut }

// up carries a frame to the manager.
func (c *conn) up(data []byte) {
	c.carry(&c.upAt, c.life, func() {
		if c.m.gate != nil && c.m.life == c.life {
			c.m.gate.Receive(fabric.UpSubject(c.agent.h.id), data)
			c.m.poke()
		}
	})
}

// down carries a frame to the agent.
func (c *conn) down(data []byte) {
	c.carry(&c.downAt, c.agent.life, func() {
		if c.agent.conn == c {
			c.agent.receive(data)
		}
	})
}

// carry brings something to the other side, in order.
func (c *conn) carry(last *time.Duration, l *life, deliver func()) {
	if c.broken {
		return
	}
	if c.hangs() {
		c.deferred = append(c.deferred, func() { c.carry(last, l, deliver) })
		return
	}
	at := max(*last, c.w.now+c.w.latency())
	*last = at
	c.w.after(at-c.w.now, l, func() {
		switch {
		case c.broken:
		case c.hangs(): // it is on the way and waits
			c.deferred = append(c.deferred, deliver)
		default:
			deliver()
		}
	})
}

// flow lets go on what waited while the network was cut.
func (c *conn) flow() {
	waits := c.deferred
	c.deferred = nil
	for _, deliver := range waits {
		c.w.after(c.w.some(50*time.Millisecond), nil, func() {
			if !c.broken {
				deliver()
			}
		})
	}
}

// drop breaks the connection: the manager knows at once if it is its own doing,
// the other side and each side otherwise after a while.
func (c *conn) drop(byManager bool) {
	if c.broken {
		return
	}
	c.broken = true
	notice := c.w.some(200 * time.Millisecond)
	if !c.w.calm && c.w.chance(4) {
		notice = c.w.some(20 * time.Second)
	}
	c.w.after(notice, c.agent.life, func() { c.agent.disconnected(c) })
	if byManager {
		return
	}
	c.w.after(c.w.some(2*time.Second), c.life, c.forget)
}

// forget takes the connection off the manager's list.
func (c *conn) forget() {
	for i, other := range c.m.conns {
		if other == c {
			c.m.conns = append(c.m.conns[:i:i], c.m.conns[i+1:]...)
			return
		}
	}
}

// cutOff cuts a machine's network for a while.
func (w *world) cutOff(cut *bool, what string, d time.Duration) {
	if *cut {
		return
	}
	w.note("the network of %s is cut for %s", what, d)
	*cut = true
	w.after(d, nil, func() { w.reunite(cut, what) })
}

// reunite ends a cut.
func (w *world) reunite(cut *bool, what string) {
	if !*cut {
		return
	}
	w.note("the network of %s is whole again", what)
	*cut = false
	for _, m := range w.managers {
		for _, c := range m.conns {
			if !c.hangs() {
				c.flow()
			}
		}
	}
}
