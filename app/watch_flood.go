package app

import (
	"strconv"
	"sync"
	"time"

	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/notice"
)

// floods are the limits that are met now. Each is told when it begins, and with
// its number, and who met it most, when nobody has met it for a while.
type floods struct {
	mu  sync.Mutex
	all map[runner.Refusal]*flood
}

type flood struct {
	since, last time.Time
	times       int
	by          map[runner.Refused]int
}

const (
	floodOver   = time.Minute // without a refusal
	floodCounts = 1000        // of whom is counted who met it; others are in the number alone
)

// refused notes one; it says whether that one begins it.
func (f *floods) refused(now time.Time, what runner.Refusal, of runner.Refused) (begins bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.all[what]
	if begins = one == nil; begins {
		if f.all == nil {
			f.all = map[runner.Refusal]*flood{}
		}
		one = &flood{since: now, by: map[runner.Refused]int{}}
		f.all[what] = one
	}
	one.last = now
	one.times++
	if _, known := one.by[of]; known || len(one.by) < floodCounts {
		one.by[of]++
	}
	return begins
}

// over takes those out that are over, or all. One may have been met after now:
// whoever looks takes now, and does other things first.
func (f *floods) over(now time.Time, all bool) map[runner.Refusal]*flood {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[runner.Refusal]*flood{}
	for what, one := range f.all {
		if all || now.Sub(one.last) >= floodOver {
			out[what] = one
			delete(f.all, what)
		}
	}
	return out
}

// most gives who was refused most, and how often.
func (f *flood) most() (of runner.Refused, times int) {
	for who, n := range f.by {
		if n > times || n == times && who.Jobnet+" "+who.By < of.Jobnet+" "+of.By {
			of, times = who, n
		}
	}
	return of, times
}

// tellFloods tells how many were refused, of limits that nobody meets any more. One
// that was met once has been told.
func (w *watching) tellFloods(now time.Time, all bool) {
	for what, f := range w.floods.over(now, all) {
		if f.times == 1 {
			continue
		}
		of, n := f.most()
		w.notices.Tell(notice.SubmitRefused, "limit", string(what), "refused", strconv.Itoa(f.times), "since", f.since.UTC().Format(time.RFC3339),
			"until", f.last.UTC().Format(time.RFC3339), "jobnet", of.Jobnet, "by", of.By, "of_them", strconv.Itoa(n), "most", of.Limit)
	}
}
