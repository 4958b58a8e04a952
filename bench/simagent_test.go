//go:build linux

package main

import (
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
)

func attemptNo(n int) banto.AttemptID { return banto.NewAttemptID("20261122-7k3mq0x", n) }

func startNo(n int) keeper.Request {
	return keeper.Request{Seq: uint64(n), Start: []keeper.Start{{Attempt: attemptNo(n), Spec: banto.Spec{Part: "a"}}}}
}

// events sends a request and gives what the keeper tells.
func events(t *testing.T, k *simKeeper, q keeper.Request) keeper.Event {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.handle(q)
}

func TestASimulatedKeeperStartsOnce(t *testing.T) {
	k := newSimKeeper("one", 0, "x\n")
	e := events(t, k, startNo(1))
	if len(e.Ended) != 1 || e.Ended[0].OutputSize != 2 || e.Done != 1 || e.Claims != 1 {
		t.Fatalf("the first start gave %+v", e)
	}
	again := events(t, k, startNo(1))
	if len(again.Ended) != 1 || !again.Ended[0].At.Equal(e.Ended[0].At) || again.Claims != 1 {
		t.Errorf("the same start again gave %+v", again)
	}
	events(t, k, keeper.Request{Ack: []banto.AttemptID{attemptNo(1)}})
	if late := events(t, k, startNo(1)); len(late.Ended)+len(late.Started) != 0 || late.Claims != 1 {
		t.Errorf("a start that comes after its result was acknowledged gave %+v", late)
	}
}

func TestAKillBeforeItsStartLeavesATombstone(t *testing.T) {
	k := newSimKeeper("one", time.Hour, "")
	e := events(t, k, keeper.Request{Kill: []keeper.Kill{{Attempt: attemptNo(2), Reason: banto.ReasonKilled}}})
	if len(e.Ended) != 1 || e.Ended[0].Reason != banto.ReasonKilled || e.Ended[0].StartedAt != nil {
		t.Fatalf("the kill gave %+v", e)
	}
	if e = events(t, k, startNo(2)); len(e.Started) != 0 {
		t.Errorf("a start behind its kill gave %+v", e)
	}
}

func TestResultsAreToldOnEveryConnection(t *testing.T) {
	k := newSimKeeper("one", time.Hour, "")
	events(t, k, startNo(1))
	events(t, k, startNo(2))
	events(t, k, keeper.Request{Kill: []keeper.Kill{{Attempt: attemptNo(1), Reason: banto.ReasonKilled}}})
	for range 2 {
		c, err := k.connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		hello, again := <-c.Events(), <-c.Events()
		if hello.Hello == nil || len(hello.Hello.Running) != 1 || hello.Hello.Running[0] != attemptNo(2) {
			t.Errorf("Hello is %+v", hello.Hello)
		}
		if len(again.Ended) != 1 || again.Ended[0].Attempt != attemptNo(1) {
			t.Errorf("behind it comes %+v", again)
		}
	}
}

func TestASimulatedProcessEndsByItself(t *testing.T) {
	k := newSimKeeper("one", time.Millisecond, "")
	c, err := k.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send(startNo(1)); err != nil {
		t.Fatal(err)
	}
	late := time.After(10 * time.Second)
	for {
		select {
		case e := <-c.Events():
			if len(e.Ended) == 1 {
				return
			}
		case <-late:
			t.Fatal("it does not end")
		}
	}
}
