package keeper

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bantoops/banto"
)

// contacts takes word of contact from all connections. It reaches the loop
// beside its other inputs: a journal that cannot be written holds those up, and
// must end no attempt whose host has contact.
type contacts struct {
	more  chan struct{}
	heard atomic.Int64 // what the loop knows; for those who make processes

	mu    sync.Mutex
	queue []int64
	last  int64 // the greatest that was ever told
}

// contactsMax is how many words of contact wait for the loop. Only the latest
// is replaced beyond that, which makes the time without contact no shorter.
const contactsMax = 1000

// add takes what a request says, and gives the contact that its starts may count
// on: what came later proves nothing for them. A manager that had given them up
// before may have given them to another host.
func (c *contacts) add(at time.Duration) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at = min(at, time.Duration(bootNow())); at <= 0 { // nothing, or a clock that is not ours
		return c.last
	}
	c.last = max(c.last, int64(at))
	if len(c.queue) < contactsMax {
		c.queue = append(c.queue, int64(at))
	} else {
		last := &c.queue[contactsMax-1]
		*last = max(*last, int64(at))
	}
	select {
	case c.more <- struct{}{}:
	default:
	}
	return c.last
}

func (c *contacts) take() []int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	queue := c.queue
	c.queue = nil
	return queue
}

// hear brings contact and limits up to date, and begins to end who is over.
func (k *keeper) hear(fx *effects) {
	now := bootNow()
	for _, at := range k.contacts.take() {
		k.claims.heard(fx, at, now)
	}
	k.claims.expire(fx, now)
	k.contacts.heard.Store(k.claims.dead.at)
	for _, kill := range fx.kill {
		k.kill(kill)
	}
	k.setAlarm()
}

// deadMan does that, with its records on disk before anything else happens. What
// it withdraws is left in fx.
func (k *keeper) deadMan(ctx context.Context, fx *effects) error {
	late := effects{}
	k.hear(&late)
	fx.withdraw = append(fx.withdraw, late.withdraw...)
	k.tellDead(&late)
	late.kill = nil // done
	return k.commit(ctx, &late)
}

// unwritten does it while the journal cannot be written: it is written anew,
// with all that is known then.
func (k *keeper) unwritten() {
	late := effects{}
	k.hear(&late)
	k.tellDead(&late)
	k.withdraw(late.withdraw)
}

func (k *keeper) tellDead(fx *effects) {
	for _, kills := range [][]Kill{fx.kill, fx.withdraw} {
		for _, kill := range kills {
			k.log.Warn("an attempt is ended: "+kill.Dead.words(), "attempt", kill.Attempt)
		}
	}
}

// overdue says that a start's dead-man's limit was reached while it waited.
func (k *keeper) overdue(s Start) *Ended {
	limit := time.Duration(s.Spec.DeadManMS) * time.Millisecond
	at := k.contacts.heard.Load()
	if limit <= 0 || bootNow() < at+int64(limit) {
		return nil
	}
	why := DeadKill{Silent: time.Duration(bootNow() - at), Limit: limit}
	return &Ended{Attempt: s.Attempt, At: k.opt.Now(), Reason: banto.ReasonLost, Message: why.refusal()}
}
