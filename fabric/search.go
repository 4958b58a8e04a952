package fabric

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// Times of the search for the manager that is active.
const (
	aside      = 3 * time.Second        // an endpoint that says nothing for so long is waited for beside the next
	betweenTry = 100 * time.Millisecond // between two endpoints of a round, at most
	fastRounds = 40                     // about a minute of them; then hosts have time
	maxFormer  = 8                      // endpoints that managers do not tell any more and that are kept
)

// reconnectWait is how long to wait before the n-th round of tries; the jitter
// is added by the caller. A manager that stands by takes over within seconds,
// and its hosts are to find it soon after.
func reconnectWait(n int) time.Duration {
	if n < fastRounds {
		return min(100*time.Millisecond<<min(n, 10), 2*time.Second)
	}
	return 5 * time.Second
}

// run makes connections until the context ends.
func (c *Conn) run(ctx context.Context) {
	failed := 0 // rounds in a row that found no good connection
	for {
		l := c.find(ctx, &failed)
		if l == nil {
			return
		}
		since := time.Now()
		c.hold(l)
		c.o.Changed(true, l.end.text, nil)
		select {
		case <-l.closed:
		case <-c.leave:
		case <-ctx.Done():
			c.let()
			l.nc.Close()
			return
		}
		left := c.let()
		c.o.Changed(false, l.end.text, l.lost(c, left))
		c.tries.Go(func() { // one that is left may hang
			l.cut()
			l.nc.Close()
		})
		failed = c.counted(failed, time.Since(since))
		if failed > 1 && !pause(ctx, reconnectWait(failed)) {
			return
		}
	}
}

// counted says how many rounds have found no good connection after one was lost
// that lasted so long. A short one over which the manager took the host on was
// good too: a house may change its manager many times within minutes. But such a
// one is not followed by the next without a pause.
func (c *Conn) counted(failed int, lasted time.Duration) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case lasted > steady:
		return 0
	case c.good:
		return min(failed+1, 2)
	}
	return failed + 1
}

// Good says that the manager has taken the host on over the open connection.
func (c *Conn) Good() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.good = c.now != nil
}

// hold makes a connection the one that is used.
func (c *Conn) hold(l *live) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.at, c.left, c.good = l, l.end.text, "", false
	select {
	case <-c.leave: // it was for the one before, which ended by itself
	default:
	}
}

// let gives it up, and says why if it did not end by itself.
func (c *Conn) let() (left string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = nil
	return c.left
}

// Leave ends the connection, in words, and looks for a manager at the other
// endpoints first. If there is no other nothing happens, unless anyway is set.
func (c *Conn) Leave(why string, anyway bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == nil || c.left != "" || len(c.ends) == 1 && !anyway {
		return false
	}
	c.left = why
	select {
	case c.leave <- struct{}{}:
	default:
	}
	return true
}

// Use takes the endpoints that the managers tell, for the next connection. What
// was used before stays behind them: a manager may be known here by another name
// than it knows. ends are all, to be given to Dial at the next start.
func (c *Conn) Use(told []string) (ends []string, changed bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	former := 0
	all := ManagersFitting(told)
	for _, e := range c.ends {
		if slices.Contains(all, e.text) || former >= maxFormer && e.text != c.at {
			continue
		}
		former++
		all = append(all, e.text)
	}
	parsed, err := parseEndpoints(all)
	if err != nil {
		return nil, false, err
	}
	changed = !slices.EqualFunc(parsed, c.ends, func(a, b endpoint) bool { return a.text == b.text })
	c.ends = parsed
	return all, changed, nil
}

// round gives the endpoints in the order in which they are tried: the one that
// worked last first, or last if it was left.
func (c *Conn) round() []endpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	ends := slices.Clone(c.ends)
	i := slices.IndexFunc(ends, func(e endpoint) bool { return e.text == c.at })
	if i < 0 {
		return ends
	}
	if c.left != "" {
		return append(ends[i+1:], ends[:i+1]...)
	}
	at := ends[i]
	return slices.Insert(slices.Delete(ends, i, i+1), 0, at)
}

// search is the search for one connection.
type search struct {
	c       *Conn
	ctx     context.Context
	tried   chan *live
	pending map[string]bool
	found   *live
}

// find tries the endpoints in turn until one lets the host in; nil if the context
// ends before. One that says nothing, as a machine that is stopped does, is
// waited for while others are tried, so that a manager that is slow because all
// hosts come at once is not given up. failed counts the rounds.
func (c *Conn) find(ctx context.Context, failed *int) *live {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &search{c: c, ctx: ctx, tried: make(chan *live), pending: map[string]bool{}}
	for ; ; *failed++ {
		for n, end := range c.round() {
			if s.pending[end.text] {
				continue
			}
			if n > 0 && !s.wait(rand.N(betweenTry), "") {
				return s.found
			}
			s.start(end)
			if !s.wait(aside, end.text) {
				return s.found
			}
		}
		wait := reconnectWait(*failed)
		if !s.wait(wait/2+rand.N(wait), "") {
			return s.found
		}
	}
}

// start tries an endpoint beside the others.
func (s *search) start(end endpoint) {
	s.pending[end.text] = true
	s.c.tries.Go(func() {
		l := s.c.try(s.ctx, end)
		select {
		case s.tried <- l:
		case <-s.ctx.Done():
			if l.err == nil {
				l.nc.Close()
			}
		}
	})
}

// wait waits for so long, or until the try of that endpoint has failed. It is
// false when the search is over: a connection is found, or nobody wants one.
func (s *search) wait(d time.Duration, end string) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return false
		case <-t.C:
			return true
		case l := <-s.tried:
			delete(s.pending, l.end.text)
			if l.err == nil {
				s.c.subscribe(l)
			}
			if l.err == nil {
				s.found = l
				return false
			}
			if s.ctx.Err() != nil {
				return false
			}
			s.c.o.Changed(false, l.end.text, l.err)
			if l.end.text == end {
				return true
			}
		}
	}
}

// pause waits before the next round, with jitter.
func pause(ctx context.Context, wait time.Duration) bool {
	t := time.NewTimer(wait/2 + rand.N(wait))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
