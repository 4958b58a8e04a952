package sim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
)

// host is a machine: a host's, or a copy of it.
type host struct {
	w        *world
	id       banto.HostID
	name     string
	machine  string // tells it from a copy
	identity string // that its system shows
	slots    int
	old      bool // its keeper is of the first version, which cannot be asked what it knows
	skew     time.Duration
	cut      bool
	life     *life // of this boot
	boots    int
	agents   int
	agent    *agent
	keeper   *keeperProcess
	disk     *disk
	saved    *disk // an earlier state that it may be put back to
	procs    []*process
	pids     int
	copied   bool // it is a copy, or has one
	twin     bool // that nothing tells from the other
	thrown   bool // it is a copy that is no more
}

// disk is what outlives a restart, and what only the page cache holds.
type disk struct {
	journal []byte // synced
	tail    []byte // written, and not synced
	outputs map[banto.AttemptID]int64
	claims  int64  // of a picture: that its keeper had made by then,
	of      string // and their generation
	full    bool   // nothing can be written
	low     bool   // nothing new is started
}

func (d *disk) copied() *disk {
	return &disk{journal: slices.Clone(d.journal), outputs: maps.Clone(d.outputs)}
}

// process is a job's process.
type process struct {
	h       *host
	pid     int
	start   keeper.Start
	began   time.Duration
	ends    time.Duration
	exit    int
	size    int64 // that it prints in all
	deaf    bool  // to TERM
	over    bool
	signal  bool // it was ended by one
	adopted bool // it lives on under another keeper than its parent
	boot    *life
}

func newHost(w *world, n int) *host {
	name := fmt.Sprintf("h%d", n+1)
	return &host{
		w: w, id: banto.HostID(fmt.Sprintf("h-%010d", n+1)), name: name, machine: name, identity: name,
		slots: 1 + w.rand.IntN(4), old: w.chance(12), life: &life{dead: true}, disk: &disk{outputs: map[banto.AttemptID]int64{}},
	}
}

// String names it and its boot.
func (h *host) String() string { return h.machine }

func (h *host) wall() time.Time { return begin.Add(h.w.now + h.skew) }

func (h *host) bootID() string { return fmt.Sprintf("%s-boot-%d", h.machine, h.boots) }

// boot starts the machine.
func (h *host) boot() {
	if !h.life.dead || h.thrown {
		return
	}
	h.boots++
	h.life = &life{}
	h.w.note("%s boots (%d)", h, h.boots)
	h.w.after(h.w.some(2*time.Second), h.life, h.startAgent)
}

// crash is a power cut: what was not synced is lost, or half of it.
func (h *host) crash(why string) {
	if h.life.dead {
		return
	}
	w := h.w
	w.note("%s is down: %s", h, why)
	h.agent.kill("its machine is down")
	if h.keeper != nil {
		h.keeper.end()
	}
	for _, p := range h.procs {
		p.gone()
	}
	h.procs = nil
	h.life.over()
	if n := len(h.disk.tail); n > 0 {
		h.disk.journal = append(h.disk.journal, h.disk.tail[:w.rand.IntN(n+1)]...)
		if w.chance(3) { // a page that was half written
			for range w.rand.IntN(40) {
				h.disk.journal = append(h.disk.journal, byte(w.rand.Uint32()))
			}
		}
		h.disk.tail = nil
	}
	for _, id := range slices.Sorted(maps.Keys(h.disk.outputs)) {
		if w.chance(3) { // outputs are not synced
			h.disk.outputs[id] -= w.rand.Int64N(h.disk.outputs[id] + 1)
		}
	}
}

// restart is a crash and a boot.
func (h *host) restart(why string) {
	h.crash(why)
	h.w.after(time.Second+h.w.some(15*time.Second), nil, h.boot)
}

// freeze stuns the whole machine.
func (h *host) freeze(d time.Duration) {
	if h.life.dead || h.life.frozen > 0 {
		return
	}
	h.w.note("%s is stunned for %s", h, d)
	h.w.truth.stunned(h, d)
	l := h.life
	h.w.freeze(l)
	h.w.after(d, nil, func() {
		h.w.note("%s goes on", h)
		h.w.thaw(l)
	})
}

// putBack puts the machine back to an earlier state of its disk.
func (h *host) putBack() {
	if h.saved == nil {
		return
	}
	h.crash("it is put back to an earlier state")
	h.w.truth.putBack(h, h.saved)
	h.disk = h.saved.copied()
	h.w.after(time.Second+h.w.some(15*time.Second), nil, h.boot)
}

// save takes a picture of the disk, as it is without what was not synced.
func (h *host) save() {
	if h.life.dead || h.keeper == nil || h.keeper.life.dead {
		return
	}
	h.saved = h.disk.copied()
	g := h.keeper.m.Greeting(keeper.Hello{})
	h.saved.claims, h.saved.of = g.Hello.Claims, g.Hello.Generation
	h.w.note("a picture of %s is taken, with %d claims", h, h.saved.claims)
}

// cloned makes a second machine of it.
func (h *host) cloned() {
	w := h.w
	if h.copied || h.life.dead {
		return
	}
	c := &host{
		w: w, id: h.id, name: h.name, machine: h.machine + "-copy", identity: h.machine + "-copy", slots: h.slots, old: h.old,
		life: &life{dead: true}, disk: h.disk.copied(), copied: true,
	}
	if w.chance(3) {
		// A hypervisor that keeps the numbers: a start that is under way to the
		// one when the other connects is obeyed by both.
		c.identity, c.twin, h.twin = h.identity, true, true
	}
	h.copied = true
	w.note("%s is copied, its numbers are %s", h, c.identity)
	w.truth.copiedHost(h)
	w.hosts = append(w.hosts, c)
	c.boot()
	w.after(10*time.Second+w.some(30*time.Second), nil, c.throwAway)
}

// throwAway ends a copy for good.
func (h *host) throwAway() {
	h.crash("the copy is thrown away")
	h.thrown = true
}

// spawn makes the process of a start.
func (h *host) spawn(s keeper.Start) *process {
	w := h.w
	h.pids++
	p := &process{h: h, pid: 1000*h.boots + h.pids, start: s, began: w.now, boot: h.life}
	p.plan(w)
	h.procs = append(h.procs, p)
	w.truth.spawned(p)
	w.after(p.ends-w.now, h.life, func() { p.end(false) })
	return p
}

// plan says what it will do: its script says how long, and how it ends.
func (p *process) plan(w *world) {
	p.ends = w.now + time.Duration(w.rand.ExpFloat64()*float64(2*time.Second))
	if w.chance(6) {
		p.ends += w.some(90 * time.Second)
	}
	if w.mood == silent && !w.calm {
		p.ends += w.some(2 * time.Minute)
	}
	switch w.rand.IntN(6) {
	case 0:
		p.exit = 1 + w.rand.IntN(3)
	case 1:
		p.exit = 75
	}
	if w.chance(2) {
		p.size = w.rand.Int64N(3000)
		if w.chance(12) {
			p.size = w.rand.Int64N(200 << 10)
		}
	}
	p.deaf = w.chance(6)
}

// end ends the process: by itself, or by a signal.
func (p *process) end(signal bool) {
	if p.over {
		return
	}
	p.over, p.signal = true, signal
	h := p.h
	h.procs = slices.DeleteFunc(h.procs, func(o *process) bool { return o == p })
	h.w.truth.endedProcess(p)
	if k := h.keeper; k != nil && !k.life.dead {
		k.left(p)
	}
}

// gone is its end with its machine.
func (p *process) gone() {
	if !p.over {
		p.over, p.signal = true, true
		p.h.w.truth.endedProcess(p)
	}
}

// alive says whether a process of this boot lives.
func (h *host) alive(pid int) *process {
	for _, p := range h.procs {
		if p.pid == pid {
			return p
		}
	}
	return nil
}
