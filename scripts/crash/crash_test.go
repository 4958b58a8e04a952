//go:build linux

package crash_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

// flow is a jobnet of so many jobs that each append their name to the lines,
// some of them behind others.
func (w *world) flow(name string, jobs int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "jobnet: %s\nparams: {run: {required: true}}\ndefaults: {host: {role: work}}\nparts:\n", name)
	for i := range jobs {
		fmt.Fprintf(&b, "  p%d:\n", i)
		if i >= 10 && w.chance.IntN(10) == 0 {
			fmt.Fprintf(&b, "    after: p%d\n", w.chance.IntN(i))
		}
		fmt.Fprintf(&b, "    job: echo \"$run-$BANTO_PART\" >> %s\n", w.lines)
	}
	return b.String()
}

// submit asks for a run, as a program does that gets an answer in the end.
func (w *world) submit(jobnet, run string) banto.Tracker {
	w.t.Helper()
	t, _, err := w.client.Submit(w.ctx(), banto.SubmitRequest{Jobnet: jobnet, Params: map[string]string{"run": run}}, "key-"+run)
	if err != nil {
		w.t.Fatalf("submission %s: %v", run, err)
	}
	return t
}

// ended waits until a tracker has ended, and checks that it ended well.
func (w *world) ended(id banto.TrackerID) {
	w.t.Helper()
	var last banto.Tracker
	w.until("the tracker "+string(id)+" ends", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		got, err := w.client.Tracker(ctx, id)
		if err != nil {
			return false
		}
		last = got
		return last.State.Ended()
	})
	if last.State != banto.TrackerOK {
		w.t.Fatalf("tracker %s ended %s: %s %v", id, last.State, last.Message, last.Counts)
	}
}

// once checks that every line of these runs is there exactly once.
func (w *world) once(runs []string, jobs int) {
	w.t.Helper()
	_, by := w.written()
	bad := 0
	for _, run := range runs {
		for i := range jobs {
			if n := by[fmt.Sprintf("%s-p%d", run, i)]; n != 1 {
				if bad++; bad <= 10 {
					w.t.Errorf("the line %s-p%d is there %d times", run, i, n)
				}
			}
		}
	}
	if bad > 0 {
		w.t.Fatalf("%d lines of %d are not there exactly once", bad, len(runs)*jobs)
	}
}

// harm kills something, waits a moment of work, and starts it again.
func (w *world) harm(grow func()) string {
	switch what := w.chance.IntN(10); {
	case what < 4:
		m := w.managers[w.chance.IntN(len(w.managers))]
		m.kill9()
		if len(w.managers) > 1 {
			grow() // the other one carries on
		}
		m.start(w.t)
		return m.name
	case what < 7:
		a := w.agents[w.chance.IntN(len(w.agents))]
		a.kill9()
		a.start(w.t)
		return a.name
	case what < 9:
		w.proxy.cut(true)
		w.proxy.cut(false)
		return "link"
	}
	a := w.agents[w.chance.IntN(len(w.agents))]
	a.signal(syscall.SIGSTOP)
	grow()
	a.signal(syscall.SIGCONT)
	return a.name + " stopped"
}

func crash(t *testing.T, kind string, managers int) {
	rounds, jobs := number("BANTO_ROUNDS", 1), number("BANTO_JOBS", 300)
	w := newWorld(t, kind, managers, 2)
	for round := range rounds {
		name := fmt.Sprintf("crash/round%d", round)
		w.apply(w.flow(name, jobs))
		run := fmt.Sprintf("r%d", round)
		before := w.count()
		tracker := w.submit(name, run)
		var harmed []string
		for range 4 + w.chance.IntN(5) {
			// A moment is a number of lines, so that it falls inside of the work on
			// a fast machine and on a slow one.
			moment := before + w.chance.IntN(jobs)
			reached := func() bool {
				return w.count() >= moment
			}
			w.until("work goes on", func() bool { return reached() || w.finished(tracker.ID) })
			from := w.count()
			harmed = append(harmed, w.harm(func() {
				deadline := time.Now().Add(2 * time.Second)
				w.until("some work", func() bool { return w.count() > from+10 || time.Now().After(deadline) })
			}))
		}
		w.ended(tracker.ID)
		w.once([]string{run}, jobs)
		t.Logf("round %d: %d jobs, each once; killed: %s", round, jobs, strings.Join(harmed, ", "))
	}
}

func (w *world) finished(id banto.TrackerID) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	t, err := w.client.Tracker(ctx, id)
	return err == nil && t.State.Ended()
}

func TestCrashOnSQLite(t *testing.T)   { crash(t, "sqlite", 1) }
func TestCrashOnPostgres(t *testing.T) { crash(t, "postgres", 1) }
