package keeper

import (
	"time"

	"github.com/bantoops/banto"
)

// Machine is what a keeper remembers, without files and processes: its claims,
// and the lines of the journal that make them. It is for a caller that brings a
// disk, processes and time of its own. One Step is taken at a time:
//
//	s := m.Step()      // inputs: Request, Launched, End, Cleaned
//	s.Lines()          // appended to the disk, and synced if it says so
//	s.Work()           // then this is done, in the order of its fields
type Machine struct {
	claims *claims
	boot   string
	clock  time.Duration
	fresh  func() string
}

// Step is one step of a Machine.
type Step struct {
	m  *Machine
	fx effects
}

// Work is what a step asks for once its lines are durable. Kill need not wait
// for that.
type Work struct {
	Kill     []Kill
	Withdraw []Kill // those that are not yet launched end as killed
	Launch   []Start
	Forget   []banto.AttemptID
	Clean    []banto.TrackerID // tell Cleaned, in another step
	Tell     Event             // to every agent
	Greet    bool              // every agent is told the greeting again
}

// OpenMachine makes a Machine from what the journal holds, in this boot of the
// host. identity tells this machine from one that the journal was copied from;
// fresh makes the name of a generation.
func OpenMachine(journal []byte, identity, boot string, fresh func() string) (*Machine, error) {
	c, _, err := replay(readRecords(journal), len(journal), machine{System: identity}, mark{}, boot, fresh)
	if err != nil {
		return nil, err
	}
	c.enter(boot)
	return &Machine{claims: c, boot: boot, fresh: fresh}, nil
}

// Snapshot gives the lines of a journal that holds just what is known now.
func (m *Machine) Snapshot() ([]byte, error) { return journalText(m.claims.snapshot()) }

// Greeting is what a connection is told first. What is always the same is in h.
func (m *Machine) Greeting(h Hello) Event {
	e := m.claims.hello()
	h.BootID, h.Generation, h.Running, h.Claims = m.boot, e.Hello.Generation, e.Hello.Running, e.Hello.Claims
	e.Hello = &h
	return e
}

// At sets the clock of the boot, by which contact and dead-man's limits count. It
// never goes back.
func (m *Machine) At(clock time.Duration) { m.clock = max(m.clock, clock) }

// DeadAt says at which clock an attempt may have reached its dead-man's limit,
// or a little before: then a step with DeadMan is due. 0: never.
func (m *Machine) DeadAt() time.Duration { return time.Duration(m.claims.dead.due) }

// Recall answers what is known of attempts, in pieces.
func (m *Machine) Recall(q Recall) []Recalled {
	var out []Recalled
	for piece := range m.claims.recall(q) {
		out = append(out, *piece)
	}
	return out
}

// Claims says how many attempts were ever claimed.
func (m *Machine) Claims() int64 { return m.claims.total }

// Step begins a step.
func (m *Machine) Step() *Step { return &Step{m: m} }

// TakeOver deals with what an earlier keeper left behind. found gives those of
// the attempts that it is asked for of which there is a process; alive says
// whether a process that was made still runs. rest completes a result by the
// output that is on the disk. The attempts that live on are given.
func (s *Step) TakeOver(now time.Time, found func(map[banto.AttemptID]bool) []Started, alive func(pid int) bool, rest func(*Ended)) []banto.AttemptID {
	left := s.m.claims.liveClaims()
	for _, st := range found(unknownStarts(left, s.m.boot)) {
		s.Launched(st)
	}
	var adopted []banto.AttemptID
	for _, cl := range left {
		e, lives := cl.orphaned(s.m.boot, now, func(r *startedRecord) bool { return alive(r.PID) })
		if lives {
			adopted = append(adopted, e.Attempt)
			if cl.kill != nil {
				s.fx.kill = append(s.fx.kill, *cl.kill)
			}
			continue
		}
		rest(&e)
		s.m.claims.end(&s.fx, e)
	}
	for _, tracker := range sortedKeys(s.m.claims.trackers) {
		s.m.claims.cleanIfDone(&s.fx, tracker)
	}
	return adopted
}

// Request takes what an agent asks for. noRoom says why nothing new can be
// started.
func (s *Step) Request(q *Request, noRoom string, now time.Time) {
	contact := max(s.m.claims.dead.at, int64(q.Contact))
	s.m.claims.request(&s.fx, q, ground{clock: int64(s.m.clock), contact: contact, boot: s.m.boot, noRoom: noRoom, now: now})
	if q.Renew {
		s.m.claims.renew(&s.fx, s.m.fresh(), now)
	}
}

// DeadMan ends the attempts whose dead-man's limits are reached by now. It is
// asked before anything else once the host was suspended.
func (s *Step) DeadMan() { s.m.claims.expire(&s.fx, int64(s.m.clock)) }

// Launched says that an attempt's process was made.
func (s *Step) Launched(st Started) {
	s.m.claims.launched(&s.fx, startedRecord{Attempt: st.Attempt, PID: st.PID, At: st.At})
}

// End gives an attempt its result.
func (s *Step) End(e Ended) { s.m.claims.end(&s.fx, e) }

// Cleaned says that what was kept of a tracker is gone.
func (s *Step) Cleaned(t banto.TrackerID) {
	if use := s.m.claims.trackers[t]; use != nil && use.clean != nil {
		s.m.claims.cleaned(&s.fx, *use.clean)
	}
}

// Lines gives what is to be appended to the journal, and whether it must be on
// the disk before the work is done.
func (s *Step) Lines() (text []byte, sync bool, err error) {
	text, err = journalText(s.fx.records)
	return text, s.fx.sync, err
}

// Kills are the kills of the step, which need not wait for its lines.
func (s *Step) Kills() []Kill { return s.fx.kill }

// Work gives what is to be done now that the lines are durable.
func (s *Step) Work() Work {
	s.m.claims.settle(&s.fx)
	w := Work{Kill: s.fx.kill, Withdraw: s.fx.withdraw, Launch: s.fx.launch, Forget: s.fx.forget, Tell: s.fx.tell, Greet: s.fx.greet}
	for _, cl := range s.fx.clean {
		w.Clean = append(w.Clean, cl.Tracker)
	}
	return w
}

// KilledEarly is the result of an attempt that was withdrawn.
func KilledEarly(k Kill, now time.Time) Ended {
	e := Ended{Attempt: k.Attempt, At: now, Reason: k.Reason, Message: killedEarly}
	if k.Dead != nil {
		e.Message = k.Dead.refusal()
	}
	return e
}

func journalText(records []record) (text []byte, err error) {
	for _, r := range records {
		if text, err = appendRecord(text, r); err != nil {
			return nil, err
		}
	}
	return text, nil
}
