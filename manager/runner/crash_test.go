package runner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
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

	answered []string // comments
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
			id := nightHosts()[n.below(3)]
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
	for _, id := range nightHosts() {
		n.field.up(n.link, id)
	}
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

// operator makes moves that change nothing in the end: holds and releases,
// drains and opens, and comments, each of which must be there once if it was
// answered, and never twice.
func (n *night) operator(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		<-time.After(time.Duration(1+n.below(200)) * time.Millisecond)
		n.field.mu.Lock()
		r := n.r
		n.field.mu.Unlock()
		rows := n.rows()
		if r == nil || len(rows) == 0 {
			continue
		}
		n.mu.Lock()
		calm := n.calm
		n.mu.Unlock()
		id := rows[n.below(len(rows))].ID
		req := banto.MoveRequest{Move: []banto.Move{banto.MoveHold, banto.MoveRelease, banto.MoveRelease, banto.MoveComment}[n.below(4)]}
		if n.below(2) == 0 && req.Move != banto.MoveComment {
			req.Parts = []banto.PartKey{banto.PartKey(fmt.Sprintf("p%d", n.below(nightParts)))}
		}
		if req.Move == banto.MoveComment {
			req.Reason = fmt.Sprint("comment ", i)
		}
		change := banto.HostChange{Admission: []banto.Admission{banto.AdmissionOpen, banto.AdmissionDraining, banto.AdmissionHeld}[n.below(3)]}
		if calm {
			id = rows[i%len(rows)].ID
			req, change = banto.MoveRequest{Move: banto.MoveRelease}, banto.HostChange{Admission: banto.AdmissionOpen}
		}
		host := []string{"local", "db01", "db02"}[i%3]
		_, err := r.Move(context.Background(), operator, id, Move{Request: req})
		if req.Move == banto.MoveComment && err == nil && !n.isDead() {
			n.answered = append(n.answered, req.Reason)
		}
		if n.below(10) == 0 || calm {
			_, _ = r.ChangeHost(context.Background(), operator, host, change)
		}
	}
}

// checkComments looks for comments that were lost or noted twice.
func (n *night) checkComments(seed uint64) {
	noted := make(map[string]int)
	for _, row := range n.rows() {
		for _, line := range n.trail(string(row.ID)) {
			if _, text, ok := strings.Cut(line, "tracker.comment by hanako: "); ok {
				noted[text]++
			}
		}
	}
	for _, text := range n.answered {
		if noted[text] == 0 {
			n.t.Errorf("seed %d: %s was answered, and is not there", seed, text)
		}
	}
	for text, times := range noted {
		if times > 1 {
			n.t.Errorf("seed %d: %s is there %d times", seed, text, times)
		}
	}
	n.t.Logf("seed %d: %d comments, %d answered", seed, len(noted), len(n.answered))
}

const nightTrackers, nightParts = 12, 8

func nightHosts() []banto.HostID { return []banto.HostID{hostA, hostB, hostC} }

// furnish adds a host with a label, a group and an account.
func (n *night) furnish() {
	n.begin()
	err := n.store.Write(context.Background(), func(tx store.Tx) error {
		put := func(kind store.DefinitionKind, name, source string) error {
			_, err := tx.PutDefinition(store.Definition{Kind: kind, Path: name, Source: source})
			return err
		}
		return errors.Join(
			tx.PutHost(banto.Host{ID: hostC, Name: "db02", State: banto.HostNever, Slots: 4, Labels: map[string]string{"role": "db"}}),
			put(store.KindGroup, "dbs", "group: dbs\nhosts: [db01, db02]\n"),
			put(store.KindAccount, "nightly", "account: nightly\nusers: [{hosts: dbs, user: oracle}, {user: batch}]\n"))
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.field.add(hostC, "db02")
}

func TestManagersThatDie(t *testing.T) {
	seeds := map[string]uint64{"sqlite": 8, "postgres": 2}
	onStores(t, func(t *testing.T, open func(*testing.T) func(testing.TB) *world) {
		for seed := range seeds[path.Base(t.Name())] {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				fresh := open(t)
				synctest.Test(t, func(t *testing.T) { oneNight(t, fresh(t), seed) })
			})
		}
	})
}

func oneNight(t *testing.T, w *world, seed uint64) {
	n := &night{world: w, rng: rand.New(rand.NewPCG(seed, 7))}
	n.furnish()
	n.field.act = func(f func()) { n.queue = append(n.queue, f) }
	n.store.set(n.fault, n.fault, nil)
	hosts, stopHosts := context.WithCancel(context.Background())
	var others, all sync.WaitGroup
	others.Go(func() { n.hosts(hosts) })
	others.Go(func() { n.operator(hosts) })
	for i := range nightTrackers {
		f := n.randomFlow(fmt.Sprintf("night/n%d", i))
		all.Go(func() { n.submitter(f, fmt.Sprint("key-", i)) })
	}
	done := make(chan struct{})
	others.Go(func() {
		all.Wait()
		for limit := 0; !n.allEnded(); limit++ {
			<-time.After(time.Second)
			if limit == 20 {
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
	n.checkComments(seed)
	if err := n.store.Close(); err != nil {
		t.Error(err)
	}
}

// randomFlow makes a flow with random edges, on all hosts.
func (n *night) randomFlow(path string) *jobnet.Flow {
	j := &jobnet.Jobnet{Path: path}
	for i := range nightParts {
		p := jobnet.Part{Name: fmt.Sprintf("p%d", i), Kind: jobnet.KindJob, Script: "true"}
		switch n.below(6) {
		case 0, 1:
			p.Host = "db01"
		case 2:
			p.Host = "dbs"
		case 3:
			p.HostLabels = []jobnet.Label{{Name: "role", Value: "db"}}
		}
		if n.below(4) == 0 {
			p.Account = "nightly"
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
			if user := c.spec.Account; user != "" && (user == "batch") != (id == hostA) {
				n.t.Errorf("seed %d: %s ran as %s on %s", seed, a, user, id)
			}
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
