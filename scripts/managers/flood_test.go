//go:build unix

package managers_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/scripts/words"
)

// How the loop floods: as many submissions by so many at once.
const (
	floodCalls  = 6_000 // $BANTO_FLOOD says otherwise
	floodAtOnce = 16
	mostMemory  = 300 // MiB
)

// flood submits one jobnet as a loop does that has gone wild, and another one
// once in the middle of it. The loop's host is held until the first is told to
// slow down: how fast a machine is decides nothing.
func flood(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg || len(args) != 3 {
		ts.Fatalf("usage: flood JOBNET HOST OTHER")
	}
	calls := floodCalls
	if n, err := strconv.Atoi(os.Getenv("BANTO_FLOOD")); err == nil && n > 0 {
		calls = n
	}
	c := client.New(ts.Getenv("BANTO_URL"), ts.Getenv("BANTO_TOKEN"), client.WithPatience(0))
	f := &deluge{client: c, jobnet: args[0], refused: make(chan struct{})}
	began := time.Now()
	admit := func(a banto.Admission) {
		_, err := c.ChangeHost(context.Background(), args[1], banto.HostChange{Admission: a, Reason: "a flood"})
		ts.Check(err)
	}
	admit(banto.AdmissionHeld)
	f.run(calls)
	<-f.refused
	admit(banto.AdmissionOpen)
	asked := time.Now()
	t, _, err := c.Submit(context.Background(), banto.SubmitRequest{Jobnet: args[2]}, "")
	ts.Check(err)
	w.endsOK(c, t.ID)
	other := time.Since(asked)
	f.all.Wait()
	flooded := time.Since(began)
	w.t.Logf("%d submissions in %s: %d taken, %d told to slow down; another jobnet's tracker ended %s after it was asked for; the manager's memory: %d MiB",
		calls, flooded.Round(10*time.Millisecond), len(f.ids), f.slowed.Load(), other.Round(10*time.Millisecond), w.megabytes("m0"))
	switch {
	case f.wrong != nil:
		ts.Fatalf("a submission failed otherwise: %v", f.wrong)
	case f.slowed.Load() == 0:
		ts.Fatalf("nobody was told to slow down")
	case w.megabytes("m0") > mostMemory:
		ts.Fatalf("the manager has had %d MiB", w.megabytes("m0"))
	}
	for _, id := range f.ids {
		w.endsOK(c, id)
	}
}

// deluge is the submissions of a flood.
type deluge struct {
	client *client.Client
	jobnet string
	all    sync.WaitGroup
	next   atomic.Int64
	slowed atomic.Int64

	once    sync.Once
	refused chan struct{} // closed at the first refusal

	mu    sync.Mutex
	ids   []banto.TrackerID
	wrong error
}

func (f *deluge) run(calls int) {
	for range floodAtOnce {
		f.all.Go(func() {
			for f.next.Add(1) <= int64(calls) {
				f.submit()
			}
			f.once.Do(func() { close(f.refused) })
		})
	}
}

func (f *deluge) submit() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	t, _, err := f.client.Submit(ctx, banto.SubmitRequest{Jobnet: f.jobnet}, "")
	var told *banto.ErrorInfo
	if errors.As(err, &told) && told.Kind == banto.KindTooMany && told.RetryAfterMS > 0 && told.Hint != "" {
		f.slowed.Add(1)
		f.once.Do(func() { close(f.refused) })
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.wrong = err
		return
	}
	f.ids = append(f.ids, t.ID)
}

// endsOK waits until a tracker has ended well.
func (w *world) endsOK(c *client.Client, id banto.TrackerID) banto.Tracker {
	var last banto.Tracker
	var err error
	if !words.Within(patience, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		last, err = c.Tracker(ctx, id)
		return err == nil && last.State.Ended()
	}) || last.State != banto.TrackerOK {
		w.ts.Fatalf("%s is %s: %s %v", id, last.State, last.Message, err)
	}
	return last
}

var resident = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB`)

// megabytes gives the most memory that a process has had; 0: nobody knows.
func (w *world) megabytes(name string) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.procs[name].Cmd.Process.Pid))
	if m := resident.FindSubmatch(text); m != nil {
		n, _ := strconv.Atoi(string(m[1]))
		return n >> 10
	}
	return 0
}
