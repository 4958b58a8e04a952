package keeper

import (
	"slices"
	"sync"

	"github.com/bantoops/banto"
)

// starters carries out starts, a few at a time.
type starters struct {
	mu    sync.Mutex
	more  *sync.Cond
	queue []Start
	wait  map[banto.AttemptID]bool // neither taken nor withdrawn
	busy  int                      // taken, and not yet through
	idle  func()                   // while nothing is to be taken: called when nothing is busy
	done  bool
}

// newStarters calls launch for each start. One that is to wait for long steps
// aside before, by calling what it is given: another one takes its place.
func newStarters(count int, launch func(start Start, aside func())) *starters {
	s := &starters{wait: make(map[banto.AttemptID]bool)}
	s.more = sync.NewCond(&s.mu)
	for range count {
		go s.work(launch)
	}
	return s
}

func (s *starters) work(launch func(Start, func())) {
	for replaced := false; !replaced; {
		start, ok := s.take()
		if !ok {
			return
		}
		launch(start, func() {
			if !replaced {
				replaced = true
				go s.work(launch)
			}
		})
		s.through()
	}
}

func (s *starters) take() (Start, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.queue) == 0 || s.idle != nil {
			if s.done {
				return Start{}, false
			}
			s.more.Wait()
		}
		start := s.queue[0]
		s.queue[0] = Start{}
		s.queue = s.queue[1:]
		if s.wait[start.Attempt] {
			delete(s.wait, start.Attempt)
			s.busy++
			return start, true
		}
	}
}

func (s *starters) through() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	if s.idle != nil && s.busy == 0 {
		s.idle()
	}
}

// pause takes no more starts, and calls idle once none is under way. idle must
// not wait for anything.
func (s *starters) pause(idle func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = idle
	if s.busy == 0 {
		idle()
	}
}

// goOn takes starts again.
func (s *starters) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = nil
	s.more.Broadcast()
}

// waits says whether there are starts that nobody has taken.
func (s *starters) waits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) > 0 && s.idle == nil
}

// waiting gives the starts that are neither taken nor withdrawn, in order.
func (s *starters) waiting() []Start {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.queue), func(start Start) bool { return !s.wait[start.Attempt] })
}

// add queues starts, but for those that are withdrawn in the same breath;
// withdraw tells of these that they were never taken.
func (s *starters) add(starts []Start, withdrawn []Kill) {
	if len(starts) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, start := range starts {
		s.wait[start.Attempt] = true
		if !slices.ContainsFunc(withdrawn, func(k Kill) bool { return k.Attempt == start.Attempt }) {
			s.queue = append(s.queue, start)
			s.more.Signal() // whoever is busy looks again by itself
		}
	}
}

// withdraw takes a start back; false when it is under way. What of it is in
// the queue is passed over.
func (s *starters) withdraw(id banto.AttemptID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	waits := s.wait[id]
	delete(s.wait, id)
	return waits
}

func (s *starters) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	s.more.Broadcast()
}

// launch makes the process of a start, or ends it with the reason why not.
func (k *keeper) launch(s Start, aside func()) {
	plan, no := k.plan(s, aside)
	if no == nil {
		if late := k.overdue(s); late != nil {
			k.put(input{end: late})
			return
		}
		no = k.spawn(s, plan)
		if no != nil && plan.stale() {
			s.withShell = true
			if plan, no = k.plan(s, aside); no == nil {
				no = k.spawn(s, plan)
			}
		}
	}
	if no != nil {
		k.put(input{end: &Ended{Attempt: s.Attempt, At: k.opt.Now(), Reason: no.reason, Message: no.message}})
	}
}
