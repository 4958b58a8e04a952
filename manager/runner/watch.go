package runner

import (
	"sync"

	"github.com/bantoops/banto"
)

// watches are those who want to know when a tracker has changed.
type watches struct {
	mu   sync.Mutex
	byID map[banto.TrackerID]map[chan struct{}]struct{}
}

// Watch gives a channel that has a signal after each commit that touched the
// tracker; signals that are not taken merge into one. The tracker need not be
// known. stop ends it.
func (r *Runner) Watch(id banto.TrackerID) (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	w := &r.watches
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byID == nil {
		w.byID = make(map[banto.TrackerID]map[chan struct{}]struct{})
	}
	if w.byID[id] == nil {
		w.byID[id] = make(map[chan struct{}]struct{})
	}
	w.byID[id][c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.byID[id], c)
		if len(w.byID[id]) == 0 {
			delete(w.byID, id)
		}
	}
}

// signal tells the watchers of these trackers.
func (w *watches) signal(ids []banto.TrackerID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.byID) == 0 {
		return
	}
	for _, id := range ids {
		for c := range w.byID[id] {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
}
