package gateway

import (
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// strangers are hosts that this manager does not serve: each is told so in
// words, but not with every frame.
type strangers struct {
	mu   sync.Mutex
	gone map[banto.HostID]string // removed while this manager runs, and why
	told map[banto.HostID]time.Time
}

const maxStrangers = 4096

const notEnrolled = "this host is not enrolled with this manager (was it removed?)"

// remove notes why a host is served no more.
func (s *strangers) remove(id banto.HostID, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.gone) >= maxStrangers {
		clear(s.gone)
	}
	s.gone[id] = why
}

func (s *strangers) forget(id banto.HostID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.gone, id)
	delete(s.told, id)
}

// due says what a stranger is told now, if anything.
func (s *strangers) due(id banto.HostID, now time.Time) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.told[id]) < nagEvery {
		return "", false
	}
	if len(s.told) >= maxStrangers {
		clear(s.told)
	}
	s.told[id] = now
	if why := s.gone[id]; why != "" {
		return why, true
	}
	return notEnrolled, true
}

func (g *Gateway) refuseStranger(id banto.HostID, data []byte, now time.Time) {
	why, ok := g.strangers.due(id, now)
	if !ok {
		return
	}
	if n, ok := g.malformed.due(now); ok {
		g.opt.Log.Warn("frame of a host that is not enrolled is dropped", "host", id, "dropped", n)
	}
	if u, err := fabric.DecodeUp(data); err == nil {
		g.publish(id, fabric.Down{Version: fabric.Speak(u.Version), Epoch: g.opt.Epoch, Incarnation: g.opt.Incarnation, Session: u.Session, Refused: why})
	}
}
