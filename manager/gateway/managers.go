package gateway

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/bantoops/banto/fabric"
)

const (
	managersEvery = time.Second            // how often it is looked whether the managers are others
	leadAgain     = 500 * time.Millisecond // and whether a manager that does not lead does again
)

// leading says whether anything may be said.
func (g *Gateway) leading() bool { return g.opt.Leading == nil || g.opt.Leading() }

// proved tells until when the manager is known to have been the active one.
func (g *Gateway) proved() time.Duration {
	if g.opt.Proved == nil {
		return math.MaxInt64
	}
	return g.opt.Proved()
}

// managersNow gives the endpoints of all managers.
func (g *Gateway) managersNow() []string {
	if ends := g.ends.Load(); ends != nil {
		return *ends
	}
	return nil
}

// watchManagers looks for other managers until the context ends.
func (g *Gateway) watchManagers(ctx context.Context) {
	if g.opt.Managers == nil {
		<-ctx.Done()
		return
	}
	t := time.NewTicker(managersEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			g.lookManagers()
		}
	}
}

// lookManagers tells all hosts when the managers are others than before.
func (g *Gateway) lookManagers() {
	if g.opt.Managers == nil {
		return
	}
	now := g.opt.Now().UnixNano()
	if last := g.endAt.Load(); last != 0 && now-last >= 0 && now-last < int64(managersEvery)/2 {
		return
	}
	g.endAt.Store(now)
	ends := fabric.ManagersFitting(g.opt.Managers())
	if slices.Equal(ends, g.managersNow()) {
		return
	}
	g.ends.Store(&ends)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range g.hosts {
		h.post(func(m *mail) { m.managers = true })
	}
}
