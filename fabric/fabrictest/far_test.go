package fabrictest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/link"
	"github.com/bantoops/banto/fabric"
)

// certificate makes one for this machine that signs itself.
func certificate(tb testing.TB) (*tls.Config, string) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "manager"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// A whole session over TLS and over the WebSocket, with a script that is sent by
// reference.
func TestFarHosts(t *testing.T) {
	config, ca := certificate(t)
	h := openHouseWith(t, fabric.ServerOptions{Listen: "127.0.0.1:0", TLS: config}, t.TempDir(), 1)
	mux := http.NewServeMux()
	mux.Handle(fabric.SocketPath, h.server.Websocket())
	web := httptest.NewUnstartedServer(mux)
	web.TLS = config
	web.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	web.StartTLS()
	t.Cleanup(web.Close)
	text := strings.Repeat("echo a script of three megabytes\n", 3<<20/33)
	sum := sha256.Sum256([]byte(text))
	hash := hex.EncodeToString(sum[:])
	h.mu.Lock()
	h.scripts[hash] = text
	h.mu.Unlock()
	for n, endpoint := range []string{h.server.URL(), "wss://" + web.Listener.Addr().String() + "/fabric"} {
		g := enrol(t, h, banto.HostID(fmt.Sprintf("h-far%d", n)))
		g.opt.URL, g.opt.Endpoints, g.opt.CA, g.opt.Proxy = "", []string{"tls://127.0.0.1:1", endpoint}, ca, fabric.Direct
		stop := g.run()
		h.until("the host is up", func() bool { return len(h.ups) > n })
		if up := h.ups[n]; up.Hello.Endpoint != endpoint || len(up.Hello.Shells) != 1 || up.ClockMS > 60_000 || up.ClockMS < -60_000 {
			t.Errorf("it says %+v, clock %d ms", up.Hello, up.ClockMS)
		}
		o := starts(10*n+1, 10*n+2, "")[0]
		o.Start.Spec.ScriptHash = hash
		lost := starts(10*n+2, 10*n+3, "")[0]
		lost.Start.Spec.ScriptHash = strings.Repeat("0", 64)
		h.gateway.Deliver(g.id, []fabric.Order{o, lost})
		h.until("both have ended", func() bool { return len(h.ended) == 2*n+2 })
		if e := h.ended[o.Start.Attempt]; e.OutputSize != int64(len(text)) {
			t.Errorf("%s: the script's output has %d bytes, of %d", endpoint, e.OutputSize, len(text))
		}
		if e := h.ended[lost.Start.Attempt]; e.Reason != banto.ReasonNotStarted || !strings.Contains(e.Message, "script") {
			t.Errorf("%s: a script that is missing: %+v", endpoint, e)
		}
		stop()
		h.until("the host has said goodbye", func() bool { return len(h.downs) == n+1 })
	}
	if h.claims == 0 {
		t.Error("no claims were told")
	}
}

// A clock that is off is measured.
func TestClockThatIsOff(t *testing.T) {
	h := openHouse(t, ":0", t.TempDir(), 1)
	g := enrol(t, h, hostA)
	g.opt.Now = func() time.Time { return time.Now().Add(24 * time.Hour) }
	g.run()
	h.until("the host is up", func() bool { return len(h.ups) > 0 })
	if off := h.ups[0].ClockMS - 24*3600*1000; off > 60_000 || off < -60_000 {
		t.Errorf("its clock is %d ms ahead", h.ups[0].ClockMS)
	}
}

// A host that is removed is told so, served no more, and its key is out.
func TestHostThatIsRemoved(t *testing.T) {
	h := openHouse(t, ":0", t.TempDir(), 1)
	g, other := enrol(t, h, hostA), enrol(t, h, hostB)
	g.log.tell = make(chan string, 64)
	g.run()
	other.run()
	h.until("both are up", func() bool { return len(h.ups) > 1 })
	h.gateway.Removed(hostA, "the host was removed by ann")
	g.logged(t, "the host was removed by ann")
	h.gateway.Deliver(hostA, starts(1, 2, "text"))
	h.gateway.Deliver(hostB, starts(2, 3, "text"))
	h.until("the other works on", func() bool { return len(h.ended) == 1 })
	if err := h.server.Revoke(g.key); err != nil {
		t.Fatal(err)
	}
	g.logged(t, "check=key")
	g.keeper.mu.Lock()
	defer g.keeper.mu.Unlock()
	if len(g.keeper.claimed) != 0 {
		t.Error("a removed host was given work")
	}
}

// logged waits for a line of the agent's log.
func (g *guest) logged(t *testing.T, what string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line := <-g.log.tell:
			if strings.Contains(line, what) {
				return
			}
		case <-deadline:
			t.Fatalf("%q is not logged", what)
		}
	}
}

// A keeper with fewer claims than the manager knows begins a new generation
// before its session opens.
func TestKeeperThatWasPutBack(t *testing.T) {
	h := openHouse(t, ":0", t.TempDir(), 1)
	g := enrol(t, h, hostA)
	h.gateway.Enrolled(hostA, "gen", 100)
	g.run()
	h.until("the host is up", func() bool { return len(h.ups) > 0 })
	if got := h.ups[0].Hello.Generation; got != "gen1" {
		t.Errorf("the session opens with generation %q", got)
	}
	if problem := h.gateway.Problem(hostA); !strings.HasPrefix(problem, "its keeper began a new generation at ") {
		t.Errorf("its session is open, and the problem is %q", problem)
	}
	o := starts(1, 2, "old")[0]
	o.Start.Generation = "gen"
	n := starts(2, 3, "new")[0]
	n.Start.Generation = "gen1"
	h.gateway.Deliver(hostA, []fabric.Order{o, n})
	h.until("both have ended", func() bool { return len(h.ended) == 2 })
	if e := h.ended[o.Start.Attempt]; e.Reason != banto.ReasonKeeperDied {
		t.Errorf("the start for the claims of before: %+v", e)
	}
	if e := h.ended[n.Start.Attempt]; e.Exit == nil {
		t.Errorf("the start for those of now: %+v", e)
	}
}

// What the keeper cannot do is told to the manager, and when it can again.
func TestProblemOfAKeeper(t *testing.T) {
	h := openHouse(t, ":0", t.TempDir(), 1)
	g := enrol(t, h, hostA)
	g.keeper.problem = "the disk is full"
	g.run()
	h.gateway.Deliver(hostA, starts(1, 2, "text"))
	h.until("the problem is told", func() bool { return h.problem == "the disk is full" })
	if problem := h.gateway.Problem(hostA); problem != "the disk is full" {
		t.Errorf("the gateway says %q", problem)
	}
	g.keeper.mu.Lock()
	g.keeper.problem = ""
	g.keeper.conn.Close() // a keeper that comes anew has none
	g.keeper.mu.Unlock()
	h.until("the problem is over", func() bool { return h.problem == "" })
}

// Two hundred agents lose their manager and come back at once.
func TestManyHostsComeBackAtOnce(t *testing.T) {
	const many = 200
	config, ca := certificate(t)
	dir := t.TempDir()
	first := openHouseWith(t, fabric.ServerOptions{Listen: "127.0.0.1:0", TLS: config}, dir, 1)
	addr := first.server.Addr()
	guests := make([]*guest, many)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for n := range guests {
		g := enrol(t, first, banto.HostID(fmt.Sprintf("h-many%d", n)))
		g.opt.CA, g.opt.Proxy = ca, fabric.Direct
		guests[n] = g
		wg.Go(func() { _ = link.New(g.opt).Run(ctx) })
	}
	first.until("all are up", func() bool { return first.hosts() == many })
	first.stop()
	second := openHouseWith(t, fabric.ServerOptions{Listen: addr, TLS: config}, dir, 2)
	for n, g := range guests {
		second.gateway.Enrolled(g.id, "gen", 0)
		second.gateway.Deliver(g.id, starts(n+1, n+2, "text"))
	}
	second.until("all are up again and have worked", func() bool { return second.hosts() == many && len(second.ended) == many })
	second.change(func() {
		for id, e := range second.ended {
			if e.Exit == nil || *e.Exit != 0 {
				t.Errorf("attempt %s: %+v", id, e)
			}
		}
	})
}
