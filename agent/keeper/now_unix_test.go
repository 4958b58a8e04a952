//go:build unix

package keeper

import (
	"bufio"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

// socketPair gives the ends of a connection.
func socketPair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if here, err = net.Dial("unix", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if there, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	if err := there.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return here, there
}

// An agent that is slow to read is told all, once and in order, whoever wrote it.
func TestToldInOrderToASlowAgent(t *testing.T) {
	here, there := socketPair(t)
	s := newSession(here)
	const last = 2000
	long := strings.Repeat("x", 2<<10) // more than the socket takes
	for n := uint64(1); n <= last; n++ {
		s.tell(Event{Done: n, Ended: []Ended{{Attempt: banto.AttemptID("a"), OutputSize: int64(n), Message: long}}})
	}
	r := bufio.NewReader(there)
	for told := int64(0); told < last; {
		var e Event
		if err := readFrame(r, &e); err != nil {
			t.Fatalf("after %d results: %v", told, err)
		}
		for _, r := range e.Ended {
			if told++; r.OutputSize != told || r.Message != long {
				t.Fatalf("result %d comes as number %d", r.OutputSize, told)
			}
		}
	}
	s.close()
}

// What SendNow cannot write at once goes before all that is sent later.
func TestSendNowKeepsTheOrder(t *testing.T) {
	here, there := socketPair(t)
	c := &Client{conn: here, done: make(chan struct{})}
	const last = 4000
	long := strings.Repeat("x", 1000)
	failed := make(chan error, 1)
	go func() {
		for n := uint64(1); n <= last; n++ {
			q := Request{Seq: n, Start: []Start{{Attempt: "a", Spec: banto.Spec{Script: long}}}}
			if rest := c.SendNow(q); rest != nil && n%2 == 0 { // else the next one writes what is left
				if err := rest(); err != nil {
					failed <- err
					return
				}
			}
		}
		failed <- c.Send(Request{Stop: true})
	}()
	r := bufio.NewReader(there)
	var at uint64
	for {
		var q Request
		if err := readFrame(r, &q); err != nil {
			t.Fatalf("after %d requests: %v", at, err)
		}
		if q.Stop {
			break
		}
		if at++; q.Seq != at {
			t.Fatalf("request %d comes as number %d", q.Seq, at)
		}
	}
	if err := <-failed; err != nil || at != last {
		t.Fatalf("%d requests, error %v", at, err)
	}
}
