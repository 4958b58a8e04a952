package gateway

import (
	"sync"
	"time"
)

// turns are when a host's turn is: at most one goroutine is at it.
type turns struct {
	begin func()      // gives the host turns; nil: it is not served
	busy  bool        // somebody is at it
	more  bool        // something has come since it was last looked
	timer *time.Timer // for what comes by itself
}

// poke says that something is to be done; h.mu is held.
func (h *host) poke() {
	h.more = true
	if h.begin != nil && !h.busy {
		h.busy = true
		h.begin()
	}
}

// run gives the host its first turn, and others by begin; nil: it has none any
// more.
func (h *host) run(begin func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begin, h.busy = begin, false
	if begin != nil {
		h.poke()
	} else if h.timer != nil {
		h.timer.Stop()
	}
}

// look begins a turn.
func (h *host) look() {
	h.mu.Lock()
	h.more = false
	h.mu.Unlock()
}

// rest ends a turn, and wakes the host after so long, unless that is zero. It is
// false when something has come meanwhile.
func (h *host) rest(wait time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.more {
		return false
	}
	h.busy = false
	switch {
	case wait == 0:
	case h.timer == nil:
		h.timer = time.AfterFunc(wait, func() {
			h.mu.Lock()
			h.poke()
			h.mu.Unlock()
		})
	default:
		h.timer.Reset(wait)
	}
	return true
}

// work are the goroutines of a gateway, which it waits for.
type work struct {
	mu   sync.Mutex
	over bool
	wg   sync.WaitGroup
}

// do runs something beside the caller, unless the gateway has ended.
func (w *work) do(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.wg.Go(f)
	}
}

// end lets nothing begin any more, and waits for what is under way.
func (w *work) end() {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.wg.Wait()
}
