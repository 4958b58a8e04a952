package fabric

import (
	"crypto/tls"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bantoops/banto"
)

// A connection that says something every so often is not asked whether it lives.
func TestHowOftenConnectionsAreTried(t *testing.T) {
	for quiet, want := range map[time.Duration]time.Duration{BeatEvery: 3 * time.Second, 2 * BeatEvery: 6 * time.Second, MaxQuiet: 45 * time.Second} {
		if got := pingEvery(quiet); got != want {
			t.Errorf("%v: %v", quiet, got)
		}
	}
}

// A house that grows has its connections tried less often: those that stand go on
// standing, a key that was revoked stays out, and others are let in.
func TestAHouseThatGrows(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	s, err := StartServer(ServerOptions{Listen: "127.0.0.1:0", Dir: t.TempDir(), TLS: &tls.Config{Certificates: web.TLS.Certificates}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	own, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	heard, err := own.SubscribeSync(UpWildcard)
	if err == nil {
		err = own.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	host := func(id banto.HostID) (*nats.Conn, string, error) {
		identity, err := LoadOrCreateIdentity(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		token, err := s.Issue(id, identity.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		c, err := nats.Connect(s.URL(), nats.Secure(&tls.Config{InsecureSkipVerify: true}), nats.UserJWTAndSeed(token, identity.Seed), nats.NoReconnect())
		return c, identity.PublicKey, err
	}
	speaks := func(c *nats.Conn, id banto.HostID) {
		t.Helper()
		if err := c.Publish(UpSubject(id), []byte(id)); err != nil {
			t.Error(err)
		}
		if m, err := heard.NextMsg(10 * time.Second); err != nil || string(m.Data) != string(id) {
			t.Errorf("of %s: %v, %v", id, m, err)
		}
	}
	stays, _, err := host("h-aaaaaaaaaa")
	if err != nil {
		t.Fatal(err)
	}
	defer stays.Close()
	goes, key, err := host("h-bbbbbbbbbb")
	if err != nil {
		t.Fatal(err)
	}
	defer goes.Close()
	speaks(goes, "h-bbbbbbbbbb")
	if err := s.Revoke(key); err != nil {
		t.Fatal(err)
	}

	for _, step := range []struct{ quiet, tried time.Duration }{
		{2 * BeatEvery, 6 * time.Second},
		{3 * BeatEvery, 6 * time.Second}, // not worth it
		{MaxQuiet, 45 * time.Second},
		{BeatEvery, 3 * time.Second},
	} {
		s.Quiet(step.quiet)
		s.pings.later.Stop() // not so late here
		s.adopt()
		if v, err := s.ns.Varz(nil); err != nil || v.PingInterval != step.tried {
			t.Errorf("told of %v, connections are tried every %v: %v", step.quiet, v.PingInterval, err)
		}
		speaks(stays, "h-aaaaaaaaaa")
	}
	if !stays.IsConnected() || stays.Stats().Reconnects > 0 {
		t.Error("the connection that stood was cut")
	}
	comes, _, err := host("h-cccccccccc")
	if err != nil {
		t.Fatal(err)
	}
	defer comes.Close()
	speaks(comes, "h-cccccccccc")
	if err := s.Revoke(key); err != nil {
		t.Error(err)
	}
	if goes.IsConnected() {
		t.Error("who was revoked is connected")
	}
}

// What counts as a round that found no good connection.
func TestWhichConnectionsWereGood(t *testing.T) {
	c := &Conn{now: &live{}}
	failed := 0
	for range 100 { // managers that take over from each other, and take the host on
		c.hold(&live{})
		c.Good()
		c.let()
		failed = c.counted(failed, steady-1)
	}
	if reconnectWait(failed) > time.Second || failed < 2 {
		t.Errorf("%d after sessions that were welcomed", failed)
	}
	c.Good() // too late: nothing is connected
	c.hold(&live{})
	if failed = c.counted(fastRounds, steady-1); failed != fastRounds+1 {
		t.Errorf("%d after a connection over which nobody was taken on", failed)
	}
	if failed = c.counted(failed, steady+1); failed != 0 {
		t.Errorf("%d after one that lasted", failed)
	}
}
