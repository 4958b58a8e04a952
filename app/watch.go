package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/manager/api"
	"github.com/bantoops/banto/manager/metrics"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/notice"
	"github.com/bantoops/banto/store"
)

// watching is what tells those who watch this manager from outside: its figures,
// its notices, and its sign of life.
type watching struct {
	outlets
	server   *Server
	floods   floods
	leaving  atomic.Bool // this manager ends or gives way: that its hosts go is no news
	metrics  *metrics.Metrics
	scrapers api.Scrapers

	mu     sync.Mutex
	room   metrics.Room
	ailing error              // of the store, as it was told last
	said   map[notice.ID]bool // what is so, and has been told
	told   time.Time          // when a certificate that ends was told of last
	stood  time.Time          // the loop's last turn, if inputs waited long after it when it was looked at last
}

// newWatching opens what notices go to.
func newWatching(s *Server) (*watching, error) {
	w := &watching{server: s, said: map[notice.ID]bool{}}
	var err error
	if w.outlets, err = newOutlets(s.opts); err != nil {
		return nil, err
	}
	w.metrics = metrics.New(metrics.Options{Version: s.opts.Version, Sources: metrics.Sources{
		Loop: w.loop, Lead: w.lead, Room: w.roomNow, Connections: w.connections, Notices: w.counts, SyslogDropped: w.dropped, CertificateEnds: w.certificateEnds,
	}})
	return w, nil
}

// begin looks about, and gives the sign of life, once it is known whether this
// manager is the active one.
func (w *watching) begin(parts *group) {
	parts.run("watch", w.run)
	w.signs(parts, w.server.opts, w.well)
}

// well says why no sign of life is given now. Of the active manager: it proves
// its lease, its loop answers, and its store can be written. A standby gives one
// only if it was told to.
func (w *watching) well(ctx context.Context) error {
	a := w.server.leads()
	if a == nil {
		if !w.server.opts.AliveStandby {
			return errors.New("this manager stands by")
		}
		l, err := w.server.store.Lease(ctx)
		if err == nil && l.Holder == "" {
			err = errors.New("no manager is the active one")
		}
		return err
	}
	if w.server.store.Shared() && !a.leading() {
		return errors.New("the lease is not proved")
	}
	if err := a.runner.Health(ctx); err != nil {
		return err
	}
	if a.runner.Hosts(ctx) == nil {
		return errors.New("the loop does not answer")
	}
	return w.server.store.Write(ctx, func(store.Tx) error { return nil })
}

// The sources of the figures.

func (w *watching) loop() (runner.Figures, bool) {
	a := w.server.leads()
	if a == nil {
		return runner.Figures{}, false
	}
	return a.runner.Figures(), true
}

func (w *watching) lead() metrics.Lead {
	l := metrics.Lead{Proved: -1}
	w.mu.Lock()
	l.Ailing = w.ailing != nil
	w.mu.Unlock()
	a := w.server.leads()
	if a == nil {
		return l
	}
	l.Active, l.Epoch = !w.server.store.Shared() || a.leading(), a.epoch
	l.Held = a.runner.Held(context.Background())
	if w.server.store.Shared() {
		l.Proved = max(boottime.Now()-w.server.store.ProvedAt(), 0)
	}
	return l
}

func (w *watching) roomNow() metrics.Room {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.room
}

func (w *watching) connections() int {
	if a := w.server.leads(); a != nil {
		return max(a.fabric.Connections()-1, 0) // one is ours
	}
	return 0
}

func (w *watching) counts() map[string]int64 {
	out := map[string]int64{}
	for id, n := range w.notices.Counts() {
		out[string(id)] = n
	}
	return out
}

func (w *watching) dropped() int64 {
	if w.syslog == nil {
		return 0
	}
	return w.syslog.Dropped()
}

func (w *watching) certificateEnds() time.Time {
	if w.server.reach.certs == nil {
		return time.Time{}
	}
	return w.server.reach.certs.Leaf().NotAfter
}

// watchEvery is how often what nobody tells is looked at.
const watchEvery = 15 * time.Second

// run looks now and then at what nobody tells.
func (w *watching) run(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		w.look(ctx, time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// What look finds worth telling.
const (
	loopStands      = 30 * time.Second    // while inputs wait
	certificateSoon = 30 * 24 * time.Hour // and once a day from then on
)

func (w *watching) look(ctx context.Context, now time.Time) {
	room := w.roomNow()
	if free, size, err := api.FreeSpace(w.server.opts.Data); err == nil {
		room.Free, room.Disk = free, size
		w.changed(api.DiskShort(free, size), notice.DiskShort, notice.DiskRoom, "free_bytes", strconv.FormatUint(free, 10), "path", w.server.opts.Data)
	}
	if sized, ok := w.server.store.(interface {
		Size(ctx context.Context) (int64, error)
	}); ok {
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		if n, err := sized.Size(short); err == nil {
			room.Store = n
			if w.server.leads() == nil {
				w.Ailing(nil) // of a manager that was deposed nobody else says it
			}
		}
		cancel()
	}
	w.mu.Lock()
	w.room = room
	w.mu.Unlock()
	if a := w.server.leads(); a != nil {
		w.server.scrapeAgain(ctx)
		f := a.runner.Figures()
		w.changed(w.stands(f, now), notice.LoopStands, "", "since", f.Turned.UTC().Format(time.RFC3339), "waiting", strconv.Itoa(f.Calls+f.Reports))
	}
	w.certificate(now)
	w.tellFloods(now, false)
}

// stands says whether the loop does not get on: twice in a row inputs wait, and it
// has made no turn. Once says nothing: an idle loop has made none for long when the
// first input comes. While the store is away it waits, which is told already.
func (w *watching) stands(f runner.Figures, now time.Time) bool {
	w.mu.Lock()
	ailing := w.ailing != nil
	w.mu.Unlock()
	if ailing || f.Calls+f.Reports == 0 || f.Turned.IsZero() || now.Sub(f.Turned) <= loopStands {
		w.stood = time.Time{}
		return false
	}
	before := w.stood
	w.stood = f.Turned
	return before.Equal(f.Turned)
}

// changed tells when something begins to be so, and when it ends.
func (w *watching) changed(is bool, begins, ends notice.ID, pairs ...string) {
	w.mu.Lock()
	was := w.said[begins]
	w.said[begins] = is
	w.mu.Unlock()
	switch {
	case is && !was:
		w.notices.Tell(begins, pairs...)
	case was && !is && ends != "":
		w.notices.Tell(ends, pairs...)
	}
}

func (w *watching) certificate(now time.Time) {
	end := w.certificateEnds()
	if end.IsZero() || end.Sub(now) > certificateSoon || now.Sub(w.told) < 24*time.Hour && !now.Before(w.told) {
		return
	}
	w.told = now
	id := notice.CertificateEnds
	if !end.After(now) {
		id = notice.CertificateEnded
	}
	w.notices.Tell(id, "until", end.UTC().Format(time.RFC3339))
}

// Committed implements runner.Observer.
func (w *watching) Committed(c *runner.Commit) {
	w.metrics.Committed(c)
	for i := range c.Events {
		w.event(&c.Events[i])
	}
}

func (w *watching) event(e *runner.Event) {
	if w.leaving.Load() && (e.Kind == runner.HostLost || e.Kind == runner.AttemptLost) {
		return
	}
	pairs := []string{"tracker", string(e.Tracker), "attempt", string(e.Attempt), "host", e.Host, "why", e.Text}
	switch e.Kind {
	case runner.HostLost:
		w.notices.Tell(notice.HostLost, pairs...)
	case runner.HostBack:
		w.notices.Tell(notice.HostBack, pairs...)
	case runner.HostClock:
		w.notices.Tell(notice.HostClock, "host", e.Host, "ahead", e.Text)
	case runner.HostProblem:
		w.notices.Tell(notice.HostProblem, pairs...)
	case runner.HostWell:
		w.notices.Tell(notice.HostWell, pairs...)
	case runner.AttemptLost:
		w.notices.Tell(notice.AttemptLost, pairs...)
	case runner.AttemptFound:
		w.notices.Tell(notice.AttemptFound, pairs...)
	case runner.TrackerFailed:
		w.notices.Tell(notice.TrackerFailed, append(pairs, "jobnet", e.Object)...)
	case runner.TrackerBlocked:
		w.notices.Tell(notice.TrackerBlocked, append(pairs, "jobnet", e.Object)...)
	case runner.AccountBlocked:
		w.notices.Tell(notice.AccountBlocked, append(pairs, "account", e.Object)...)
	}
}

// Ailing implements runner.Observer.
func (w *watching) Ailing(err error) {
	w.metrics.Ailing(err)
	w.mu.Lock()
	was := w.ailing
	w.ailing = err
	w.mu.Unlock()
	switch {
	case err == nil && was != nil:
		w.notices.Tell(notice.StoreBack)
	case err == nil || was != nil && errors.Is(was, store.ErrFull) == errors.Is(err, store.ErrFull):
	case errors.Is(err, store.ErrFull):
		w.notices.Tell(notice.StoreFull, "why", err.Error())
	default:
		w.notices.Tell(notice.StoreAway, "why", err.Error())
	}
}

// Refused implements runner.Observer.
func (w *watching) Refused(what runner.Refusal, of runner.Refused) {
	w.metrics.Refused(what)
	if w.floods.refused(time.Now(), what, of) {
		w.notices.Tell(notice.SubmitRefused, "limit", string(what), "jobnet", of.Jobnet, "by", of.By, "most", of.Limit)
	}
}

// agentRefused tells of an agent that is refused.
func (w *watching) agentRefused(host banto.HostID, why string) {
	w.notices.Tell(notice.AgentRefused, "host", string(host), "why", why)
}

// leadsNow tells that this manager has become the active one. Its store can be
// used then, whatever the loop said that was before this one.
func (w *watching) leadsNow(a *active) {
	w.Ailing(nil)
	w.metrics.Activated()
	w.notices.Tell(notice.ManagerActive, "manager", w.server.opts.Name, "epoch", strconv.FormatInt(a.epoch, 10), "version", w.server.opts.Version)
	if a.runner.Held(context.Background()) {
		w.notices.Tell(notice.RecoveryHeld, "manager", w.server.opts.Name)
	}
}

// leadsNoMore tells that it is not any more.
func (w *watching) leadsNoMore(id notice.ID, err error) {
	why := ""
	if err != nil {
		why = fmt.Sprint(err)
	}
	w.notices.Tell(id, "manager", w.server.opts.Name, "why", why)
}

// stops tells that the manager stops, and what was held back.
func (w *watching) stops() {
	w.tellFloods(time.Now(), true)
	w.notices.Tell(notice.ManagerStops, "manager", w.server.opts.Name)
	w.notices.Flush(true)
}
