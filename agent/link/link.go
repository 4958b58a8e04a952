package link

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/internal/boottime"
)

// Keeper is a connection to the keeper; keeper.Client is one.
type Keeper interface {
	Send(keeper.Request) error
	// Events gives what the keeper tells, Hello first. It is closed when the
	// connection is lost.
	Events() <-chan keeper.Event
	ReadOutput(id banto.AttemptID, offset int64, p []byte) (int, error)
	Close()
}

// Options say who the agent is and what it works with.
type Options struct {
	// Endpoints, CA and Proxy say how the manager is reached: see
	// fabric.DialOptions. URL is the only endpoint where there are no others.
	Endpoints []string
	CA        string
	Proxy     string
	URL       string
	HostID    banto.HostID // as enrolled, with the JWT for the key of the seed
	Name      string
	JWT       string
	Seed      string
	// Keeper connects to the keeper. It is called again when the connection
	// is lost.
	Keeper  func(context.Context) (Keeper, error)
	Slots   int
	Version string
	// Managers is told, if set, when the endpoints of the managers are others than
	// before: those to be given as Endpoints at the next start.
	Managers func([]string)
	// House is whom the agent before this one obeyed; Obeys keeps it, and is called
	// before anything of the new one is done. nil: nobody keeps it.
	House House
	Obeys func(House) error
	Now   func() time.Time
	Boot  func() time.Duration // the clock of contact; nil: boottime.Now
	Log   *slog.Logger
}

// Link is the agent's end of the fabric.
type Link struct {
	opt Options

	mu     sync.Mutex
	status Status
}

// Status is how an agent stands to its manager.
type Status struct {
	Connected bool      // there is a connection
	Endpoint  string    // that it is connected to, or that it tried last
	Session   bool      // the manager has taken the agent on
	Err       error     // why not, if not: see fabric.Explain
	Since     time.Time // when it last changed
}

// Status tells how the agent stands to its manager now.
func (l *Link) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

func (l *Link) setStatus(s Status, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.Since = l.status.Since; s.Connected != l.status.Connected || s.Session != l.status.Session || s.Since.IsZero() {
		s.Since = now
	}
	l.status = s
}

// New makes a link.
func New(o Options) *Link {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Boot == nil {
		o.Boot = boottime.Now
	}
	return &Link{opt: o}
}

// Run serves the host until the context ends. It waits for the manager and for
// the keeper as long as it takes. Jobs go on when it returns.
func (l *Link) Run(ctx context.Context) error {
	if l.opt.Keeper == nil || l.opt.HostID == "" {
		return errors.New("cannot run agent: keeper or host ID is missing")
	}
	about := fabric.Hello{Name: l.opt.Name, Version: l.opt.Version, OS: runtime.GOOS, Arch: runtime.GOARCH, Slots: l.opt.Slots}
	r := &loop{
		opt:     l.opt,
		link:    l,
		m:       NewMachine(strings.ToLower(rand.Text()[:13]), func() string { return strings.ToLower(rand.Text()[:10]) }, about),
		mail:    mailbox{signal: make(chan struct{}, 1)},
		keepers: make(chan Keeper),
		lost:    map[string]time.Time{},
		asks:    make(chan ask, 1),
		asked:   make(chan struct{}, 1),
	}
	endpoints := l.opt.Endpoints
	if len(endpoints) == 0 && l.opt.URL != "" {
		endpoints = []string{l.opt.URL}
	}
	conn, err := fabric.Dial(fabric.DialOptions{
		Endpoints: endpoints, CA: l.opt.CA, Proxy: l.opt.Proxy,
		Name: string(l.opt.HostID), Seed: l.opt.Seed, JWT: l.opt.JWT, Log: l.opt.Log,
		Subject: fabric.DownSubject(l.opt.HostID), Receive: r.mail.frame, Changed: r.mail.changed,
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	r.conn = conn
	r.m.Remember(l.opt.House)
	return r.run(ctx)
}

// startGrace is how long an agent that is stopped waits for a keeper that is
// being started.
const startGrace = 3 * time.Second

// farewell is how long a write to the keeper may take when the agent ends.
const farewell = time.Second

// loop is a Run.
type loop struct {
	opt  Options
	link *Link
	m    *Machine
	conn *fabric.Conn
	mail mailbox
	end  status

	keeper  Keeper // nil while there is none
	events  <-chan keeper.Event
	keepers chan Keeper // connections that were made
	asks    chan ask    // to the goroutine that writes to the keeper
	asked   chan struct{}
	asking  bool

	unread time.Time            // when it was last logged that output cannot be read
	lost   map[string]time.Time // when it was last logged that there is no manager, by the check that failed
}

// status is what the connection last said.
type status struct {
	connected bool
	endpoint  string
	err       error
}

// ask is a request on its way to a keeper.
type ask struct {
	keeper Keeper
	send   func() error
}

// prompt is a keeper that takes requests without waiting, as far as it can; see
// keeper.Client.
type prompt interface {
	SendNow(keeper.Request) (rest func() error)
}

func (r *loop) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { r.connect(ctx) })
	wg.Go(func() { r.write(ctx) })
	defer func() {
		cancel()
		if r.keeper != nil {
			hung := time.AfterFunc(farewell, func() { r.keeper.Close() }) // and with it ends a write that hangs
			wg.Wait()
			// A keeper without jobs is not left behind; one with jobs ends
			// after the last of them, unless an agent comes back before.
			_ = r.keeper.Send(keeper.Request{Stop: true})
			hung.Stop()
			r.keeper.Close()
		}
		wg.Wait()
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := r.opt.Now()
		r.receive(now)
		if wake := r.m.Wake(); !wake.IsZero() && !now.Before(wake) {
			r.m.Tick(now)
		}
		r.moveOn()
		r.send(now)
		if wake := r.m.Wake(); !wake.IsZero() {
			timer.Reset(wake.Sub(now))
		}
		select {
		case <-ctx.Done():
			r.m.Stop("the agent was stopped; jobs go on")
			r.send(r.opt.Now())
			r.conn.Flush(time.Second)
			return nil
		case <-r.mail.signal:
		case <-r.asked:
			r.asking = false
		case k := <-r.keepers:
			r.keeper, r.events = k, k.Events()
		case e, ok := <-r.events:
			if !ok {
				r.lose(ctx, &wg)
				continue
			}
			r.m.Keeper(e, now)
		case <-timer.C:
		}
	}
}

// receive takes all that waits.
func (r *loop) receive(now time.Time) {
	in := r.mail.take()
	if in.change {
		r.end = status{in.connected, in.endpoint, in.err}
		r.m.Connected(in.connected, in.endpoint, now)
		r.tell(now)
	}
	for _, data := range in.frames {
		d, err := fabric.DecodeDown(data)
		if err != nil {
			r.opt.Log.Warn("frame of the manager is dropped", "error", err)
			continue
		}
		if note := r.m.Frame(d, now); note != "" {
			r.opt.Log.Warn(string(note))
		}
		r.house()
	}
	r.managers()
	r.publishStatus(now)
	for range 64 {
		select {
		case e, ok := <-r.events:
			if !ok {
				return // the main loop sees it again
			}
			r.m.Keeper(e, now)
		default:
			return
		}
	}
}

// house keeps whom the host obeys, if that has changed.
func (r *loop) house() {
	h, changed := r.m.House()
	if !changed || r.opt.Obeys == nil {
		return
	}
	if err := r.opt.Obeys(h); err != nil {
		r.opt.Log.Error("whom this host obeys is not kept: after a restart it may obey a manager that another has followed", "error", err)
	}
}

// managers takes up the endpoints that the manager has told.
func (r *loop) managers() {
	told := r.m.Managers()
	if told == nil {
		return
	}
	ends, changed, err := r.conn.Use(told)
	switch {
	case err != nil:
		r.opt.Log.Warn("the endpoints that the manager tells cannot be used", "error", err)
	case changed && r.opt.Managers != nil:
		r.opt.Managers(ends)
	}
}

// moveOn looks for another manager, where this one is not the one to talk to.
func (r *loop) moveOn() {
	if away := r.m.Away(); away.Why != "" && r.conn.Leave(away.Why, away.Gone) {
		r.opt.Log.Warn("another manager is looked for", "endpoint", r.end.endpoint, "why", away.Why)
	}
}

// tell logs how the connection stands, in words, and not with every try.
func (r *loop) tell(now time.Time) {
	if r.end.connected {
		clear(r.lost)
		r.opt.Log.Info("connected to the manager", "endpoint", r.end.endpoint)
		return
	}
	check, found, advice := fabric.Explain(r.end.err)
	if last, ok := r.lost[check]; ok && now.Sub(last) < time.Minute {
		return
	}
	r.lost[check] = now
	r.opt.Log.Warn("the manager cannot be reached; trying again until it can", "endpoint", r.end.endpoint, "check", check, "found", found, "advice", advice)
}

func (r *loop) publishStatus(now time.Time) {
	s := Status{Connected: r.end.connected, Endpoint: r.end.endpoint, Err: r.end.err}
	welcome, refusal := r.m.Welcome()
	if s.Session = welcome; !welcome && s.Connected && refusal != "" {
		s.Err = &fabric.SessionRefusedError{Why: refusal}
	}
	if s.Session && s.Connected {
		r.conn.Good()
	}
	r.link.setStatus(s, now)
}

// send hands on all that is ready, to the keeper and to the manager.
func (r *loop) send(now time.Time) {
	if !r.asking && r.keeper != nil {
		if q, ok := r.m.Request(); ok {
			r.ask(q)
		}
	}
	for {
		u, ok := r.m.Next(now, r.read)
		if !ok {
			return
		}
		data, err := u.Encode()
		if err == nil {
			r.m.Sent(&u, r.opt.Boot())
			err = r.conn.Publish(fabric.UpSubject(r.opt.HostID), data)
		}
		if err != nil {
			r.opt.Log.Debug("frame is not sent", "error", err)
		}
	}
}

// ask sends a request to the keeper: what takes waiting is left to write.
func (r *loop) ask(q keeper.Request) {
	k := r.keeper
	send := func() error { return k.Send(q) }
	if p, ok := k.(prompt); ok {
		if send = p.SendNow(q); send == nil {
			return
		}
	}
	r.asking = true
	r.asks <- ask{k, send}
}

func (r *loop) read(id banto.AttemptID, offset int64, n int) []byte {
	if r.keeper == nil {
		return nil
	}
	p := make([]byte, n)
	got := 0
	for got < n {
		m, err := r.keeper.ReadOutput(id, offset+int64(got), p[got:])
		got += m
		if err != nil || m == 0 {
			if now := r.opt.Now(); now.Sub(r.unread) > time.Minute {
				r.unread = now
				r.opt.Log.Warn("output is shorter than the keeper said", "attempt", id, "at", offset+int64(got), "error", err)
			}
			break
		}
	}
	return p[:got]
}

// lose gives up a connection to the keeper that has ended, and makes another.
func (r *loop) lose(ctx context.Context, wg *sync.WaitGroup) {
	r.opt.Log.Warn("the connection to the keeper is lost; connecting again")
	r.keeper.Close()
	r.keeper, r.events = nil, nil
	r.m.KeeperGone("the agent has lost its keeper and connects again")
	wg.Go(func() { r.connect(ctx) })
}

// reach connects to the keeper. An agent that is stopped meanwhile waits a
// moment for it: a keeper that is just being started would be left behind.
func (r *loop) reach(ctx context.Context) (Keeper, error) {
	patient, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(startGrace, cancel) })
	defer stop()
	return r.opt.Keeper(patient)
}

// connect makes a connection to the keeper, however long it takes.
func (r *loop) connect(ctx context.Context) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		k, err := r.reach(ctx)
		if err == nil {
			select {
			case r.keepers <- k:
			case <-ctx.Done():
				_ = k.Send(keeper.Request{Stop: true}) // one without jobs is not left behind
				k.Close()
			}
			return
		}
		if ctx.Err() != nil {
			return
		}
		r.opt.Log.Warn("the keeper cannot be reached; trying again", "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// write writes to the keeper, apart from the loop: a keeper that is slow to
// read must not keep the loop from reading what the keeper writes.
func (r *loop) write(ctx context.Context) {
	for {
		select {
		case a := <-r.asks:
			if err := a.send(); err != nil {
				r.opt.Log.Warn("cannot write to the keeper", "error", err)
				a.keeper.Close() // the loop sees its events end
			}
			r.asked <- struct{}{}
		case <-ctx.Done():
			return
		}
	}
}
