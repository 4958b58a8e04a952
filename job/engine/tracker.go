package engine

import (
	"maps"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// Tracker is one run of a jobnet. It is not safe for use by several goroutines
// at once.
type Tracker struct {
	row  banto.Tracker
	root *frame
	// gone holds the rows of parts that an earlier flow had and this one has
	// not. They are in the store, so a part that comes back goes on from them.
	gone     map[banto.PartKey]*banto.Part
	attempts map[banto.AttemptID]*banto.Attempt // those that have not ended
	hosts    map[banto.HostID]bool              // row.Hosts, to look up; nil: not made yet
	live     int                                // parts whose state is Live
	starting bool                               // it is about to start again from its start
	cur      step
	changes  []banto.MoveChange // of the last move
}

// New makes the tracker of a submission and starts what has nothing before it.
func New(sub Submission, now time.Time) (*Tracker, []Effect) {
	t := &Tracker{
		row: banto.Tracker{
			ID: sub.ID, Jobnet: sub.Flow.Jobnet, Title: sub.Flow.Title,
			Version: sub.Version, Flow: sub.FlowHash,
			State: banto.TrackerRunning, Params: maps.Clone(sub.Params), Date: sub.Date,
			SubmittedBy: sub.By, Reason: sub.Reason, Timezone: sub.Timezone, Calls: sub.Calls,
			Parent: sub.Parent, ParentPart: sub.ParentPart, Calling: sub.Calling, Root: sub.Root, Depth: sub.Depth,
		},
		gone:     map[banto.PartKey]*banto.Part{},
		attempts: map[banto.AttemptID]*banto.Attempt{},
	}
	t.begin(now)
	t.row.SubmittedAt = t.cur.now
	t.row.StartedAt = new(t.cur.now)
	t.use(sub.Flow)
	t.recount()
	t.touch()
	if h := sub.Hold; h != nil {
		t.row.Held, t.row.Message = true, said("held", h.By, h.Reason)
	}
	t.startAll()
	t.finish()
	return t, t.flush()
}

// Row gives the tracker's row as it stands now.
func (t *Tracker) Row() banto.Tracker {
	r := t.row
	r.Counts = maps.Clone(t.row.Counts) // the other maps are replaced, never written to
	return r
}

// Flow gives the flow that the tracker runs.
func (t *Tracker) Flow() *jobnet.Flow { return t.root.flow }

// Live gives the attempts that are, or may be, on a host, oldest first.
func (t *Tracker) Live() []banto.Attempt {
	var out []banto.Attempt
	for _, a := range t.attempts {
		out = append(out, *a)
	}
	slices.SortFunc(out, func(a, b banto.Attempt) int { return a.Seq - b.Seq })
	return out
}

// use takes a flow as the one to run, all of whose parts wait.
func (t *Tracker) use(flow *jobnet.Flow) {
	t.root = newFrame(flow, "", t.row.Params)
	t.row.Parts = len(flow.Parts)
}

// part finds the part or item with that key, or nil.
func (t *Tracker) part(key banto.PartKey) *part { return t.root.find(key) }

// recount reckons all that follows from the states of the parts.
func (t *Tracker) recount() {
	for i := range t.root.parts {
		if its := t.root.parts[i].items; its != nil {
			its.recount()
		}
	}
	t.live = 0
	t.row.Counts = map[banto.PartState]int{}
	for i := range t.root.parts {
		p := &t.root.parts[i]
		t.count(p.state(), 1)
		p.recountEdges()
	}
}

// count notes that n more parts are in a state.
func (t *Tracker) count(s banto.PartState, n int) {
	if s.Live() {
		t.live += n
	}
	if t.row.Counts[s] += n; t.row.Counts[s] == 0 {
		delete(t.row.Counts, s)
	}
}
