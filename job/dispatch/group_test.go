package dispatch_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/dispatch"
)

// part makes a want of a tracker for a target.
func part(tracker banto.TrackerID, key banto.PartKey, target string) dispatch.Want {
	return dispatch.Want{Tracker: tracker, Part: key, Host: target}
}

func waits(t *testing.T, b *dispatch.Board, tracker banto.TrackerID, key banto.PartKey, want string) {
	t.Helper()
	if got := b.Waiting(tracker, key); got != want {
		t.Errorf("Waiting(%s) = %q, want %q", key, got, want)
	}
}

// grouped gives a board with hosts a, b and c of so many places in group g.
func grouped(pick string, slots ...int) *dispatch.Board {
	b := dispatch.New()
	for i, n := range slots {
		name := string(rune('a' + i))
		b.SetHost(host("h-"+name, name, n))
	}
	b.SetGroup(dispatch.Group{Name: "g", Hosts: []string{"c", "a", "b", "not-there"}, Pick: pick})
	return b
}

func TestPick(t *testing.T) {
	for pick, want := range map[string]string{
		"":             "p1@a p2@b p3@c p4@c p5@b p6@c",
		"least-loaded": "p1@a p2@b p3@c p4@c p5@b p6@c",
		"round-robin":  "p1@a p2@b p3@c p4@b p5@c p6@c",
		"first-alive":  "p1@c p2@c p3@c p4@a p5@b p6@b",
	} {
		b := grouped(pick, 1, 2, 3)
		for i := range 7 {
			w := part(t1, banto.PartKey(fmt.Sprint("p", i+1)), "g")
			w.PerPart = true
			b.Add(w)
		}
		next(t, b, want)
		waits(t, b, t1, "p7", "every host of g that is connected is full, and 1 want a place")
		b.Withdraw(t1, "p2")
		next(t, b, map[bool]string{true: "p7@b", false: "p7@c"}[pick != "first-alive"])
	}
}

func TestRoundRobinGoesOnWhereItWas(t *testing.T) {
	b := grouped("round-robin", 9, 9, 9)
	for i, want := range []string{"a", "b", "c", "a", "b"} {
		w := part(t1, banto.PartKey(fmt.Sprint("p", i)), "g")
		w.PerPart = true
		b.Add(w)
		next(t, b, fmt.Sprintf("p%d@%s", i, want))
	}
	b.SetGroup(dispatch.Group{Name: "g", Hosts: []string{"a", "b", "c"}, Pick: "round-robin"})
	b.Add(part(t1, "q", "g"))
	next(t, b, "q@c")
}

func TestPickAll(t *testing.T) {
	b := grouped("all", 1, 1, 1)
	down := host("h-c", "c", 1)
	down.Up, down.Admission = false, banto.AdmissionHeld
	b.SetHost(down)
	b.Add(part(t1, "copy", "g"))
	waits(t, b, t1, "copy", "it is about to get its hosts")
	ps := b.Next()
	want := []dispatch.Placement{{
		Want: part(t1, "copy", "g"), Host: "g", All: []banto.HostRef{{Name: "a", ID: "h-a"}, {Name: "b", ID: "h-b"}, {Name: "c", ID: "h-c"}},
	}}
	if diff := cmp.Diff(want, ps); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r, _ := b.Load("h-a"); r != 0 {
		t.Errorf("the whole of it has taken %d places", r)
	}
	// The items, as hosts of their own or as choices.
	b.Add(part(t1, "copy[a]", "a"))
	for _, id := range []banto.HostID{"h-b", "h-c", "h-gone"} {
		w := part(t1, banto.PartKey("copy["+id+"]"), "g")
		w.Chosen = id
		b.Add(w)
	}
	next(t, b, "copy[h-gone]!no-host copy[a]@a copy[h-b]@b")
	waits(t, b, t1, "copy[h-c]", "c is held")

	b.SetGroup(dispatch.Group{Name: "g", Pick: "all"})
	b.Add(part(t1, "x", "g"))
	next(t, b, "x!no-host")
}

func TestChosenOnceForATracker(t *testing.T) {
	b := grouped("least-loaded", 1, 1, 1)
	for _, p := range []banto.PartKey{"p", "q", "r"} {
		b.Add(part(t1, p, "g"))
	}
	ps := b.Next()
	if len(ps) != 1 || ps[0].Host != "a" || ps[0].Target != "g" {
		t.Fatalf("got %+v", ps)
	}
	waits(t, b, t1, "q", "a is full: 1 of 1 places are taken, and 2 want one; the tracker chose it for g")
	one := banto.NewAttemptID(t1, 1)
	b.Bind(t1, "p", one)

	down := host("h-a", "a", 1)
	down.Up = false
	b.SetHost(down)
	b.Free(one)
	next(t, b, "") // it waits for that host
	waits(t, b, t1, "q", "a is not connected; the tracker chose it for g")

	b.RemoveHost("h-a") // another is chosen, once
	ps = b.Next()
	if len(ps) != 1 || ps[0].Want.Part != "q" || ps[0].Host != "b" || ps[0].Target != "g" {
		t.Fatalf("got %+v", ps)
	}
	late := part(t1, "late", "g")
	late.Chosen = "h-a" // from before it was removed
	b.Add(late)
	next(t, b, "")
	waits(t, b, t1, "late", "b is full: 1 of 1 places are taken, and 2 want one; the tracker chose it for g")
	b.Withdraw(t1, "q")
	next(t, b, "r@b")
	b.Forget(t1)
	b.Add(late)
	next(t, b, "late@b")
	again := part(t2, "p", "g")
	again.Chosen = "h-c"
	b.Add(again)
	if ps := b.Next(); len(ps) != 1 || ps[0].Host != "c" || ps[0].Target != "" {
		t.Errorf("a choice that the engine knows: %+v", ps)
	}
}

func TestChoiceLearntLate(t *testing.T) {
	b := dispatch.New()
	b.SetGroup(dispatch.Group{Name: "g", Hosts: []string{"a", "b"}})
	w := part(t1, "p", "g")
	w.Chosen = "h-b"
	b.Add(w)
	waits(t, b, t1, "p", "it is about to be looked at")
	b.SetHost(host("h-a", "a", 1))
	b.SetHost(host("h-b", "b", 1))
	waits(t, b, t1, "p", "it is about to be looked at")
	next(t, b, "p@b")
	b.Add(part(t2, "p", "g"))
	waits(t, b, t2, "p", "it is about to get a place on a host of g")
	b.Add(part(t2, "q", "gone"))
	waits(t, b, t2, "q", "the host gone is not known")
}

func TestGroupsOfNobody(t *testing.T) {
	b := grouped("", 1)
	b.SetGroup(dispatch.Group{Name: "none", Labels: map[string]string{"role": "db"}})
	for i, target := range []string{"none", "area=east,role=db", "area=,x", "gone"} {
		b.Add(part(t1, banto.PartKey(fmt.Sprint("p", i)), target))
	}
	got := map[banto.PartKey]string{}
	for _, p := range b.Next() {
		got[p.Want.Part] = string(p.Reason) + ": " + p.Message
	}
	want := map[banto.PartKey]string{
		"p0": "no-host: the group none has no hosts",
		"p1": "no-host: no host has the labels area=east,role=db",
		"p2": `no-host: "area=,x" are no labels`,
		"p3": "no-host: the host gone is not known",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLabelsMoveHosts(t *testing.T) {
	b := dispatch.New()
	b.SetGroup(dispatch.Group{Name: "g", Labels: map[string]string{"role": "db"}})
	db := host("h-a", "a", 1)
	db.Labels = map[string]string{"role": "db", "area": "east"}
	db.Up = false
	b.SetHost(db)
	b.Add(part(t1, "p", "g"))
	b.Add(part(t2, "q", "area=east,role=db"))
	next(t, b, "")
	waits(t, b, t1, "p", "no host of g is connected")
	waits(t, b, t2, "q", "no host with area=east,role=db is connected")
	other := host("h-b", "b", 1)
	other.Labels = map[string]string{"role": "db"}
	b.SetHost(other)
	next(t, b, "p@b")
	if diff := cmp.Diff([]banto.HostRef{{Name: "a", ID: "h-a"}, {Name: "b", ID: "h-b"}}, b.Members("g")); diff != "" {
		t.Errorf("Members (-want +got):\n%s", diff)
	}
	db.Labels = map[string]string{"role": "web"}
	b.SetHost(db)
	next(t, b, "q!no-host")
}

func TestAGroupChanges(t *testing.T) {
	b := grouped("", 1, 1, 1)
	b.SetGroup(dispatch.Group{Name: "g", Hosts: []string{"a"}})
	for _, id := range []banto.TrackerID{t1, t2, "20261121-0000003"} {
		b.Add(part(id, "p", "g"))
	}
	next(t, b, "p@a")
	b.SetGroup(dispatch.Group{Name: "g", Hosts: []string{"a"}}) // nothing new
	next(t, b, "")
	b.SetGroup(dispatch.Group{Name: "g", Hosts: []string{"a", "b"}})
	next(t, b, "p@b")
	b.SetHost(host("h-g", "g", 4)) // the group goes before a host of its name
	next(t, b, "")
	b.RemoveGroup("g")
	b.RemoveGroup("g")
	next(t, b, "p@g")
	b.Add(part(t1, "q", "g"))
	b.RemoveHost("h-g")
	b.RemoveHost("h-g")
	next(t, b, "q!no-host")
}

func TestAdmission(t *testing.T) {
	b := grouped("", 2, 2)
	h := host("h-a", "a", 2)
	h.Admission = banto.AdmissionDraining
	b.SetHost(h)
	kept := part(t1, "kept", "g")
	kept.Chosen = "h-a"
	b.Add(part(t1, "named", "a"))
	b.Add(kept)
	b.Add(part(t2, "new", "g"))
	next(t, b, "kept@a new@b")
	waits(t, b, t1, "named", "a is draining: it takes nothing new")
	h.Admission = banto.AdmissionHeld
	b.SetHost(h)
	kept.Part = "kept too"
	b.Add(kept)
	next(t, b, "")
	waits(t, b, t1, "named", "a is held")
	waits(t, b, t1, "kept too", "a is held")
	h.Admission = banto.AdmissionDraining
	b.SetHost(h)
	next(t, b, "kept too@a")
	b.Withdraw(t1, "kept")
	h.Admission = banto.AdmissionOpen
	b.SetHost(h)
	next(t, b, "named@a")

	h.Admission = banto.AdmissionHeld
	b.SetHost(h)
	other := host("h-b", "b", 2)
	other.Admission = banto.AdmissionDraining
	b.SetHost(other)
	b.Add(part("20261121-0000003", "p", "g"))
	next(t, b, "")
	waits(t, b, "20261121-0000003", "p", "no host of g that is connected takes anything new: they are held, draining or in trouble")
}

func TestShells(t *testing.T) {
	b := dispatch.New()
	unix := host("h-a", "a", 4)
	unix.OS, unix.Shells = "linux", []string{"sh", "bash"}
	win := host("h-w", "w", 4)
	win.OS = "windows"
	b.SetHost(unix)
	b.SetHost(win)
	b.SetGroup(dispatch.Group{Name: "g", Hosts: []string{"a", "w"}})
	b.SetGroup(dispatch.Group{Name: "unixes", Hosts: []string{"a"}})
	tracker := 0
	try := func(target, shell, want, message string) {
		t.Helper()
		tracker++
		w := part(banto.TrackerID(fmt.Sprintf("20261121-000010%d", tracker)), "p", target)
		w.Shell = shell
		b.Add(w)
		ps := b.Next()
		if got := show(ps); got != want || len(ps) > 0 && ps[0].Message != message {
			t.Errorf("%s on %s: got %s, %+v", shell, target, got, ps)
		}
		if len(ps) == 0 {
			waits(t, b, w.Tracker, "p", message)
		}
	}
	try("g", "bash", "p@a", "")
	try("g", "cmd", "p@w", "")
	try("g", "pwsh", "p@w", "")
	try("w", "pwsh", "p@w", "")
	try("w", "sh", "p!not-started", "w cannot have the shell sh: it runs windows")
	try("a", "powershell", "p!not-started", "a cannot have the shell powershell: it runs linux")
	try("a", "pwsh", "p@a", "") // as far as is known; the host will say
	try("unixes", "cmd", "p!not-started", "no host of unixes can have the shell cmd")
	try("unixes", "pwsh", "", "no host of unixes that is connected has the shell pwsh")

	b.Add(part(t1, "p", "g"))
	q := part(t1, "q", "g")
	q.Shell = "cmd"
	b.Add(q)
	ps := b.Next()
	if got, want := show(ps), "p@a q!not-started"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := ps[1].Message, "a cannot have the shell cmd: it runs linux; the tracker chose it for g (pick: per-part chooses anew)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestASystemLearntLate(t *testing.T) {
	b := dispatch.New()
	h := host("h-a", "a", 4)
	h.Up = false
	b.SetHost(h)
	w := part(t1, "p", "a")
	w.Shell = "cmd"
	b.Add(w)
	next(t, b, "")
	h.OS = "linux"
	b.SetHost(h)
	next(t, b, "p!not-started")
}

func TestAccounts(t *testing.T) {
	b := dispatch.New()
	b.SetHost(host("h-a", "a", 2))
	b.SetAccount("nightly", dispatch.AccountState{Blocked: true, Why: "5 logons failed"})
	as := func(key banto.PartKey) dispatch.Want {
		w := part(t1, key, "a")
		w.Account = "nightly"
		return w
	}
	b.Add(as("p"))
	b.Add(as("q"))
	b.Add(part(t1, "r", "a"))
	next(t, b, "r@a")
	waits(t, b, t1, "p", "the account nightly is blocked: 5 logons failed")
	b.SetAccount("nightly", dispatch.AccountState{Blocked: true})
	waits(t, b, t1, "p", "the account nightly is blocked")
	b.Withdraw(t1, "r")

	b.SetAccount("nightly", dispatch.AccountState{OneAtATime: true})
	next(t, b, "p@a")
	waits(t, b, t1, "q", "the account nightly is being tried: one part at a time starts under it")
	one := banto.NewAttemptID(t1, 1)
	b.Bind(t1, "p", one)
	next(t, b, "")
	b.Free(one)
	next(t, b, "q@a")
	b.Add(as("s"))
	next(t, b, "")
	b.SetAccount("nightly", dispatch.AccountState{})
	next(t, b, "s@a")

	b.Forget(t1) // and what is known after a start
	b.Occupy(one, "h-a")
	b.Under(one, "nightly")
	b.Under(one, "nightly")
	b.Under("20261121-0000001.9", "nightly") // that nobody knows
	b.SetAccount("nightly", dispatch.AccountState{OneAtATime: true})
	b.Add(as("t"))
	next(t, b, "")
	b.Under(one, "")
	next(t, b, "t@a")
}

func TestARemovedHostKeepsItsAttempts(t *testing.T) {
	b := dispatch.New()
	b.SetHost(host("h-a", "a", 1))
	one := banto.NewAttemptID(t1, 1)
	b.Occupy(one, "h-a")
	b.RemoveHost("h-a")
	if r, _ := b.Load("h-a"); r != 1 {
		t.Errorf("%d attempts on it, want 1", r)
	}
	b.SetHost(host("h-b", "a", 1)) // another machine of that name
	b.Add(part(t2, "p", "a"))
	next(t, b, "p@a")
	b.Free(one)
	if r, _ := b.Load("h-a"); r != 0 {
		t.Errorf("%d attempts on it, want 0", r)
	}
}

func TestHostsSwapNames(t *testing.T) {
	b := grouped("", 1, 1)
	b.SetHost(host("h-a", "b", 1))
	b.SetHost(host("h-b", "a", 1))
	if diff := cmp.Diff([]banto.HostRef{{Name: "a", ID: "h-b"}, {Name: "b", ID: "h-a"}}, b.Members("g")); diff != "" {
		t.Errorf("Members (-want +got):\n%s", diff)
	}
	b.Add(part(t1, "p", "a"))
	if ps := b.Next(); len(ps) != 1 || ps[0].HostID != "h-b" {
		t.Errorf("got %+v", ps)
	}
}

func TestSetsOfLabelsThatNothingWaitsForAreForgotten(t *testing.T) {
	b := dispatch.New()
	h := host("h-a", "a", 1000)
	h.Labels = map[string]string{}
	for i := range 40 {
		h.Labels[fmt.Sprint("l", i)] = "x"
	}
	b.SetHost(h)
	for range 2 {
		for i := range 40 {
			w := part(t1, banto.PartKey(fmt.Sprint("p", i)), fmt.Sprint("l", i, "=x"))
			b.Add(w)
			next(t, b, fmt.Sprintf("p%d@a", i))
			b.Withdraw(t1, w.Part)
		}
	}
	if r, w := b.Load("h-a"); r != 0 || w != 0 {
		t.Errorf("Load = %d, %d", r, w)
	}
}

// The host that a tracker chose is lost, and the engine has dropped it: what
// waits for it and what comes chooses anew, all the same host.
func TestUnchoose(t *testing.T) {
	b := grouped("first-alive", 2, 2, 2)
	b.Add(part(t1, "p", "g"))
	next(t, b, "p@c")
	b.Bind(t1, "p", "20261121-0000001.1")
	down := host("h-c", "c", 2)
	down.Up = false
	b.SetHost(down)
	for _, key := range []banto.PartKey{"q", "r"} {
		w := part(t1, key, "g")
		w.Chosen = "h-c"
		b.Add(w)
	}
	b.Add(part(t2, "p", "g"))
	next(t, b, "p@a")
	b.Free("20261121-0000001.1")
	b.Unchoose(t1, "g")
	for _, key := range []banto.PartKey{"q", "r"} {
		b.Withdraw(t1, key)
		b.Add(part(t1, key, "g"))
	}
	b.Add(part(t1, "p", "g"))
	next(t, b, "q@a") // its place is the last; the others follow it
	b.SetHost(host("h-c", "c", 2))
	next(t, b, "")
	b.Withdraw(t2, "p")
	next(t, b, "r@a")

	b.Unchoose(t1, "other")
	b.Unchoose("20261121-0000099", "g")
}
