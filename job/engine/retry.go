package engine

import (
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// maxWait is the longest wait between two attempts, however often it backs off.
const maxWait = 30 * 24 * time.Hour

// retry lets a part whose attempt ended in error wait for its next attempt, if
// its definition says so. Beside a process that cannot be killed none is made.
func (t *Tracker) retry(p *part, in Ended) bool {
	rule, r := p.def().Retry, p.row
	if rule == nil || r.Tries >= rule.Attempts || t.row.Cancelling || t.stopped(p) {
		return false
	}
	if in.Reason == banto.ReasonKilled || in.Reason == banto.ReasonUnkillable {
		return false
	}
	if in.Reason == banto.ReasonLost && p.def().OnLost == jobnet.LostRerunJobnet {
		return false // its files died with the host
	}
	if len(rule.Codes) > 0 && !inRanges(rule.Codes, in.Exit) {
		return false
	}
	at := t.cur.now.Add(pause(rule, r.Tries))
	t.set(p, banto.PartRetrying).RetryAt = &at
	t.emit(WakeAt{Part: p.key(), At: at})
	return true
}

// pause gives the wait after so many tries. It only multiplies: a power may
// differ in its last bit from one machine to another.
func pause(rule *jobnet.Retry, tries int) time.Duration {
	wait := float64(rule.Wait)
	for range tries - 1 {
		if rule.Backoff == 0 || wait > float64(maxWait) {
			break
		}
		wait *= rule.Backoff
	}
	if wait > float64(maxWait) {
		return maxWait
	}
	return clip(time.Duration(wait))
}

// clip rounds a wait to what a store keeps of a time.
func clip(d time.Duration) time.Duration { return d.Truncate(time.Microsecond) }

// inRanges says whether there is an exit code and it is in one of the ranges.
func inRanges(ranges []jobnet.CodeRange, exit *int) bool {
	if exit == nil {
		return false
	}
	for _, r := range ranges {
		if r.From <= *exit && *exit <= r.To {
			return true
		}
	}
	return false
}

// wake makes a part ready whose time has come, or lets on-lost act. One that
// comes too early or for a part that does not wait for it means nothing.
func (t *Tracker) wake(in Wake) {
	p := t.part(in.Part)
	switch {
	case p == nil:
	case p.state() == banto.PartLost:
		t.deadline(p)
	case p.awaits() && p.row.Until != nil && !t.cur.now.Before(*p.row.Until):
		t.passed(p)
	case p.state() == banto.PartRetrying && !t.cur.now.Before(*p.row.RetryAt):
		t.ready(p)
	}
}
