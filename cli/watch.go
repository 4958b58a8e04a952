package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/spf13/pflag"
)

// waiting is what the flags of a command say about waiting for a tracker.
type waiting struct {
	wait, blocked bool
	cancels       bool // a tracker that ends cancelled is what was asked for
}

func (w *waiting) flags(e *env, f *pflag.FlagSet) {
	f.BoolVar(&w.wait, "wait", false, e.say("wait until the tracker has ended, and show it meanwhile"))
	f.BoolVar(&w.blocked, "wait-blocked", false, e.say("go on waiting when the tracker is blocked, until someone acts"))
}

// submission is what programs read of a submit, a rerun or a cancel.
type submission struct {
	Tracker banto.TrackerID    `json:"tracker"`
	State   banto.TrackerState `json:"state"`
	Message string             `json:"message,omitempty"`
}

// afterwards does what is to be done once a tracker was submitted, rerun or
// cancelled: wait if that was asked for, and write the document.
func (e *env) afterwards(ctx context.Context, m *client.Client, t banto.Tracker, w waiting, asJSON bool) error {
	code := exit(0)
	switch {
	case w.wait || w.blocked:
		var err error
		how := showBest
		if asJSON {
			how = showNothing
		}
		if t, err = e.watch(ctx, m, t.ID, w.blocked, how); err != nil {
			return err
		}
		if code = outcomeCode(t.State); w.cancels && t.State == banto.TrackerCancelled {
			code = 0
		}
	case !asJSON:
		if _, _, ok := e.terminal(); ok {
			return e.print(e.say("banto tracker watch %s shows it live", t.ID) + "\n")
		}
	}
	if asJSON {
		if err := e.document(submission{t.ID, t.State, t.Message}); err != nil {
			return err
		}
	}
	if code != 0 {
		return code
	}
	return nil
}

// outcomeCode is the exit code for the state that a tracker was left in.
func outcomeCode(s banto.TrackerState) exit {
	if s == banto.TrackerOK || s == banto.TrackerWarning {
		return 0
	}
	return exitBad
}

// silence is for how long a manager that cannot be reached is tried again
// while something is being watched: restarts and take-overs are shorter.
const silence = 2 * time.Minute

// watcher follows one tracker.
type watcher struct {
	e       *env
	m       *client.Client
	v       *view
	events  chan banto.TrackerEvent
	ended   chan error
	notices chan string
	blocked bool // go on when it is blocked
}

// watch shows a tracker until it has ended, or is blocked, and gives it as it
// then stands.
func (e *env) watch(ctx context.Context, m *client.Client, id banto.TrackerID, blocked bool, how showing) (banto.Tracker, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &watcher{e: e, m: m, blocked: blocked,
		events: make(chan banto.TrackerEvent), ended: make(chan error, 1), notices: make(chan string, 1)}
	if err := w.load(ctx, id); err != nil {
		return banto.Tracker{}, err
	}
	show := w.display(how)
	go func() { w.ended <- w.follow(ctx, id) }()
	err := w.loop(ctx, show)
	if ctx.Err() != nil {
		return w.v.tracker, e.interrupted(id)
	}
	if err != nil {
		return w.v.tracker, err
	}
	// The stream tells what changed; the end is told whole.
	if err := w.load(ctx, id); err != nil {
		return w.v.tracker, err
	}
	if err := show.finish(ctx, w); err != nil {
		return w.v.tracker, err
	}
	return w.v.tracker, nil
}

// interrupted tells that the tracker goes on without us.
func (e *env) interrupted(id banto.TrackerID) error {
	// A terminal shows ^C where the cursor stood. Who interrupts may have closed
	// it.
	if _, _, ok := e.size(e.std.Err); ok {
		_, _ = fmt.Fprintln(e.std.Err)
	}
	_, _ = fmt.Fprintln(e.std.Err, e.say("tracker %s goes on; banto tracker watch %s shows it again, banto tracker cancel %s ends it", id, id, id))
	return exit(exitInterrupted)
}

func (w *watcher) load(ctx context.Context, id banto.TrackerID) error {
	v, err := w.e.loadView(ctx, w.m, id)
	if err != nil {
		return err
	}
	w.v = v
	return nil
}

// over says whether there is nothing more to watch.
func (w *watcher) over(s banto.TrackerState) bool {
	return s.Ended() || s == banto.TrackerBlocked && !w.blocked
}

// follow passes events on until the tracker is over. A manager that went away
// is given time to come back.
func (w *watcher) follow(ctx context.Context, id banto.TrackerID) error {
	heard := w.e.std.Now()
	for {
		err := w.m.Watch(ctx, id, func(ev banto.TrackerEvent) error {
			heard = w.e.std.Now()
			select {
			case w.events <- ev:
			case <-ctx.Done():
				return ctx.Err()
			}
			if w.over(ev.Tracker.State) {
				return client.ErrStop
			}
			return nil
		})
		kind := banto.KindOf(err)
		away := err != nil && (kind == banto.KindUnreachable || kind == banto.KindUnavailable)
		if !away || ctx.Err() != nil || w.e.std.Now().Sub(heard) > silence {
			return err
		}
		var info *banto.ErrorInfo
		if errors.As(err, &info) {
			select {
			case w.notices <- w.e.say("%s; trying again", plain(info.What)):
			default: // the last one has not been shown yet
			}
		}
	}
}

// loop shows what happens until the tracker is over.
func (w *watcher) loop(ctx context.Context, show display) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	progress := w.newProgress(ctx)
	if err := show.update(w, nil); err != nil {
		return err
	}
	for {
		var changed []int
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-w.ended:
			return err
		case ev := <-w.events:
			var stale bool
			before := w.v
			if changed, stale = w.v.take(ev); stale {
				if err := w.load(ctx, ev.Tracker.ID); err != nil {
					return err
				}
				changed = w.v.since(before, changed)
			}
		case text := <-w.notices:
			if err := show.notice(text); err != nil {
				return err
			}
			continue
		case <-tick.C:
			if !show.live() {
				continue
			}
			if w.v.tracker.Counts[banto.PartRunning] > 0 {
				progress.ask()
			}
		case parts := <-progress.answers:
			progress.busy = false
			for _, p := range parts {
				if i, ok := w.v.index[p.Key]; ok && w.v.parts[i].AttemptID == p.AttemptID {
					w.v.parts[i].Progress = p.Progress
				}
			}
		}
		if err := show.update(w, changed); err != nil {
			return err
		}
	}
}

// progress asks for the last lines of output, which no event carries, at most
// once at a time.
type progress struct {
	answers chan []banto.PartView
	start   func()
	busy    bool
	rest    int // ticks to leave out, so that large flows are asked for less often
}

func (w *watcher) newProgress(ctx context.Context) *progress {
	p := &progress{answers: make(chan []banto.PartView)}
	p.start = func() {
		id := w.v.tracker.ID
		go func() {
			// Without an answer the lines on the screen only stay as they are.
			parts, _ := w.m.Parts(ctx, id)
			select {
			case p.answers <- parts:
			case <-ctx.Done():
			}
		}()
		p.rest = len(w.v.parts) / 1000
	}
	return p
}

func (p *progress) ask() {
	if p.rest > 0 {
		p.rest--
		return
	}
	if !p.busy {
		p.busy = true
		p.start()
	}
}

// tailLines and tailBytes are how much output of a failed part is shown.
const (
	tailLines  = 10
	tailBytes  = 4 << 10
	tailHead   = 240 // columns of a line that is longer than both together
	tailEnd    = 80
	tailLead   = 4 // columns before it
	failedMost = 5 // parts
)

// summary tells how a tracker ended: outcome, time, what failed and why, and
// what can be done.
func (w *watcher) summary(ctx context.Context) string {
	e, t, p := w.e, w.v.tracker, w.e.pen()
	var b strings.Builder
	b.WriteString("\n")
	head := e.say("tracker %s of %s: %s", t.ID, plain(t.Jobnet), p.paint(trackerLook(t.State), e.trackerState(t.State)))
	if took := e.lasted(t.StartedAt, t.EndedAt); took != "" {
		head += " " + e.say("after %s", took)
	}
	b.WriteString(head + "\n" + e.counts(t, p) + "\n")
	if t.Message != "" {
		b.WriteString(plain(t.Message) + "\n")
	}
	e.waitsFor(&b, t)
	failed := 0
	for _, part := range w.v.parts {
		if part.State != banto.PartError {
			continue
		}
		if failed++; failed > failedMost {
			continue
		}
		w.failedPart(ctx, &b, p, part)
	}
	if failed > failedMost {
		b.WriteString(e.say("… and %d more failed parts: banto tracker show %s", failed-failedMost, t.ID) + "\n")
	}
	if t.State == banto.TrackerError || t.State == banto.TrackerBlocked || t.State == banto.TrackerCancelled {
		b.WriteString("\n" + e.say("run the failed parts again: banto tracker rerun %s --wait", t.ID) + "\n")
	}
	return b.String()
}

// failedPart tells why a part failed, with the end of its output.
func (w *watcher) failedPart(ctx context.Context, b *strings.Builder, p pen, part banto.PartView) {
	e := w.e
	b.WriteString("\n" + p.paint(styleRed, "✗ "+plain(string(part.Key))) + ": " + plain(first(e.why(part.Part), e.reason(part.Reason), "?")))
	if part.Host != "" && part.Attempt > 0 {
		b.WriteString(" " + e.say("on %s, attempt %d", plain(part.Host), part.Attempt))
	}
	if part.Healed {
		b.WriteString(" (" + e.say("healed") + ")")
	}
	b.WriteString("\n")
	if part.AttemptID == "" {
		return
	}
	tail, err := e.tailOf(ctx, w.m, part.AttemptID)
	if err != nil {
		b.WriteString("  " + e.say("its output cannot be read: %s", plain(err.Error())) + "\n")
		return
	}
	for _, line := range tail {
		for _, piece := range fold(line, e.width()-tailLead) {
			b.WriteString("  " + p.paint(styleDim, "│") + " " + piece + "\n")
		}
	}
}

// tailOf gives the last lines of an attempt's output.
func (e *env) tailOf(ctx context.Context, m *client.Client, id banto.AttemptID) ([]string, error) {
	a, err := m.Attempt(ctx, id)
	if err != nil {
		return nil, err
	}
	from := max(0, a.OutputSize-tailBytes)
	var text []byte
	for offset := from; ; {
		o, err := m.OutputText(ctx, id, offset, 0)
		if err != nil {
			return nil, err
		}
		text, offset = append(text, o.Data...), o.Next
		if len(o.Data) == 0 || len(text) >= 2*tailBytes {
			break
		}
	}
	all := strings.Split(strings.TrimRight(strings.ToValidUTF8(string(text), "�"), "\r\n"), "\n")
	if from > 0 && len(all) > 1 {
		all = all[1:] // the first is only the end of a line
	}
	if len(all) > tailLines {
		all = all[len(all)-tailLines:]
	}
	var lines []string
	for _, line := range all {
		// A line that was written over and over shows its last state.
		line = strings.TrimRight(line, "\r")
		line = line[strings.LastIndexByte(line, '\r')+1:]
		lines = append(lines, middle(harmless(line), tailHead, tailEnd))
	}
	if len(lines) == 1 && lines[0] == "" {
		return nil, nil
	}
	return lines, nil
}

// waitsFor tells what a tracker waits for.
func (e *env) waitsFor(b *strings.Builder, t banto.Tracker) {
	for _, what := range t.WaitsFor {
		b.WriteString(e.say("waits for %s", plain(what)) + "\n")
	}
}
