package fabrictest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/agent/link"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/manager/gateway"
	"github.com/bantoops/banto/manager/outputs"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/store"
)

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

// house is a manager's end: server, gateway, outputs, and an inbox that
// acknowledges at once.
type house struct {
	tb      testing.TB
	dir     string
	server  *fabric.Server
	gateway *gateway.Gateway
	outputs *outputs.Store
	stop    func()

	mu        sync.Mutex
	changed   chan struct{} // closed and made anew at each change
	ups       []runner.HostSession
	downs     []string
	confirmed map[string]bool
	ended     map[banto.AttemptID]engine.Ended
	started   map[banto.AttemptID]bool
	hold      bool // do not acknowledge results
	claims    int64
	problem   string
	scripts   map[string]string // by hash
	contact   time.Time         // that was told with the last down
	recalled  []fabric.RecalledAttempt
	whole     map[banto.HostID]bool // hosts that have answered, and whether they know all
}

func openHouse(tb testing.TB, listen, dir string, epoch int64) *house {
	tb.Helper()
	return openHouseWith(tb, fabric.ServerOptions{Listen: listen}, dir, epoch)
}

func openHouseWith(tb testing.TB, o fabric.ServerOptions, dir string, epoch int64) *house {
	tb.Helper()
	return openHouseAs(tb, o, dir, epoch, func(*gateway.Options) {})
}

// openHouseAs opens a house whose gateway has other options.
func openHouseAs(tb testing.TB, o fabric.ServerOptions, dir string, epoch int64, other func(*gateway.Options)) *house {
	tb.Helper()
	h := &house{tb: tb, dir: dir, changed: make(chan struct{}), confirmed: map[string]bool{},
		ended: map[banto.AttemptID]engine.Ended{}, started: map[banto.AttemptID]bool{}, scripts: map[string]string{}, whole: map[banto.HostID]bool{}}
	var err error
	o.Dir = dir + "/keys"
	if h.server, err = fabric.StartServer(o); err != nil {
		tb.Fatal(err)
	}
	if h.outputs, err = outputs.Open(dir + "/outputs"); err != nil {
		tb.Fatal(err)
	}
	conn, err := h.server.Client()
	if err != nil {
		tb.Fatal(err)
	}
	options := gateway.Options{Conn: conn, Inbox: h, Outputs: h.outputs, Epoch: epoch, Incarnation: "one",
		Connection: h.server.Connection, Scripts: h.script}
	other(&options)
	h.gateway = gateway.New(options)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := h.gateway.Run(ctx); err != nil {
			tb.Error(err)
		}
	}()
	h.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		h.server.Close()
		_ = h.outputs.Close()
	})
	tb.Cleanup(h.stop)
	return h
}

// script reads a script as the store does.
func (h *house) script(_ context.Context, hash string) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text, ok := h.scripts[hash]
	if !ok {
		return nil, store.ErrNotFound
	}
	return []byte(text), nil
}

// change notes something and wakes who waits.
func (h *house) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *house) HostProblem(_ banto.HostID, problem string) {
	h.change(func() { h.problem = problem })
}
func (h *house) HostUp(up runner.HostSession) { h.change(func() { h.ups = append(h.ups, up) }) }

// hosts counts the hosts that have been up; one that was not answered soon, on a
// busy machine, has opened a session more than once. h.mu is held.
func (h *house) hosts() int {
	seen := map[banto.HostID]bool{}
	for _, up := range h.ups {
		seen[up.ID] = true
	}
	return len(seen)
}

func (h *house) Recalled(id banto.HostID, attempts []fabric.RecalledAttempt, last, whole bool) {
	h.change(func() {
		h.recalled = append(h.recalled, attempts...)
		if last {
			h.whole[id] = whole
		}
	})
}

func (h *house) HostDown(_ banto.HostID, why string, _, contact time.Time) {
	h.change(func() { h.downs, h.contact = append(h.downs, why), contact })
}
func (h *house) Confirmed(_ banto.HostID, orders []string, claims int64) {
	h.change(func() {
		h.claims = max(h.claims, claims)
		for _, id := range orders {
			h.confirmed[id] = true
		}
	})
}
func (h *house) HostStarted(_ banto.HostID, reports []engine.Started) {
	h.change(func() {
		for _, r := range reports {
			h.started[r.Attempt] = true
		}
	})
}
func (h *house) HostEnded(id banto.HostID, reports []engine.Ended) {
	ids := make([]banto.AttemptID, len(reports))
	hold := false
	h.change(func() {
		hold = h.hold
		for i, r := range reports {
			h.ended[r.Attempt] = r
			ids[i] = r.Attempt
		}
	})
	if !hold {
		h.gateway.Acknowledge(id, ids)
	}
}

// until waits for a condition on what the inbox was told.
func (h *house) until(what string, cond func() bool) {
	h.tb.Helper()
	deadline := time.After(patience)
	for {
		h.mu.Lock()
		ok, changed := cond(), h.changed
		h.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			h.mu.Lock()
			defer h.mu.Unlock()
			h.tb.Fatalf("waited in vain until %s: %d up, down %q, %d confirmed, %d ended", what, len(h.ups), h.downs, len(h.confirmed), len(h.ended))
		}
	}
}

// guest is a host with its agent. Its keeper outlives the agent.
type guest struct {
	tb     testing.TB
	id     banto.HostID
	key    string
	keeper *memKeeper
	opt    link.Options
	log    *logLines
}

func enrol(tb testing.TB, h *house, id banto.HostID) *guest {
	tb.Helper()
	identity, err := fabric.LoadOrCreateIdentity(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	token, err := h.server.Issue(id, identity.PublicKey)
	if err != nil {
		tb.Fatal(err)
	}
	h.gateway.Enrolled(id, "", 0)
	g := &guest{tb: tb, id: id, key: identity.PublicKey, keeper: newMemKeeper(), log: &logLines{}}
	g.opt = link.Options{URL: h.server.URL(), HostID: id, Name: "db01", JWT: token, Seed: identity.Seed, Slots: 4, Version: "test",
		Keeper: g.keeper.connect, Log: slog.New(slog.NewTextHandler(g.log, nil))}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("what the agent of %s logged:\n%s", id, g.log)
		}
	})
	return g
}

// run runs an agent until stop is called.
func (g *guest) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := link.New(g.opt).Run(ctx); err != nil {
			g.tb.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	g.tb.Cleanup(stop)
	return stop
}

// logLines keeps what is logged, and tells each line.
type logLines struct {
	mu    sync.Mutex
	lines []string
	tell  chan string
}

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(b))
	if l.tell != nil {
		select {
		case l.tell <- string(b):
		default:
		}
	}
	return len(b), nil
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}

// memKeeper is a keeper in memory: a job ends at once, and what its script says
// is its output. It keeps the promises of the protocol.
type memKeeper struct {
	mu      sync.Mutex
	output  map[banto.AttemptID]string
	claimed map[banto.AttemptID]bool
	unacked map[banto.AttemptID]keeper.Ended
	acked   int
	conn    *memConn
	acks    chan struct{}
	live    bool // jobs do not end
	renewed int  // generations after the first
	problem string
	contact time.Duration
}

func (k *memKeeper) generation() string {
	if k.renewed == 0 {
		return "gen"
	}
	return fmt.Sprintf("gen%d", k.renewed)
}

func (k *memKeeper) hello() keeper.Event {
	return keeper.Event{Hello: &keeper.Hello{PID: 1, BootID: "boot", Generation: k.generation(), Claims: int64(len(k.claimed)), Shells: []string{"sh"},
		Protocol: keeper.Protocol, DeadMan: true}}
}

func newMemKeeper() *memKeeper {
	return &memKeeper{output: map[banto.AttemptID]string{}, claimed: map[banto.AttemptID]bool{},
		unacked: map[banto.AttemptID]keeper.Ended{}, acks: make(chan struct{}, 1)}
}

type memConn struct {
	k      *memKeeper
	events chan keeper.Event
	in     chan keeper.Request
	closed chan struct{}
	once   sync.Once
}

func (k *memKeeper) connect(context.Context) (link.Keeper, error) {
	c := &memConn{k: k, events: make(chan keeper.Event, 16), in: make(chan keeper.Request, 16), closed: make(chan struct{})}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conn = c
	hello := k.hello()
	for id := range k.claimed {
		if _, ended := k.unacked[id]; k.live && !ended {
			hello.Hello.Running = append(hello.Hello.Running, id)
		}
	}
	var again keeper.Event
	for _, e := range k.unacked {
		again.Ended = append(again.Ended, e)
	}
	go c.serve(hello, again)
	return c, nil
}

func (c *memConn) serve(first ...keeper.Event) {
	defer close(c.events)
	for _, e := range first {
		if !c.tell(e) {
			return
		}
	}
	for {
		select {
		case q := <-c.in:
			if !c.tell(c.k.handle(q)) {
				return
			}
		case <-c.closed:
			return
		}
	}
}

func (c *memConn) tell(e keeper.Event) bool {
	select {
	case c.events <- e:
		return true
	case <-c.closed:
		return false
	}
}

func (k *memKeeper) handle(q keeper.Request) keeper.Event {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := keeper.Event{Done: q.Seq}
	k.contact = max(k.contact, q.Contact)
	if q.Recall != nil {
		e.Recalled = k.recall(q.Recall.ID)
	}
	if q.Renew {
		k.renewed++
		e.Hello = k.hello().Hello
	}
	for _, s := range q.Start {
		if k.claimed[s.Attempt] {
			continue
		}
		k.claimed[s.Attempt] = true
		k.output[s.Attempt] = s.Spec.Script
		if k.live {
			e.Started = append(e.Started, keeper.Started{Attempt: s.Attempt, PID: 1})
			e.Output = append(e.Output, keeper.Output{Attempt: s.Attempt, Size: int64(len(s.Spec.Script))})
			continue
		}
		exit := 0
		end := keeper.Ended{Attempt: s.Attempt, At: time.Unix(0, 0).UTC(), Exit: &exit, OutputSize: int64(len(s.Spec.Script))}
		k.unacked[s.Attempt] = end
		e.Ended = append(e.Ended, end)
	}
	for _, x := range q.Kill {
		k.claimed[x.Attempt] = true
		if _, ended := k.unacked[x.Attempt]; !ended {
			end := keeper.Ended{Attempt: x.Attempt, Reason: x.Reason, OutputSize: int64(len(k.output[x.Attempt]))}
			k.unacked[x.Attempt] = end
			e.Ended = append(e.Ended, end)
		}
	}
	for _, id := range q.Ack {
		delete(k.unacked, id)
		k.acked++
	}
	for _, c := range q.Clean {
		e.Cleaned = append(e.Cleaned, c.Tracker)
	}
	e.Claims, e.Problem = int64(len(k.claimed)), k.problem
	select {
	case k.acks <- struct{}{}:
	default:
	}
	return e
}

// recall tells what was ever claimed; k.mu is held.
func (k *memKeeper) recall(id string) *keeper.Recalled {
	r := &keeper.Recalled{ID: id, Whole: true}
	for attempt := range k.claimed {
		state := keeper.RecalledTold
		if _, ended := k.unacked[attempt]; ended {
			state = keeper.RecalledEnded
		} else if k.live {
			state = keeper.RecalledRunning
		}
		r.Attempts = append(r.Attempts, keeper.RecalledAttempt{Attempt: attempt, State: state})
	}
	return r
}

// untilAcked waits until nothing is unacknowledged.
func (k *memKeeper) untilAcked(tb testing.TB) {
	tb.Helper()
	deadline := time.After(patience)
	for {
		k.mu.Lock()
		n := len(k.unacked)
		k.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-k.acks:
		case <-deadline:
			tb.Fatalf("%d results are not acknowledged", n)
		}
	}
}

func (c *memConn) Events() <-chan keeper.Event { return c.events }
func (c *memConn) Close()                      { c.once.Do(func() { close(c.closed) }) }

func (c *memConn) Send(q keeper.Request) error {
	select {
	case c.in <- q:
		return nil
	case <-c.closed:
		return errors.New("closed")
	}
}

func (c *memConn) ReadOutput(id banto.AttemptID, offset int64, p []byte) (int, error) {
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	text := c.k.output[id]
	if offset >= int64(len(text)) {
		return 0, io.EOF
	}
	return copy(p, text[offset:]), nil
}

// starts makes orders whose jobs print the text.
func starts(from, to int, text string) []fabric.Order {
	var orders []fabric.Order
	for n := from; n < to; n++ {
		orders = append(orders, fabric.Order{ID: fmt.Sprintf("start:%d", n), Start: &fabric.StartOrder{
			Attempt: banto.NewAttemptID(simTracker, n), Spec: banto.Spec{Tracker: simTracker, Part: "a", Attempt: 1, Script: text}}})
	}
	return orders
}
