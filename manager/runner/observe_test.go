package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto/job/engine"
)

// diary is an observer that keeps what it is told.
type diary struct {
	mu      sync.Mutex
	all     Commit
	lines   []string
	refused map[Refusal]int
	last    Refused
}

func (d *diary) Committed(c *Commit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.Wrote && c.Took < 0 {
		d.lines = append(d.lines, "a transaction took less than no time")
	}
	d.all.Inputs += c.Inputs
	d.all.Audits += c.Audits
	d.all.Submitted += c.Submitted
	d.all.Sent = append(d.all.Sent, c.Sent...)
	d.all.Started = append(d.all.Started, c.Started...)
	d.all.First = append(d.all.First, c.First...)
	d.all.Ended = append(d.all.Ended, c.Ended...)
	d.all.Trackers = append(d.all.Trackers, c.Trackers...)
	for _, e := range c.Events {
		d.lines = append(d.lines, fmt.Sprintf("%d %s %s %s", e.Kind, e.Host, e.Object, e.Text))
	}
}

func (d *diary) Ailing(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprint("store: ", err))
}

func (d *diary) Refused(what Refusal, of Refused) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused[what]++
	d.last = of
}

// told gives the lines since the last time.
func (d *diary) told() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.lines
	d.lines = nil
	return out
}

func observed(t *testing.T, play func(t *testing.T, w *world, d *diary), change ...func(*Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, d := newWorld(t), &diary{refused: map[Refusal]int{}}
		w.run(append(change, func(o *Options) { o.Observer = d })...)
		defer w.close()
		play(t, w, d)
	})
}

func TestTheObserverIsToldOfJobs(t *testing.T) {
	observed(t, func(t *testing.T, w *world, d *diary) {
		w.field.up(w.link, hostA)
		w.submit(flowOf(t, "a/b", "p1", "p2@db01"))
		settled()
		if f := w.r.Figures(); f.Ready != 1 || f.Trackers != 1 || f.Connected != 1 || f.Never != 1 || f.Turned.IsZero() {
			t.Errorf("while p2 waits for its host: %+v", f)
		}
		pass(3 * time.Second)
		w.field.up(w.link, hostB)
		settled()
		slices.Sort(d.all.Sent)
		if got := fmt.Sprint(d.all.Sent, len(d.all.Started), len(d.all.First)); got != "[0s 3s] 2 1" {
			t.Errorf("sent, started, first: %s", got)
		}
		if got := fmt.Sprint(d.all.Submitted, d.all.Ended, d.all.Trackers, d.all.Audits); got != "1 [ok ok] [ok] 1" {
			t.Errorf("submitted, ended, trackers, audits: %s", got)
		}
		if f := w.r.Figures(); f.Ready+f.Trackers+f.Attempts+f.Lost+f.Blocked+f.Calls+f.Reports != 0 || f.Connected != 2 {
			t.Errorf("at the end: %+v", f)
		}
		w.same()
	})
}

func TestTheObserverIsToldOfWhatPeopleShouldSee(t *testing.T) {
	observed(t, func(t *testing.T, w *world, d *diary) {
		id := w.running("p1@db01")
		d.told()
		w.field.down(hostB, "it went")
		settled()
		if got := strings.Join(d.told(), "\n"); !strings.Contains(got, fmt.Sprint(int(HostLost), " db01")) || !strings.Contains(got, fmt.Sprint(int(AttemptLost), " db01")) {
			t.Errorf("a host goes: %q", got)
		}
		if f := w.r.Figures(); f.Lost != 1 || f.Gone != 1 {
			t.Errorf("while the host is away: %+v", f)
		}
		w.same()
		w.field.up(w.link, hostB)
		settled()
		if got := strings.Join(d.told(), "\n"); !strings.Contains(got, fmt.Sprint(int(HostBack), " db01")) || !strings.Contains(got, fmt.Sprint(int(AttemptFound), " db01")) {
			t.Errorf("a host comes back: %q", got)
		}
		w.field.end(hostB, "p1", engine.Ended{Exit: new(3)})
		settled()
		got := strings.Join(d.told(), "\n")
		if !strings.Contains(got, fmt.Sprint(int(TrackerBlocked), "  a/b")) && !strings.Contains(got, fmt.Sprint(int(TrackerFailed), "  a/b")) {
			t.Errorf("a job ends in error, and %s is %s: %q", id, w.tracker(id).State, got)
		}
		if f := w.r.Figures(); f.Lost != 0 || f.Gone != 0 {
			t.Errorf("at the end: %+v", f)
		}
		w.same()
	})
}

func TestTheObserverIsToldOfTheStore(t *testing.T) {
	observed(t, func(t *testing.T, w *world, d *diary) {
		broken := errors.New("the disk is gone")
		w.store.set(func(int) error { return broken }, nil, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, _ = w.r.Submit(ctx, submission(flowOf(t, "a/b", "p1"), ""))
		settled()
		if got := d.told(); len(got) == 0 || !strings.Contains(got[0], "the disk is gone") {
			t.Errorf("while it fails: %q", got)
		}
		w.store.set(nil, nil, nil)
		pass(10 * time.Second)
		if got := d.told(); len(got) == 0 || got[len(got)-1] != "store: <nil>" {
			t.Errorf("when it is back: %q", got)
		}
		pass(10 * time.Second)
		if got := d.told(); len(got) != 0 {
			t.Errorf("later: %q", got)
		}
	})
}

func TestTheObserverIsToldOfRefusals(t *testing.T) {
	observed(t, func(t *testing.T, w *world, d *diary) {
		f := flowOf(t, "a/b", "p1")
		for range 3 {
			_, _, _ = w.r.Submit(t.Context(), submission(f, ""))
		}
		other := flowOf(t, "a/other", "p1")
		for range 2 {
			_, _, _ = w.r.Submit(t.Context(), submission(other, ""))
		}
		if d.refused[RefusedOpen] != 1 || d.refused[RefusedRate] != 0 {
			t.Errorf("%v", d.refused)
		}
	}, func(o *Options) { o.Limits = Limits{PerJobnet: 2, Rate: 1, Burst: 100} })
	observed(t, func(t *testing.T, w *world, d *diary) {
		for range 3 {
			_, _, _ = w.r.Submit(t.Context(), submission(flowOf(t, "a/b", "p1"), ""))
		}
		if d.refused[RefusedRate] != 2 || d.last != (Refused{"a/b", "hanako", "1 at once, 0.001 a second"}) {
			t.Errorf("the last: %+v", d.last)
		}
		if d.refused[RefusedRate] != 2 {
			t.Errorf("%v", d.refused)
		}
	}, func(o *Options) { o.Limits = Limits{Rate: 0.001, Burst: 1} })
}
