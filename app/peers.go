package app

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/lease"
	"github.com/bantoops/banto/store"
)

// How managers hear of each other.
const (
	announceEvery = 2 * time.Second
	silentAfter   = 10 * time.Second // one that is not heard for so long is silent
	forgetAfter   = 24 * time.Hour   // and is forgotten
)

// peers knows the managers that share the store, and tells them of this one.
type peers struct {
	server *Server

	mu        sync.Mutex
	all       []store.Manager
	lease     store.Lease
	unreached map[string]string // why others cannot be reached from this one, by name
}

// run announces this manager, and looks at the others.
func (p *peers) run(ctx context.Context) error {
	tick := time.NewTicker(announceEvery)
	defer tick.Stop()
	failing := false
	for {
		err := p.round(ctx)
		if (err != nil) != failing && ctx.Err() == nil {
			failing = err != nil
			p.server.opts.Log.Warn("whether the managers hear of each other has changed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (p *peers) round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, announceEvery)
	defer cancel()
	s := p.server
	own := store.Manager{
		Name: s.opts.Name, URL: s.publicURL(), Version: s.opts.Version, Started: s.started,
		Endpoints: door{s.reach, s.fabricAt, s.listen.Addr()}.Endpoints(""),
	}
	if err := s.store.Announce(ctx, own); err != nil {
		return err
	}
	all, err := s.store.ListManagers(ctx)
	if err != nil {
		return err
	}
	l, err := s.store.Lease(ctx)
	if err != nil {
		return err
	}
	if s.leads() != nil {
		for _, m := range all {
			if m.Age >= forgetAfter {
				if err := s.store.Withdraw(ctx, m.Name); err != nil {
					return err
				}
			}
		}
	}
	p.mu.Lock()
	p.all, p.lease = all, l
	p.mu.Unlock()
	return nil
}

// alone refuses a name that another manager of the store has, and answers under.
func (p *peers) alone(ctx context.Context) error {
	s := p.server
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	all, err := s.store.ListManagers(ctx)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.Name != s.opts.Name || m.URL == s.publicURL() || m.Age >= silentAfter {
			continue
		}
		c := client.New(m.URL, "", client.WithTLS(s.reach.trust()), client.WithPatience(0), client.WithTimeout(2*time.Second))
		if _, err := c.Version(ctx); err == nil {
			return banto.Fail(banto.KindConflict, "cannot start the manager "+m.Name, "another one of this store has that name, and answers at "+m.URL,
				"give this one another with --name")
		}
	}
	return nil
}

// saw notes what a look at the lease has shown.
func (p *peers) saw(l store.Lease, err error) {
	if err != nil {
		return
	}
	p.mu.Lock()
	p.lease = l
	p.mu.Unlock()
}

// leader gives the URL of the active manager; empty: nobody knows.
func (p *peers) leader(ctx context.Context) string {
	if url := p.other(); url != "" {
		return url
	}
	// Nobody, or this process before: another may have followed just now.
	p.saw(p.server.store.Lease(ctx))
	return p.other()
}

// other gives the URL of the active manager if it is known and not this one.
func (p *peers) other() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lease.URL == p.server.publicURL() {
		return ""
	}
	return p.lease.URL
}

// unrenewed tells how old the lease was when it was seen last. Who cannot see it
// knows nothing worse of it.
func (p *peers) unrenewed() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lease.Holder == "" {
		return 0
	}
	return p.lease.Age
}

// endpoints lists where agents find managers: this one first, as it is the
// active one where it is asked for.
func (p *peers) endpoints() []string {
	s := p.server
	own := door{s.reach, s.fabricAt, s.listen.Addr()}.Endpoints("")
	all := slices.Clone(own)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.all {
		if m.Name != s.opts.Name && m.Age < forgetAfter {
			all = append(all, m.Endpoints...)
		}
	}
	return all
}

// urls lists where the other managers answer.
func (p *peers) urls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, m := range p.all {
		if m.Name != p.server.opts.Name && m.URL != "" && m.Age < forgetAfter {
			all = append(all, m.URL)
		}
	}
	return all
}

// states gives what is known of the managers.
func (p *peers) states(ctx context.Context) ([]banto.ManagerState, error) {
	s := p.server
	if !s.store.Shared() {
		return []banto.ManagerState{{
			Name: s.opts.Name, URL: s.publicURL(), Active: true, Version: s.opts.Version, StartedAt: s.started, SeenAt: time.Now().UTC(),
		}}, nil
	}
	all, err := s.store.ListManagers(ctx)
	if err != nil {
		return nil, err
	}
	l, err := s.store.Lease(ctx)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	unreached := p.unreached
	p.mu.Unlock()
	out := make([]banto.ManagerState, 0, len(all))
	for _, m := range all {
		st := banto.ManagerState{
			Name: m.Name, URL: m.URL, Version: m.Version, StartedAt: m.Started, SeenAt: m.SeenAt, Endpoints: m.Endpoints,
			Active: holds(l, m.URL),
		}
		if m.Age >= silentAfter {
			st.Silent = m.Age.Milliseconds()
		} else {
			st.Unreached = unreached[m.Name]
		}
		out = append(out, st)
	}
	return out, nil
}

// holds says whether the manager at a URL has the lease: one that could not renew
// it for so long has given itself up, though the row is as it was.
func holds(l store.Lease, url string) bool {
	return l.Holder != "" && l.URL == url && l.Age < lease.DefaultTimes().GiveUp
}

// follows says why no other manager could follow this one, or not that one. Those
// that could are asked: one that was killed a moment ago is still heard of.
func (p *peers) follows(ctx context.Context, name string) error {
	const what = "cannot hand over"
	all, err := p.states(ctx)
	if err != nil {
		return err
	}
	var last error
	for _, m := range all {
		switch own := m.Name == p.server.opts.Name; {
		case own && name == m.Name:
			return banto.Fail(banto.KindConflict, what, m.Name+" is the active manager already", "name another, or none")
		case own, name != "" && name != m.Name:
			continue
		case m.Silent > 0:
			last = banto.Fail(banto.KindConflict, what, fmt.Sprintf("%s was not heard for %d s", m.Name, m.Silent/1000), "start it, or name another")
			continue
		}
		c := p.call(ctx, m.URL)
		switch {
		case c.unreached != nil:
			last = banto.Fail(banto.KindConflict, what, m.Name+" does not answer: "+c.why(m.URL), "start it, mend what is in the way, or name another")
		case c.notReady != "":
			last = banto.Fail(banto.KindConflict, what, m.Name+" could not take over: "+c.notReady, "mend that first, or name another")
		default:
			return nil
		}
	}
	switch {
	case last != nil:
		return last
	case name == "":
		return banto.Fail(banto.KindConflict, what, "no other manager stands by", "start one on the same store first")
	}
	return banto.Fail(banto.KindNotFound, what, "there is no manager "+name, "banto server list shows them")
}
