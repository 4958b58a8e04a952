package metrics

import (
	"sync"
	"time"

	"github.com/bantoops/banto/manager/runner"
)

// Recent is what was so in the last minutes.
type Recent struct {
	For     time.Duration // that it tells of
	Commits int
	Slow    int           // of them: longer than SlowCommit
	Worst   time.Duration // commit
	Total   time.Duration // of all commits
	Starts  int           // of trackers
	Late    int           // of them: later than LateStart
	Latest  time.Duration
	Sent    int
	Held    time.Duration // the longest that a part had to wait for its start to be sent
	Lost    int           // attempts
	Refused int           // calls
	Done    int           // attempts that ended
}

// What is slow and late in Recent.
const (
	SlowCommit = 100 * time.Millisecond
	LateStart  = 5 * time.Second
)

// recent keeps minutes.
type recent struct {
	now func() time.Time

	mu      sync.Mutex
	minutes [5]minute
}

type minute struct {
	begin time.Time
	Recent
}

// current gives the minute that is now. The lock is held.
func (r *recent) current() *minute {
	begin := r.now().Truncate(time.Minute)
	m := &r.minutes[begin.Unix()/60%int64(len(r.minutes))]
	if !m.begin.Equal(begin) {
		*m = minute{begin: begin}
	}
	return m
}

func (r *recent) committed(c *runner.Commit, lost int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.current()
	if c.Wrote {
		m.Commits++
		m.Total += c.Took
		m.Worst = max(m.Worst, c.Took)
		if c.Took > SlowCommit {
			m.Slow++
		}
	}
	for _, d := range c.First {
		m.Starts++
		m.Latest = max(m.Latest, d)
		if d > LateStart {
			m.Late++
		}
	}
	for _, d := range c.Sent {
		m.Sent++
		m.Held = max(m.Held, d)
	}
	m.Lost += lost
	m.Done += len(c.Ended)
}

func (r *recent) refused() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current().Refused++
}

// Recent tells of the last minutes, the one that is now among them.
func (m *Metrics) Recent() Recent {
	r := &m.recent
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	var out Recent
	oldest := now
	for i := range r.minutes {
		c := &r.minutes[i]
		if c.begin.IsZero() || now.Sub(c.begin) >= time.Duration(len(r.minutes))*time.Minute || c.begin.After(now) {
			continue
		}
		if c.begin.Before(oldest) {
			oldest = c.begin
		}
		out.Commits += c.Commits
		out.Slow += c.Slow
		out.Total += c.Total
		out.Worst = max(out.Worst, c.Worst)
		out.Starts += c.Starts
		out.Late += c.Late
		out.Latest = max(out.Latest, c.Latest)
		out.Sent += c.Sent
		out.Held = max(out.Held, c.Held)
		out.Lost += c.Lost
		out.Refused += c.Refused
		out.Done += c.Done
	}
	out.For = now.Sub(oldest)
	return out
}
