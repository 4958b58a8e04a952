package fabric

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Of many that connect and say nothing more, each has its turn for a moment; who
// would wait for too long is turned away, and who computes to the end gives its
// turn to the next at once.
func TestHandshakesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &handshakes{turns: make(chan struct{}, 1)}
		first, err := h.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var in, out atomic.Int64
		const silent = int64(handshakeWait/handshakeTurn) + 50
		for range silent {
			go func() {
				if _, err := h.enter(t.Context()); err != nil {
					out.Add(1)
				} else {
					in.Add(1)
				}
			}()
		}
		synctest.Wait()
		if in.Load() != 0 {
			t.Error("somebody has a turn at the same time")
		}
		first()
		synctest.Wait()
		if in.Load() != 1 {
			t.Error("the next has no turn")
		}
		<-time.After(handshakeWait)
		synctest.Wait()
		if in.Load() < int64(handshakeWait/handshakeTurn) || in.Load()+out.Load() != silent || out.Load() == 0 {
			t.Errorf("%d had a turn, %d were turned away, of %d", in.Load(), out.Load(), silent)
		}
		<-time.After(handshakeTurn)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if done, err := h.enter(t.Context()); err != nil {
			t.Error("after all that nobody has a turn any more")
		} else if _, err := h.enter(gone); err == nil {
			t.Error("one that has gone has a turn")
		} else {
			done()
			done()
		}
	})
}

func TestAHandshakeEndsItsTurn(t *testing.T) {
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	defer web.Close()
	h := newHandshakes()
	guarded := h.guard(&tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS13})
	for range 3 * cap(h.turns) {
		here, there := net.Pipe()
		served := make(chan error, 1)
		go func() { served <- tls.Server(here, guarded).HandshakeContext(t.Context()) }()
		if err := tls.Client(there, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-served; err != nil {
			t.Fatal(err)
		}
		if n := len(h.turns); n != 0 {
			t.Fatalf("%d turns are taken", n)
		}
		_, _ = here.Close(), there.Close()
	}
}
