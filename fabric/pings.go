package fabric

import (
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// pingsCalm is for how long the house must not have grown or shrunk before
// connections are tried at another pace: the server then looks at all credentials
// anew, and turns away whoever is just connecting.
const pingsCalm = 5 * time.Second

// pings are how often the server tries connections that say nothing.
type pings struct {
	options func(every time.Duration) *server.Options

	mu    sync.Mutex
	every time.Duration
	want  time.Duration
	later *time.Timer // when want is taken up; nil: nobody has wanted anything
	over  bool
	work  sync.WaitGroup
}

// pingEvery is how often a connection is tried whose host says something every so
// often: not while it talks as it should.
func pingEvery(quiet time.Duration) time.Duration { return max(pingInterval, quiet*3/2) }

// Quiet tells how often idle hosts say something, in a house that has grown or
// shrunk since the start: their connections are tried less often, or more, a little
// later. It does not wait.
func (s *Server) Quiet(every time.Duration) {
	p := &s.pings
	p.mu.Lock()
	defer p.mu.Unlock()
	p.want = pingEvery(every)
	switch {
	case p.over:
	case p.later == nil:
		p.later = time.AfterFunc(pingsCalm, func() { p.adopt(s.ns, s.log) })
	default:
		p.later.Reset(pingsCalm)
	}
}

// adopt takes up another pace, if that is worth it.
func (p *pings) adopt(ns *server.Server, log *slog.Logger) {
	p.mu.Lock()
	if p.over || p.want < 2*p.every && 2*p.want > p.every {
		p.mu.Unlock()
		return
	}
	p.every = p.want
	o := p.options(p.every)
	p.work.Add(1)
	p.mu.Unlock()
	defer p.work.Done()
	if err := ns.ReloadOptions(o); err != nil {
		log.Warn("fabric: connections go on being tried as often as before", "error", err)
	}
}

// end waits for what is under way.
func (p *pings) end() {
	p.mu.Lock()
	p.over = true
	if p.later != nil {
		p.later.Stop()
	}
	p.mu.Unlock()
	p.work.Wait()
}
