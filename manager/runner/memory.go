package runner

import (
	"slices"
	"strconv"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/dispatch"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

// memory is what the loop knows: all of it can be made again from the store
// (and from the sessions that are open).
type memory struct {
	trackers map[banto.TrackerID]*engine.Tracker // all that have not ended
	open     map[string]int                      // how many of each jobnet
	live     map[banto.AttemptID]live            // attempts that have not ended
	calls    map[banto.TrackerID]banto.AttemptID // those that are trackers, by these
	below    map[banto.TrackerID]int             // how many trackers of an outermost one have not ended
	onHost   map[banto.HostID]map[banto.AttemptID]struct{}
	board    *dispatch.Board
	timers   timers
	outbox   map[string]banto.HostID // orders that no host has confirmed, by ID
	// confirmed are orders that hosts have and the outbox still holds: they
	// leave it with the next transaction, or after a while. To forget one does
	// no harm, as it is sent and confirmed again.
	confirmed []string
	since     time.Time             // when the oldest of them was confirmed
	claimed   map[banto.HostID]bool // hosts whose claims have grown since their row was written
	hosts     map[banto.HostID]banto.Host
	names     map[string]banto.HostID
	shells    map[banto.HostID][]string   // of hosts that are connected
	deadMan   map[banto.HostID]bool       // of hosts that are connected: whether their keepers end attempts by the dead-man's limit
	overdue   map[partKey]banto.AttemptID // lost attempts that have such a limit
	problems  map[banto.HostID]string     // why hosts that are connected can take nothing new
	groups    map[string]*jobnet.Group
	accounts  map[string]*jobnet.Account
	logons    map[string]store.AccountState // of accounts whose logons fail
	proved    map[string]bool               // accounts that were wanted, and whether a process has run under them since the last failure
	unusable  map[banto.TrackerID]error     // those that could not be brought back, and why
	wanted    map[partKey]int64             // parts that want a place, and since when (Unix microseconds)
	blocked   map[banto.TrackerID]bool      // trackers that are
	lost      int                           // attempts that are
	inState   map[banto.HostState]int       // how many hosts are in each state
	dropping  banto.TrackerID               // that is being dropped from the store, or was the last to be; empty: none
}

// live is an attempt that is, or may be, on a host.
type live struct {
	host    banto.HostID
	part    banto.PartKey
	state   banto.AttemptState
	created time.Time
	started time.Time     // zero: that is not on record
	deadMan time.Duration // its dead-man's limit; 0: it has none
	deadBy  time.Time     // while it is lost
}

func newMemory() *memory {
	return &memory{
		trackers: make(map[banto.TrackerID]*engine.Tracker),
		open:     make(map[string]int),
		live:     make(map[banto.AttemptID]live),
		calls:    make(map[banto.TrackerID]banto.AttemptID),
		below:    make(map[banto.TrackerID]int),
		onHost:   make(map[banto.HostID]map[banto.AttemptID]struct{}),
		board:    dispatch.New(),
		outbox:   make(map[string]banto.HostID),
		hosts:    make(map[banto.HostID]banto.Host),
		names:    make(map[string]banto.HostID),
		claimed:  make(map[banto.HostID]bool),
		shells:   make(map[banto.HostID][]string),
		deadMan:  make(map[banto.HostID]bool),
		overdue:  make(map[partKey]banto.AttemptID),
		problems: make(map[banto.HostID]string),
		groups:   make(map[string]*jobnet.Group),
		accounts: make(map[string]*jobnet.Account),
		logons:   make(map[string]store.AccountState),
		proved:   make(map[string]bool),
		unusable: make(map[banto.TrackerID]error),
		wanted:   make(map[partKey]int64),
		blocked:  make(map[banto.TrackerID]bool),
		inState:  make(map[banto.HostState]int),
	}
}

// noteAttempt keeps the index of live attempts.
func (m *memory) noteAttempt(a banto.Attempt) {
	if was, known := m.live[a.ID]; known && was.state == banto.AttemptLost {
		m.lost--
	}
	if a.State == banto.AttemptLost {
		m.lost++
	}
	k := partKey{a.Tracker, a.Part}
	if a.State == banto.AttemptLost && a.DeadManMS > 0 {
		m.overdue[k] = a.ID
	} else if m.overdue[k] == a.ID {
		delete(m.overdue, k)
		m.timers.drop(timerKey{tracker: k.tracker, part: k.part})
	}
	if a.Child != "" && m.calls[a.Child] == a.ID && a.State.Ended() {
		delete(m.calls, a.Child)
	} else if a.Child != "" && !a.State.Ended() {
		m.calls[a.Child] = a.ID
	}
	if a.HostID == "" {
		return // it is on no host
	}
	if a.State.Ended() {
		delete(m.live, a.ID)
		if on := m.onHost[a.HostID]; on != nil {
			delete(on, a.ID)
			if len(on) == 0 {
				delete(m.onHost, a.HostID)
			}
		}
		return
	}
	l := live{
		host: a.HostID, part: a.Part, state: a.State, created: a.CreatedAt, deadMan: time.Duration(a.DeadManMS) * time.Millisecond,
	}
	if a.StartedAt != nil {
		l.started = *a.StartedAt
	}
	if a.DeadBy != nil && a.State == banto.AttemptLost {
		l.deadBy = *a.DeadBy
	}
	m.live[a.ID] = l
	on := m.onHost[a.HostID]
	if on == nil {
		on = make(map[banto.AttemptID]struct{})
		m.onHost[a.HostID] = on
	}
	on[a.ID] = struct{}{}
}

// attemptsOn gives the live attempts of a host in a fixed order.
func (m *memory) attemptsOn(id banto.HostID) []banto.AttemptID {
	out := make([]banto.AttemptID, 0, len(m.onHost[id]))
	for a := range m.onHost[id] {
		out = append(out, a)
	}
	slices.Sort(out)
	return out
}

// trackerOf gives the tracker of an attempt; nil if it is not in memory.
func (m *memory) trackerOf(id banto.AttemptID) (banto.TrackerID, *engine.Tracker) {
	t, _, err := id.Split()
	if err != nil {
		return "", nil
	}
	return t, m.trackers[t]
}

// isUnusable says whether the tracker could not be brought back.
func (m *memory) isUnusable(id banto.TrackerID) bool {
	_, bad := m.unusable[id]
	return bad
}

// startUnconfirmed says whether the host has not confirmed the start yet.
func (m *memory) startUnconfirmed(id banto.AttemptID) bool {
	_, ok := m.outbox[startOrder(id)]
	return ok
}

// setHost keeps a host's row and tells the board.
func (m *memory) setHost(h banto.Host, up, local bool) {
	if old, ok := m.hosts[h.ID]; ok {
		m.inState[old.State]--
		if old.Name != h.Name {
			delete(m.names, old.Name)
		}
	}
	m.hosts[h.ID] = h
	m.inState[h.State]++
	m.names[h.Name] = h.ID
	m.board.SetHost(dispatch.Host{
		ID: h.ID, Name: h.Name, Slots: h.Slots, Up: up, Local: local,
		Labels: h.Labels, Admission: h.Admission, OS: h.OS, Shells: m.shells[h.ID], Problem: m.problems[h.ID],
	})
}

// connected notes what a host says of itself that counts while it is connected.
func (m *memory) connected(s HostSession) {
	m.shells[s.ID], m.deadMan[s.ID] = s.Hello.Shells, s.Hello.DeadMan
}

// gone forgets what was known of a host while it was connected.
func (m *memory) gone(id banto.HostID) {
	delete(m.shells, id)
	delete(m.deadMan, id)
	delete(m.problems, id)
}

// removeHost forgets a host and the orders for it.
func (m *memory) removeHost(id banto.HostID) {
	if old, ok := m.hosts[id]; ok {
		m.inState[old.State]--
		delete(m.names, old.Name)
	}
	delete(m.hosts, id)
	m.gone(id)
	m.timers.drop(timerKey{host: id})
	m.board.RemoveHost(id)
	for order, host := range m.outbox {
		if host == id {
			delete(m.outbox, order)
		}
	}
}

// keep takes a tracker in.
func (m *memory) keep(id banto.TrackerID, t *engine.Tracker) {
	if m.trackers[id] == nil {
		m.open[t.Flow().Jobnet]++
		if root := t.Row().Root; root != "" {
			m.below[root]++
		}
	}
	m.trackers[id] = t
}

// drop takes a tracker out.
func (m *memory) drop(id banto.TrackerID) {
	t := m.trackers[id]
	if t == nil {
		return
	}
	delete(m.trackers, id)
	delete(m.blocked, id)
	if root := t.Row().Root; root != "" {
		if m.below[root]--; m.below[root] <= 0 {
			delete(m.below, root)
		}
	}
	jobnet := t.Flow().Jobnet
	if m.open[jobnet]--; m.open[jobnet] <= 0 {
		delete(m.open, jobnet)
	}
}

// forget drops a tracker that has ended.
func (m *memory) forget(id banto.TrackerID) {
	m.drop(id)
	m.board.Forget(id)
}

// IDs of orders, as store.OutboxEntry documents them.

func startOrder(id banto.AttemptID) string { return "start:" + string(id) }
func killOrder(id banto.AttemptID) string  { return "kill:" + string(id) }

// cleanOrder has the number of the rerun: a tracker can end more than once.
func cleanOrder(t banto.TrackerID, rerun int, h banto.HostID) string {
	return "clean:" + string(t) + ":" + strconv.Itoa(rerun) + ":" + string(h)
}
