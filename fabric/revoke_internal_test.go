package fabric

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bantoops/banto"
)

// reading is a log that says when the server has read the account, and is about to
// apply it.
type reading struct {
	serverLog
	now func()
}

func (l *reading) Debugf(format string, _ ...any) {
	if strings.HasPrefix(format, "Account [%s] fetch took") {
		l.now()
	}
}

// A key that is revoked while the server reads the account anew stays out: what
// the server has read by then does not undo it.
func TestRevokedWhileTheServerReadsTheAccount(t *testing.T) {
	s, err := StartServer(ServerOptions{Listen: "127.0.0.1:0", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	connect := func(id banto.HostID) (key string, again func() error) {
		identity, err := LoadOrCreateIdentity(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		token, err := s.Issue(id, identity.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		again = func() error {
			c, err := nats.Connect(s.URL(), nats.UserJWTAndSeed(token, identity.Seed), nats.NoReconnect())
			if err == nil {
				c.Close()
			}
			return err
		}
		if err := again(); err != nil {
			t.Fatal(err)
		}
		return identity.PublicKey, again
	}
	first, _ := connect("h-aaaaaaaaaa")
	second, again := connect("h-bbbbbbbbbb")
	if err := s.Revoke(first); err != nil { // so that there is something to apply
		t.Fatal(err)
	}
	revoked, read := make(chan error, 1), 0
	log := &reading{serverLog: serverLog{log: s.log, fatal: make(chan string, 1)}}
	log.now = func() {
		if read++; read > 1 {
			return
		}
		go func() { revoked <- s.Revoke(second) }()
		if s.account.TryLock() { // then nothing keeps it from being done now
			s.account.Unlock()
			revoked <- <-revoked
		}
	}
	s.ns.SetLogger(log, true, false)
	s.Quiet(MaxQuiet)
	s.pings.later.Stop()
	s.adopt()
	if err := <-revoked; err != nil || read == 0 {
		t.Fatalf("the account was read %d times; revoked: %v", read, err)
	}
	if err := again(); err == nil {
		t.Error("a key that was revoked is let in")
	}
}

// Another pace that could not be taken up is tried again.
func TestAPaceThatIsNotTakenUp(t *testing.T) {
	s, err := StartServer(ServerOptions{Listen: "127.0.0.1:0", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	good, bad := s.pings.options, true
	s.pings.options = func(every time.Duration) *server.Options {
		o := good(every)
		if bad {
			o.ServerName = "other" // which cannot be changed
		}
		return o
	}
	for _, want := range []time.Duration{pingEvery(BeatEvery), pingEvery(MaxQuiet)} {
		s.Quiet(MaxQuiet)
		s.pings.later.Stop()
		s.adopt()
		if again := s.pings.later.Stop(); again != bad {
			t.Errorf("tried again: %v", again)
		}
		if v, err := s.ns.Varz(nil); err != nil || v.PingInterval != want {
			t.Errorf("connections are tried every %v: %v", v.PingInterval, err)
		}
		bad = false
	}
}
