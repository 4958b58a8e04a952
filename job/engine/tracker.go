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
	row    banto.Tracker
	flow   *jobnet.Flow
	params map[string]jobnet.Value
	parts  []part // as flow.Parts
	// gone holds the rows of parts that an earlier flow had and this one has
	// not. They are in the store, so a part that comes back goes on from them.
	gone     map[banto.PartKey]*banto.Part
	attempts map[banto.AttemptID]*banto.Attempt // those that have not ended
	live     int                                // parts whose state is Live
	cur      step
}

// part is one part of the flow.
type part struct {
	row *banto.Part // nil while it has never left waiting
	// How its edges stand: not yet settled, taken, failed; the rest are off.
	open, taken, failed int
	dirty               bool
}

// step is what the current step has changed and wants done.
type step struct {
	now      time.Time
	changed  bool
	parts    []int // dirty, in the order in which they were first touched
	attempts []*banto.Attempt
	settled  []int // parts that have ended and whose edges are still to be looked at
	out      []Effect
}

// New makes the tracker of a submission and starts what has nothing before it.
func New(sub Submission, now time.Time) (*Tracker, []Effect) {
	t := &Tracker{
		row: banto.Tracker{
			ID: sub.ID, Jobnet: sub.Flow.Jobnet, Title: sub.Flow.Title,
			Version: sub.Version, Flow: sub.FlowHash,
			State: banto.TrackerRunning, Params: maps.Clone(sub.Params), Date: sub.Date,
			SubmittedBy: sub.By, Reason: sub.Reason,
		},
		gone:     map[banto.PartKey]*banto.Part{},
		attempts: map[banto.AttemptID]*banto.Attempt{},
	}
	t.begin(now)
	t.row.SubmittedAt = t.cur.now
	t.row.StartedAt = new(t.cur.now)
	t.use(sub.Flow)
	t.parts = make([]part, len(sub.Flow.Parts))
	t.recount()
	t.touch()
	t.startAll()
	t.finish()
	return t, t.flush()
}

// Row gives the tracker's row as it stands now.
func (t *Tracker) Row() banto.Tracker {
	r := t.row
	r.Counts = maps.Clone(t.row.Counts)
	return r
}

// Flow gives the flow that the tracker runs.
func (t *Tracker) Flow() *jobnet.Flow { return t.flow }

// Live gives the attempts that are, or may be, on a host, oldest first.
func (t *Tracker) Live() []banto.Attempt {
	var out []banto.Attempt
	for _, a := range t.attempts {
		out = append(out, *a)
	}
	slices.SortFunc(out, func(a, b banto.Attempt) int { return a.Seq - b.Seq })
	return out
}

// use takes a flow as the one to run, and the values of its parameters.
func (t *Tracker) use(flow *jobnet.Flow) {
	t.flow = flow
	t.row.Parts = len(flow.Parts)
	t.params = make(map[string]jobnet.Value, len(flow.Params))
	for _, p := range flow.Params {
		text, ok := t.row.Params[p.Name]
		if !ok {
			continue
		}
		if v, err := jobnet.ValueOf(p.Type, text); err == nil {
			t.params[p.Name] = v
		}
	}
}

// key gives the key of the i-th part.
func (t *Tracker) key(i int) banto.PartKey { return banto.PartKey(t.flow.Parts[i].Name) }

// index gives the part with that key, or -1.
func (t *Tracker) index(key banto.PartKey) int { return t.flow.Part(string(key)) }

// state gives the state of the i-th part.
func (t *Tracker) state(i int) banto.PartState {
	if r := t.parts[i].row; r != nil {
		return r.State
	}
	return banto.PartWaiting
}

// set brings a part into a state and gives its row for more to be written.
func (t *Tracker) set(i int, s banto.PartState) *banto.Part {
	was := t.state(i)
	p := &t.parts[i]
	if p.row == nil {
		p.row = &banto.Part{Tracker: t.row.ID, Key: t.key(i), State: was}
	}
	if was == banto.PartWaiting && s != banto.PartWaiting {
		p.row.Rerun = t.row.Rerun
	}
	p.row.State = s
	t.count(was, -1)
	t.count(s, 1)
	t.touchPart(i)
	if s.Ended() {
		t.cur.settled = append(t.cur.settled, i)
	}
	return p.row
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

// recount reckons all that follows from the states of the parts.
func (t *Tracker) recount() {
	t.live = 0
	t.row.Counts = map[banto.PartState]int{}
	for i := range t.parts {
		t.count(t.state(i), 1)
		t.recountEdges(i)
	}
}

// begin starts a step.
func (t *Tracker) begin(now time.Time) { t.cur = step{now: clean(now)} }

// clean gives a time as it comes back from any store: UTC, in whole
// microseconds, without the reading of a monotonic clock.
func clean(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }

// touch notes that the tracker has changed.
func (t *Tracker) touch() {
	if !t.cur.changed {
		t.cur.changed = true
		t.row.Revision++
	}
}

// touchPart notes that a part has changed.
func (t *Tracker) touchPart(i int) {
	t.touch()
	p := &t.parts[i]
	p.row.Revision = t.row.Revision
	if !p.dirty {
		p.dirty = true
		t.cur.parts = append(t.cur.parts, i)
	}
}

// touchAttempt notes that an attempt has changed; no step changes one twice.
func (t *Tracker) touchAttempt(a *banto.Attempt) {
	t.touch()
	t.cur.attempts = append(t.cur.attempts, a)
}

// emit adds an effect behind the saves.
func (t *Tracker) emit(e Effect) { t.cur.out = append(t.cur.out, e) }

// flush ends the step: the rows that changed, each once, then the rest.
func (t *Tracker) flush() []Effect {
	if !t.cur.changed {
		t.cur = step{}
		return nil
	}
	out := make([]Effect, 0, 1+len(t.cur.parts)+len(t.cur.attempts)+len(t.cur.out))
	out = append(out, SaveTracker{t.Row()})
	for _, i := range t.cur.parts {
		t.parts[i].dirty = false
		out = append(out, SavePart{*t.parts[i].row})
	}
	for _, a := range t.cur.attempts {
		out = append(out, SaveAttempt{*a})
	}
	out = append(out, t.cur.out...)
	t.cur = step{}
	return out
}
