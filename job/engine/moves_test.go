package engine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// fanned submits a part that runs on n hosts.
func fanned(tb testing.TB, n int) *engine.Tracker {
	tb.Helper()
	tracker, _ := submit(define(tb, jobnet.Part{Name: "a", Host: "all"}, jobnet.Part{Name: "b", After: after("a")}))
	in := engine.FanOut{Part: "a"}
	for i := range n {
		name := fmt.Sprintf("h%05d", i)
		in.Hosts = append(in.Hosts, banto.HostRef{Name: name, ID: banto.HostID("h-" + name)})
	}
	step(tb, tracker, in)
	return tracker
}

func item(i int) banto.PartKey { return banto.PartKey(fmt.Sprintf("a[h%05d]", i)) }

// picture is all that can be seen of a tracker.
func picture(tb testing.TB, t *engine.Tracker) string {
	tb.Helper()
	b, err := json.Marshal([]any{t.Row(), t.Live(), t.WaitsFor(), t.Resume(), t.Changes()})
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func TestAPlanLeavesTheTrackerAlone(t *testing.T) {
	tracker := fanned(t, 3)
	step(t, tracker, engine.Placed{Part: item(0), Host: "h00000", HostID: "h-0"})
	step(t, tracker, engine.Hold{By: "me", Parts: []banto.PartKey{item(1)}})
	was := picture(t, tracker)
	for _, in := range []engine.Input{
		engine.Hold{By: "me"},
		engine.Release{By: "me"},
		engine.Skip{By: "me", Parts: []banto.PartKey{item(2), "b"}},
		engine.ForceEnd{By: "me", Parts: []banto.PartKey{"a"}, Outcome: banto.OK},
		engine.KillParts{By: "me"},
		engine.Cancel{By: "me"},
	} {
		changes, err := tracker.Plan(in, start)
		if _, whole := in.(engine.Hold); err != nil || len(changes) == 0 && !whole {
			t.Errorf("%T: %v, %v", in, changes, err)
		}
		if diff := cmp.Diff(was, picture(t, tracker)); diff != "" {
			t.Fatalf("the plan of %T changed the tracker:\n%s", in, diff)
		}
	}
	if _, err := tracker.Plan(engine.Rerun{By: "me"}, start); banto.KindOf(err) != banto.KindConflict {
		t.Errorf("a rerun of nothing: %v", err)
	}
}

func TestARefusalNamesSome(t *testing.T) {
	tracker, _ := submit(chain(t, 40))
	in := engine.KillParts{By: "me"}
	for i := range 40 {
		in.Parts = append(in.Parts, banto.PartKey(fmt.Sprintf("p%d", i)))
	}
	_, err := tracker.Step(in, start)
	if err == nil || !strings.Contains(err.Error(), "p19 is waiting; and 20 more") {
		t.Errorf("refused with %v", err)
	}
}

func TestAMessageNamesSomeHosts(t *testing.T) {
	tracker := fanned(t, 15)
	var effects []engine.Effect
	for i := range 15 {
		effects = step(t, tracker, engine.NoPlace{Part: item(i), Reason: banto.ReasonNoHost, Message: "gone"})
	}
	got := rows(effects)["a"].Message
	if !strings.HasPrefix(got, "failed on h00000, h00001,") || !strings.HasSuffix(got, "h00009 and 5 more") {
		t.Errorf("the message is %q", got)
	}
}

// BenchmarkItem takes the items of a part through their attempts. Its cost must
// be the same for 100 hosts and for 10,000.
func BenchmarkItem(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var t *engine.Tracker
			next := n
			b.ReportAllocs()
			for b.Loop() {
				if next >= n-1 { // the last one makes the sum, which may cost more
					b.StopTimer()
					t = fanned(b, n)
					next = 0
					b.StartTimer()
				}
				pass(b, t, item(next), 0)
				next++
			}
		})
	}
}

// BenchmarkPlan plans a move in a tracker of 100,000 parts.
func BenchmarkPlan(b *testing.B) {
	t, _ := submit(chain(b, 100_000))
	for b.Loop() {
		if _, err := t.Plan(engine.Skip{By: "me", Parts: []banto.PartKey{"p5"}}, start); err != nil {
			b.Fatal(err)
		}
	}
}
