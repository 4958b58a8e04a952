package keeper

import (
	"bufio"
	"bytes"
	"cmp"
	"iter"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/bantoops/banto"
)

// session is one connection of an agent. What it is told is gathered while a
// frame is being written, so that a slow agent holds nobody up: what gathers
// is bounded by what the agent itself has asked for.
type session struct {
	conn net.Conn
	wake chan struct{}
	gone chan struct{} // closed when the writer has ended
	soon *time.Timer   // for what is no news by itself

	writing sync.Mutex // held while something is taken out of next, and written
	buf     []byte
	rest    []byte // of a frame that was not written whole

	mu     sync.Mutex
	next   Event
	later  bool // soon is set
	sizes  map[banto.AttemptID]int64
	recall map[string]iter.Seq[*Recalled] // answers by the question's ID
	closed bool
}

func newSession(conn net.Conn) *session {
	s := &session{conn: conn, wake: make(chan struct{}, 1), gone: make(chan struct{}), sizes: make(map[banto.AttemptID]int64), recall: make(map[string]iter.Seq[*Recalled])}
	s.soon = time.AfterFunc(time.Hour, s.poke)
	go s.write()
	return s
}

// startedLast is how long it may take until it is told that a process runs. Most
// jobs are short: their results say it, and the manager has one row to write and
// not two.
const startedLast = 5 * time.Millisecond

// tell adds to what the agent is told next. That orders have come, and that
// processes run, waits a moment for their results.
func (s *session) tell(e Event) {
	if e.Hello == nil && e.Done == 0 && e.Problem == "" && e.NotReplaced == "" && len(e.Started)+len(e.Output)+len(e.Ended)+len(e.Cleaned) == 0 {
		return
	}
	s.mu.Lock()
	if e.Hello != nil {
		s.next.Hello = e.Hello
	}
	s.next.Done, s.next.Claims = max(s.next.Done, e.Done), max(s.next.Claims, e.Claims)
	s.next.Problem, s.next.NotReplaced = cmp.Or(e.Problem, s.next.Problem), cmp.Or(e.NotReplaced, s.next.NotReplaced)
	s.next.Started = append(s.next.Started, e.Started...)
	s.overtake(e.Ended)
	s.next.Ended = append(s.next.Ended, e.Ended...)
	s.next.Cleaned = append(s.next.Cleaned, e.Cleaned...)
	for _, o := range e.Output {
		s.sizes[o.Attempt] = o.Size
	}
	patient := e.Hello == nil && e.Problem == "" && e.NotReplaced == "" && len(e.Output)+len(e.Ended)+len(e.Cleaned) == 0
	first := patient && !s.later
	s.later = s.later || patient
	s.mu.Unlock()
	switch {
	case first:
		s.soon.Reset(startedLast)
	case !patient:
		s.say()
	}
}

// overtake leaves out the starts of what has ended; s.mu is held.
func (s *session) overtake(ended []Ended) {
	if len(ended) == 0 || len(s.next.Started) == 0 {
		return
	}
	over := make(map[banto.AttemptID]bool, len(ended))
	for i := range ended {
		over[ended[i].Attempt] = true
	}
	s.next.Started = slices.DeleteFunc(s.next.Started, func(st Started) bool { return over[st.Attempt] })
}

// recalled adds an answer, in pieces that are made as they are written. A
// question that is asked again before that has one answer, and of many
// questions only some are kept: they are asked until they are answered.
func (s *session) recalled(id string, pieces iter.Seq[*Recalled]) {
	const most = 4
	s.mu.Lock()
	if _, again := s.recall[id]; again || len(s.recall) < most {
		s.recall[id] = pieces
	}
	s.mu.Unlock()
	s.poke()
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// close ends the session once what it was told is written, or soon.
func (s *session) close() {
	s.conn.SetWriteDeadline(time.Now().Add(time.Second)) //nolint:errcheck // a closed one needs none
	s.finish()
	<-s.gone
}

// finish ends the writer once what gathered is written.
func (s *session) finish() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.poke()
}

func (s *session) write() {
	defer close(s.gone)
	defer s.conn.Close()
	defer s.soon.Stop()
	for range s.wake {
		if closed, err := s.writeAll(); closed || err != nil {
			return
		}
	}
}

// writeAll writes what has gathered, and waits for an agent that is slow to read.
func (s *session) writeAll() (closed bool, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if len(s.rest) > 0 {
		if _, err := s.conn.Write(s.rest); err != nil {
			return false, err
		}
		s.rest = nil
	}
	e, closed := s.take()
	recall := s.answers()
	for frame := range withRecalled(split(e), recall) {
		if s.buf, err = appendFrame(s.buf[:0], frame); err != nil {
			return closed, err
		}
		if _, err := s.conn.Write(s.buf); err != nil {
			return closed, err
		}
	}
	if cap(s.buf) > 1<<20 {
		s.buf = nil
	}
	return closed, nil
}

// take gives what has gathered, but for answers; s.writing is held.
func (s *session) take() (e Event, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, closed = s.next, s.closed
	s.next, s.later = Event{}, false
	for id, size := range s.sizes {
		e.Output = append(e.Output, Output{Attempt: id, Size: size})
	}
	clear(s.sizes)
	return e, closed
}

// answers gives those that have gathered, for the writer alone; s.writing is held.
func (s *session) answers() map[string]iter.Seq[*Recalled] {
	s.mu.Lock()
	defer s.mu.Unlock()
	recall := s.recall
	if len(recall) > 0 {
		s.recall = make(map[string]iter.Seq[*Recalled])
	}
	return recall
}

// say writes what has gathered at once, where that is little and takes no waiting:
// to wake the writer for it would take longer. The writer does the rest.
func (s *session) say() {
	if !s.little() || !s.writing.TryLock() {
		s.poke()
		return
	}
	defer s.writing.Unlock()
	if len(s.rest) > 0 {
		s.poke()
		return
	}
	e, _ := s.take() // an answer that has just come is left to the writer
	all := s.buf[:0]
	for frame := range split(e) {
		more, err := appendFrame(all, frame)
		if err != nil {
			s.conn.Close() // what cannot be said now cannot be said later
			return
		}
		all = more
	}
	s.buf = all
	if len(all) == 0 {
		return
	}
	if n := writeNow(s.conn, all); n < len(all) {
		s.rest = bytes.Clone(all[n:])
		s.poke()
	}
}

// little says whether what has gathered is little, and no more than events.
func (s *session) little() bool {
	const most, long = 4, 4 << 10
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &s.next
	if s.closed || len(s.recall) > 0 || e.Hello != nil || len(e.Started)+len(s.sizes)+len(e.Ended)+len(e.Cleaned) > most {
		return false
	}
	size := 0
	for i := range e.Ended {
		size += len(e.Ended[i].Vars) + len(e.Ended[i].OutputHead) + len(e.Ended[i].Message)
	}
	return size <= long
}

// withRecalled adds answers behind what else is told.
func withRecalled(frames iter.Seq[Event], recall map[string]iter.Seq[*Recalled]) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for frame := range frames {
			if !yield(frame) {
				return
			}
		}
		for _, id := range sortedKeys(recall) {
			for piece := range recall[id] {
				if !yield(Event{Recalled: piece}) {
					return
				}
			}
		}
	}
}

// split cuts an event into frames of a bounded size: Hello first, Done last.
func split(e Event) iter.Seq[Event] {
	const maxItems, maxBytes = 1000, 256 << 10
	return func(yield func(Event) bool) {
		frame := Event{Hello: e.Hello, Cleaned: e.Cleaned, Problem: e.Problem, NotReplaced: e.NotReplaced}
		items, size := len(e.Cleaned)+len(e.Problem)+len(e.NotReplaced), 0
		full := func(bytes int) bool {
			items++
			size += bytes
			if items < maxItems && size < maxBytes {
				return true
			}
			ok := yield(frame)
			frame, items, size = Event{}, 0, 0
			return ok
		}
		for _, s := range e.Started {
			frame.Started = append(frame.Started, s)
			if !full(0) {
				return
			}
		}
		for _, o := range e.Output {
			frame.Output = append(frame.Output, o)
			if !full(0) {
				return
			}
		}
		for _, r := range e.Ended {
			frame.Ended = append(frame.Ended, r)
			if !full(len(r.Vars) + len(r.OutputHead) + len(r.Message)) {
				return
			}
		}
		if frame.Done, frame.Claims = e.Done, e.Claims; frame.Done > 0 || frame.Hello != nil || items > 0 {
			yield(frame)
		}
	}
}

// read hands the agent's frames to the keeper until the connection ends.
func (s *session) read(put func(*Request)) error {
	r := bufio.NewReaderSize(s.conn, 64<<10)
	for {
		var req Request
		if err := readFrame(r, &req); err != nil {
			return err
		}
		put(&req)
	}
}
