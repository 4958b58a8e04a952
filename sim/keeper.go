package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
)

// keeperProcess is a keeper's process: its memory is the product's, its disk,
// its children and its clock are the world's.
type keeperProcess struct {
	h     *host
	life  *life
	m     *keeper.Machine
	agent *agent // that is connected
	jobs  map[banto.AttemptID]*job
	queue map[banto.AttemptID]bool // starts that are not under way
	waits []func()                 // what came while the journal could not be written
	stuck bool                     // it cannot be written
	dueAt time.Duration
}

// job is a process that the keeper watches.
type job struct {
	p      *process
	reason banto.Reason // why it was killed; empty: it was not
	killed bool
}

// killGrace is what a keeper gives between TERM and KILL.
const killGrace = keeper.DefaultGrace

// startKeeper starts the keeper of a host. It fails when the journal cannot be
// written.
func (h *host) startKeeper() bool {
	w := h.w
	if h.disk.full {
		return false
	}
	text := append(append([]byte{}, h.disk.journal...), h.disk.tail...)
	m, err := keeper.OpenMachine(text, h.identity, h.bootID(), func() string { return w.word(16) })
	if err != nil {
		w.broken(0, "the journal of %s cannot be read: %v", h, err)
		return false
	}
	k := &keeperProcess{h: h, life: &life{of: h.life}, m: m, jobs: map[banto.AttemptID]*job{}, queue: map[banto.AttemptID]bool{}}
	h.keeper = k
	m.At(w.clock())
	step := m.Step()
	adopted := step.TakeOver(h.wall(), k.found, func(pid int) bool { return h.alive(pid) != nil }, k.complete)
	w.note("%s starts its keeper, which takes over %v", h, adopted)
	for _, id := range adopted {
		for _, p := range h.procs {
			if p.start.Attempt == id {
				p.adopted = true
				k.jobs[id] = &job{p: p}
				k.print(p)
			}
		}
	}
	if h.compact(m) != nil {
		k.life.over()
		return false
	}
	k.perform(step)
	k.alarm()
	return true
}

// compact puts a new journal in the old one's place.
func (h *host) compact(m *keeper.Machine) error {
	text, err := m.Snapshot()
	if err != nil {
		return err
	}
	if h.disk.full {
		return errors.New("the disk is full")
	}
	h.disk.journal, h.disk.tail = text, nil
	return nil
}

// found gives the processes of attempts that are asked for.
func (k *keeperProcess) found(unknown map[banto.AttemptID]bool) []keeper.Started {
	var out []keeper.Started
	for _, p := range k.h.procs {
		if unknown[p.start.Attempt] {
			out = append(out, keeper.Started{Attempt: p.start.Attempt, PID: p.pid, At: k.h.wall()})
		}
	}
	return out
}

// complete adds what the disk has of an attempt's output.
func (k *keeperProcess) complete(e *keeper.Ended) { e.OutputSize = k.h.disk.outputs[e.Attempt] }

// kill ends the keeper's process; the jobs live on.
func (k *keeperProcess) kill() {
	if k == nil || k.life.dead {
		return
	}
	k.h.w.note("the keeper of %s is killed", k.h)
	k.h.w.truth.keeperGone(k.h)
	k.end()
}

func (k *keeperProcess) end() {
	if k.life.dead {
		return
	}
	k.life.over()
	if a := k.h.agent; a != nil && a.keeper == k {
		k.h.w.after(k.h.w.some(20*time.Millisecond), a.life, func() { a.lost(k) })
	}
}

// join takes the connection of an agent.
func (k *keeperProcess) join(a *agent) {
	k.agent = a
	a.greet(k)
	if k.h.disk.low {
		a.tell(k, keeper.Event{Problem: lowDisk})
	}
}

func (k *keeperProcess) greeting() keeper.Event {
	h := keeper.Hello{PID: 1, Version: "v1", Protocol: keeper.Protocol, Shells: []string{"sh"}, DeadMan: true}
	if k.h.old {
		h.Protocol, h.DeadMan = 1, false
	}
	return k.m.Greeting(h)
}

const lowDisk = "the disk is full"

// input takes an input of the loop: later, if the journal cannot be written.
func (k *keeperProcess) input(do func(*keeper.Step)) {
	if k.stuck {
		k.waits = append(k.waits, func() { k.input(do) })
		return
	}
	k.m.At(k.h.w.clock())
	step := k.m.Step()
	if at := k.m.DeadAt(); at > 0 && at <= k.h.w.clock() {
		step.DeadMan()
	}
	do(step)
	k.commit(step)
	k.alarm()
}

// hear takes a request of the agent.
func (k *keeperProcess) hear(a *agent, q *keeper.Request) {
	if k.agent != a {
		return
	}
	if k.h.old {
		q.Contact, q.Recall = 0, nil
	}
	noRoom := ""
	if k.h.disk.low {
		noRoom = lowDisk
	}
	k.input(func(s *keeper.Step) {
		k.h.w.truth.acknowledged(q.Ack)
		s.Request(q, noRoom, k.h.wall())
		if len(q.Start)+len(q.Kill)+len(q.Clean) > 0 {
			k.h.w.note("the keeper of %s hears of %s", k.h, orders(q))
		}
	})
	for _, kill := range q.Kill {
		k.late(kill.Attempt)
	}
	k.answer(func() {
		if k.agent == a {
			a.tell(k, keeper.Event{Done: q.Seq, Claims: k.m.Claims()})
			if q.Recall != nil {
				for _, r := range k.m.Recall(*q.Recall) {
					a.tell(k, keeper.Event{Recalled: &r})
				}
			}
		}
	})
}

// late brings a start behind its kill, as if it had been under way all the time:
// no keeper counts on the order in which things arrive.
func (k *keeperProcess) late(id banto.AttemptID) {
	w := k.h.w
	o := w.starts[id]
	if o == nil || w.calm || !w.chance(2) {
		return
	}
	w.after(w.some(5*time.Second), k.life, func() {
		if o.Generation != "" && o.Generation != k.m.Greeting(keeper.Hello{}).Hello.Generation {
			return // no agent passes it on
		}
		w.note("a start of %s arrives late on %s", id, k.h)
		k.input(func(s *keeper.Step) {
			s.Request(&keeper.Request{Start: []keeper.Start{{Attempt: id, Spec: o.Spec}}}, "", k.h.wall())
		})
	})
}

// answer says something once what came before is on the disk.
func (k *keeperProcess) answer(say func()) {
	if k.stuck {
		k.waits = append(k.waits, say)
		return
	}
	say()
}

func orders(q *keeper.Request) string {
	s := ""
	for _, st := range q.Start {
		s += fmt.Sprintf(" start %s", st.Attempt)
	}
	for _, kl := range q.Kill {
		s += fmt.Sprintf(" kill %s (%s)", kl.Attempt, kl.Reason)
	}
	for _, c := range q.Clean {
		s += fmt.Sprintf(" clean %s", c.Tracker)
	}
	return s
}

// commit makes the lines of a step durable, however long that takes, and then
// carries it out. Kills do not wait.
func (k *keeperProcess) commit(step *keeper.Step) {
	for _, kill := range step.Kills() {
		k.term(kill)
	}
	text, sync, err := step.Lines()
	if err != nil {
		k.h.w.broken(0, "the keeper of %s cannot write its records: %v", k.h, err)
		return
	}
	d := k.h.disk
	if d.full && len(text) > 0 {
		k.h.w.note("the keeper of %s cannot write its journal", k.h)
		k.stuck = true
		k.again(step)
		return
	}
	d.tail = append(d.tail, text...)
	if sync {
		d.journal, d.tail = append(d.journal, d.tail...), nil
	}
	if w := k.h.w; !w.calm && w.chance(500) { // it dies before it carries out what it has written
		k.kill()
		return
	}
	k.perform(step)
}

// again tries to write the journal anew.
func (k *keeperProcess) again(step *keeper.Step) {
	k.h.w.after(time.Second, k.life, func() {
		if k.h.compact(k.m) != nil {
			k.again(step)
			return
		}
		k.stuck = false
		k.perform(step)
		waits := k.waits
		k.waits = nil
		for _, do := range waits {
			do()
		}
	})
}

// perform carries out what is now durable.
func (k *keeperProcess) perform(step *keeper.Step) {
	w, work := k.h.w, step.Work()
	for i := range work.Tell.Ended {
		w.truth.told(k.h, &work.Tell.Ended[i])
	}
	for _, s := range work.Launch {
		k.queue[s.Attempt] = true
		w.after(w.some(30*time.Millisecond), k.life, func() { k.launch(s) })
	}
	for _, kill := range work.Withdraw {
		if k.queue[kill.Attempt] {
			delete(k.queue, kill.Attempt)
			end := keeper.KilledEarly(kill, k.h.wall())
			w.after(0, k.life, func() { k.input(func(s *keeper.Step) { s.End(end) }) })
		}
	}
	for _, id := range work.Forget {
		delete(k.h.disk.outputs, id)
	}
	if a := k.agent; a != nil {
		a.tell(k, work.Tell)
		if work.Greet {
			a.greet(k)
		}
	}
	for _, t := range work.Clean {
		w.after(0, k.life, func() { k.input(func(s *keeper.Step) { s.Cleaned(t) }) })
	}
	if len(work.Tell.Ended) > 0 && !w.calm && w.chance(60) {
		h := k.h
		w.after(w.some(30*time.Millisecond), h.life, func() { h.restart("its power is cut as a result is told") })
	}
}

// launch makes a process, and says so a little later.
func (k *keeperProcess) launch(s keeper.Start) {
	if !k.queue[s.Attempt] {
		return
	}
	delete(k.queue, s.Attempt)
	w := k.h.w
	p := k.h.spawn(s)
	at := k.h.wall()
	if !w.calm && w.chance(100) {
		k.h.restart("its power is cut as a process is made")
		return
	}
	w.after(w.some(5*time.Millisecond), k.life, func() {
		if !p.over {
			k.jobs[s.Attempt] = &job{p: p}
			k.print(p)
		}
		k.input(func(st *keeper.Step) { st.Launched(keeper.Started{Attempt: s.Attempt, PID: p.pid, At: at}) })
		if p.over {
			k.jobs[s.Attempt] = &job{p: p}
			k.left(p)
		}
	})
}

// print lets a job print a part of its output.
func (k *keeperProcess) print(p *process) {
	w, id := k.h.w, p.start.Attempt
	if have := k.h.disk.outputs[id]; have < p.size {
		w.after(w.some(time.Second), k.life, func() {
			if p.over || k.h.disk.full {
				return
			}
			if have := k.h.disk.outputs[id]; have < p.size {
				k.h.disk.outputs[id] = have + 1 + w.rand.Int64N(p.size-have)
				w.truth.printed(id, k.h.disk.outputs[id])
				if k.agent != nil {
					k.agent.tell(k, keeper.Event{Output: []keeper.Output{{Attempt: id, Size: k.h.disk.outputs[id]}}})
				}
				k.print(p)
			}
		})
	}
}

// left takes the end of a process.
func (k *keeperProcess) left(p *process) {
	id := p.start.Attempt
	j := k.jobs[id]
	if j == nil || j.p != p {
		return
	}
	w := k.h.w
	w.after(w.some(5*time.Millisecond), k.life, func() {
		delete(k.jobs, id)
		began := begin.Add(p.began)
		e := keeper.Ended{Attempt: id, StartedAt: &began, At: k.h.wall(), Reason: j.reason}
		switch {
		case p.adopted: // only a parent is told how its child ended
			if e.Reason == "" {
				e.Reason = banto.ReasonKeeperDied
			}
		case !p.signal:
			exit := p.exit
			e.Exit = &exit
			if !k.h.disk.full && j.reason == "" && p.size > k.h.disk.outputs[id] { // what was still in the pipe
				k.h.disk.outputs[id] = p.size
				w.truth.printed(id, p.size)
			}
		}
		e.OutputSize = k.h.disk.outputs[id]
		k.input(func(s *keeper.Step) { s.End(e) })
	})
}

// term begins to end a job: TERM now, KILL after a while.
func (k *keeperProcess) term(kill keeper.Kill) {
	j := k.jobs[kill.Attempt]
	if j == nil || j.p.over {
		return
	}
	if j.reason == "" {
		j.reason = kill.Reason
	}
	w := k.h.w
	hard := time.Duration(kill.GraceMS) * time.Millisecond
	if hard <= 0 {
		hard = killGrace
	}
	if kill.Dead != nil {
		hard = max(kill.Dead.By-w.clock(), 0)
	}
	if !j.p.deaf && !j.killed {
		w.after(w.some(100*time.Millisecond), k.h.life, func() { j.p.end(true) })
	}
	j.killed = true
	w.after(hard, k.life, func() { j.p.end(true) })
}

// alarm wakes the keeper for the dead-man's limits.
func (k *keeperProcess) alarm() {
	at := k.m.DeadAt()
	if at == 0 || at == k.dueAt {
		return
	}
	k.dueAt = at
	k.h.w.after(at-k.h.w.clock(), k.life, func() {
		if k.dueAt == at {
			k.dueAt = 0
			k.input(func(*keeper.Step) {})
		}
	})
}
