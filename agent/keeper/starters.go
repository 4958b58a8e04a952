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
	done  bool
}

func newStarters(count int, launch func(Start)) *starters {
	s := &starters{wait: make(map[banto.AttemptID]bool)}
	s.more = sync.NewCond(&s.mu)
	for range count {
		go func() {
			for {
				start, ok := s.take()
				if !ok {
					return
				}
				launch(start)
			}
		}()
	}
	return s
}

func (s *starters) take() (Start, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.queue) == 0 {
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
			return start, true
		}
	}
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
		}
	}
	s.more.Broadcast()
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
