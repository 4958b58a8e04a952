package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// Bounds of what scripts by reference may cost.
const (
	scriptReads = 4        // scripts that are read from the store at once
	scriptCache = 32 << 20 // bytes of scripts that are kept for those who ask next
)

// scripts reads the scripts that orders name by hash. A script that goes to
// many hosts at once is read about once.
type scripts struct {
	read func(context.Context, string) ([]byte, error)
	turn chan struct{}

	mu    sync.Mutex
	kept  map[string][]byte
	order []string // oldest first
	bytes int
}

func newScripts(read func(context.Context, string) ([]byte, error)) *scripts {
	return &scripts{read: read, turn: make(chan struct{}, scriptReads), kept: map[string][]byte{}}
}

var errNoScript = errors.New("the manager does not have the script any more")

func (s *scripts) get(ctx context.Context, hash string) ([]byte, error) {
	if s.read == nil {
		return nil, errNoScript
	}
	if b := s.cached(hash); b != nil {
		return b, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if b := s.cached(hash); b != nil { // read by the one before
		return b, nil
	}
	b, err := s.read(ctx, hash)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, errNoScript
	case err != nil:
		return nil, err
	case len(b) > fabric.MaxScript:
		return nil, fmt.Errorf("%w: it is longer than %d MiB", errNoScript, fabric.MaxScript>>20)
	}
	s.keep(hash, b)
	return b, nil
}

func (s *scripts) cached(hash string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[hash]
}

func (s *scripts) keep(hash string, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept[hash] != nil || len(b) == 0 {
		return
	}
	s.kept[hash] = b
	s.order = append(s.order, hash)
	for s.bytes += len(b); s.bytes > scriptCache; {
		s.bytes -= len(s.kept[s.order[0]])
		delete(s.kept, s.order[0])
		s.order = s.order[1:]
	}
}

// fetched is a script that was read, for a piece that a host wants or for an
// order that is to be filled.
type fetched struct {
	want  fabric.ScriptWant
	order *fabric.Order
	body  []byte
	err   error
}

// fetch reads a script for a host, apart from its loop. What is too much is
// dropped; the host asks again.
func (v *visit) fetch(ctx context.Context, f fetched) {
	if f.order == nil && v.fetching >= fabric.MaxWants {
		return
	}
	v.fetching++
	v.g.work.do(func() {
		f.body, f.err = v.g.scripts.get(ctx, f.want.Hash)
		v.h.post(func(m *mail) { m.scripts = append(m.scripts, f) })
	})
}

// script hands over what was read.
func (v *visit) script(f fetched) {
	v.fetching--
	missing := errors.Is(f.err, errNoScript)
	if f.err != nil && !missing {
		if n, ok := v.g.unread.due(v.g.opt.Now()); ok {
			v.g.opt.Log.Error("script cannot be read; it will be asked for again", "host", v.h.id, "script", f.want.Hash, "error", f.err, "failed", n)
		}
		return
	}
	if f.order != nil {
		v.fill(f, missing)
		return
	}
	p := fabric.ScriptPiece{Hash: f.want.Hash, Offset: f.want.Offset, Size: int64(len(f.body)), Missing: missing}
	if !missing {
		if p.Offset > p.Size {
			return
		}
		p.Data = f.body[p.Offset:min(p.Size, p.Offset+fabric.MaxPiece)]
	}
	v.m.Script(p)
}

// fill puts a script into an order for an agent that takes none by reference.
func (v *visit) fill(f fetched, missing bool) {
	switch {
	case missing:
		v.g.notStarted(v.h.id, *f.order, errNoScript.Error())
	case !v.m.Filled(f.order.ID, f.body):
		v.g.notStarted(v.h.id, *f.order, fmt.Sprintf("the script is %d KiB long, and the host's agent is of an older version that takes up to %d KiB: upgrade it",
			len(f.body)>>10, fabric.FrameRoom>>10))
	default:
		return
	}
	v.m.Drop(f.order.ID)
}

// notStarted ends an attempt whose order cannot be sent.
func (g *Gateway) notStarted(id banto.HostID, o fabric.Order, why string) {
	g.opt.Log.Error("attempt cannot be sent", "host", id, "order", o.ID, "why", why)
	if o.Start != nil {
		g.opt.Inbox.HostEnded(id, []engine.Ended{{
			Attempt: o.Start.Attempt, At: g.opt.Now(), Reason: banto.ReasonNotStarted, Message: why,
		}})
	}
	g.opt.Inbox.Confirmed(id, []string{o.ID}, 0)
}
