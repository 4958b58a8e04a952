package sim

import (
	"time"

	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/jobnet"
)

// mood is what a world is about. Anything may happen in any world; some make
// likely what comes together by chance in one of thousands.
type mood int

const (
	anyMood mood = iota
	// silent: jobs that last, on hosts that are cut off for longer than their
	// dead-man's limit, and that are run again elsewhere then.
	silent
	// pictured: machines that are put back to a picture just after they were told
	// to start something, before anybody hears of it.
	pictured
)

// someMood gives most worlds none.
func (w *world) someMood() mood {
	switch w.rand.IntN(24) {
	case 0:
		return silent
	case 1, 2:
		return pictured
	}
	return anyMood
}

// fewest is how many hosts the mood wants at least.
func (w *world) fewest() int {
	if w.mood == silent {
		return 2
	}
	return 1
}

// scheduleMood has happen what the mood wants.
func (w *world) scheduleMood() {
	switch w.mood {
	case silent:
		for range 3 {
			w.after(10*time.Second+w.some(50*time.Second), nil, func() {
				h := w.someHost()
				w.cutOff(&h.cut, h.machine, 35*time.Second+w.some(40*time.Second))
			})
		}
	case pictured:
		for _, h := range w.hosts {
			w.after(w.some(25*time.Second), nil, h.save)
		}
	}
}

// suits makes a part one that the mood wants.
func (w *world) suits(p *jobnet.Part) {
	if w.mood == silent {
		p.Host, p.OnLost, p.LostAfter = group, jobnet.LostRerun, jobnet.MinLostAfter
	}
}

// surprised may put the machine back that has just heard of orders: what it does
// about them is told to nobody, or not to all.
func (a *agent) surprised(orders []fabric.Order) {
	h, w := a.h, a.h.w
	starts := false
	for i := range orders {
		starts = starts || orders[i].Start != nil
	}
	if w.mood != pictured || w.calm || !starts || h.saved == nil || h.copied || !w.chance(4) {
		return
	}
	if c := a.conn; c != nil {
		w.after(w.some(60*time.Millisecond), nil, func() { c.drop(false) })
	}
	l := h.life
	w.after(20*time.Millisecond+w.some(300*time.Millisecond), l, h.putBack)
}
