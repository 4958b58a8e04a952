package api

import (
	"fmt"
	"time"

	"github.com/bantoops/banto/manager/metrics"
	"github.com/bantoops/banto/manager/runner"
)

// When the figures of the last minutes are worth a word.
const (
	manyWait   = 500              // inputs
	turnOld    = 10 * time.Second // while inputs wait
	slowPart   = 10               // of that many commits one may be slow
	fewCommits = 50               // say nothing: those of a start are slow on any disk that is busy
	readyLong  = time.Minute      // that a part may want a place, in the doctor's eyes
)

// figured is a loop that tells its figures.
type figured interface{ Figures() runner.Figures }

// figures looks at how the manager gets on: what waits, how long transactions
// take, what comes late, what is lost, and what is refused.
func (d *doctor) figures() {
	loop, ok := d.s.Runner.(figured) // a standby has none
	if !ok {
		return
	}
	d.judge(loop.Figures(), d.s.Metrics.Recent())
}

func (d *doctor) judge(f runner.Figures, r metrics.Recent) {
	d.queue(f)
	d.commits(r)
	d.places(f, r)
	d.late(r)
	if f.Lost > 0 {
		d.bad("lost", "", fmt.Sprintf("%d attempts are lost: their hosts cannot be reached", f.Lost), "bring the hosts back, or decide about each: banto tracker show")
	}
	if r.Refused > 0 {
		d.bad("limits", "", fmt.Sprintf("%d calls were turned away in the last %s since there were too many", r.Refused, span(r.For)),
			"if that much is meant to come, raise --submit-rate or --max-trackers; else see who sends it: banto audit list")
	}
}

// queue looks at what waits for the loop.
func (d *doctor) queue(f runner.Figures) {
	waits := f.Calls + f.Reports
	said := fmt.Sprintf("%d calls and %d reports of hosts wait", f.Calls, f.Reports)
	stood := d.now.Sub(f.Turned)
	switch {
	case waits > 0 && !f.Turned.IsZero() && stood > turnOld:
		d.bad("queue", "", fmt.Sprintf("%s, and the manager has not got on for %s", said, span(stood)), "a transaction hangs: look at the disk, or at PostgreSQL's locks")
	case waits > manyWait:
		d.bad("queue", "", said, "more comes than can be written: is the disk slow (see commits), or does somebody flood the manager?")
	default:
		d.good("queue", said)
	}
}

// commits looks at how long transactions take.
func (d *doctor) commits(r metrics.Recent) {
	if r.Commits == 0 {
		return
	}
	mean := r.Total / time.Duration(r.Commits)
	said := fmt.Sprintf("%d transactions in the last %s took %s on average, %s at most", r.Commits, span(r.For), short(mean), short(r.Worst))
	if r.Commits >= fewCommits && r.Slow*slowPart > r.Commits {
		d.bad("commits", "", said, "the disk of the store is slow, or PostgreSQL is: each transaction waits until it is on disk")
		return
	}
	d.good("commits", said)
}

// places looks at parts that want one.
func (d *doctor) places(f runner.Figures, r metrics.Recent) {
	said := fmt.Sprintf("%d parts want a place on a host, %d attempts are on hosts", f.Ready, f.Attempts)
	if f.Ready > 0 && (r.Held > readyLong || r.Sent == 0) {
		d.bad("places", "", said, "hosts are full, held, draining or away: banto host list; banto tracker show says what each part waits for")
		return
	}
	d.good("places", said)
}

// late looks at trackers that began long after their submission.
func (d *doctor) late(r metrics.Recent) {
	if r.Late == 0 {
		return
	}
	d.bad("lateness", "", fmt.Sprintf("%d of %d trackers of the last %s began more than %s after their submission, the latest after %s",
		r.Late, r.Starts, span(r.For), metrics.LateStart, short(r.Latest)), "see queue, commits and places")
}

// span gives a time in words that are short.
func span(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
}

// short gives a duration with three digits.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}
