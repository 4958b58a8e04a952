package runner

import (
	"fmt"
	"math"
	"time"

	"github.com/bantoops/banto"
)

// Limits are what one jobnet may ask of the manager, so that one that floods
// it hurts no other. Zero values mean the defaults, negative ones no limit.
type Limits struct {
	PerJobnet int     // its trackers that have not ended; 0: 10,000
	Rate      float64 // its submissions a second, in the long run; 0: 200
	Burst     int     // its submissions at once; 0: 2,000
}

// The limits, unless Options says otherwise.
const (
	maxPerJobnet   = 10_000
	maxSubmitRate  = 200
	maxSubmitBurst = 2000
)

// orDefault gives the limits that count.
func (l Limits) orDefault() Limits {
	if l.PerJobnet == 0 {
		l.PerJobnet = maxPerJobnet
	}
	if l.Rate == 0 {
		l.Rate = maxSubmitRate
	}
	if l.Burst == 0 {
		l.Burst = maxSubmitBurst
	}
	return l
}

// pace is how fast jobnets are submitted: a token bucket for each. It is not
// part of memory, so that nobody gains by a transaction that fails.
type pace struct {
	limits  Limits
	buckets map[string]bucket
}

type bucket struct {
	left float64
	at   time.Duration
}

// maxBuckets is how many jobnets are remembered before those that have their
// whole burst again are forgotten.
const maxBuckets = 10_000

func newPace(l Limits) pace { return pace{limits: l, buckets: make(map[string]bucket)} }

// take takes one submission of a jobnet; if it comes too early, it says how
// long to wait.
func (p *pace) take(jobnet string, now time.Duration) (wait time.Duration, ok bool) {
	if p.limits.Rate < 0 || p.limits.Burst < 0 {
		return 0, true
	}
	b, known := p.buckets[jobnet]
	if !known {
		if len(p.buckets) >= maxBuckets {
			p.tidy(now)
		}
		b = bucket{left: float64(p.limits.Burst), at: now}
	}
	b = p.fill(b, now)
	if ok = b.left >= 1; ok {
		b.left--
	} else {
		wait = time.Duration(math.Ceil((1 - b.left) / p.limits.Rate * float64(time.Second)))
	}
	p.buckets[jobnet] = b
	return wait, ok
}

func (p *pace) fill(b bucket, now time.Duration) bucket {
	more := max(now-b.at, 0).Seconds() * p.limits.Rate
	return bucket{left: min(b.left+more, float64(p.limits.Burst)), at: now}
}

// tidy forgets those that may submit as if they never had.
func (p *pace) tidy(now time.Duration) {
	for jobnet, b := range p.buckets {
		if p.fill(b, now).left >= float64(p.limits.Burst) {
			delete(p.buckets, jobnet)
		}
	}
}

// How long those are asked to wait who have met a limit, at least.
const (
	paceWait = time.Second
	openWait = 10 * time.Second
)

func (in *submitIn) jobnet() string { return in.Submission.Flow.Jobnet }

func (in *submitIn) crowded(waiting int) error {
	return banto.Fail(banto.KindTooMany, in.what,
		fmt.Sprintf("%d submissions wait already to be taken", waiting), "try again in a moment").After(paceWait)
}

// tooMany refuses a new tracker of a jobnet that has met one of its limits.
func (b *batch) tooMany(what, jobnet, by string) *banto.ErrorInfo {
	limits := b.r.pace.limits
	if open := b.mem.open[jobnet]; limits.PerJobnet >= 0 && open >= limits.PerJobnet {
		b.refused(RefusedOpen, Refused{Jobnet: jobnet, By: by, Limit: fmt.Sprintf("%d open", limits.PerJobnet)})
		return banto.Fail(banto.KindTooMany, what,
			fmt.Sprintf("%d of its trackers have not ended, and one jobnet may have %d", open, limits.PerJobnet),
			"try again when some have ended, or cancel some; the limit is banto server --max-trackers").After(openWait)
	}
	wait, ok := b.r.pace.take(jobnet, b.r.opt.Clock())
	if ok {
		return nil
	}
	b.refused(RefusedRate, Refused{Jobnet: jobnet, By: by, Limit: fmt.Sprintf("%d at once, %g a second", limits.Burst, limits.Rate)})
	return banto.Fail(banto.KindTooMany, what,
		fmt.Sprintf("it is submitted too fast: one jobnet may have %d submissions at once and %g a second", limits.Burst, limits.Rate),
		"try again in a moment; the limit is banto server --submit-rate").After(max(wait, paceWait))
}
