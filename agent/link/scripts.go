package link

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// Bounds of what scripts by reference may cost on a host.
const (
	fetches      = 4                // scripts that are fetched at once
	scriptCache  = 16 << 20         // bytes of scripts that are kept for the attempts that follow
	scriptAgain  = 3 * time.Second  // a piece that does not come is asked for again
	scriptGiveUp = 60 * time.Second // an order that is not repeated for so long is waited for no more
	maxDamaged   = 3                // times that a script may arrive damaged
)

// scripts are what orders name by hash: those that are here, and those that are
// on their way. What has arrived in one session counts in the next.
type scripts struct {
	kept  map[string]string
	order []string // oldest first
	bytes int

	open  map[string]*fetch
	queue []*fetch // in the order in which they came; the first few are fetched
}

// fetch is a script on its way, and the orders that wait for it.
type fetch struct {
	hash    string
	data    []byte
	size    int64 // of the whole, once it is known
	askedAt time.Time
	damaged int
	waiting []waiting
}

type waiting struct {
	order  fabric.Order
	seenAt time.Time // the manager repeats an order while it means it
}

func newScripts() scripts {
	return scripts{kept: map[string]string{}, open: map[string]*fetch{}}
}

// byReference takes an order that names its script by hash.
func (m *Machine) byReference(o fabric.Order, now time.Time) {
	known, again := m.orders.wait(o)
	s := &m.scripts
	switch hash := o.Start.Spec.ScriptHash; {
	case known:
		m.confirm = append(m.confirm, o.ID)
	case again:
		s.touch(hash, o.ID, now)
	default:
		if text, ok := s.kept[hash]; ok {
			m.orders.hand(withScript(o, text))
			return
		}
		s.wait(o, now)
	}
}

// withScript puts the script into an order: the keeper never sees a hash alone.
func withScript(o fabric.Order, text string) fabric.Order {
	start := *o.Start
	start.Spec.Script, start.Spec.ScriptHash = text, ""
	o.Start = &start
	return o
}

// script takes a piece of a script.
func (m *Machine) script(p fabric.ScriptPiece, now time.Time) {
	f := m.scripts.open[p.Hash]
	switch {
	case f == nil:
	case p.Missing:
		m.fail(f, "the manager does not have the script any more", now)
	case f.take(p):
		sum := sha256.Sum256(f.data)
		if hex.EncodeToString(sum[:]) != f.hash {
			if f.damaged++; f.damaged >= maxDamaged {
				m.fail(f, fmt.Sprintf("the script arrived damaged %d times", f.damaged), now)
				return
			}
			f.data, f.askedAt = nil, time.Time{}
			return
		}
		text := string(f.data)
		m.scripts.keep(f.hash, text)
		m.scripts.close(f)
		for _, w := range f.waiting {
			if m.orders.open[w.order.ID] { // a result may have settled it meanwhile
				m.orders.hand(withScript(w.order, text))
			}
		}
	}
}

// fail ends the attempts that wait for a script that does not come.
func (m *Machine) fail(f *fetch, why string, now time.Time) {
	m.scripts.close(f)
	for _, w := range f.waiting {
		if !m.orders.open[w.order.ID] {
			continue
		}
		m.orders.drop(w.order.ID)
		m.runs.endOwn(fabric.EndedReport{Attempt: w.order.Start.Attempt, At: now, Reason: banto.ReasonNotStarted, Message: why})
	}
}

// take takes a piece; true when all is here.
func (f *fetch) take(p fabric.ScriptPiece) bool {
	if p.Offset != int64(len(f.data)) || p.Offset > 0 && p.Size != f.size {
		return false // it came twice, or too late
	}
	if p.Offset == 0 {
		f.size, f.data = p.Size, make([]byte, 0, p.Size)
	}
	f.data = append(f.data, p.Data...)
	f.askedAt = time.Time{} // the next piece at once
	return int64(len(f.data)) == f.size
}

// wait begins to fetch a script for an order, or lets one more wait for it.
func (s *scripts) wait(o fabric.Order, now time.Time) {
	hash := o.Start.Spec.ScriptHash
	f := s.open[hash]
	if f == nil {
		f = &fetch{hash: hash}
		s.open[hash] = f
		s.queue = append(s.queue, f)
	}
	f.waiting = append(f.waiting, waiting{o, now})
}

func (s *scripts) touch(hash, id string, now time.Time) {
	f := s.open[hash]
	if f == nil {
		return
	}
	for i := range f.waiting {
		if f.waiting[i].order.ID == id {
			f.waiting[i].seenAt = now
		}
	}
}

func (s *scripts) close(f *fetch) {
	delete(s.open, f.hash)
	for i := range s.queue {
		if s.queue[i] == f {
			s.queue = append(s.queue[:i:i], s.queue[i+1:]...)
			return
		}
	}
}

func (s *scripts) keep(hash, text string) {
	if _, ok := s.kept[hash]; ok || text == "" {
		return
	}
	s.kept[hash] = text
	s.order = append(s.order, hash)
	for s.bytes += len(text); s.bytes > scriptCache; {
		s.bytes -= len(s.kept[s.order[0]])
		delete(s.kept, s.order[0])
		s.order = s.order[1:]
	}
}

// active are the scripts that are fetched now.
func (s *scripts) active() []*fetch { return s.queue[:min(len(s.queue), fetches)] }

// wants gives what to ask the manager for.
func (s *scripts) wants(now time.Time) []fabric.ScriptWant {
	var wants []fabric.ScriptWant
	for _, f := range s.active() {
		if f.askedAt.IsZero() || now.Sub(f.askedAt) >= scriptAgain {
			f.askedAt = now
			wants = append(wants, fabric.ScriptWant{Hash: f.hash, Offset: int64(len(f.data))})
		}
	}
	return wants
}

// due says when something is to be asked for again; zero for not at all.
func (s *scripts) due() time.Time {
	var at time.Time
	for _, f := range s.active() {
		if due := f.askedAt.Add(scriptAgain); at.IsZero() || due.Before(at) {
			at = due
		}
	}
	return at
}

// expire gives the orders that the manager means no more.
func (s *scripts) expire(now time.Time) []string {
	var ids []string
	for i := 0; i < len(s.queue); {
		f := s.queue[i]
		kept := f.waiting[:0]
		for _, w := range f.waiting {
			if now.Sub(w.seenAt) >= scriptGiveUp {
				ids = append(ids, w.order.ID)
			} else {
				kept = append(kept, w)
			}
		}
		if f.waiting = kept; len(kept) == 0 {
			s.close(f)
		} else {
			i++
		}
	}
	return ids
}

// rewind makes all be asked for again, for a new session.
func (s *scripts) rewind(now time.Time) {
	for _, f := range s.queue {
		f.askedAt = time.Time{}
		for i := range f.waiting {
			f.waiting[i].seenAt = now
		}
	}
}

// forget drops the orders that wait; the manager sends them again.
func (s *scripts) forget() {
	clear(s.open)
	s.queue = nil
}
