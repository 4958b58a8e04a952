package dispatch_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/dispatch"
)

func TestTrackersTakeTurns(t *testing.T) {
	b := dispatch.New()
	b.SetHost(host("h-1", "db01", 1))
	for i := range 3 {
		b.Add(part(t1, banto.PartKey(fmt.Sprint("a", i)), "db01"))
	}
	for i := range 2 {
		b.Add(part(t2, banto.PartKey(fmt.Sprint("b", i)), "db01"))
	}
	var got []banto.PartKey
	for ps := b.Next(); len(ps) == 1; ps = b.Next() {
		got = append(got, ps[0].Want.Part)
		b.Withdraw(ps[0].Want.Tracker, ps[0].Want.Part)
	}
	if want := "[a0 b0 a1 b1 a2]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestNobodyStarves: some trackers always want more than there is, from hosts,
// groups and labels that overlap. Whoever wants a place of a host that goes on
// freeing places gets one within a round: before everybody else has had two
// in each line where they wait.
func TestNobodyStarves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := dispatch.New()
		hosts := rapid.IntRange(1, 4).Draw(t, "hosts")
		places := 0
		for i := range hosts {
			h := host(fmt.Sprint("h-", i), fmt.Sprint("db", i), rapid.IntRange(1, 2).Draw(t, "slots"))
			h.Labels = map[string]string{"role": "db"}
			places += h.Slots
			b.SetHost(h)
		}
		b.SetGroup(dispatch.Group{Name: "g", Labels: map[string]string{"role": "db"}, Pick: rapid.SampledFrom([]string{"", "round-robin", "first-alive"}).Draw(t, "pick")})
		// All of them can be served by host 0, so each of its places is a chance.
		targets := []string{"db0", "g", "role=db"}
		crowd := rapid.IntRange(2, 6).Draw(t, "trackers")
		since := map[string]int{} // places of host 0 since a tracker was served in a line
		n := 0
		want := func(id banto.TrackerID, target string) {
			n++
			w := part(id, banto.PartKey(fmt.Sprint("p", n)), target)
			w.PerPart = true
			b.Add(w)
		}
		for i := range crowd {
			for _, target := range targets {
				for range 1 + rapid.IntRange(0, 3).Draw(t, "wants") {
					want(banto.TrackerID(fmt.Sprintf("20261121-000000%d", i)), target)
				}
				since[fmt.Sprint(i, target)] = 0
			}
		}
		var running []dispatch.Placement
		for range 300 {
			for _, p := range b.Next() {
				running = append(running, p)
				me := string(p.Want.Tracker[len(p.Want.Tracker)-1:]) + p.Want.Host
				since[me] = 0
				if p.HostID == "h-0" {
					for other := range since {
						if other != me {
							since[other]++
						}
					}
				}
				want(p.Want.Tracker, p.Want.Host)
			}
			for who, passed := range since {
				if passed > len(since) {
					t.Fatalf("%s was passed over %d times by %d others", who, passed, len(since)-1)
				}
			}
			i := rapid.IntRange(0, len(running)-1).Draw(t, "ends")
			b.Withdraw(running[i].Want.Tracker, running[i].Want.Part)
			running = append(running[:i], running[i+1:]...)
		}
		if len(running) != places-1 {
			t.Fatalf("%d run on %d places", len(running), places)
		}
	})
}
