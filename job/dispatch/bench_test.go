package dispatch_test

import (
	"fmt"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/dispatch"
)

// turnover places one want, binds and frees it, and adds it again.
func turnover(b *testing.B, board *dispatch.Board) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		ps := board.Next()
		if len(ps) != 1 {
			b.Fatalf("%d decisions", len(ps))
		}
		w := ps[0].Want
		a := banto.NewAttemptID(w.Tracker, 1)
		board.Bind(w.Tracker, w.Part, a)
		board.Free(a)
		board.Add(w)
	}
}

func trackerNo(i int) banto.TrackerID { return banto.TrackerID(fmt.Sprintf("20261121-%07d", i)) }

// BenchmarkDecision places and frees one want while many others wait for the
// host, all of one tracker.
func BenchmarkDecision(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			board := dispatch.New()
			board.SetHost(host("h-1", "db01", 1))
			for i := range n {
				board.Add(part(t1, banto.PartKey(fmt.Sprint("p", i)), "db01"))
			}
			turnover(b, board)
		})
	}
}

// crowded gives a board with hosts in three groups, all full, and wants of as
// many trackers in their lines.
func crowded(hosts, wants int) *dispatch.Board {
	board := dispatch.New()
	for _, pick := range []string{"least-loaded", "round-robin", "first-alive"} {
		board.SetGroup(dispatch.Group{Name: pick, Labels: map[string]string{"role": "db"}, Pick: pick})
	}
	for i := range hosts {
		h := host(fmt.Sprint("h-", i), fmt.Sprintf("db%05d", i), 1)
		h.Labels = map[string]string{"role": "db"}
		board.SetHost(h)
		board.Occupy(banto.NewAttemptID(t1, i+10), h.ID)
	}
	for i := range wants {
		board.Add(part(trackerNo(i+10), "p", []string{"least-loaded", "round-robin", "first-alive", "role=db"}[i%4]))
	}
	board.Next()
	return board
}

// BenchmarkGroup places and frees one want while many others wait for groups of
// very many hosts.
func BenchmarkGroup(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			board := crowded(n, 10*n)
			board.Free(banto.NewAttemptID(t1, 10))
			turnover(b, board)
		})
	}
}

// BenchmarkHostChanges loses and finds a host while many wait for others.
func BenchmarkHostChanges(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			board := crowded(n, 10*n)
			h := host("h-7", "db00007", 1)
			h.Labels = map[string]string{"role": "db"}
			b.ReportAllocs()
			for b.Loop() {
				h.Up = !h.Up
				board.SetHost(h)
				if ps := board.Next(); len(ps) > 0 {
					b.Fatal(ps)
				}
			}
		})
	}
}

// BenchmarkLabels changes a host's labels, which moves it into and out of groups.
func BenchmarkLabels(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			board := crowded(n, 10*n)
			h := host("h-7", "db00007", 1)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				h.Labels = map[string]string{"role": []string{"db", "web"}[i%2]}
				board.SetHost(h)
				if ps := board.Next(); len(ps) > 0 {
					b.Fatal(ps)
				}
			}
		})
	}
}

// BenchmarkBlockedAccount places wants past many that an account keeps from
// starting.
func BenchmarkBlockedAccount(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			board := dispatch.New()
			board.SetHost(host("h-1", "db01", 1))
			board.SetAccount("nightly", dispatch.AccountState{Blocked: true})
			for i := range n {
				w := part(trackerNo(i%1000), banto.PartKey(fmt.Sprint("p", i)), "db01")
				w.Account = "nightly"
				board.Add(w)
			}
			board.Add(part(t1, "x", "db01"))
			turnover(b, board)
		})
	}
}
