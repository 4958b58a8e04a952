package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/internal/ids"
	"github.com/bantoops/banto/lease"
	"github.com/bantoops/banto/manager/gateway"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/sim/memstore"
	"github.com/bantoops/banto/store"
)

// manager is a manager's machine, and its process.
type manager struct {
	w    *world
	n    int
	name string
	skew time.Duration // of its clock on the wall
	cut  bool          // no host reaches it
	sick bool          // its store fails again and again
	away bool          // it does not reach its store

	life   *life
	store  *memstore.Store
	holder *lease.Holder

	// While it is the active one.
	epoch   int64
	run     *runner.Runner
	gate    *gateway.Gateway
	conns   []*conn
	pending bool // a turn is scheduled
	turning bool
	wakeAt  time.Duration
}

func newManager(w *world, n int) *manager {
	return &manager{w: w, n: n, name: fmt.Sprintf("m%d", n+1), life: &life{dead: true}}
}

// wall is the clock on the wall.
func (m *manager) wall() time.Time { return begin.Add(m.w.now + m.skew) }

// start starts its process, as a standby.
func (m *manager) start() {
	if !m.life.dead || m.w.backup.lost() {
		return
	}
	m.life = &life{}
	m.store = memstore.Open(m.w.shelf, memstore.Options{
		Clock: m.w.clock, Now: func() time.Time { return begin.Add(m.w.now) }, Gone: m.w.sessionGone,
		Begin: m.edge(5), Commit: m.edge(3), Committed: m.edge(3), Read: m.readEdge, Row: m.w.truth.row,
	})
	holder, err := lease.New(lease.Options{
		Store: m.store, Holder: fmt.Sprintf("%s-%s", m.name, m.w.word(5)), Name: m.name, Clock: m.w.clock,
	})
	if err != nil {
		m.w.err = err
		return
	}
	m.holder = holder
	m.w.note("%s starts", m.name)
	m.w.after(m.w.some(300*time.Millisecond), m.life, m.look)
}

// look looks for the lease, as long as it has none.
func (m *manager) look() {
	epoch, err := m.holder.Look(m.w.ctx, nil)
	if err != nil {
		m.w.after(lease.DefaultTimes().Poll, m.life, m.look)
		return
	}
	m.epoch = epoch
	m.w.truth.taken(m.w.shelf.Incarnation(), epoch)
	m.w.note("%s is active with epoch %d", m.name, epoch)
	m.guard(m.lead)
}

// lead makes it the active manager.
func (m *manager) lead() {
	incarnation, err := m.store.Incarnation(m.w.ctx)
	if err != nil {
		m.stop("it cannot read its store")
		return
	}
	m.gate = gateway.New(gateway.Options{
		Send: m.send, Outputs: m.w.outputs, Epoch: m.epoch, Incarnation: incarnation, Now: m.wall,
		Owns: m.owns, Connection: m.connection, Proved: m.store.ProvedAt, Leading: m.holder.Leading,
		Managers: m.w.endpoints, Boot: m.w.clock, Log: slog.New(slog.DiscardHandler),
	})
	m.run = runner.New(runner.Options{
		Store: m.store, Hosts: spoken{m, m.gate}, IDs: ids.Source{Rand: chance{m.w}, Now: m.wall}, LocalHost: m.w.hosts[0].id,
		Now: m.wall, Clock: m.w.clock,
	})
	m.gate.Attach(m.run)
	if err := m.run.Begin(m.w.ctx); err != nil {
		m.stop("it cannot begin: " + err.Error())
		return
	}
	m.w.after(lease.DefaultTimes().Renew/4, m.life, m.keep)
	m.poke()
}

// keep keeps the lease, as lease.Holder.Keep does.
func (m *manager) keep() {
	times := lease.DefaultTimes()
	left := m.holder.Left()
	if left <= 0 {
		m.stop("it could not prove its lease")
		return
	}
	if times.GiveUp-left >= times.Renew {
		err := m.store.Write(m.w.ctx, func(store.Tx) error { return nil })
		if errors.Is(err, store.ErrDeposed) {
			m.stop("another is active")
			return
		}
	}
	m.w.after(times.Renew/4, m.life, func() { m.guard(m.keep) })
	m.poke() // hosts wait for their pongs
}

// poke has it take a turn soon.
func (m *manager) poke() {
	if m.run == nil || m.pending || m.turning {
		return
	}
	m.pending = true
	m.w.after(m.w.some(2*time.Millisecond), m.life, m.turn)
}

// turn does all that is to be done now.
func (m *manager) turn() {
	m.pending = false
	m.guard(func() {
		m.turning = true
		defer func() { m.turning = false }()
		var next time.Time
		for range 100 {
			next = m.gate.Turn(m.w.ctx)
			at, due := m.run.Next()
			if !due || at.After(m.wall()) {
				if due && (next.IsZero() || at.Before(next)) {
					next = at
				}
				break
			}
			if err := m.run.Turn(m.w.ctx); err != nil {
				m.stop(err.Error())
				return
			}
		}
		if !next.IsZero() {
			m.wake(m.w.now + max(next.Sub(m.wall()), time.Millisecond))
		}
	})
}

// wake has it take a turn at a time, or before.
func (m *manager) wake(at time.Duration) {
	if m.wakeAt > m.w.now && m.wakeAt <= at {
		return
	}
	m.wakeAt = at
	m.w.after(at-m.w.now, m.life, func() {
		if m.wakeAt == at {
			m.wakeAt = 0
			m.turn()
		}
	})
}

// stop ends its process, which comes again as a standby.
func (m *manager) stop(why string) {
	m.w.note("%s gives itself up: %s", m.name, why)
	m.end()
	m.w.after(time.Second+m.w.some(2*time.Second), nil, m.start)
}

// kill is kill -9.
func (m *manager) kill() {
	if m.life.dead {
		return
	}
	m.w.note("%s is killed", m.name)
	m.end()
	m.w.after(m.w.some(20*time.Second), nil, m.start)
}

// end is the end of its process, whatever it is doing.
func (m *manager) end() {
	m.life.over()
	m.run, m.gate, m.epoch, m.pending, m.turning, m.wakeAt = nil, nil, 0, false, false, 0
	for _, c := range m.conns {
		c.drop(true)
	}
	m.conns = nil
}

// ended is what a process that was killed within a transaction does next.
type ended struct{ *life }

// guard runs something in the process that may be killed meanwhile.
func (m *manager) guard(do func()) {
	mine := m.life
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(ended); !ok || e.life != mine {
				panic(r) //nolint:forbidigo // another's, or a fault of the product
			}
		}
	}()
	do()
}

// edge is an edge of a transaction, at which everything may happen.
func (m *manager) edge(weight int) func() error {
	return func() error {
		w := m.w
		if w.calm {
			return nil
		}
		if m.away {
			return errAway
		}
		if m.sick && w.chance(3) {
			return fmt.Errorf("cannot write: %w", store.ErrFull)
		}
		if !w.chance(40 * weight) {
			return nil
		}
		switch w.rand.IntN(4) {
		case 0:
			return errors.New("the disk failed")
		case 1:
			if w.chance(2) {
				m.kill()
				panic(ended{m.life}) //nolint:forbidigo // what runs within it is gone
			}
		case 2:
			m.pause(w.some(800 * time.Millisecond))
		case 3:
			if w.chance(3) {
				m.pause(w.some(25 * time.Second))
			}
		}
		return nil
	}
}

func (m *manager) readEdge() error {
	if m.away {
		return errAway
	}
	if !m.w.calm && m.w.chance(1500) {
		return errors.New("the disk failed")
	}
	return nil
}

// pause stops the process where it is, and lets everything else go on.
func (m *manager) pause(d time.Duration) {
	w := m.w
	if w.depth > 1 {
		return
	}
	w.note("%s is stopped for %s within a transaction", m.name, d)
	mine := m.life
	w.depth++
	w.freeze(mine)
	w.until(w.now+d, func() bool { return mine.dead })
	w.thaw(mine)
	w.depth--
	if mine.dead {
		panic(ended{mine}) //nolint:forbidigo // it was killed meanwhile
	}
	w.note("%s goes on", m.name)
}

// send sends a frame to all connections of a host.
func (m *manager) send(subject string, data []byte) error {
	m.w.backup.sends(data)
	for _, c := range m.conns {
		if fabric.DownSubject(c.agent.h.id) == subject {
			c.down(data)
		}
	}
	return nil
}

// connection says whether a host has a connection, as far as it is known here.
func (m *manager) connection(id banto.HostID) (bool, string) {
	for _, c := range m.conns {
		if c.agent.h.id == id {
			return true, ""
		}
	}
	return false, "it has no connection"
}

func (m *manager) owns(host banto.HostID, id banto.AttemptID) (bool, error) {
	a, err := m.store.Attempt(m.w.ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return a.HostID == host, err
}

// endpoint is its address.
func (m *manager) endpoint() string { return "tls://" + m.name + ":8601" }

// endpoints gives the addresses of all managers.
func (w *world) endpoints() []string {
	var ends []string
	for _, m := range w.managers {
		ends = append(ends, m.endpoint())
	}
	return ends
}

// sessionGone says whether the store has lost the session of a holder.
func (w *world) sessionGone(holder string) bool {
	for _, m := range w.managers {
		if !m.life.dead && len(holder) > len(m.name) && holder[:len(m.name)] == m.name && m.epoch > 0 {
			return false
		}
	}
	return true
}

// spoken looks at what the runner tells hosts: nothing before it is committed.
type spoken struct {
	m *manager
	*gateway.Gateway
}

// Deliver implements runner.Hosts.
func (s spoken) Deliver(id banto.HostID, orders []fabric.Order) {
	s.m.w.truth.ordered(s.m.epoch, id, orders)
	s.m.w.remember(orders)
	s.Gateway.Deliver(id, orders)
}

// remember keeps what was handed out to be started.
func (w *world) remember(orders []fabric.Order) {
	for i := range orders {
		if s := orders[i].Start; s != nil {
			w.starts[s.Attempt] = s
		}
	}
}

// Acknowledge implements runner.Hosts.
func (s spoken) Acknowledge(id banto.HostID, attempts []banto.AttemptID) {
	s.m.w.truth.acknowledged(attempts)
	s.Gateway.Acknowledge(id, attempts)
}

// chance is the world's, as a reader.
type chance struct{ w *world }

// Read implements io.Reader.
func (c chance) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.w.rand.Uint32())
	}
	return len(p), nil
}

// enrol puts the hosts into the store.
func (w *world) enrol() {
	s := memstore.Open(w.shelf, memstore.Options{Clock: w.clock, Now: func() time.Time { return begin }})
	_, err := s.Begin(context.Background(), "setup", begin)
	if err == nil {
		err = s.Write(w.ctx, func(tx store.Tx) error {
			for _, h := range w.hosts {
				err := tx.PutHost(banto.Host{
					ID: h.id, Name: h.name, State: banto.HostNever, Slots: h.slots, EnrolledAt: begin, PublicKey: "key of " + h.name,
				})
				if err != nil {
					return err
				}
			}
			return w.putGroup(tx)
		})
	}
	if err == nil {
		err = s.Release(w.ctx, "")
	}
	if err != nil {
		w.err = err
	}
	w.truth.epoch = 1
}
