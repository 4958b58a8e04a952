package runner

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/internal/seldom"
	"github.com/bantoops/banto/store"
)

// Limits of the loop, unless Options says otherwise.
const (
	// maxBatch is how many inputs share one transaction.
	maxBatch = 1024
	// maxCalls is how many callers may wait before more are turned away.
	maxCalls = 4096
	// maxReports is how many reports of hosts may wait. What is turned away
	// is told again by the host, which keeps it until it is acknowledged.
	maxReports = 200_000
	// returnGrace is how long a host that was connected may take to come back
	// after the manager has started, before its attempts count as lost.
	returnGrace = 15 * time.Second
)

// IDs gives new tracker IDs.
type IDs interface{ Tracker() banto.TrackerID }

// Options are what a Runner needs. Store, Hosts and IDs must be set; the store
// must have been begun.
type Options struct {
	Store store.ReadWriter
	Hosts Hosts
	IDs   IDs
	// LocalHost is the host beside the manager, where parts without a host run.
	LocalHost banto.HostID
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: nothing is logged
	// Clock is boottime.Now, but in tests: what must not happen early is measured
	// by it as well as by Now.
	Clock    func() time.Duration
	MaxCalls int // callers that may wait; 0: 4,096
	Limits   Limits
	// Recover says how a second site starts; empty: as after any other end of a
	// manager. A restored store that is not yet confirmed starts held anyway.
	Recover Recover
	// Since is the last time at which the store is known to have been the house's
	// own, such as the last renewal of the lease before ours; for Recover. Zero: a
	// day before the start.
	Since time.Time
	// Observer is told how the loop does; nil for nobody.
	Observer Observer
	// Removed is called after the commit that revoked a host's key, so that the
	// fabric lets it in no more; nil for nobody. It must not block for long, and
	// may hear of a key twice.
	Removed func(store.RevokedKey)
}

// Runner is the loop of the manager. Its exported methods are safe from any
// goroutine; inputs wait until Run takes them.
type Runner struct {
	opt     Options
	log     *slog.Logger
	seldom  *seldom.Log // what goes wrong at every try
	now     func() time.Time
	inbox   *inbox
	watches watches
	atRest  atRest
	ready   chan struct{}
	figures atomic.Pointer[Figures] // after the last turn

	// All below belongs to the goroutine of Run.

	mem      *memory // nil when it has to be rebuilt
	flows    *flowCache
	callSets map[string]map[string]string // lists of jobnets that are in the store, by hash
	scripts  map[scriptKey]string         // hashes of scripts that are in the store
	told     told
	sessions map[banto.HostID]HostSession // hosts that are connected now, whatever the store says
	started  time.Time
	begun    time.Duration                  // when it started, by Clock
	silent   map[banto.HostID]time.Duration // by Clock, since when hosts that went have had no contact
	doubts   map[banto.HostID]*doubt
	health   health
	pace     pace
	state    state
	recovery *recovery // nil: the store was not restored, and this is no second site
	kick     bool      // memory is new: places are to be given without an input
	strays   int       // reports of hosts that nothing is known of, since one was logged
	strayAt  time.Time
	ailed    bool // the observer was told so
}

// New makes a Runner that takes inputs from now on, and works when Run is called.
func New(opt Options) *Runner {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Clock == nil {
		opt.Clock = boottime.Now
	}
	if opt.MaxCalls <= 0 {
		opt.MaxCalls = maxCalls
	}
	r := &Runner{
		opt:      opt,
		log:      opt.Log,
		seldom:   seldom.New(opt.Log, opt.Clock),
		now:      opt.Now,
		inbox:    newInbox(opt.MaxCalls, maxReports),
		ready:    make(chan struct{}),
		flows:    newFlowCache(),
		scripts:  make(map[scriptKey]string),
		sessions: make(map[banto.HostID]HostSession),
		silent:   make(map[banto.HostID]time.Duration),
		doubts:   make(map[banto.HostID]*doubt),
		pace:     newPace(opt.Limits.orDefault()),
	}
	r.inbox.refused = r.refused
	return r
}

// Ready is closed once the trackers have been rebuilt from the store and what
// the hosts have not confirmed has been handed over again.
func (r *Runner) Ready() <-chan struct{} { return r.ready }

// HostLive is what the loop knows of a host and the store does not.
type HostLive struct {
	Running int // attempts that hold a place on the host
	Waiting int // parts that want a place on it
}

// Hosts gives the load of every host that the loop knows, or nil when it does
// not answer before ctx ends.
func (r *Runner) Hosts(ctx context.Context) map[banto.HostID]HostLive {
	return ask(ctx, r, func(m *memory) map[banto.HostID]HostLive {
		out := make(map[banto.HostID]HostLive, len(m.hosts))
		for id := range m.hosts {
			running, waiting := m.board.Load(id)
			out[id] = HostLive{Running: running, Waiting: waiting}
		}
		return out
	})
}

// WaitsFor says in words what a tracker that has not ended waits for; nil when
// it has ended, is not known, or the loop does not answer before ctx ends.
func (r *Runner) WaitsFor(ctx context.Context, id banto.TrackerID) []string {
	return ask(ctx, r, func(m *memory) []string { return m.waitsFor(id, r.opt.LocalHost) })
}
