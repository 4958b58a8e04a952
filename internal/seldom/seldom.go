// Package seldom keeps a log readable while something goes wrong again and
// again: it is said when it begins, every now and then with how often it was
// since, and when it is over.
//
// It owns when a line is said. It refuses to keep anything that differs from
// what is said already: a text is one trouble, whatever its attributes.
package seldom

import (
	"log/slog"
	"sync"
	"time"

	"github.com/bantoops/banto/internal/boottime"
)

// Every is how often a trouble that lasts is said.
const Every = 10 * time.Second

// Log says what goes wrong again and again. It is safe for use by many
// goroutines.
type Log struct {
	log   *slog.Logger
	clock func() time.Duration

	mu       sync.Mutex
	troubles map[string]*trouble // by text
}

// trouble is one that lasts.
type trouble struct {
	since, said time.Duration
	unsaid      int // times since it was said last
	times       int
}

// New makes a Log; clock is boottime.Now if nil.
func New(log *slog.Logger, clock func() time.Duration) *Log {
	if clock == nil {
		clock = boottime.Now
	}
	return &Log{log: log, clock: clock, troubles: map[string]*trouble{}}
}

// Warn says a trouble, unless it was said a short while ago.
func (l *Log) Warn(text string, args ...any) {
	now := l.clock()
	l.mu.Lock()
	t := l.troubles[text]
	if t == nil {
		l.troubles[text] = &trouble{since: now, said: now, times: 1}
		l.mu.Unlock()
		l.log.Warn(text, args...)
		return
	}
	t.times++
	t.unsaid++
	if now-t.said < Every {
		l.mu.Unlock()
		return
	}
	more, lasts := t.unsaid, now-t.since
	t.said, t.unsaid = now, 0
	l.mu.Unlock()
	l.log.Warn(text, append(args, "times", more, "for", lasts.Round(time.Second))...)
}

// Over says that a trouble is over, if it was said.
func (l *Log) Over(text, over string, args ...any) {
	l.mu.Lock()
	t := l.troubles[text]
	delete(l.troubles, text)
	l.mu.Unlock()
	if t != nil {
		l.log.Info(over, append(args, "times", t.times, "after", (l.clock()-t.since).Round(100*time.Millisecond))...)
	}
}
