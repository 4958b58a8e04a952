//go:build linux

package crash_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

// active gives the number of the manager that says it is the active one, or -1.
func (w *world) active() int {
	for i := range w.urls {
		if w.leads(i) {
			return i
		}
	}
	return -1
}

// leads says whether a manager says that it is the active one.
func (w *world) leads(i int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.urls[i]+"/leader", http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// load submits trackers of ten jobs, twenty a second, until it is stopped, which
// gives the runs.
func (w *world) load(jobs int) (stop func() []string, ids func() []banto.TrackerID) {
	var mu sync.Mutex
	var runs []string
	var trackers []banto.TrackerID
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			run := fmt.Sprintf("l%d-%d", time.Now().UnixNano(), n)
			all.Go(func() {
				t, _, err := w.client.Submit(w.ctx(), banto.SubmitRequest{Jobnet: "take/over", Params: map[string]string{"run": run}}, "key-"+run)
				if err != nil {
					w.t.Errorf("submission %s: %v", run, err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				runs, trackers = append(runs, run), append(trackers, t.ID)
			})
		}
	})
	end := func() { cancel(); all.Wait() }
	w.t.Cleanup(end)
	return func() []string { end(); return runs }, func() []banto.TrackerID { return trackers }
}

// takeover hits the active manager again and again under load. It gives how long
// the first new job took each time.
func takeover(t *testing.T, hit func(w *world, m *process) (again func())) {
	rounds := number("BANTO_ROUNDS", 2)
	const jobs = 10
	w := newWorld(t, "postgres", 2, 2)
	w.apply(w.flow("take/over", jobs))
	w.apply(fmt.Sprintf("jobnet: take/first\nparams: {run: {required: true}}\ndefaults: {host: {role: work}}\nparts:\n  p0: {job: 'echo \"$run-$BANTO_PART\" >> %s'}\n", w.lines))
	var took []time.Duration
	for round := range rounds {
		was := -1
		w.until("one manager is active, and the other stands by", func() bool { was = w.active(); return was >= 0 && w.standsBy(1-was) })
		stop, trackers := w.load(jobs)
		from := w.count()
		moment := from + 50 + w.chance.IntN(200)
		w.until("jobs run", func() bool { return w.count() >= moment })
		at := time.Now()
		again := hit(w, w.managers[was])
		var led time.Duration
		w.until("the other one is active", func() bool { led = time.Since(at); return w.leads(1 - was) })
		first := fmt.Sprintf("f%d", round)
		w.submit("take/first", first)
		w.until("a new job starts", func() bool { _, by := w.written(); return by[first+"-p0"] > 0 })
		took = append(took, time.Since(at))
		if now := w.active(); now != 1-was {
			t.Errorf("round %d: the active manager is %d", round, now)
		}
		again()
		runs := stop()
		for _, id := range trackers() {
			w.ended(id)
		}
		w.once(runs, jobs)
		t.Logf("round %d: %d trackers; the other was active after %s, the first new job started after %s", round, len(runs), led.Round(10*time.Millisecond), took[round].Round(10*time.Millisecond))
	}
	slices.Sort(took)
	t.Logf("first new job after: median %s, longest %s", took[len(took)/2].Round(10*time.Millisecond), took[len(took)-1].Round(10*time.Millisecond))
}

// standsBy says whether a manager answers as a standby.
func (w *world) standsBy(i int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.urls[i]+"/leader", http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var body struct{ Leader string }
	return json.NewDecoder(resp.Body).Decode(&body) == nil && resp.StatusCode == http.StatusServiceUnavailable && body.Leader != ""
}

func TestTakeOverOfAKilledManager(t *testing.T) {
	takeover(t, func(w *world, m *process) func() {
		m.kill9()
		return func() { m.start(w.t) }
	})
}

func TestTakeOverOfAStoppedManager(t *testing.T) {
	takeover(t, func(_ *world, m *process) func() {
		m.signal(syscall.SIGSTOP)
		return func() { m.signal(syscall.SIGCONT) }
	})
}

func TestHandOverOnTerm(t *testing.T) {
	takeover(t, func(w *world, m *process) func() {
		m.meant = true
		m.signal(syscall.SIGTERM)
		return func() { <-m.gone; m.start(w.t) }
	})
}
