package gateway

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// A host that has promised to be quiet is down so much later, unless it was told
// something that it does not answer.
func TestAQuietHostIsDownLater(t *testing.T) {
	const promised = 20 * time.Second
	m := opened(t, 3)
	m.Quiet(promised)
	m.Frame(fabric.Up{Version: 3, Session: m.session, Beat: true}, start)
	m.Ping(&fabric.Up{Session: m.session, Ping: 1}, time.Second, start)
	m.Proved(time.Minute)
	if d, ok := m.Next(start.Add(pongWait)); !ok || d.QuietMS != promised.Milliseconds() || d.Pong != 1 {
		t.Fatalf("it is told %+v", d)
	}
	heard := start.Add(2 * time.Second)
	m.Frame(fabric.Up{Version: 3, Session: m.session, Beat: true, QuietMS: promised.Milliseconds()}, heard)
	down := heard.Add(promised - fabric.BeatEvery + silence)
	if at := m.judgeAt(); !at.Equal(down) {
		t.Errorf("looked at after %v", at.Sub(heard))
	}
	if e := m.Tick(down.Add(-1), nil); e.Down != "" {
		t.Errorf("down: %s", e.Down)
	}
	sent := heard.Add(time.Second)
	m.Deliver(order(1))
	frames(m, sent)
	if at := m.judgeAt(); !at.Equal(sent.Add(silence)) {
		t.Errorf("with an order looked at after %v", at.Sub(sent))
	}
	if e := m.Tick(sent.Add(silence), nil); e.Down == "" {
		t.Error("what it was told it does not answer, and it is not down")
	}
}

// A manager that was held up while a host was quiet hears it out, and judges it
// then.
func TestAQuietHostIsHeardOut(t *testing.T) {
	m := opened(t, 3)
	m.Frame(fabric.Up{Version: 3, Session: m.session, Beat: true, QuietMS: 1 << 40}, start) // bounded
	late := start.Add(fabric.MaxQuiet + time.Minute)
	if e := m.Tick(late, nil); e.Down != "" || !m.Wake().Equal(late.Add(hearOut)) {
		t.Fatalf("%+v, and it looks again after %v", e, m.Wake().Sub(late))
	}
	if e := m.Tick(late.Add(hearOut), nil); e.Down == "" {
		t.Error("it is not down")
	}
}

// However long the manager was held up: a host whose connection stands is only
// slow for as long as any other, from then on.
func TestASlowHostIsNotBlamedForTheManager(t *testing.T) {
	m := opened(t, 3)
	connection := func() (bool, string) { return true, "" }
	m.Tick(start.Add(time.Hour), connection)
	heardOut := start.Add(time.Hour + hearOut)
	var now time.Time
	for now = m.Wake(); now.Before(heardOut.Add(stuck - silence)); now = m.Wake() {
		if e := m.Tick(now, connection); e.Down != "" {
			t.Fatalf("down %v after it was to be heard: %s", now.Sub(heardOut), e.Down)
		}
	}
	if e := m.Tick(now, connection); e.Down == "" {
		t.Error("it is never down")
	}
}

func TestHowQuietAHouseIs(t *testing.T) {
	for hosts, want := range map[int]time.Duration{
		0: 2 * time.Second, 1: 2 * time.Second, 1000: 2 * time.Second, 1001: 6 * time.Second, 10_000: 30 * time.Second, 20_000: 30 * time.Second, 1_000_000: 30 * time.Second,
	} {
		if got := fabric.QuietFor(hosts); got != want {
			t.Errorf("%d hosts: %v", hosts, got)
		}
	}
	for hosts := 1001; hosts <= 10_000; hosts++ {
		if each := float64(hosts) / fabric.QuietFor(hosts).Seconds(); each < 166 || each > 334 {
			t.Errorf("%d hosts speak %.0f times a second", hosts, each)
		}
	}
	for ms, want := range map[int64]time.Duration{-5: 2 * time.Second, 0: 2 * time.Second, 4000: 4 * time.Second, 1 << 62: 30 * time.Second} {
		if got := fabric.Quiet(ms); got != want {
			t.Errorf("%d ms: %v", ms, got)
		}
	}
}

// A host that was cut off without a word, and whose connection the server still
// believes to stand, is down half a minute after it was to be heard, however seldom
// the server tries connections.
func TestAHostThatIsCutOffIsDown(t *testing.T) {
	for _, promised := range []time.Duration{fabric.BeatEvery, 20 * time.Second, fabric.MaxQuiet} {
		m := opened(t, 3)
		m.Frame(fabric.Up{Version: 3, Session: m.session, Beat: true, QuietMS: promised.Milliseconds()}, start)
		latest := start.Add(promised - fabric.BeatEvery + stuck)
		var e Effects
		now := start
		for e.Down == "" && !now.After(latest) {
			now = m.Wake()
			e = m.Tick(now, func() (bool, string) { return true, "" })
		}
		if e.Down == "" || now.After(latest) {
			t.Errorf("who promised to be heard every %v is not down after %v: %q", promised, now.Sub(start), e.Down)
		}
	}
}

// A house at a bound does not tell all its hosts anew with each that comes or goes.
func TestAHouseAtABoundIsNotToldAllTheTime(t *testing.T) {
	var told []time.Duration
	g := New(Options{Beats: func(every time.Duration) { told = append(told, every) }})
	host := func(n int) banto.HostID { return banto.HostID(fmt.Sprintf("h-%d", n)) }
	for n := range 1001 {
		g.Enrolled(host(n), "", 0)
	}
	for range 10 {
		g.Removed(host(1000), "")
		g.Enrolled(host(1000), "", 0)
	}
	for n := 1000; n >= 890; n-- { // nearly an eighth fewer
		g.Removed(host(n), "")
	}
	if want := []time.Duration{2 * time.Second, 6 * time.Second}; !slices.Equal(told, want) {
		t.Errorf("told %v", told)
	}
	g.Removed(host(889), "")
	if want := []time.Duration{2 * time.Second, 6 * time.Second, 2 * time.Second}; !slices.Equal(told, want) {
		t.Errorf("told %v", told)
	}
}
