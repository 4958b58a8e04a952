package fabric_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/bantoops/banto/fabric"
)

// silent listens, takes connections and says nothing, as a manager that is
// stopped does.
func silent(t *testing.T) (endpoint string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	muteFor(t, t.Context(), l)
	return "nats://" + l.Addr().String()
}

// A manager that is stopped holds nobody up, however often it is tried.
func TestStoppedManagerIsPassedOver(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	c := newCaller(t, s, hostA, silent(t), s.URL())
	c.dial()
	if got := c.until("the other works", func(change) bool { return true }); !got.connected || got.endpoint != s.URL() {
		t.Errorf("%+v", got)
	}
	works(t, s, c, hostA)
}

// A host that leaves a manager tries the others first; where there is none it
// leaves only what is of no use at all.
func TestLeave(t *testing.T) {
	dir := t.TempDir()
	first, second := startServer(t, dir), startServer(t, dir)
	c := newCaller(t, first, hostA, first.URL(), second.URL())
	c.dial()
	if got := c.until("the first works", connected); got.endpoint != first.URL() {
		t.Fatalf("connected to %s", got.endpoint)
	}
	if !c.conn.Leave("it is not the active one", false) {
		t.Fatal("it does not leave")
	}
	if got := c.until("it is left", failed); got.endpoint != first.URL() || !strings.Contains(got.err.Error(), "not the active one") {
		t.Errorf("%+v", got)
	}
	if got := c.until("the second works", connected); got.endpoint != second.URL() {
		t.Fatalf("connected to %s", got.endpoint)
	}
	works(t, second, c, hostA)
	first.Close()
	c.conn.Leave("neither is this", false) // and the other is gone: back again
	if got := c.until("the second works again", connected); got.endpoint != second.URL() {
		t.Errorf("connected to %s", got.endpoint)
	}

	alone := newCaller(t, second, hostB, second.URL())
	alone.dial()
	alone.until("it is connected", connected)
	if alone.conn.Leave("no other is there", false) {
		t.Error("it leaves the only manager")
	}
	if !alone.conn.Leave("it does not answer", true) {
		t.Error("it does not leave a dead manager")
	}
	alone.until("it is lost", failed)
	alone.until("it is connected again", connected)
	works(t, second, alone, hostB)
}

// What managers tell is used from the next connection on, before what was known.
func TestEndpointsThatAreTold(t *testing.T) {
	dir := t.TempDir()
	first, second := startServer(t, dir), startServer(t, dir)
	c := newCaller(t, first, hostA, first.URL())
	c.dial()
	c.until("the first works", connected)
	if _, _, err := c.conn.Use([]string{"http://elsewhere"}); err == nil {
		t.Error("what is no endpoint is taken")
	}
	for n, told := range [][]string{{second.URL(), first.URL()}, {second.URL(), first.URL()}, {second.URL()}} {
		ends, changed, err := c.conn.Use(told)
		if err != nil || changed != (n == 0) || !slices.Equal(ends, []string{second.URL(), first.URL()}) {
			t.Errorf("%d: %v, %v, %v", n, ends, changed, err)
		}
	}
	first.Close()
	if got := c.until("the second works", connected); got.endpoint != second.URL() {
		t.Errorf("connected to %s", got.endpoint)
	}
	for n := range 30 { // managers that come and go
		if _, _, err := c.conn.Use([]string{fmt.Sprintf("tls://manager%d:8601", n)}); err != nil {
			t.Fatal(err)
		}
	}
	ends, _, err := c.conn.Use([]string{"tls://manager:8601"})
	if err != nil || len(ends) > 12 || !slices.Contains(ends, second.URL()) {
		t.Errorf("%d are kept, %v: %v", len(ends), err, ends)
	}
}

// All managers share what a frame may tell of them.
func TestManagersThatFitAFrame(t *testing.T) {
	var many []string
	for n := range 100 {
		many = append(many, fmt.Sprintf("tls://m%d:1", n), fmt.Sprintf("tls://m%d:1", n), "", strings.Repeat("x", fabric.MaxEndpoint+1))
	}
	fit := fabric.ManagersFitting(many)
	if len(fit) != fabric.MaxManagers || fit[1] != "tls://m1:1" {
		t.Errorf("%v", fit)
	}
	b, err := fabric.Down{Epoch: 1, Managers: fit}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fabric.DecodeDown(b); err != nil {
		t.Error(err)
	}
}
