package keeper

import (
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/boottime"
)

// The dead man's limit ends an attempt of which the manager may think that it
// is gone: whoever has had no contact to the active manager for the limit ends
// it by itself. Only contact that was proved counts, and it is counted by the
// clock of the boot (internal/boottime): neither the time of a claim nor that
// of a keeper's start makes the limit longer.

// deadMen are the attempts with such a limit, and the contact that they live by.
// They are part of the claims, and change through records but for the contact
// itself: of that a record now and then is enough, since what a later keeper
// does not know only ends an attempt sooner.
type deadMen struct {
	boot   string                    // this run of the host; the clock is of it
	at     int64                     // clock of the last contact; 0: none is known
	before int64                     // that an earlier keeper knew of
	noted  contactRecord             // the last that is on record
	limits map[banto.AttemptID]int64 // of those that are live and not yet ended by it
	every  time.Duration             // how much the contact has grown when it is put on record again
	due    int64                     // clock at which one of them may be over, or a little before; 0: never
}

// noteEvery is the most of that.
const noteEvery = 2 * time.Second

// DeadKill says that the keeper itself ends an attempt, for want of contact.
type DeadKill struct {
	Silent time.Duration `json:"silent"` // how long there had been no contact
	Limit  time.Duration `json:"limit"`
	By     time.Duration `json:"by"` // clock of the boot at which KILL is sent
}

func (d *DeadKill) words() string {
	return fmt.Sprintf("no contact to the manager for %s, and its limit is %s", roughly(d.Silent), roughly(d.Limit))
}

// roughly leaves out what nobody wants to read.
func roughly(d time.Duration) time.Duration {
	if d > 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(time.Millisecond)
}

// enter says which run of the host this is. A contact of another one is none.
func (c *claims) enter(boot string) {
	c.dead.boot = boot
	if c.dead.noted.Boot != boot {
		c.dead.at, c.dead.noted = 0, contactRecord{}
	}
	c.dead.before = c.dead.at
	c.dead.reckon()
}

// watch takes an attempt that has a limit, in milliseconds.
func (d *deadMen) watch(id banto.AttemptID, ms int64) {
	if ms <= 0 {
		return
	}
	if d.limits == nil {
		d.limits = make(map[banto.AttemptID]int64)
	}
	d.limits[id] = min(ms, int64(maxLimit/time.Millisecond)) * int64(time.Millisecond)
	if over := d.at + d.limits[id]; d.due == 0 || over < d.due {
		d.due = over
	}
}

// bootNow is the clock of the boot, in nanoseconds.
func bootNow() int64 { return int64(boottime.Now()) }

// maxLimit is more than anybody waits for, and keeps sums in their range.
const maxLimit = 10 * 365 * 24 * time.Hour

// reckon finds out when the next limit is reached.
func (d *deadMen) reckon() {
	d.due = 0
	d.every = noteEvery
	for _, limit := range d.limits {
		d.every = min(d.every, time.Duration(limit)/8)
		if over := d.at + limit; d.due == 0 || over < d.due {
			d.due = over
		}
	}
}

// heard takes word of contact. Who was over before that contact stays over: the
// manager may have given the attempt to another host meanwhile. So what counts
// is the longest time between two contacts, however late their word comes.
func (c *claims) heard(fx *effects, at, clock int64) {
	d := &c.dead
	if at = min(at, clock); at <= d.at {
		return
	}
	c.expire(fx, at)
	d.at = at
	d.reckon()
	if len(d.limits) > 0 {
		c.noteContact(fx, d.every)
	}
}

// noteContact puts the contact on record when it has grown by that much. It is
// not waited for: a dying keeper leaves it with the system, and where the system
// dies the attempts do too.
func (c *claims) noteContact(fx *effects, grown time.Duration) {
	d := &c.dead
	if d.at > d.noted.At+int64(grown) || d.noted.Boot != d.boot && d.at > 0 {
		c.record(fx, record{Contact: &contactRecord{Boot: d.boot, At: d.at}})
	}
}

// tooLate says why an attempt must not be started any more, by its limit; nil
// if it may.
func (c *claims) tooLate(s Start, contact, clock int64) *DeadKill {
	limit := time.Duration(min(s.Spec.DeadManMS, int64(maxLimit/time.Millisecond))) * time.Millisecond
	contact = max(contact, c.dead.before)
	switch {
	case limit <= 0 || contact > 0 && contact+int64(limit) > clock:
		return nil
	case contact == 0:
		return &DeadKill{Limit: limit}
	}
	return &DeadKill{Silent: time.Duration(clock - contact), Limit: limit}
}

// refusal says why an attempt was not started.
func (d *DeadKill) refusal() string {
	if d.Silent == 0 {
		return "not started: it has a dead-man's limit, and its keeper has heard of no contact to the manager yet"
	}
	return "not started: " + d.words()
}

// expire ends the attempts whose limits are reached at that moment of the clock:
// with a kill of the keeper's own, which is on record like any other. One that
// is being killed already, with more patience, has no longer than the others.
func (c *claims) expire(fx *effects, clock int64) {
	d := &c.dead
	if d.due == 0 || clock < d.due {
		return
	}
	for _, id := range sortedKeys(d.limits) {
		over := d.at + d.limits[id]
		if over > clock {
			continue
		}
		kill := Kill{Attempt: id, Reason: banto.ReasonLost, Dead: &DeadKill{Silent: time.Duration(clock - d.at),
			Limit: time.Duration(d.limits[id]), By: time.Duration(over) + banto.DeadManGrace}}
		known := c.byID[id]
		if known.kill != nil {
			kill.Reason = known.kill.Reason
		}
		c.order(fx, known, kill)
	}
	d.reckon()
}
