package sim

import (
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/manager/runner"
)

// operators are those who submit and move.
type operators struct {
	w    *world
	all  []*submission
	open int // submissions that nobody has answered
}

// submission is one request, repeated with its key until it is answered.
type submission struct {
	key      string
	flow     *jobnet.Flow
	body     []byte
	hold     bool
	tracker  banto.TrackerID // as answered
	answered bool
}

func newOperators(w *world) *operators { return &operators{w: w} }

var somebody = banto.Principal{Name: "hanako", Admin: true}

func (o *operators) begin() {
	w := o.w
	for n := range 2 + w.rand.IntN(7) {
		s := &submission{key: fmt.Sprintf("key-%d", n), flow: w.flow(n), hold: w.chance(12)}
		s.body = s.flow.Encode()
		o.all = append(o.all, s)
		o.open++
		w.after(w.some(troubled-10*time.Second), nil, func() { o.submit(s) })
	}
	for range w.rand.IntN(10) {
		w.after(5*time.Second+w.some(troubled), nil, o.move)
	}
}

// someManager gives a manager that takes calls, or nil.
func (o *operators) someManager() *manager {
	m := o.w.managers[o.w.rand.IntN(len(o.w.managers))]
	if m.run == nil || m.life.dead || m.cut {
		return nil
	}
	return m
}

// submit sends a submission, and again if no answer comes.
func (o *operators) submit(s *submission) {
	w := o.w
	if s.answered && !w.chance(4) {
		return
	}
	again := 2*time.Second + w.some(6*time.Second)
	if m := o.someManager(); m != nil {
		err := m.run.PostSubmit(runner.Submit{
			By: somebody, Key: s.key, RequestHash: "hash of " + s.key, FlowBody: s.body, Hold: s.hold,
			Submission: engine.Submission{
				Flow: s.flow, FlowHash: jobnet.Hash(s.body), Version: 1, Date: banto.DateOf(begin), Reason: s.key,
			},
		}, func(t banto.Tracker, exists bool, err error) { o.answer(m, s, t, exists, err) })
		if err == nil {
			m.poke()
		}
	}
	w.after(again, nil, func() { o.submit(s) })
}

// answer takes what a submission is told.
func (o *operators) answer(m *manager, s *submission, t banto.Tracker, exists bool, err error) {
	w := o.w
	if err != nil {
		w.note("%s refuses %s: %v", m.name, s.key, err)
		return
	}
	w.note("%s answers %s with %s (%v)", m.name, s.key, t.ID, exists)
	w.truth.answered(t.ID)
	if s.answered && s.tracker != t.ID {
		w.broken(1, "the key %s made %s and %s", s.key, s.tracker, t.ID)
	}
	if !s.answered {
		s.answered, s.tracker = true, t.ID
		o.open--
	}
}

// move makes a random move.
func (o *operators) move() {
	w := o.w
	m := o.someManager()
	s := o.all[w.rand.IntN(len(o.all))]
	if m == nil || !s.answered {
		if !w.calm {
			w.after(w.some(3*time.Second), nil, o.move)
		}
		return
	}
	req := banto.MoveRequest{Reason: "because"}
	part := []banto.PartKey{banto.PartKey(s.flow.Parts[w.rand.IntN(len(s.flow.Parts))].Name)}
	switch w.rand.IntN(8) {
	case 0:
		req.Move = banto.MoveHold
		if w.chance(2) {
			req.Parts = part
		}
	case 1:
		req.Move = banto.MoveRelease
	case 2:
		req.Move, req.Parts = banto.MoveSkip, part
	case 3:
		req.Move, req.Parts, req.Outcome = banto.MoveForceEnd, part, banto.OK
	case 4, 5:
		req.Move = banto.MoveKill
	case 6:
		req.Move = banto.MoveCancel
	case 7:
		req.Move = banto.MoveRerun
	}
	o.make(m, s, req)
}

func (o *operators) make(m *manager, s *submission, req banto.MoveRequest) {
	o.w.note("%s is asked to %s %s", m.name, req.Move, s.tracker)
	o.w.truth.touched(s.tracker, req.Move)
	err := m.run.PostMove(somebody, s.tracker, runner.Move{Request: req}, func(_ banto.Tracker, err error) {
		o.w.note("%s %s: %v", req.Move, s.tracker, err)
	})
	if err == nil {
		m.poke()
	}
}

// release lets go on what operators hold, once all faults are over.
func (o *operators) release() {
	w := o.w
	for _, s := range o.all {
		if m := o.someManager(); m != nil && s.answered {
			o.make(m, s, banto.MoveRequest{Move: banto.MoveRelease})
		}
	}
	w.after(20*time.Second, nil, o.release)
}
