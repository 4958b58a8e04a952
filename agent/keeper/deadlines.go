package keeper

import (
	"container/heap"
	"fmt"
	"slices"
	"time"

	"github.com/bantoops/banto"
)

// kill begins to end an attempt's process: TERM now, KILL after the grace. A
// dead-man's limit says when KILL comes, whatever was said before.
func (k *keeper) kill(kill Kill) {
	j := k.jobs[kill.Attempt]
	if j == nil {
		return
	}
	began := j.kill(kill.Reason, kill.Dead)
	switch now := bootNow(); {
	case kill.Dead != nil && int64(kill.Dead.By) <= now:
		k.killHard(j)
	case kill.Dead != nil:
		k.due(int64(kill.Dead.By), kill.Attempt, "")
	case began:
		grace := time.Duration(kill.GraceMS) * time.Millisecond
		if grace <= 0 {
			grace = k.opt.Grace
		}
		k.due(now+int64(grace), kill.Attempt, "")
	}
}

// whyEnded says in words why an attempt was ended.
func whyEnded(cause banto.Reason, dead *DeadKill, timeoutMS int64) string {
	switch {
	case dead != nil:
		return "ended by its keeper: " + dead.words()
	case cause == banto.ReasonTimeout:
		return fmt.Sprintf("it ran longer than its timeout of %s", time.Duration(timeoutMS)*time.Millisecond)
	}
	return "it was asked to end"
}

// killHard ends an attempt's process for good.
func (k *keeper) killHard(j *job) {
	j.killHard()
	k.due(bootNow()+int64(k.opt.Unkillable), j.claim.Attempt, banto.ReasonUnkillable)
}

// deadline is when something is to be done about an attempt that still runs:
// end it for a reason, or, without one, kill it for good.
type deadline struct {
	at      int64
	attempt banto.AttemptID
	why     banto.Reason
}

type deadlines []deadline

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(a, b int) bool { return d[a].at < d[b].at }
func (d deadlines) Swap(a, b int)      { d[a], d[b] = d[b], d[a] }

// Push and Pop are for container/heap.
func (d *deadlines) Push(x any) { *d = append(*d, x.(deadline)) } //nolint:errcheck // only deadlines are pushed

// Pop takes the last one.
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	x := (*d)[last]
	*d = (*d)[:last]
	return x
}

func (k *keeper) due(at int64, id banto.AttemptID, why banto.Reason) {
	if len(k.deadlines) > 1024+4*len(k.jobs) { // mostly of jobs that have ended
		k.deadlines = slices.DeleteFunc(k.deadlines, func(d deadline) bool { return k.jobs[d.attempt] == nil })
		heap.Init(&k.deadlines)
	}
	heap.Push(&k.deadlines, deadline{max(at, 1), id, why})
	k.setAlarm()
}

// setAlarm wakes the loop when the next deadline, or dead-man's limit, is due.
func (k *keeper) setAlarm() {
	at := k.claims.dead.due
	if len(k.deadlines) > 0 && (at == 0 || k.deadlines[0].at < at) {
		at = k.deadlines[0].at
	}
	if at != k.alarmAt {
		k.alarmAt = at
		k.alarm.set(at)
	}
}

func (k *keeper) expire() {
	k.alarmAt = 0
	for len(k.deadlines) > 0 && k.deadlines[0].at <= bootNow() {
		d := heap.Pop(&k.deadlines).(deadline) //nolint:errcheck // only deadlines are pushed
		j := k.jobs[d.attempt]
		switch {
		case j == nil:
		case d.why == banto.ReasonUnkillable:
			go k.put(input{held: j})
		case d.why != "":
			k.kill(Kill{Attempt: d.attempt, Reason: d.why})
		default:
			k.killHard(j)
		}
	}
	k.setAlarm()
}
