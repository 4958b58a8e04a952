package runner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

var errDead = errors.New("the manager is dead")

// night is a random test: managers that die at any write or moment, a store
// that fails now and then, hosts that are slow, go and come, and messages that
// are lost, late or repeated.
type night struct {
	*world
	mu      sync.Mutex
	rng     *rand.Rand
	queue   []func() // what hosts are about to do
	dead    bool     // the manager of now
	crashes int
	calm    bool // no more faults
}

func (n *night) chance(percent int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.calm && n.rng.IntN(100) < percent
}

func (n *night) below(limit int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rng.IntN(limit)
}

// die drops the manager: nothing that it does counts any more.
func (n *night) die() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead = true
}

func (n *night) isDead() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dead
}

// fault is asked before and after each commit.
func (n *night) fault(int) error {
	switch {
	case n.isDead():
		return errDead
	case n.chance(3):
		n.die()
		return errDead
	case n.chance(5):
		return errDisk
	}
	return nil
}

// hosts lets the hosts act: one thing at a time, in any order, now and then
// twice, at random moments.
func (n *night) hosts(ctx context.Context) {
	f := n.field
	for tick := 0; ctx.Err() == nil; tick++ {
		<-time.After(time.Duration(1+n.below(20)) * time.Millisecond)
		f.mu.Lock()
		for range min(len(n.queue), 1+n.below(8)) {
			i := n.below(len(n.queue))
			act := n.queue[i]
			if !n.chance(10) { // else it happens again later
				n.queue = append(n.queue[:i], n.queue[i+1:]...)
			}
			act()
		}
		if tick%50 == 0 { // hosts repeat what was not acknowledged
			for _, h := range f.hosts {
				if h.link != nil && !h.link.dead {
					h.tellEnded(h.link)
				}
			}
		}
		f.mu.Unlock()
		if n.chance(3) {
			id := []banto.HostID{hostA, hostB}[n.below(2)]
			f.down(id, "link broken")
			f.mu.Lock()
			l := n.link
			f.mu.Unlock()
			if !n.isDead() {
				f.up(l, id)
			}
		}
	}
}

// manager runs one manager until it dies or all is done.
func (n *night) manager(done <-chan struct{}) {
	n.mu.Lock()
	n.dead = false
	n.mu.Unlock()
	n.begin()
	n.field.mu.Lock()
	n.prepare()
	n.field.mu.Unlock()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.r.Run(ctx) }()
	<-n.r.Ready()
	n.field.up(n.link, hostA)
	n.field.up(n.link, hostB)
	life := time.After(time.Duration(50+n.below(3000)) * time.Millisecond)
	for alive := true; alive; {
		select {
		case <-done:
			alive = false
		case <-life:
			if n.chance(100) {
				n.die()
				alive = false
			}
		case <-time.After(10 * time.Millisecond):
			alive = !n.isDead()
		}
	}
	n.field.mu.Lock()
	n.link.dead = true
	n.field.mu.Unlock()
	stop()
	if err := <-ended; err != nil {
		n.t.Errorf("the loop ended with %v", err)
	}
	n.crashes++
}

// submitter submits with a key until it is answered, by whichever manager.
func (n *night) submitter(f *jobnet.Flow, key string) {
	for {
		<-time.After(time.Duration(1+n.below(300)) * time.Millisecond)
		n.field.mu.Lock()
		r := n.r
		n.field.mu.Unlock()
		if r == nil {
			continue
		}
		if _, _, err := r.Submit(context.Background(), submission(f, key)); err == nil && !n.isDead() {
			return
		} else if k := banto.KindOf(err); err != nil && k != banto.KindUnavailable {
			n.t.Errorf("submit: %v", err)
			return
		}
	}
}

const nightTrackers, nightParts = 12, 8

func TestManagersThatDie(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { oneNight(t, seed) })
		})
	}
}

func oneNight(t *testing.T, seed uint64) {
	n := &night{world: newWorld(t), rng: rand.New(rand.NewPCG(seed, 7))}
	n.field.act = func(f func()) { n.queue = append(n.queue, f) }
	n.store.set(n.fault, n.fault, nil)
	hosts, stopHosts := context.WithCancel(context.Background())
	var others, all sync.WaitGroup
	others.Go(func() { n.hosts(hosts) })
	for i := range nightTrackers {
		f := n.randomFlow(fmt.Sprintf("night/n%d", i))
		all.Go(func() { n.submitter(f, fmt.Sprint("key-", i)) })
	}
	done := make(chan struct{})
	others.Go(func() {
		all.Wait()
		for limit := 0; !n.allEnded(); limit++ {
			<-time.After(time.Second)
			if limit == 60 {
				n.mu.Lock()
				n.calm = true // all must come to its end now
				n.mu.Unlock()
			}
			if limit == 600 {
				n.t.Errorf("seed %d: trackers do not end", seed)
				break
			}
		}
		close(done)
	})
	for running := true; running; {
		n.manager(done)
		select {
		case <-done:
			running = false
		default:
		}
	}
	stopHosts()
	others.Wait()
	n.check(seed)
	if err := n.store.Close(); err != nil {
		t.Error(err)
	}
}

// randomFlow makes a flow with random edges, on both hosts.
func (n *night) randomFlow(path string) *jobnet.Flow {
	j := &jobnet.Jobnet{Path: path}
	for i := range nightParts {
		p := jobnet.Part{Name: fmt.Sprintf("p%d", i), Kind: jobnet.KindJob, Script: "true"}
		if n.below(2) == 0 {
			p.Host = "db01"
		}
		for before := range i {
			if n.below(3) == 0 {
				p.After = append(p.After, jobnet.After{Part: fmt.Sprintf("p%d", before), Outlet: jobnet.OutletDone})
			}
		}
		j.Parts = append(j.Parts, p)
	}
	return compiled(n.t, j)
}

func (n *night) rows() []store.TrackerRow {
	rows, err := n.store.ListTrackers(context.Background(), store.TrackerQuery{Limit: 10 * nightTrackers})
	if err != nil {
		n.t.Error(err)
	}
	return rows
}

func (n *night) allEnded() bool {
	rows := n.rows()
	for _, row := range rows {
		if !row.State.Ended() {
			return false
		}
	}
	return len(rows) >= nightTrackers
}

// check looks for anything that was lost or done twice.
func (n *night) check(seed uint64) {
	n.t.Logf("seed %d: %d managers, %d transactions", seed, n.crashes, n.store.count())
	rows := n.rows()
	if len(rows) != nightTrackers {
		n.t.Errorf("seed %d: %d submissions made %d trackers", seed, nightTrackers, len(rows))
	}
	for _, row := range rows {
		if row.State != banto.TrackerOK || row.Attempts != nightParts {
			n.t.Errorf("seed %d: tracker %s is %s after %d attempts: %s; %s", seed, row.ID, row.State, row.Attempts, row.Message, n.states(row.ID))
		}
	}
	claims := 0
	for id, h := range n.field.hosts {
		claims += len(h.claimed)
		if h.overload > h.slots {
			n.t.Errorf("seed %d: %d attempts at once on %s, which has %d places", seed, h.overload, id, h.slots)
		}
		for a, c := range h.claims {
			if c.starts != 1 {
				n.t.Errorf("seed %d: %s was started %d times", seed, a, c.starts)
			}
		}
	}
	if claims != nightTrackers*nightParts {
		n.t.Errorf("seed %d: %d attempts reached the hosts, want %d", seed, claims, nightTrackers*nightParts)
	}
	entries, err := n.store.Outbox(context.Background())
	for _, e := range entries {
		if o := e.ID; len(o) < 5 || o[:5] != "clean" {
			n.t.Errorf("seed %d: the order %s is left over", seed, o)
		}
	}
	if err != nil {
		n.t.Error(err)
	}
}
