package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

func benchWrite(b *testing.B, s store.Store, fn func(store.Tx) error) {
	b.Helper()
	if err := s.Write(context.Background(), fn); err != nil {
		b.Fatal(err)
	}
}

// rowsOf gives a tracker, and a part and attempt of it in a state.
func rowsOf(n, i int, state banto.PartState) (banto.Tracker, banto.Part, banto.Attempt) {
	at := time.Unix(1763700000, 0).Add(time.Duration(n) * time.Second)
	id := banto.TrackerID(fmt.Sprintf("20261121-%07d", n))
	t := banto.Tracker{
		ID: id, Jobnet: "backup/nightly", Title: "Nightly backup", Version: 3, Flow: "flow", State: banto.TrackerRunning,
		Parts: 1024, Attempts: i, SubmittedBy: "admin", SubmittedAt: at, StartedAt: &at, Revision: int64(i),
		Counts: map[banto.PartState]int{banto.PartOK: i, banto.PartRunning: 16, banto.PartWaiting: 1024 - i},
		Params: map[string]string{"generations": "7", "source": "/srv/data"},
	}
	p := banto.Part{
		Tracker: id, Key: banto.PartKey(fmt.Sprintf("part-%05d", i)), State: state, Attempt: 1, Tries: 1,
		AttemptID: banto.NewAttemptID(id, i+1), Host: "web-1", StartedAt: &at, Revision: int64(i),
	}
	a := banto.Attempt{
		ID: p.AttemptID, Tracker: id, Seq: i + 1, Part: p.Key, Number: 1, State: banto.AttemptState(state),
		Host: "web-1", HostID: "h-0123456789", CreatedAt: at, StartedAt: &at, OutputSize: 120,
	}
	return t, p, a
}

// BenchmarkRows writes what 32 attempts that start and 32 that end leave
// behind, in one transaction each time, and gives rows per second.
func BenchmarkRows(b *testing.B, s store.Store) {
	benchWrite(b, s, func(tx store.Tx) error { return tx.PutFlow("flow", []byte("{}")) })
	rows, i := 0, 0
	for b.Loop() {
		benchWrite(b, s, func(tx store.Tx) error {
			put := func(i int, state banto.PartState) error {
				t, p, a := rowsOf(i/1024, i%1024, state)
				if i%32 == 0 {
					rows++
					if err := tx.PutTracker(t); err != nil {
						return err
					}
				}
				rows += 3
				if err := tx.PutPart(p); err != nil {
					return err
				}
				if err := tx.PutAttempt(a); err != nil {
					return err
				}
				if state == banto.PartOK {
					return tx.DeleteOutbox("start:" + string(a.ID))
				}
				return tx.PutOutbox(store.OutboxEntry{
					ID: "start:" + string(a.ID), HostID: a.HostID, Payload: make([]byte, 300), At: a.CreatedAt,
				})
			}
			for k := i; k < i+32; k++ {
				if err := put(k, banto.PartRunning); err != nil {
					return err
				}
			}
			for k := i - 32; k >= 0 && k < i; k++ {
				if err := put(k, banto.PartOK); err != nil {
					return err
				}
			}
			return nil
		})
		i += 32
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkCommit writes one row per transaction: what a full sync costs.
func BenchmarkCommit(b *testing.B, s store.Store) {
	benchWrite(b, s, func(tx store.Tx) error { return tx.PutFlow("flow", []byte("{}")) })
	t, _, _ := rowsOf(1, 1, banto.PartOK)
	for b.Loop() {
		benchWrite(b, s, func(tx store.Tx) error { return tx.PutTracker(t) })
	}
}

// BenchmarkUnfinished rebuilds 1,000 trackers of 100 parts.
func BenchmarkUnfinished(b *testing.B, s store.Store) {
	benchWrite(b, s, func(tx store.Tx) error { return tx.PutFlow("flow", []byte("{}")) })
	for n := range 1000 {
		benchWrite(b, s, func(tx store.Tx) error {
			t, _, _ := rowsOf(n, 0, banto.PartOK)
			errs := []error{tx.PutTracker(t)}
			for i := range 100 {
				_, p, a := rowsOf(n, i, banto.PartOK)
				if i >= 98 {
					_, p, a = rowsOf(n, i, banto.PartRunning)
				}
				errs = append(errs, tx.PutPart(p), tx.PutAttempt(a))
			}
			return errors.Join(errs...)
		})
	}
	for b.Loop() {
		n := 0
		if err := s.Unfinished(b.Context(), func(r engine.Records) error { n += len(r.Parts); return nil }); err != nil {
			b.Fatal(err)
		}
		if n != 100_000 {
			b.Fatal(n)
		}
	}
}

// BenchmarkSubmit writes 100 new trackers with their keys in one transaction
// each time, and gives trackers per second.
func BenchmarkSubmit(b *testing.B, s store.Store) {
	benchWrite(b, s, func(tx store.Tx) error { return tx.PutFlow("flow", []byte("{}")) })
	n := 0
	for b.Loop() {
		benchWrite(b, s, func(tx store.Tx) error {
			var errs []error
			for range 100 {
				t, _, _ := rowsOf(n, 0, banto.PartOK)
				n++
				errs = append(errs, tx.PutTracker(t), tx.PutSubmitted("admin", fmt.Sprint("key-", n), "hash", t.ID, t.SubmittedAt))
			}
			return errors.Join(errs...)
		})
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "trackers/s")
}
