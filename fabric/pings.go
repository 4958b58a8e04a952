package fabric

import (
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// pingsCalm is for how long the house must not have grown or shrunk before
// connections are tried at another pace: the server then looks at all credentials
// anew, and turns away whoever is just connecting.
const pingsCalm = 5 * time.Second

// pingsAgain is when another pace that could not be taken up is tried again.
const pingsAgain = time.Minute

// pings are how often the server tries connections that say nothing.
type pings struct {
	options func(every time.Duration) *server.Options

	mu    sync.Mutex
	every time.Duration // as the server does now
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
		p.later = time.AfterFunc(pingsCalm, s.adopt)
	default:
		p.later.Reset(pingsCalm)
	}
}

// adopt takes up another pace, if that is worth it. The server then reads the
// account anew and applies what it has read, so nothing may be revoked between.
func (s *Server) adopt() {
	p := &s.pings
	s.account.Lock()
	defer s.account.Unlock()
	p.mu.Lock()
	want := p.want
	if p.over || want < 2*p.every && 2*want > p.every {
		p.mu.Unlock()
		return
	}
	o := p.options(want)
	p.work.Add(1)
	p.mu.Unlock()
	defer p.work.Done()
	err := s.ns.ReloadOptions(o)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.every = want
		return
	}
	s.log.Warn("fabric: connections go on being tried as often as before", "error", err)
	if !p.over {
		p.later.Reset(pingsAgain)
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
