package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/manager/metrics"
)

const (
	// eventParts is how many parts one event carries at most.
	eventParts = 500
	// keepAlive is how often a comment shows that the stream lives.
	keepAlive = 5 * time.Second
	// eventRest is the least time between two messages: what changes faster
	// is sent together.
	eventRest = 50 * time.Millisecond
	// waitsRest is how often at most a stream asks what the tracker waits for.
	waitsRest = time.Second
	// progressRest is how often a stream looks at what running parts print,
	// and progressParts of how many at once.
	progressRest  = time.Second
	progressParts = 200
	// writeLimit is how long a reader may take for one event.
	writeLimit = 30 * time.Second
)

type eventsIn struct {
	TrackerPath
	LastID string `header:"Last-Event-ID" maxLength:"40" doc:"Go on behind this event"`
}

// mountEvents mounts a function that opens an event stream.
func mountEvents(fn func(ctx context.Context, in *eventsIn) (func(*eventStream) error, error)) mount {
	return func(s *server, r route, op huma.Operation) {
		event := s.api.OpenAPI().Components.Schemas.Schema(eventType, true, "")
		op.Responses = map[string]*huma.Response{"200": {
			Description: "Server-sent events: data is a TrackerEvent, id the tracker's revision. A message may come " +
				"in pieces, of which the last has the id. The stream ends when the tracker has ended.",
			Content: map[string]*huma.MediaType{"text/event-stream": {Schema: event}},
		}}
		huma.Register(s.api, op, func(ctx context.Context, in *eventsIn) (*huma.StreamResponse, error) {
			run, err := fn(ctx, in)
			if err != nil {
				return nil, s.refuse(ctx, err)
			}
			return &huma.StreamResponse{Body: func(hc huma.Context) { s.stream(hc, run) }}, nil
		})
	}
}

// stream sends the headers of an event stream and runs it.
func (s *server) stream(hc huma.Context, run func(*eventStream) error) {
	select {
	case s.streams <- struct{}{}:
		s.Metrics.Streaming(1)
		defer func() { <-s.streams; s.Metrics.Streaming(-1) }()
	default:
		s.Metrics.Refused(metrics.RefusedStreams)
		e := banto.Fail(banto.KindTooMany, "cannot follow the tracker", "too many event streams are open", "try again later")
		s.refuse(hc.Context(), e).write(requestOf(hc.Context()).w)
		return
	}
	r, w := humago.Unwrap(hc)
	hc.SetHeader("Content-Type", "text/event-stream")
	hc.SetHeader(banto.AliveHeader, strconv.Itoa(max(1, int(s.keepAlive.Seconds()))))
	hc.SetStatus(http.StatusOK)
	if r.Method == http.MethodHead {
		return // the headers were all that was asked for
	}
	st := &eventStream{ctx: hc.Context(), w: w, control: http.NewResponseController(w), now: s.Now}
	if err := run(st); err != nil && hc.Context().Err() == nil {
		// The reader takes the connection up again behind the last event.
		s.Log.Warn("event stream ended", "request", requestOf(hc.Context()).id, "error", err)
	}
}

// eventStream writes server-sent events.
type eventStream struct {
	ctx     context.Context
	w       http.ResponseWriter
	control *http.ResponseController
	now     func() time.Time
}

// send writes one event; an empty id marks a piece that is not the last.
func (st *eventStream) send(id string, event banto.TrackerEvent) error {
	data, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("cannot encode an event: %w", err)
	}
	text := make([]byte, 0, len(data)+40)
	if id != "" {
		text = append(text, "id: "+id+"\n"...)
	}
	text = append(append(append(text, "data: "...), data...), "\n\n"...)
	return st.write(text)
}

func (st *eventStream) write(text []byte) error {
	_ = st.control.SetWriteDeadline(st.now().Add(writeLimit)) // not every transport has deadlines
	if _, err := st.w.Write(text); err != nil {
		return fmt.Errorf("cannot send an event: %w", err)
	}
	if err := st.control.Flush(); err != nil {
		return fmt.Errorf("cannot send an event: %w", err)
	}
	return nil
}

// watchTracker opens the event stream of a tracker.
func (s *server) watchTracker(ctx context.Context, in *eventsIn) (func(*eventStream) error, error) {
	if _, err := s.tracker(ctx, "cannot follow tracker "+string(in.ID), in.ID); err != nil {
		return nil, err
	}
	// An ID that is none of ours means from the beginning.
	since, err := strconv.ParseInt(in.LastID, 10, 64)
	if err != nil || since < 0 {
		since = 0
	}
	return func(st *eventStream) error { return s.follow(st, in.ID, since) }, nil
}

// follow sends what is, and then what changes, until the tracker has ended.
func (s *server) follow(st *eventStream, id banto.TrackerID, since int64) error {
	changed, stop := s.Runner.Watch(id)
	defer stop()
	alive := time.NewTicker(s.keepAlive)
	defer alive.Stop()
	progress := time.NewTicker(progressRest)
	defer progress.Stop()
	f := follower{s: s, st: st, id: id, since: since, running: map[banto.PartKey]banto.Part{}}
	for first := true; ; first = false {
		ended, err := f.catchUp(first)
		if err != nil || ended {
			return err
		}
		if !rest(st.ctx, eventRest) {
			return nil
		}
		for waiting := true; waiting; {
			select {
			case <-changed:
				waiting = false
			case <-alive.C:
				if err := st.write([]byte(": still here\n\n")); err != nil {
					return err
				}
				waiting = false // nothing is missed for ever, even if a signal was
			case <-progress.C:
				if err := f.progress(); err != nil {
					return err
				}
			case <-st.ctx.Done():
				return nil
			}
		}
	}
}

func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// follower is one stream's knowledge of a tracker.
type follower struct {
	s       *server
	st      *eventStream
	id      banto.TrackerID
	since   int64 // the revision that the reader has
	tracker banto.Tracker
	running map[banto.PartKey]banto.Part // as the reader knows them

	flow     *jobnet.Flow // of the tracker, to read what its parts print
	flowHash string

	waits   []string
	waitsAt time.Time
}

// catchUp sends what has changed since the last message. The tracker is read
// before its parts: a part that changes in between is sent now and once more.
func (f *follower) catchUp(first bool) (ended bool, err error) {
	t, err := f.s.Store.Tracker(f.st.ctx, f.id)
	if err != nil {
		return false, fmt.Errorf("cannot read tracker %s: %w", f.id, err)
	}
	if first && f.since > t.Revision {
		f.since = 0 // of another life of the store
	}
	if !first && t.Revision <= f.since {
		return t.State.Ended(), nil
	}
	t.WaitsFor = f.waitsFor(t)
	f.tracker = t
	since := f.since
	if first {
		since = 0 // to know what runs, also what the reader has seen
	}
	after := banto.PartKey("")
	for {
		rows, err := f.s.Store.Parts(f.st.ctx, f.id, since, after, eventParts)
		if err != nil {
			return false, fmt.Errorf("cannot read the parts of tracker %s: %w", f.id, err)
		}
		last := len(rows) < eventParts
		if !last {
			after = rows[len(rows)-1].Key
		}
		parts := f.take(rows)
		if last {
			f.since = t.Revision
			return t.State.Ended(), f.st.send(strconv.FormatInt(t.Revision, 10), banto.TrackerEvent{Tracker: t, Parts: parts})
		}
		if len(parts) == 0 {
			continue
		}
		if err := f.st.send("", banto.TrackerEvent{Tracker: t, Parts: parts}); err != nil {
			return false, err
		}
	}
}

// take notes what runs, and gives the rows that the reader has not seen.
func (f *follower) take(rows []banto.Part) []banto.Part {
	unseen := make([]banto.Part, 0, len(rows))
	for _, p := range rows {
		if p.State == banto.PartRunning && p.AttemptID != "" {
			p.Progress = f.lastLine(p)
			f.running[p.Key] = p
		} else {
			delete(f.running, p.Key)
		}
		if p.Revision > f.since {
			unseen = append(unseen, p)
		}
	}
	return unseen
}

// lastLine gives what a running part has printed last, in its encoding.
func (f *follower) lastLine(p banto.Part) string {
	if f.flow == nil || f.flowHash != f.tracker.Flow {
		flow, err := f.s.Designs.FlowByHash(f.st.ctx, f.tracker.Flow)
		if err != nil {
			return "" // it only adds to an answer
		}
		f.flow, f.flowHash = flow, f.tracker.Flow
	}
	return f.s.lastLine(p.AttemptID, encodingOf(f.flow, p.Key))
}

// progress sends the running parts that have printed a new line. It is no
// change of the tracker, so the event has no ID.
func (f *follower) progress() error {
	var moved []banto.Part
	looked := 0
	for key, p := range f.running {
		if looked++; looked > progressParts {
			break // others come in turn, as maps have no order
		}
		if line := f.lastLine(p); line != p.Progress {
			p.Progress = line
			f.running[key] = p
			moved = append(moved, p)
		}
	}
	if len(moved) == 0 {
		return nil
	}
	return f.st.send("", banto.TrackerEvent{Tracker: f.tracker, Parts: moved})
}

// waitsFor asks what the tracker waits for, not more often than it is worth.
func (f *follower) waitsFor(t banto.Tracker) []string {
	if t.State.Ended() {
		return nil
	}
	if now := f.s.Now(); f.waitsAt.IsZero() || now.Sub(f.waitsAt) >= waitsRest || t.State == banto.TrackerBlocked {
		f.waits, f.waitsAt = f.s.waitsFor(f.st.ctx, t.ID), now
	}
	return f.waits
}
