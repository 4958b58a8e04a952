package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

// console is a tracker on the whole terminal, with keys for the moves. All of
// its state belongs to the goroutine of loop; what others find out comes to it
// as a function that loop calls.
type console struct {
	e    *env
	m    *client.Client
	info banto.ManagerInfo
	v    *view
	ctx  context.Context //nolint:containedctx // of the loop, for what it starts

	canvas canvas
	posts  chan func()
	again  chan struct{} // the tracker that had ended goes on
	broken chan any      // a panic elsewhere, to be passed on once the terminal is given back

	all      []treeRow // the whole tree, of the view drawn in a width of drawnFor
	drawn    *view
	drawnFor int

	rows    []treeRow // what is listed now
	at      int       // the row that is chosen
	top     int       // the row at the top
	floors  []int     // how wide the columns have been
	filter  string    // part of the names that are listed
	busy    bool      // only what failed or is under way
	typing  bool      // the filter is being typed
	page    page      // in place of the tree; nil: none
	dialog  *dialog   // below the tree; nil: none
	said    string
	saidBad bool

	loading bool // the parts are being read
	asking  bool // the last lines of output are being asked for
	dirty   bool
	done    bool
	failed  error
	code    exit
}

// page is what stands in place of the tree.
type page interface {
	press(k key)
	lines(width, height int) []string
}

// How often the console looks around.
const (
	consoleTick   = 100 * time.Millisecond
	escapeWait    = 50 * time.Millisecond // for the rest of a sequence
	progressEvery = time.Second
	endedLook     = 2 * time.Second // whether a tracker that has ended goes on
)

// console shows a tracker on the whole terminal until it is left, and gives it
// as it then stands.
func (e *env) console(ctx context.Context, m *client.Client, id banto.TrackerID) error {
	info, err := managerInfo(ctx, m)
	if err != nil {
		return err
	}
	loaded, err := e.loadView(ctx, m, id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &console{
		e: e, m: m, info: info, v: loaded, ctx: ctx, canvas: canvas{out: e.std.Out},
		posts: make(chan func()), again: make(chan struct{}, 1), broken: make(chan any, 1), dirty: true,
	}
	if !c.settled() {
		if err := c.show(); err != nil {
			return err
		}
	}
	switch {
	case c.failed != nil:
		return c.failed
	case ctx.Err() != nil || c.code != 0 && !c.v.tracker.State.Ended() && c.v.tracker.State != banto.TrackerBlocked:
		return e.interrupted(id)
	}
	return c.summarize()
}

func (e *env) loadView(ctx context.Context, m *client.Client, id banto.TrackerID) (*view, error) {
	t, err := m.Tracker(ctx, id)
	if err != nil {
		return nil, err
	}
	parts, err := m.Parts(ctx, id)
	if err != nil {
		return nil, err
	}
	return newView(t, parts), nil
}

// settled says whether there is nothing left to watch or to do.
func (c *console) settled() bool {
	s := c.v.tracker.State
	return (s == banto.TrackerOK || s == banto.TrackerWarning) && c.page == nil && c.dialog == nil && !c.typing
}

// show takes the terminal over, and gives it back whatever happens.
func (c *console) show() (err error) {
	c.e.onScreen.Store(true)
	defer c.e.onScreen.Store(false)
	restore, err := c.e.std.Keyboard.Raw()
	if err != nil {
		return banto.Fail(banto.KindInvalid, c.e.say("cannot use this terminal"), err.Error(), c.e.say("--plain shows each change as a line")).Because(err)
	}
	defer func() {
		err = errors.Join(err, c.e.written(c.canvas.end()))
		if restoreErr := restore(); restoreErr != nil && err == nil {
			err = fmt.Errorf("cannot restore the terminal: %w", restoreErr)
		}
	}()
	if err := c.canvas.begin(); err != nil {
		return c.e.written(err)
	}
	c.apart(c.follow)
	return c.loop()
}

// apart runs something in a goroutine of its own. A panic there is passed on
// by the loop, which gives the terminal back first.
func (c *console) apart(run func()) {
	go func() {
		defer func() {
			if r := recover(); r != nil {
				c.broken <- r
			}
		}()
		run()
	}()
}

// post has the loop call a function; false when the loop is over.
func (c *console) post(f func()) bool {
	select {
	case c.posts <- f:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// loop handles keys and news until the console is left.
func (c *console) loop() error {
	typed := make(chan []byte)
	c.apart(func() { c.read(typed) })
	tick := time.NewTicker(consoleTick)
	defer tick.Stop()
	late := time.NewTimer(time.Hour)
	defer late.Stop()
	var pending []byte
	var keys []key
	last := c.e.std.Now()
	for !c.done {
		keys = nil
		select {
		case <-c.ctx.Done():
			return nil
		case r := <-c.broken:
			panic(r) //nolint:forbidigo // passed on, not made here
		case f := <-c.posts:
			f()
			c.dirty = true
		case sent := <-typed:
			keys, pending = readKeys(append(pending, sent...), false)
			if len(pending) > 0 {
				late.Reset(escapeWait)
			}
		case <-late.C:
			keys, pending = readKeys(pending, true)
		case <-tick.C:
			width, height, _ := c.e.terminal()
			resized := width != c.canvas.width || height != c.canvas.height
			if now := c.e.std.Now(); now.Sub(last) >= progressEvery {
				last = now
				c.askProgress()
				resized = true // the time that has gone by is shown
			}
			if !c.dirty && !resized {
				continue
			}
			if err := c.paint(); err != nil {
				return err
			}
			continue
		}
		for _, k := range keys {
			c.press(k)
		}
		// A key is answered at once; news wait for the tick, however many come.
		if len(keys) > 0 {
			if err := c.paint(); err != nil {
				return err
			}
		}
	}
	return nil
}

// read hands on what is typed.
func (c *console) read(typed chan<- []byte) {
	for {
		buf := make([]byte, 256)
		n, err := c.e.std.In.Read(buf)
		if n > 0 {
			select {
			case typed <- buf[:n]:
			case <-c.ctx.Done():
				return
			}
		}
		if err != nil {
			// The terminal is gone: there is nobody left.
			c.post(func() { c.leave(exitInterrupted) })
			return
		}
	}
}

// leave ends the console.
func (c *console) leave(code exit) { c.done, c.code = true, code }

// follow brings what happens, for as long as the console is there.
func (c *console) follow() {
	id := c.v.tracker.ID
	for c.ctx.Err() == nil {
		err := c.m.Watch(c.ctx, id, func(ev banto.TrackerEvent) error {
			if !c.post(func() { c.event(ev) }) {
				return client.ErrStop
			}
			return nil
		})
		switch kind := banto.KindOf(err); {
		case err == nil:
			c.post(c.reload) // the stream tells what changed; the end is told whole
			c.untilAgain(id)
		case kind == banto.KindUnreachable || kind == banto.KindUnavailable:
			c.post(func() { c.complain(err, c.e.say("trying again")) })
			c.pause(time.Second)
		default:
			c.post(func() { c.failed, c.done = err, true })
			return
		}
	}
}

// untilAgain waits until a tracker that has ended goes on, by us or by others.
func (c *console) untilAgain(id banto.TrackerID) {
	for c.ctx.Err() == nil {
		t, err := c.m.Tracker(c.ctx, id)
		if err == nil && !t.State.Ended() {
			c.post(c.reload)
			return
		}
		c.pause(endedLook)
	}
}

// pause waits a moment, or until somebody says that the tracker goes on.
func (c *console) pause(d time.Duration) {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-c.again:
	case <-c.ctx.Done():
	}
}

// event takes in what has changed.
func (c *console) event(ev banto.TrackerEvent) {
	if _, stale := c.v.take(ev); stale {
		c.reload()
	}
}

// reload reads the whole tracker anew.
func (c *console) reload() {
	if c.loading {
		return
	}
	c.loading = true
	id := c.v.tracker.ID
	c.apart(func() {
		v, err := c.e.loadView(c.ctx, c.m, id)
		c.post(func() {
			c.loading = false
			if err != nil {
				c.complain(err, "")
				return
			}
			stale := v.tracker.Revision < c.v.tracker.Revision
			c.v = v
			if stale { // more has happened meanwhile
				c.reload()
			}
			if c.settled() {
				c.done = true
			}
		})
	})
}

// askProgress asks for the last lines of output, which no event carries.
func (c *console) askProgress() {
	if c.asking || c.v.tracker.Counts[banto.PartRunning] == 0 {
		return
	}
	c.asking = true
	id, rest := c.v.tracker.ID, time.Duration(len(c.v.parts)/1000)*time.Second
	c.apart(func() {
		// Without an answer the lines on the screen only stay as they are.
		parts, _ := c.m.Parts(c.ctx, id)
		c.post(func() {
			for _, p := range parts {
				if i, ok := c.v.index[p.Key]; ok && c.v.parts[i].AttemptID == p.AttemptID {
					c.v.parts[i].Progress = p.Progress
				}
			}
		})
		if rest > 0 { // large flows are asked for less often
			c.pause(rest)
		}
		c.post(func() { c.asking = false })
	})
}

// tell shows a sentence until the next key.
func (c *console) tell(text string) { c.said, c.saidBad = text, false }

// complain shows an error until the next key.
func (c *console) complain(err error, more string) {
	var info *banto.ErrorInfo
	text := err.Error()
	if errors.As(err, &info) {
		text = info.Error()
	}
	if more != "" {
		text += "; " + more
	}
	c.said, c.saidBad = plain(text), true
}

// summarize leaves the tree behind, and what there is to say below it.
func (c *console) summarize() error {
	w := &watcher{e: c.e, m: c.m, v: c.v}
	p := &picture{e: c.e, screen: screen{out: c.e.std.Out}}
	if err := p.finish(c.ctx, w); err != nil {
		return err
	}
	if code := outcomeCode(c.v.tracker.State); code != 0 {
		return code
	}
	return nil
}
