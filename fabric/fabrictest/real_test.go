package fabrictest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

const hostA, hostB = banto.HostID("h-aaaaaaaaaa"), banto.HostID("h-bbbbbbbbbb")

func TestOrdersGoAndResultsComeBack(t *testing.T) {
	h := openHouse(t, ":0", t.TempDir(), 1)
	g := enrol(t, h, hostA)
	h.gateway.Deliver(hostA, starts(1, 50, "hello\n")) // before the host is there
	stop := g.run()
	h.until("the host is up", func() bool { return len(h.ups) > 0 })
	if hello := h.ups[0].Hello; hello.Name != "db01" || hello.BootID != "boot" || hello.Generation != "gen" || hello.Slots != 4 || hello.OS == "" {
		t.Errorf("it says of itself %+v", hello)
	}
	big := strings.Repeat("0123456789abcdef", 300<<10/16)
	h.gateway.Deliver(hostA, starts(50, 60, big))
	h.gateway.Deliver(hostA, []fabric.Order{
		{ID: "kill", Kill: &fabric.KillOrder{Attempt: banto.NewAttemptID(simTracker, 99), Reason: banto.ReasonKilled}},
		{ID: "clean", Clean: &fabric.CleanOrder{Tracker: simTracker}},
	})
	h.until("all has ended and is confirmed", func() bool { return len(h.ended) == 60 && len(h.confirmed) == 61 })
	g.keeper.untilAcked(t)
	for n, want := range map[int]string{1: "hello\n", 49: "hello\n", 50: big, 59: big} {
		id := banto.NewAttemptID(simTracker, n)
		if data, size, err := h.outputs.Read(id, 0, 1<<20); err != nil || string(data) != want || size != h.ended[id].OutputSize {
			t.Errorf("attempt %s: output of %d bytes, %v", id, size, err)
		}
	}
	stop()
	h.until("the host has said goodbye", func() bool { return len(h.downs) == 1 })
	if !strings.Contains(h.downs[0], "stopped") {
		t.Errorf("it is down because: %s", h.downs[0])
	}
}

func TestOrderThatFitsNoFrameEndsItsAttempt(t *testing.T) {
	h := openHouse(t, ":0", t.TempDir(), 1)
	h.gateway.Enrolled(hostA, "", 0)
	h.gateway.Deliver(hostA, starts(1, 2, strings.Repeat("\x01", 200<<10)))
	h.until("it has ended", func() bool { return len(h.ended) == 1 && h.confirmed["start:1"] })
	if e := h.ended[banto.NewAttemptID(simTracker, 1)]; e.Reason != banto.ReasonNotStarted || e.Message == "" {
		t.Errorf("%+v", e)
	}
}

// The manager dies with results that it has not acknowledged, and comes back at
// the same address under a higher epoch.
func TestManagerComesBack(t *testing.T) {
	dir := t.TempDir()
	first := openHouse(t, ":0", dir, 1)
	addr := first.server.Addr()
	first.hold = true
	g := enrol(t, first, hostA)
	g.run()
	first.gateway.Deliver(hostA, starts(1, 20, "text"))
	first.until("all has ended", func() bool { return len(first.ended) == 19 })
	first.stop()
	second := openHouse(t, addr, dir, 2)
	second.change(func() { second.hold = true }) // an acknowledgement settles orders too
	second.gateway.Enrolled(hostA, "gen", 0)
	second.gateway.Deliver(hostA, starts(1, 20, "text")) // the outbox, as if no confirmation had been stored
	second.until("results and confirmations come again", func() bool { return len(second.ended) == 19 && len(second.confirmed) == 19 })
	second.change(func() { second.gateway.Acknowledge(hostA, slices.Collect(maps.Keys(second.ended))) })
	g.keeper.untilAcked(t)
}

// The agent dies while jobs run, and another goes on with their output.
func TestAgentComesBack(t *testing.T) {
	h := openHouse(t, ":0", t.TempDir(), 1)
	g := enrol(t, h, hostA)
	g.keeper.live = true
	stop := g.run()
	h.gateway.Deliver(hostA, starts(1, 4, "so far"))
	h.until("all has started", func() bool { return len(h.started) == 3 && len(h.confirmed) == 3 })
	stop()
	g.run()
	h.until("the host is up again", func() bool { return len(h.ups) > 1 })
	if n := len(h.ups[1].Hello.Running); n != 3 {
		t.Errorf("it runs %d attempts", n)
	}
	for n := 1; n < 4; n++ {
		h.gateway.Deliver(hostA, []fabric.Order{{ID: fmt.Sprint("kill:", n), Kill: &fabric.KillOrder{Attempt: banto.NewAttemptID(simTracker, n), Reason: banto.ReasonKilled}}})
	}
	h.until("all has ended", func() bool { return len(h.ended) == 3 })
	g.keeper.untilAcked(t)
	if line := h.outputs.LastLine(banto.NewAttemptID(simTracker, 1)); line != "so far" {
		t.Errorf("the output is %q", line)
	}
}

func TestKeeperComesBack(t *testing.T) {
	h := openHouse(t, ":0", t.TempDir(), 1)
	g := enrol(t, h, hostA)
	g.run()
	h.until("the host is up", func() bool { return len(h.ups) > 0 })
	g.keeper.mu.Lock()
	g.keeper.conn.Close()
	g.keeper.mu.Unlock()
	h.until("the host is up again", func() bool { return len(h.ups) > 1 })
	h.gateway.Deliver(hostA, starts(1, 5, "text"))
	h.until("all has ended", func() bool { return len(h.ended) == 4 })
}

// Two agents with one identity: the one that came last is up, the other is
// refused in words and gets no work.
func TestClonedHost(t *testing.T) {
	h := openHouse(t, ":0", t.TempDir(), 1)
	g := enrol(t, h, hostA)
	g.log.tell = make(chan string, 64)
	g.run()
	h.until("the first is up", func() bool { return len(h.ups) > 0 })
	clone := *g
	clone.keeper, clone.log = newMemKeeper(), &logLines{}
	clone.opt.Keeper, clone.opt.Name = clone.keeper.connect, "clone"
	clone.run()
	h.until("the second is up", func() bool { return len(h.ups) == 2 && h.ups[1].Hello.Name == "clone" })
	deadline := time.After(patience)
	for refused := false; !refused; {
		select {
		case line := <-g.log.tell:
			refused = strings.Contains(line, "another agent with this host's identity")
		case <-deadline:
			t.Fatal("the first is not refused")
		}
	}
	h.gateway.Deliver(hostA, starts(1, 20, "text"))
	h.until("all has ended", func() bool { return len(h.ended) == 19 })
	g.keeper.mu.Lock()
	defer g.keeper.mu.Unlock()
	if n := len(g.keeper.claimed); n != 0 {
		t.Errorf("the first was given %d attempts", n)
	}
}

// A host that floods the manager with nonsense, and one that never reads, hold
// up no other.
func TestBadHostsDelayNoOther(t *testing.T) {
	h := openHouse(t, ":0", t.TempDir(), 1)
	bad := enrol(t, h, hostB)
	conn, err := nats.Connect(h.server.URL(), nats.UserJWTAndSeed(bad.opt.JWT, bad.opt.Seed),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stop, flooding := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(flooding)
		nonsense := []byte(`{"v":1,"session":"x-1","output":[{"attempt":"` + strings.Repeat("x", 100_000) + `"}]}`)
		for {
			select {
			case <-stop:
				return
			default:
				_ = conn.Publish(fabric.UpSubject(hostB), nonsense)
				_ = conn.Publish(fabric.UpSubject(hostA), nonsense) // not its own
			}
		}
	}()
	h.gateway.Deliver(hostB, starts(1000, 2000, strings.Repeat("x", 1000)))
	g := enrol(t, h, hostA)
	g.run()
	for n := 1; n <= 20; n++ {
		h.gateway.Deliver(hostA, starts(n, n+1, "text"))
		h.until("the attempt has ended", func() bool { return len(h.ended) == n })
	}
	close(stop)
	<-flooding
	if len(h.downs) != 0 {
		t.Errorf("the good host was down: %v", h.downs)
	}
}

// BenchmarkAttempts takes tiny attempts through server, gateway and link.
func BenchmarkAttempts(b *testing.B) {
	for _, text := range []string{"", "hello\n"} {
		b.Run(fmt.Sprintf("output=%d", len(text)), func(b *testing.B) {
			h := openHouse(b, ":0", b.TempDir(), 1)
			g := enrol(b, h, hostA)
			g.run()
			h.until("the host is up", func() bool { return len(h.ups) > 0 })
			orders := starts(1, b.N+1, text)
			b.ResetTimer()
			for len(orders) > 0 { // as a runner would, some at a time
				n := min(len(orders), 16)
				h.gateway.Deliver(hostA, orders[:n])
				orders = orders[n:]
			}
			h.until("all has ended", func() bool { return len(h.ended) == b.N && len(h.confirmed) == b.N })
			g.keeper.untilAcked(b)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "attempts/s")
		})
	}
}

// BenchmarkOneByOne takes each attempt only after the one before has ended, as
// in a row of jobs.
func BenchmarkOneByOne(b *testing.B) {
	h := openHouse(b, ":0", b.TempDir(), 1)
	g := enrol(b, h, hostA)
	g.run()
	h.until("the host is up", func() bool { return len(h.ups) > 0 })
	b.ResetTimer()
	for n := 1; n <= b.N; n++ {
		h.gateway.Deliver(hostA, starts(n, n+1, ""))
		h.until("the attempt has ended", func() bool { return len(h.ended) == n })
	}
}
