package dispatch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/dispatch"
)

const (
	t1 = banto.TrackerID("20261121-0000001")
	t2 = banto.TrackerID("20261121-0000002")
)

func host(id, name string, slots int) dispatch.Host {
	return dispatch.Host{ID: banto.HostID(id), Name: name, Slots: slots, Up: true}
}

// show writes placements as "part@host" or "part!reason".
func show(ps []dispatch.Placement) string {
	var out []string
	for _, p := range ps {
		if p.Reason != "" {
			out = append(out, fmt.Sprintf("%s!%s", p.Want.Part, p.Reason))
			continue
		}
		out = append(out, fmt.Sprintf("%s@%s", p.Want.Part, p.Host))
	}
	return strings.Join(out, " ")
}

func next(t *testing.T, b *dispatch.Board, want string) {
	t.Helper()
	if diff := cmp.Diff(want, show(b.Next())); diff != "" {
		t.Errorf("Next (-want +got):\n%s", diff)
	}
}

func TestFirstComeFirstServed(t *testing.T) {
	b := dispatch.New()
	b.SetHost(host("h-1", "db01", 2))
	for _, p := range []banto.PartKey{"a", "b", "c", "d"} {
		b.Add(dispatch.Want{Tracker: t1, Part: p, Host: "db01"})
	}
	next(t, b, "a@db01 b@db01")
	next(t, b, "")
	b.Bind(t1, "a", banto.NewAttemptID(t1, 1))
	b.Bind(t1, "b", banto.NewAttemptID(t1, 2))
	next(t, b, "")
	b.Free(banto.NewAttemptID(t1, 2))
	b.Free(banto.NewAttemptID(t1, 2)) // told twice
	next(t, b, "c@db01")
	b.Withdraw(t1, "c") // the place comes back
	next(t, b, "d@db01")
}

func TestUnknownHostIsRefused(t *testing.T) {
	b := dispatch.New()
	b.Add(dispatch.Want{Tracker: t1, Part: "a", Host: "nowhere"})
	ps := b.Next()
	if len(ps) != 1 || ps[0].Reason != banto.ReasonNoHost || ps[0].Message != "the host nowhere is not known" {
		t.Errorf("got %+v", ps)
	}
	next(t, b, "")
}

func TestHostLearntBeforeTheDecision(t *testing.T) {
	b := dispatch.New()
	b.Add(dispatch.Want{Tracker: t1, Part: "a", Host: "db01"})
	b.Add(dispatch.Want{Tracker: t1, Part: "b", Host: "db02"})
	b.SetHost(host("h-1", "db01", 1))
	next(t, b, "b!no-host a@db01")
}

func TestLocalHostComesLater(t *testing.T) {
	b := dispatch.New()
	b.Add(dispatch.Want{Tracker: t1, Part: "a"})
	next(t, b, "")
	if got, want := b.Waiting(t1, "a"), "no agent beside the manager has connected yet"; got != want {
		t.Errorf("Waiting = %q, want %q", got, want)
	}
	local := host("h-0", "here", 1)
	local.Local = true
	local.Up = false
	b.SetHost(local)
	next(t, b, "")
	b.Add(dispatch.Want{Tracker: t1, Part: "b", Host: "here"}) // the same host by its name
	local.Up = true
	b.SetHost(local)
	next(t, b, "a@here")
	if got, want := b.Waiting(t1, "b"), "here is full: 1 of 1 places are taken, and 1 want one"; got != want {
		t.Errorf("Waiting = %q, want %q", got, want)
	}
	b.Withdraw(t1, "a")
	next(t, b, "b@here")
}

func TestHostInTroubleGetsNothing(t *testing.T) {
	b := dispatch.New()
	h := host("h-1", "db01", 4)
	h.Problem = "its disk is full"
	b.SetHost(h)
	b.Add(dispatch.Want{Tracker: t1, Part: "a", Host: "db01"})
	next(t, b, "")
	if got, want := b.Waiting(t1, "a"), "db01 can take nothing new: its disk is full"; got != want {
		t.Errorf("Waiting = %q, want %q", got, want)
	}
	h.Problem = ""
	b.SetHost(h)
	next(t, b, "a@db01")
}

func TestHostDownGetsNothing(t *testing.T) {
	b := dispatch.New()
	h := host("h-1", "db01", 4)
	h.Up = false
	b.SetHost(h)
	b.Add(dispatch.Want{Tracker: t1, Part: "a", Host: "db01"})
	next(t, b, "")
	if got, want := b.Waiting(t1, "a"), "db01 is not connected"; got != want {
		t.Errorf("Waiting = %q, want %q", got, want)
	}
	h.Up = true
	b.SetHost(h)
	if got, want := b.Waiting(t1, "a"), "it is about to get a place on db01"; got != want {
		t.Errorf("Waiting = %q, want %q", got, want)
	}
	next(t, b, "a@db01")
	if got := b.Waiting(t1, "a"); got != "" {
		t.Errorf("Waiting of what is placed = %q", got)
	}
}

func TestOccupyBeforeTheHostIsKnown(t *testing.T) {
	b := dispatch.New()
	b.Occupy(banto.NewAttemptID(t1, 1), "h-1")
	b.Occupy(banto.NewAttemptID(t1, 1), "h-1")
	b.Occupy(banto.NewAttemptID(t1, 2), "h-1")
	b.Add(dispatch.Want{Tracker: t2, Part: "a", Host: "db01"})
	b.SetHost(host("h-1", "db01", 1)) // fewer places than are taken
	next(t, b, "")
	b.Free(banto.NewAttemptID(t1, 1))
	next(t, b, "")
	b.Free(banto.NewAttemptID(t1, 2))
	next(t, b, "a@db01")
	if running, waiting := b.Load("h-1"); running != 1 || waiting != 0 {
		t.Errorf("Load = %d, %d", running, waiting)
	}
}

func TestForget(t *testing.T) {
	b := dispatch.New()
	b.SetHost(host("h-1", "db01", 2))
	b.Occupy(banto.NewAttemptID(t1, 1), "h-1")
	for _, p := range []banto.PartKey{"a", "b"} {
		b.Add(dispatch.Want{Tracker: t1, Part: p, Host: "db01"})
	}
	next(t, b, "a@db01")
	b.Add(dispatch.Want{Tracker: t2, Part: "x", Host: "db01"})
	b.Add(dispatch.Want{Tracker: t2, Part: "y", Host: "db01"})
	b.Forget(t1)
	next(t, b, "x@db01 y@db01")
	b.Forget(t1)
	if running, waiting := b.Load("h-1"); running != 2 || waiting != 0 {
		t.Errorf("Load = %d, %d", running, waiting)
	}
}

func TestAWantMovesToAnotherHost(t *testing.T) {
	b := dispatch.New()
	b.SetHost(host("h-1", "db01", 0))
	b.SetHost(host("h-2", "db02", 1))
	b.Add(dispatch.Want{Tracker: t1, Part: "a", Host: "db01"})
	b.Add(dispatch.Want{Tracker: t1, Part: "a", Host: "db01"})
	b.Add(dispatch.Want{Tracker: t1, Part: "a", Host: "db02"})
	b.SetHost(host("h-1", "db01", 1))
	next(t, b, "a@db02")
	b.Add(dispatch.Want{Tracker: t1, Part: "a", Host: "db01"}) // it has its place
	next(t, b, "")
}

func TestARenamedHost(t *testing.T) {
	b := dispatch.New()
	b.SetHost(host("h-1", "db01", 1))
	b.SetHost(host("h-1", "db02", 1))
	b.Add(dispatch.Want{Tracker: t1, Part: "a", Host: "db01"})
	b.Add(dispatch.Want{Tracker: t1, Part: "b", Host: "db02"})
	next(t, b, "a!no-host b@db02")
}

func TestLoadOfAHostNobodyKnows(t *testing.T) {
	if r, w := dispatch.New().Load("h-9"); r != 0 || w != 0 {
		t.Errorf("Load = %d, %d", r, w)
	}
}
