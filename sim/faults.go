package sim

import "time"

// scheduleFaults says what will go wrong, and when. Some worlds are quiet, and
// some have one trouble again and again.
func (w *world) scheduleFaults() {
	kinds := w.faults()
	favourite := -1
	if w.chance(2) {
		favourite = w.rand.IntN(len(kinds))
	}
	for range w.rand.IntN(25) {
		kind := w.rand.IntN(len(kinds))
		if favourite >= 0 && w.chance(3) {
			kind = favourite
		}
		w.after(w.some(troubled), nil, func() {
			if !w.calm {
				kinds[kind]()
			}
		})
	}
}

func (w *world) someManager() *manager { return w.managers[w.rand.IntN(len(w.managers))] }
func (w *world) someHost() *host       { return w.hosts[w.rand.IntN(len(w.hosts))] }

// faults are what can go wrong.
func (w *world) faults() []func() {
	return append(w.managerFaults(), w.hostFaults()...)
}

func (w *world) managerFaults() []func() {
	return []func(){
		func() { w.someManager().kill() },
		func() { w.someManager().suspend(w.some(40 * time.Second)) },
		func() { // its clock jumps
			m := w.someManager()
			m.skew += w.some(4*time.Minute) - 2*time.Minute
			w.note("the clock of %s is wrong by %s", m.name, m.skew)
			m.poke()
		},
		func() {
			m := w.someManager()
			w.cutOff(&m.cut, m.name, w.some(40*time.Second))
		},
		func() { // its store fails for a while
			m := w.someManager()
			m.sick = true
			w.note("the store of %s fails", m.name)
			w.after(w.some(10*time.Second), nil, func() { m.sick = false })
		},
		func() { // output cannot be written for a while
			w.outputs.full = true
			w.note("the disk of the outputs is full")
			w.after(w.some(10*time.Second), nil, func() { w.outputs.full = false })
		},
		func() { // it does not reach its store, but the hosts reach it
			m := w.someManager()
			m.away = true
			w.note("%s does not reach its store", m.name)
			w.after(w.some(50*time.Second), nil, func() { m.away = false })
		},
		func() { // a hand-over
			m := w.someManager()
			if m.life.dead || m.life.frozen > 0 || m.epoch == 0 {
				return
			}
			_ = m.holder.Release(w.ctx, "")
			m.stop("it hands over")
		},
		func() { // a connection breaks
			m := w.someManager()
			if len(m.conns) > 0 {
				c := m.conns[w.rand.IntN(len(m.conns))]
				w.note("the connection of %s to %s breaks", c.agent.h, m.name)
				c.drop(false)
			}
		},
	}
}

// suspend is SIGSTOP, and SIGCONT after a while.
func (m *manager) suspend(d time.Duration) {
	if m.life.dead || m.life.frozen > 0 {
		return
	}
	m.w.note("%s is stopped for %s", m.name, d)
	l := m.life
	m.w.freeze(l)
	m.w.after(d, nil, func() {
		m.w.note("%s is continued", m.name)
		m.w.thaw(l)
	})
}

func (w *world) hostFaults() []func() {
	return []func(){
		func() {
			h := w.someHost()
			w.cutOff(&h.cut, h.machine, w.some(70*time.Second))
		},
		func() { w.killAgent(w.someHost()) },
		func() { w.someHost().keeper.kill() },
		func() { // both, as with a service that is stopped hard
			h := w.someHost()
			h.keeper.kill()
			w.killAgent(h)
		},
		func() { w.someHost().restart("its power is cut") },
		func() { w.someHost().freeze(w.some(70 * time.Second)) },
		func() {
			h := w.someHost()
			h.disk.low = true
			h.disk.full = w.chance(2)
			w.note("the disk of %s is full (wholly: %v)", h, h.disk.full)
			w.after(w.some(15*time.Second), nil, h.makeRoom)
		},
		func() {
			if h := w.someHost(); h.saved == nil {
				h.save()
			} else {
				h.putBack()
			}
		},
		func() { w.someHost().cloned() },
		func() {
			h := w.someHost()
			h.skew = w.some(10*time.Minute) - 5*time.Minute
			w.note("the clock of %s is wrong by %s", h, h.skew)
		},
	}
}

func (w *world) killAgent(h *host) {
	h.agent.kill("it is killed")
	w.after(w.some(10*time.Second), h.life, h.startAgent)
}

func (h *host) makeRoom() {
	if h.disk.low || h.disk.full {
		h.disk.low, h.disk.full = false, false
		h.w.note("the disk of %s has room again", h)
	}
}

// heal ends all faults.
func (w *world) heal() {
	for _, m := range w.managers {
		m.sick, m.away, m.skew = false, false, 0
		w.reunite(&m.cut, m.name)
		m.start()
	}
	for _, h := range w.hosts {
		w.reunite(&h.cut, h.machine)
		h.makeRoom()
		h.skew = 0
		switch {
		case h.machine != h.name:
			h.throwAway()
		case h.life.dead:
			h.boot()
		default:
			h.startAgent()
		}
	}
	w.operators.release()
}
