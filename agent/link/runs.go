package link

import (
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// How much output is under way.
const (
	chunk      = 64 << 10  // of one attempt at a time
	runWindow  = 256 << 10 // of one attempt without acknowledgement
	allWindow  = 1 << 20   // of all attempts without acknowledgement
	outputRoom = fabric.FrameRoom / 2
	leastChunk = 1 << 10 // what is left of a frame is not worth a smaller piece
)

const (
	gapQuiet  = 500 * time.Millisecond // one loss is told several times
	scanEvery = time.Second            // how often times are looked at
)

// runs are the attempts that are on the host, as far as the manager does not
// have all of them. The list keeps the order in which they came.
type runs struct {
	byID      map[banto.AttemptID]*run
	list      []*run
	gone      int    // how many in the list are finished
	outputs   []*run // have output to send, in turn
	ended     []*run // their output is sent, their result is not
	flight    int64  // bytes of output that are not acknowledged
	scannedAt time.Time

	// finished are the last results that the manager has, so that news of
	// their output that crossed the acknowledgement is dropped.
	finished map[banto.AttemptID]bool
	ring     []banto.AttemptID
	at       int
}

// run is one attempt.
type run struct {
	id       banto.AttemptID
	live     bool                // the keeper runs it
	own      bool                // the result is the link's own: the keeper never heard of it
	gone     bool                // the manager has all of it
	size     int64               // of the output at the keeper
	sent     int64               // up to here it was sent in this session
	stored   int64               // up to here the manager has it
	movedAt  time.Time           // when sent or stored last changed
	gapAt    time.Time           // when it was last sent again for a gap
	result   *fabric.EndedReport // nil while it runs
	resultAt time.Time           // when the result was sent; zero: not in this session
	inOutput bool                // it is in outputs
	inEnded  bool                // it is in ended
}

func newRuns() runs {
	return runs{byID: map[banto.AttemptID]*run{}, finished: map[banto.AttemptID]bool{}}
}

// get gives a run, made if it is not there.
func (q *runs) get(id banto.AttemptID) *run {
	r := q.byID[id]
	if r == nil {
		r = &run{id: id}
		q.byID[id] = r
		q.list = append(q.list, r)
	}
	return r
}

// begin says that the keeper runs an attempt.
func (q *runs) begin(id banto.AttemptID) {
	if r := q.get(id); r.result == nil {
		r.live = true
	}
}

// grow says how much output an attempt has.
func (q *runs) grow(id banto.AttemptID, size int64) {
	if q.byID[id] == nil && q.finished[id] {
		return
	}
	if r := q.get(id); r.result == nil && size > r.size {
		r.size = size
		q.queue(r)
	}
}

// end takes a result.
func (q *runs) end(e fabric.EndedReport) {
	delete(q.finished, e.Attempt)
	r := q.get(e.Attempt)
	r.live, r.own = false, false
	r.result = &e
	r.size = e.OutputSize
	q.queue(r)
}

// endOwn takes a result that the link itself gives, and on which it insists:
// whatever order comes, this attempt is not started any more.
func (q *runs) endOwn(e fabric.EndedReport) {
	q.end(e)
	q.byID[e.Attempt].own = true
}

// over says whether an attempt is not to be started, because the link has said
// so (again: the manager has not acknowledged it) or because the manager has its
// result.
func (q *runs) over(id banto.AttemptID) (again, settled bool) {
	r := q.byID[id]
	return r != nil && r.own && r.result != nil, r == nil && q.finished[id]
}

// restart takes what a keeper runs that has just connected. Its results follow.
func (q *runs) restart(running []banto.AttemptID) {
	for _, r := range q.list {
		r.live = false
	}
	for _, id := range running {
		q.begin(id)
	}
	for _, r := range q.list {
		if !r.gone && !r.live && r.result == nil {
			q.remove(r)
		}
	}
	q.compact()
}

// known lists the attempts that the keeper runs, and those whose results the
// manager does not have.
func (q *runs) known() (running, ended []banto.AttemptID) {
	for _, r := range q.list {
		switch {
		case r.gone:
		case r.live:
			running = append(running, r.id)
		case r.result != nil && len(ended) < fabric.MaxHelloEnded:
			ended = append(ended, r.id)
		}
	}
	return running, ended
}

// queue puts a run where it is due.
func (q *runs) queue(r *run) {
	switch {
	case r.gone:
	case r.sent < r.size:
		if !r.inOutput && !r.blocked() {
			r.inOutput = true
			q.outputs = append(q.outputs, r)
		}
	case r.result != nil && r.resultAt.IsZero() && !r.inEnded:
		r.inEnded = true
		q.ended = append(q.ended, r)
	}
}

// blocked says that the run's own window is full: it goes on when the manager
// has more of it.
func (r *run) blocked() bool {
	return runWindow-(r.sent-r.stored) < min(leastChunk, r.size-r.sent)
}

// move changes how far a run is, and with it what is under way.
func (q *runs) move(r *run, sent, stored int64) {
	q.flight -= max(0, r.sent-r.stored)
	r.sent, r.stored = sent, stored
	q.flight += max(0, r.sent-r.stored)
}

// again makes a run be sent again from what the manager has.
func (q *runs) again(r *run) {
	q.move(r, r.stored, r.stored)
	r.resultAt = time.Time{}
	q.queue(r)
}

// rewind makes all be sent again, for a new session.
func (q *runs) rewind() {
	for _, r := range q.list {
		r.gapAt = time.Time{}
		q.again(r)
	}
}

// unstore forgets what the manager has.
func (q *runs) unstore() {
	for _, r := range q.list {
		q.move(r, 0, 0)
		q.again(r)
	}
}

// output takes pieces of output, of all attempts in turn.
func (q *runs) output(room int, now time.Time, read ReadOutput) ([]fabric.OutputChunk, int) {
	budget := min(room, outputRoom)
	for _, r := range q.ended {
		if !r.gone {
			budget = min(budget, room-fabric.EndedSize(r.result)) // no result waits for ever
			break
		}
	}
	var chunks []fabric.OutputChunk
	for len(q.outputs) > 0 {
		r := q.outputs[0]
		fit := int64((budget - fabric.ChunkSize(0)) / 4 * 3)
		left := r.size - r.sent
		want := min(left, chunk, fit, runWindow-(r.sent-r.stored), allWindow-q.flight)
		skip := r.gone || left <= 0 || r.blocked()
		if !skip && want < min(leastChunk, left) {
			break
		}
		q.outputs = q.outputs[1:]
		r.inOutput = false
		if skip {
			q.queue(r)
			continue
		}
		data := read(r.id, r.sent, int(want))
		if int64(len(data)) < want {
			q.shorten(r, r.sent+int64(len(data)))
		}
		if len(data) > 0 {
			chunks = append(chunks, fabric.OutputChunk{Attempt: r.id, Offset: r.sent, Data: data})
			budget -= fabric.ChunkSize(len(data))
			room -= fabric.ChunkSize(len(data))
			q.move(r, r.sent+int64(len(data)), r.stored)
			r.movedAt = now
		}
		q.queue(r)
	}
	return chunks, room
}

// shorten says that output beyond size cannot be had: what a result tells of
// it is lost, and of a running attempt more may come.
func (q *runs) shorten(r *run, size int64) {
	if r.result != nil {
		e := *r.result
		e.OutputLost += r.size - size
		e.OutputSize = size
		r.result = &e
	}
	r.size = size
}

// results takes results whose output is sent, or is in the same frame.
func (q *runs) results(room int, now time.Time) []fabric.EndedReport {
	var out []fabric.EndedReport
	for len(q.ended) > 0 {
		r := q.ended[0]
		due := !r.gone && r.resultAt.IsZero() && r.sent >= r.size
		if due {
			size := fabric.EndedSize(r.result)
			if size > room {
				break
			}
			room -= size
			r.resultAt = now
			out = append(out, *r.result)
		}
		q.ended = q.ended[1:]
		r.inEnded = false
		if !due {
			q.queue(r)
		}
	}
	return out
}

// stored takes how much output the manager has.
func (q *runs) stored(a fabric.OutputAck, now time.Time) {
	r := q.byID[a.Attempt]
	if r == nil {
		return
	}
	switch {
	case a.Gap:
		if a.Size < r.sent && now.Sub(r.gapAt) >= gapQuiet {
			r.gapAt, r.movedAt = now, now
			q.move(r, r.sent, a.Size)
			q.again(r)
		}
	case a.Size > r.stored:
		r.movedAt = now
		q.move(r, max(r.sent, a.Size), a.Size)
		q.queue(r)
	}
}

// finish says that the manager has a result for good; true if it was there.
func (q *runs) finish(id banto.AttemptID) bool {
	r := q.byID[id]
	if r == nil || r.result == nil {
		return false
	}
	q.remove(r)
	q.finished[id] = true
	if len(q.ring) < remembered {
		q.ring = append(q.ring, id)
	} else {
		delete(q.finished, q.ring[q.at])
		q.ring[q.at] = id
		q.at = (q.at + 1) % remembered
	}
	if q.gone > 256 && q.gone > len(q.list)/2 {
		q.compact()
	}
	return true
}

func (q *runs) remove(r *run) {
	q.move(r, r.stored, r.stored)
	r.gone = true
	q.gone++
	delete(q.byID, r.id)
}

func (q *runs) compact() {
	kept := make([]*run, 0, len(q.list)-q.gone)
	for _, r := range q.list {
		if !r.gone {
			kept = append(kept, r)
		}
	}
	q.list, q.gone = kept, 0
}

// expire makes be sent again what was not acknowledged for too long.
func (q *runs) expire(now time.Time) {
	if now.Sub(q.scannedAt) < scanEvery {
		return
	}
	q.scannedAt = now
	for _, r := range q.list {
		switch {
		case r.gone:
		case r.sent > r.stored && now.Sub(r.movedAt) >= outputAgain:
			r.movedAt = now
			q.again(r)
		case !r.resultAt.IsZero() && now.Sub(r.resultAt) >= endedAgain:
			q.again(r)
		}
	}
}

// due says when expire is to be called; zero for not at all.
func (q *runs) due() time.Time {
	if len(q.byID) == 0 {
		return time.Time{}
	}
	return q.scannedAt.Add(scanEvery)
}
