package app

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
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

	mu    sync.Mutex
	all   []store.Manager
	lease store.Lease
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
	out := make([]banto.ManagerState, 0, len(all))
	for _, m := range all {
		st := banto.ManagerState{
			Name: m.Name, URL: m.URL, Version: m.Version, StartedAt: m.Started, SeenAt: m.SeenAt, Endpoints: m.Endpoints,
			Active: l.Holder != "" && l.URL == m.URL,
		}
		if m.Age >= silentAfter {
			st.Silent = m.Age.Milliseconds()
		}
		out = append(out, st)
	}
	return out, nil
}

// follows says why no other manager could follow this one, or not that one.
func (p *peers) follows(ctx context.Context, name string) error {
	const what = "cannot hand over"
	all, err := p.states(ctx)
	if err != nil {
		return err
	}
	found := false
	for _, m := range all {
		if m.Name == p.server.opts.Name {
			if name == m.Name {
				return banto.Fail(banto.KindConflict, what, m.Name+" is the active manager already", "name another, or none")
			}
			continue
		}
		if m.Name == name {
			found = true
			if m.Silent > 0 {
				return banto.Fail(banto.KindConflict, what, fmt.Sprintf("%s was not heard for %d s", name, m.Silent/1000), "start it, or name another")
			}
		}
		if name == "" && m.Silent == 0 {
			return nil
		}
	}
	switch {
	case name == "":
		return banto.Fail(banto.KindConflict, what, "no other manager stands by", "start one on the same store first")
	case !found:
		return banto.Fail(banto.KindNotFound, what, "there is no manager "+name, "banto server list shows them")
	}
	return nil
}
