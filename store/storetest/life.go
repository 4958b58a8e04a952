package storetest

import (
	"errors"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/store"
)

// lease reads the lease, without what time does to it by itself.
func (b *bed) lease() store.Lease {
	b.Helper()
	l := must(b.s.Lease(b.Context()))(b)
	l.Age, l.RenewedAt, l.Gone = 0, time.Time{}, false
	return l
}

func testLease(b *bed) {
	b.same("before the first Begin", must(b.s.Lease(b.Context()))(b), store.Lease{})
	if b.s.ProvedAt() != 0 {
		b.Error("it was proved before it was taken")
	}
	epoch, err := b.s.Begin(b.Context(), "manager-a", at(1))
	if err != nil || epoch < 1 {
		b.Fatalf("got %d, %v", epoch, err)
	}
	first := b.lease()
	b.same("after Begin", first, store.Lease{Epoch: epoch, Seq: first.Seq, Holder: "manager-a"})
	proved := b.s.ProvedAt()
	if err := b.s.Write(b.Context(), func(tx store.Tx) error { return tx.PutFlow("x", nil) }); err != nil {
		b.Fatal(err)
	}
	second := b.lease()
	if second.Seq != first.Seq+1 || second.Epoch != epoch {
		b.Errorf("a transaction took the lease from %+v to %+v", first, second)
	}
	if l := must(b.s.Lease(b.Context()))(b); l.Age < 0 || l.Age > time.Minute || l.RenewedAt.Before(epoch0) {
		b.Errorf("renewed %s ago, at %s", l.Age, l.RenewedAt)
	}
	later := b.s.ProvedAt()
	if proved <= 0 || later <= proved || later > boottime.Now() {
		b.Errorf("proved at %s, then at %s", proved, later)
	}
	_ = b.s.Write(b.Context(), func(store.Tx) error { return errors.New("no") })
	b.same("after one that failed", b.lease(), second)
	b.same("the proof after one that failed", b.s.ProvedAt(), later)
	again, err := b.s.Begin(b.Context(), "manager-b", at(2))
	if err != nil || again <= epoch {
		b.Errorf("a second Begin: got %d, %v, want more than %d", again, err, epoch)
	}
}

// testFencing: a manager that begins deposes the one before it, for good.
func testFencing(b *bed) {
	b.write(func(tx store.Tx) error { return tx.PutTracker(tracker(string(one))) })
	other := &bed{T: b.T, s: b.place(b.T)}
	other.write(func(tx store.Tx) error { return tx.PutTracker(tracker(string(two))) })
	f := newFull(1)
	for range 2 {
		err := b.s.Write(b.Context(), func(tx store.Tx) error { return putAll(tx, f) })
		if !errors.Is(err, store.ErrDeposed) {
			b.Errorf("got %v, want ErrDeposed", err)
		}
	}
	b.nothing(f)
	b.same("what the first wrote", must(other.s.Tracker(b.Context(), one))(b), tracker(string(one)))
	b.same("the deposed can read", must(b.s.Tracker(b.Context(), two))(b), tracker(string(two)))
	// Only a Begin of its own makes it active again, and deposes the other.
	if _, err := b.s.Begin(b.Context(), "again", at(5)); err != nil {
		b.Fatal(err)
	}
	b.afterwards(f)
	if err := other.tryWrite(func(store.Tx) error { return nil }); !errors.Is(err, store.ErrDeposed) {
		b.Errorf("got %v, want ErrDeposed", err)
	}
}

func testWriteBeforeBegin(b *bed) {
	f := newFull(1)
	f.tracker.Flow = "another"
	err := b.s.Write(b.Context(), func(tx store.Tx) error { return putAll(tx, f) })
	if err == nil {
		b.Error("wrote without a lease")
	}
	b.nothing(f)
}

// testReopen: all is there again when the store is opened again, and goes on
// where it was.
func testReopen(b *bed) {
	f := newFull(1)
	f.put(b)
	f.check(b)
	incarnation, lease := must(b.s.Incarnation(b.Context()))(b), b.lease()
	for range 3 {
		if err := b.s.Close(); err != nil {
			b.Fatal(err)
		}
		b.s, b.begun = b.place(b.T), false
		f.check(b)
		b.same("incarnation", must(b.s.Incarnation(b.Context()))(b), incarnation)
		b.same("lease", b.lease(), lease)
	}
	f.put(b) // the next version, the next audit entry
	f.check(b)
	b.same("version", f.definition.Version, 2)
	if now := must(b.s.Lease(b.Context()))(b); now.Epoch <= lease.Epoch || now.Seq <= lease.Seq {
		b.Errorf("the lease went from %+v to %+v", lease, now)
	}
}

func testIncarnation(b *bed) {
	mine := must(b.s.Incarnation(b.Context()))(b)
	other := must(b.newPlace(b.T)(b.T).Incarnation(b.Context()))(b)
	if len(mine) < 20 || mine == other {
		b.Errorf("got %q and %q", mine, other)
	}
}

func testClose(b *bed) {
	b.write(func(tx store.Tx) error { return tx.PutAudit(banto.AuditEntry{}) })
	for range 2 {
		if err := b.s.Close(); err != nil {
			b.Errorf("Close: %v", err)
		}
	}
	if b.s.Write(b.Context(), func(store.Tx) error { return nil }) == nil {
		b.Error("wrote after Close")
	}
	if _, err := b.s.Tracker(b.Context(), one); err == nil || errors.Is(err, store.ErrNotFound) {
		b.Errorf("read after Close: %v", err)
	}
	if _, err := b.s.Begin(b.Context(), "x", epoch0); err == nil {
		b.Error("began after Close")
	}
}
