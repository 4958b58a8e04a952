package fabrictest

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/manager/gateway"
)

// follower opens a manager that has the keys of another, as those of one store
// have, and serves the guest.
func follower(t *testing.T, h *house, g *guest, epoch int64, other func(*gateway.Options)) *house {
	t.Helper()
	body, err := fabric.ExportKeys(h.dir + "/keys")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := fabric.ImportKeys(dir+"/keys", body); err != nil {
		t.Fatal(err)
	}
	f := openHouseAs(t, fabric.ServerOptions{Listen: ":0"}, dir, epoch, other)
	f.gateway.Enrolled(g.id, "", 0)
	return f
}

func nothingElse(*gateway.Options) {}

// lease is what a manager has proved of itself.
type lease struct{ at atomic.Int64 }

func (l *lease) prove() { l.at.Store(int64(boottime.Now())) }
func (l *lease) options(o *gateway.Options) {
	o.Proved = func() time.Duration { return time.Duration(l.at.Load()) }
}

// A manager that has stopped to prove its lease, though it answers and gives
// orders, is left for the one that follows; and what the keeper counts as contact
// is from before its last proof.
func TestManagerThatProvesNothingIsLeft(t *testing.T) {
	t.Parallel()
	var l lease
	first := openHouseAs(t, fabric.ServerOptions{Listen: ":0"}, t.TempDir(), 1, l.options)
	g := enrol(t, first, hostA)
	second := follower(t, first, g, 2, nothingElse)
	g.opt.Endpoints = []string{first.server.URL(), second.server.URL()}
	g.run()
	first.until("the host is up", func() bool { return len(first.ups) > 0 })
	if !first.ups[0].Hello.DeadMan {
		t.Error("the host does not say that it keeps limits")
	}
	limited := starts(1, 2, "text")
	limited[0].Start.Spec.DeadManMS = 60_000
	first.gateway.Deliver(hostA, append(limited, starts(2, 3, "text")...))
	first.until("what needs no contact has ended", func() bool { return len(first.ended) == 1 })
	first.change(func() {
		if _, early := first.ended[limited[0].Start.Attempt]; early {
			t.Error("an attempt with a limit was started without contact")
		}
	})
	l.prove()
	proved := boottime.Now()
	first.until("what needs contact has ended", func() bool { return len(first.ended) == 2 })
	second.until("the host is up at the other", func() bool { return len(second.ups) > 0 })
	g.keeper.mu.Lock()
	contact := g.keeper.contact
	g.keeper.mu.Unlock()
	if contact == 0 || contact > proved {
		t.Errorf("contact at %v, and the last proof was before %v", contact, proved)
	}
}

// The manager's machine is stopped: its connections stand, and nothing comes.
func TestManagerThatIsStopped(t *testing.T) {
	t.Parallel()
	first := openHouse(t, ":0", t.TempDir(), 1)
	g := enrol(t, first, hostA)
	second := follower(t, first, g, 2, nothingElse)
	way := newWay(t, first.server.Addr())
	g.opt.Endpoints = []string{"nats://" + way.addr, second.server.URL()}
	g.run()
	first.until("the host is up", func() bool { return len(first.ups) > 0 })
	way.stop()
	second.until("the host is up at the other", func() bool { return len(second.ups) > 0 })
	second.gateway.Deliver(hostA, starts(1, 5, "text"))
	second.until("all has ended", func() bool { return len(second.ended) == 4 })
}

// An agent that has seen a manager's follower obeys the manager no more, and goes
// on looking.
func TestManagerThatWasDeposed(t *testing.T) {
	t.Parallel()
	old := openHouse(t, ":0", t.TempDir(), 1)
	g := enrol(t, old, hostA)
	follows := follower(t, old, g, 2, nothingElse)
	g.opt.Endpoints = []string{follows.server.URL(), old.server.URL()}
	g.log.tell = make(chan string, 256)
	g.run()
	follows.gateway.Deliver(hostA, starts(2, 3, "text"))
	follows.until("the host has heard of its epoch", func() bool { return len(follows.ended) == 1 })
	old.gateway.Deliver(hostA, starts(1, 2, "text"))
	addr := follows.server.Addr()
	follows.stop()
	g.logged(t, "not the active one any more")
	third := openHouseAs(t, fabric.ServerOptions{Listen: addr}, follows.dir, 3, nothingElse)
	third.gateway.Enrolled(hostA, "", 0)
	third.until("the host is up at the one that follows", func() bool { return len(third.ups) > 0 })
	g.keeper.mu.Lock()
	defer g.keeper.mu.Unlock()
	if len(g.keeper.claimed) != 1 {
		t.Error("an order of the one that was deposed was obeyed")
	}
}

// A manager that refuses the agent is left for another.
func TestManagerThatRefuses(t *testing.T) {
	t.Parallel()
	first := openHouse(t, ":0", t.TempDir(), 1)
	g := enrol(t, first, hostA)
	first.gateway.Removed(hostA, "the host was removed by ann")
	second := follower(t, first, g, 2, nothingElse)
	g.opt.Endpoints = []string{first.server.URL(), second.server.URL()}
	g.run()
	second.until("the host is up at the other", func() bool { return len(second.ups) > 0 })
}

// Hosts learn of all managers, and use what they learned when theirs is gone.
func TestManagersAreTold(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var managers []string
	first := openHouseAs(t, fabric.ServerOptions{Listen: ":0"}, t.TempDir(), 1, func(o *gateway.Options) {
		o.Managers = func() []string {
			mu.Lock()
			defer mu.Unlock()
			return managers
		}
	})
	g := enrol(t, first, hostA)
	second := follower(t, first, g, 2, nothingElse)
	told := make(chan []string, 16)
	g.opt.Managers = func(ends []string) { told <- ends }
	g.run()
	first.until("the host is up", func() bool { return len(first.ups) > 0 })
	both := []string{first.server.URL(), second.server.URL()}
	mu.Lock()
	managers = both
	mu.Unlock()
	select {
	case ends := <-told:
		if !slices.Equal(ends, both) {
			t.Errorf("told %v", ends)
		}
	case <-time.After(patience):
		t.Fatal("the host is not told")
	}
	first.stop()
	second.until("the host is up at the other", func() bool { return len(second.ups) > 0 })
}

// A manager that does not lead says nothing and passes nothing on; when it leads
// again, all goes on.
func TestManagerThatDoesNotLead(t *testing.T) {
	t.Parallel()
	var leads atomic.Bool
	leads.Store(true)
	asked := make(chan struct{}, 64)
	h := openHouseAs(t, fabric.ServerOptions{Listen: ":0"}, t.TempDir(), 1, func(o *gateway.Options) {
		o.Leading = func() bool {
			if leads.Load() {
				return true
			}
			select {
			case asked <- struct{}{}:
			default:
			}
			return false
		}
	})
	g := enrol(t, h, hostA)
	stop := g.run()
	h.until("the host is up", func() bool { return len(h.ups) > 0 })
	leads.Store(false)
	h.gateway.Deliver(hostA, starts(1, 3, "text"))
	stop() // its farewell
	clone := *g
	stop = clone.run() // its hello
	defer stop()
	for range cap(asked) / 8 { // each time it could have spoken
		<-asked
	}
	h.change(func() {
		if len(h.ups) != 1 || len(h.downs) != 0 || len(h.ended) != 0 {
			t.Errorf("%d up, %d down, %d ended", len(h.ups), len(h.downs), len(h.ended))
		}
		g.keeper.mu.Lock()
		defer g.keeper.mu.Unlock()
		if len(g.keeper.claimed) != 0 {
			t.Error("an order was sent")
		}
	})
	leads.Store(true)
	h.until("all has ended", func() bool { return len(h.ended) == 2 })
}

// What keepers know is told of hosts that are there and that come later.
func TestRecallOfAllHosts(t *testing.T) {
	t.Parallel()
	h := openHouse(t, ":0", t.TempDir(), 1)
	here, later := enrol(t, h, hostA), enrol(t, h, hostB)
	here.run()
	h.gateway.Deliver(hostA, starts(1, 6, "text"))
	h.until("all has ended", func() bool { return len(h.ended) == 5 })
	here.keeper.untilAcked(t)
	h.gateway.Recall(time.Now().Add(-time.Hour))
	h.until("the host that is there has answered", func() bool { return h.whole[hostA] })
	later.run()
	newcomer := enrol(t, h, banto.HostID("h-cccccccccc"))
	newcomer.run()
	h.until("all have answered", func() bool { return len(h.whole) == 3 && h.whole[hostB] && h.whole[newcomer.id] })
	h.change(func() {
		if len(h.recalled) != 5 || h.recalled[0].State != "told" {
			t.Errorf("recalled %+v", h.recalled)
		}
	})
}

// way is a way to a manager that can stop to carry anything, with its connections
// open.
type way struct {
	addr string
	gate sync.RWMutex // held for writing: nothing passes
}

func newWay(t *testing.T, to string) *way {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &way{addr: l.Addr().String()}
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	carry := func(from, to net.Conn) {
		p := make([]byte, 32<<10)
		for {
			n, err := from.Read(p)
			w.gate.RLock()
			_, werr := to.Write(p[:n])
			w.gate.RUnlock()
			if err != nil || werr != nil {
				_, _ = from.Close(), to.Close()
				return
			}
		}
	}
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, in, out)
			mu.Unlock()
			all.Go(func() { carry(in, out) })
			all.Go(func() { carry(out, in) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.gate.TryLock() // stopped or not, it is ours
		w.gate.Unlock()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return w
}

// stop lets nothing pass any more.
func (w *way) stop() { w.gate.Lock() }
