//go:build unix

package managers_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/scripts/words"
)

// stream is submissions that come whatever befalls the managers. The jobnet is
// load/line, whose one job appends $run to the file "lines".
type stream struct {
	client *client.Client
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu     sync.Mutex
	failed []string
	ids    map[string]banto.TrackerID // by run
}

const loadNet = `jobnet: load/line
params: {run: {required: true}}
defaults: {host: {role: work}}
parts: {line: {job: 'echo "$run" >> %s'}}
`

func load(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	switch {
	case neg || len(args) != 1:
		ts.Fatalf("usage: load begin|end|check")
	case args[0] == "begin":
		w.beginStream()
	case args[0] == "end":
		w.endStream()
	case args[0] == "check":
		w.endStream()
		w.checkStream()
	default:
		ts.Fatalf("load does not know %s", args[0])
	}
}

func (w *world) beginStream() {
	s := w.stream
	if s == nil {
		s = &stream{ids: map[string]banto.TrackerID{}}
		w.stream = s
		s.client = client.New(w.ts.Getenv("BANTO_URL"), w.ts.Getenv("BANTO_TOKEN"), client.WithPatience(patience))
		_, err := s.client.Apply(context.Background(), banto.ApplyRequest{
			Files: []banto.File{{Name: "load.yaml", Text: fmt.Sprintf(loadNet, w.ts.MkAbs("lines"))}},
		})
		w.ts.Check(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.all.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			run := fmt.Sprintf("run-%d-%d", time.Now().UnixNano(), n)
			s.all.Go(func() { s.submit(run) })
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

// submit asks until there is an answer.
func (s *stream) submit(run string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var t banto.Tracker
	var err error
	for {
		t, _, err = s.client.Submit(ctx, banto.SubmitRequest{Jobnet: "load/line", Params: map[string]string{"run": run}}, run)
		if banto.KindOf(err) != banto.KindUnavailable || ctx.Err() != nil {
			break
		}
		<-tick.C // it was told why, as that the disk is full, and asks again with the same key
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed = append(s.failed, fmt.Sprintf("%s: %v", run, err))
		return
	}
	s.ids[run] = t.ID
}

func (w *world) endStream() {
	if w.stream != nil && w.stream.cancel != nil {
		w.stream.cancel()
		w.stream.all.Wait()
	}
}

// checkStream waits for all that was answered, and sees that each ran once.
func (w *world) checkStream() {
	s := w.stream
	if len(s.failed) > 0 {
		w.ts.Fatalf("%d submissions were never answered: %v", len(s.failed), s.failed[0])
	}
	for run, id := range s.ids {
		var last banto.Tracker
		var err error
		if !words.Within(patience, func() bool {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			last, err = s.client.Tracker(ctx, id)
			return err == nil && last.State.Ended()
		}) || last.State != banto.TrackerOK {
			w.ts.Fatalf("%s of %s is %s: %s %v", id, run, last.State, last.Message, err)
		}
	}
	body, err := os.ReadFile(w.ts.MkAbs("lines"))
	w.ts.Check(err)
	count := map[string]int{}
	for line := range bytes.Lines(body) {
		count[string(bytes.TrimSpace(line))]++
	}
	for run := range s.ids {
		if count[run] != 1 {
			w.ts.Fatalf("%s ran %d times", run, count[run])
		}
	}
	if len(count) != len(s.ids) {
		w.ts.Fatalf("%d runs were answered, and %d ran", len(s.ids), len(count))
	}
	w.t.Logf("%d submissions, each ran once", len(s.ids))
}
