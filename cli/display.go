package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

// display shows a tracker while it is watched.
type display interface {
	// update shows the view as it now is; changed are the parts that moved.
	update(w *watcher, changed []int) error
	// notice shows a sentence.
	notice(text string) error
	// finish shows the end.
	finish(ctx context.Context, w *watcher) error
	// live says whether the display moves even when nothing happens.
	live() bool
}

// showing is how a tracker is shown.
type showing int

const (
	showBest    showing = iota // in place on a terminal, a line for each change elsewhere
	showLines                  // a line for each change
	showNothing                // a program waits
)

func (w *watcher) display(how showing) display {
	e := w.e
	if how == showNothing {
		return silent{}
	}
	if how == showLines {
		return &lines{e: e}
	}
	if _, _, ok := e.terminal(); ok && e.std.Env("TERM") != "dumb" {
		return &picture{e: e, screen: screen{out: e.std.Out}}
	}
	return &lines{e: e}
}

// silent shows nothing: a program waits.
type silent struct{}

func (silent) update(*watcher, []int) error           { return nil }
func (silent) notice(string) error                    { return nil }
func (silent) finish(context.Context, *watcher) error { return nil }
func (silent) live() bool                             { return false }

// lines writes a line for each change.
type lines struct {
	e     *env
	begun bool
}

func (l *lines) live() bool { return false }

func (l *lines) update(w *watcher, changed []int) error {
	var b strings.Builder
	if !l.begun {
		l.begun = true
		t := w.v.tracker
		b.WriteString(l.e.say("tracker %s of %s: %s", t.ID, plain(t.Jobnet), l.e.trackerState(t.State)) + "\n")
		for i, p := range w.v.parts {
			// What an earlier run left as it was is no news.
			if p.State != banto.PartWaiting && p.Rerun == t.Rerun {
				changed = append(changed, i)
			}
		}
	}
	slices.SortStableFunc(changed, func(a, b int) int {
		return l.since(w.v.parts[a]).Compare(l.since(w.v.parts[b]))
	})
	for _, i := range changed {
		if text := l.change(w.v.parts[i]); text != "" {
			b.WriteString(text + "\n")
		}
	}
	return l.e.print(b.String())
}

// since is when a part came to stand as it does; now if nobody knows.
func (l *lines) since(part banto.PartView) time.Time {
	switch {
	case part.EndedAt != nil:
		return *part.EndedAt
	case part.State == banto.PartRunning && part.StartedAt != nil:
		return *part.StartedAt
	}
	return l.e.std.Now()
}

// change says in a line how a part stands; empty for what is over in a moment.
func (l *lines) change(part banto.PartView) string {
	e := l.e
	switch part.State {
	case banto.PartReady, banto.PartStarting, banto.PartWaiting:
		return ""
	}
	text := l.since(part).In(e.std.Local).Format("15:04:05") + " " + plain(string(part.Key)) + ": " + e.partState(part.State)
	if part.Host != "" {
		text += " " + e.say("on %s", plain(part.Host))
	}
	if part.State.Ended() {
		if took := e.lasted(part.StartedAt, part.EndedAt); took != "" {
			text += " " + e.say("after %s", took)
		}
	}
	part.Progress = ""
	if about := e.about(part); about != "" {
		text += ": " + about
	}
	return text
}

func (l *lines) notice(text string) error {
	// Standard error may be gone; the watch goes on.
	_, _ = fmt.Fprintln(l.e.std.Err, text)
	return nil
}

func (l *lines) finish(ctx context.Context, w *watcher) error {
	return l.e.print(w.summary(ctx))
}

// picture draws the tracker in place.
type picture struct {
	e      *env
	screen screen
	said   string
}

func (p *picture) live() bool { return true }

func (p *picture) notice(text string) error {
	p.said = text
	return nil
}

func (p *picture) update(w *watcher, changed []int) error {
	if len(changed) > 0 {
		p.said = ""
	}
	width, height, _ := p.e.terminal()
	return p.e.written(p.screen.draw(p.e.frame(w.v, width, height, p.said)))
}

// finish leaves the whole tree behind, and what there is to say below it.
func (p *picture) finish(ctx context.Context, w *watcher) error {
	if err := p.screen.clear(); err != nil {
		return p.e.written(err)
	}
	var b strings.Builder
	width, height, _ := p.e.terminal()
	b.WriteString(p.e.headline(w.v, width) + "\n")
	if len(w.v.parts) <= max(height*4, 200) {
		p.e.writeTree(&b, w.v, p.e.pen(), width)
	}
	return p.e.print(b.String() + w.summary(ctx))
}

// headline names the tracker and its state in one line.
func (e *env) headline(v *view, width int) string {
	t, p := v.tracker, e.pen()
	state := e.trackerState(t.State)
	if t.Cancelling {
		state = e.say("being cancelled")
	}
	name := plain(t.Jobnet)
	if t.Title != "" {
		name += " " + plain(t.Title)
	}
	rest := "  " + string(t.ID) + "  " + state
	if took := e.lasted(t.StartedAt, t.EndedAt); took != "" {
		rest += "  " + took
	}
	name = cut(name, max(width-1-textWidth(rest), 8))
	return p.paint(styleBold, name) + strings.Replace(cut(rest, width-1-textWidth(name)), state, p.paint(trackerLook(t.State), state), 1)
}

// frame is what a terminal of that size shows of a tracker: the whole tree if
// it fits, else the parts that are under way or failed, and counts.
func (e *env) frame(v *view, width, height int, said string) []string {
	pen := e.pen()
	lines := []string{e.headline(v, width)}
	foot := e.footer(v, width, said)
	room := max(height-len(lines)-len(foot)-1, 1)
	var b strings.Builder
	if len(v.parts) <= room {
		e.writeTree(&b, v, pen, width-1)
	} else {
		e.writeBusy(&b, v, room, width-1)
	}
	if b.Len() > 0 {
		lines = append(lines, strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")...)
	}
	return append(lines, foot...)
}

func (e *env) footer(v *view, width int, said string) []string {
	foot := []string{}
	if counts := e.counts(v.tracker, pen{}); textWidth(counts) < width {
		foot = append(foot, e.counts(v.tracker, e.pen()))
	} else {
		foot = append(foot, cut(counts, width-1))
	}
	if v.tracker.State == banto.TrackerBlocked {
		said = first(said, e.say("blocked: banto tracker rerun %s", v.tracker.ID))
	}
	if said != "" {
		foot = append(foot, e.pen().paint(styleYellow, cut(said, width-1)))
	}
	return foot
}

// writeBusy lists the parts that are under way or failed, in that many lines.
func (e *env) writeBusy(b *strings.Builder, v *view, room, width int) {
	var busy, failed []int
	for i, p := range v.parts {
		switch {
		case p.State == banto.PartError && !p.Healed:
			failed = append(failed, i)
		case p.State.Live():
			busy = append(busy, i)
		}
	}
	all := append(failed, busy...)
	left := 0
	if len(all) > room {
		left = len(all) - room + 1
		all = all[:len(all)-left]
	}
	t := e.partTable()
	for _, i := range all {
		e.addPart(&t, "", v.parts[i], "")
	}
	// Writing to a strings.Builder cannot fail.
	_ = t.write(b, e.pen(), width)
	if left > 0 {
		b.WriteString(e.say("… and %d more", left) + "\n")
	}
}
