package api

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
)

const (
	crowdRest = time.Minute // refusals of one kind are counted for so long
	maxCrowds = 1000        // kinds that are counted one by one
)

// crowd counts calls that were refused since there were too many: one that
// floods the manager must not flood the audit trail. The first is on record at
// once, those that follow within a minute as one row with their number.
type crowd struct {
	after func(time.Duration, func()) // runs something later

	mu   sync.Mutex
	more map[refused]int // behind the first, which is on record
}

// refused is one kind of refusals.
type refused struct {
	by     banto.Principal
	action audit.Action
	object string
}

func newCrowd() *crowd {
	return &crowd{more: map[refused]int{}, after: func(d time.Duration, fn func()) { time.AfterFunc(d, fn) }}
}

// first says whether a refusal is to go on record by itself. Otherwise it is
// counted; counted is told how many there were, once their time is over, and of
// what: of nothing when there are too many kinds, which are counted together.
func (c *crowd) first(r refused, counted func(of refused, n int)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.more[r]; !known && len(c.more) >= maxCrowds {
		r = refused{}
	}
	if _, known := c.more[r]; known {
		c.more[r]++
		return false
	}
	c.more[r] = 0
	c.after(crowdRest, func() {
		c.mu.Lock()
		n := c.more[r]
		delete(c.more, r)
		c.mu.Unlock()
		if n > 0 {
			counted(r, n)
		}
	})
	return true
}

// auditCrowd keeps that a change was refused since there were too many.
func (s *server) auditCrowd(ctx context.Context, action audit.Action, object string, err error) {
	by := principal(ctx)
	ctx = context.WithoutCancel(ctx)
	first := s.crowd.first(refused{by, action, object}, func(of refused, n int) {
		if !s.leads() {
			return
		}
		many := ""
		if of == (refused{}) {
			many = ", of many callers or objects, such as"
		}
		s.putRefusal(ctx, of.by, action, of.object, fmt.Errorf("%d more within a minute%s: %w", n, many, err))
	})
	if first {
		s.putRefusal(ctx, by, action, object, err)
	}
}
