package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bantoops/banto/store"
)

// long is an age that no lease of a test has.
const long = time.Hour

// testTake: the lease goes to one of those who want it, and the one before
// writes nothing more. A store that is one process's own gives it to whoever
// asks.
func testTake(b *bed) {
	ctx := b.Context()
	epoch, err := b.s.Take(ctx, store.TakeOver{Holder: "a/1", URL: "https://a", Name: "a", After: long})
	if err != nil || epoch < 1 {
		b.Fatalf("a free lease: %d, %v", epoch, err)
	}
	b.same("the lease", must(b.s.Lease(ctx))(b).URL, "https://a")
	again, err := b.s.Take(ctx, store.TakeOver{Holder: "a/1", Name: "a", After: long})
	if err != nil || again <= epoch {
		b.Errorf("its own lease: %d, %v, want more than %d", again, err, epoch)
	}
	other := b.place(b.T)
	if b.s.Shared() {
		if _, err := other.Take(ctx, store.TakeOver{Holder: "b/1", Name: "b", After: long}); !errors.Is(err, store.ErrHeld) {
			b.Errorf("a lease that another holds: %v, want ErrHeld", err)
		}
		if err := b.s.Write(ctx, func(tx store.Tx) error { return tx.PutFlow("x", nil) }); err != nil {
			b.Errorf("whoever could not take it harmed the holder: %v", err)
		}
	}
	taken, err := other.Take(ctx, store.TakeOver{Holder: "b/1", Name: "b"}) // any age will do
	if err != nil || taken <= again {
		b.Fatalf("a lease that is old enough: %d, %v, want more than %d", taken, err, again)
	}
	f := newFull(1)
	for range 2 {
		if err := b.s.Write(ctx, func(tx store.Tx) error { return putAll(tx, f) }); !errors.Is(err, store.ErrDeposed) {
			b.Errorf("the one before: %v, want ErrDeposed", err)
		}
	}
	b.nothing(f)
	if err := b.s.Release(ctx, ""); err != nil {
		b.Errorf("the one before gives up what it does not have: %v", err)
	}
	b.same("whose it is", must(other.Lease(ctx))(b).Holder, "b/1")
	if err := other.Write(ctx, func(tx store.Tx) error { return tx.PutFlow("y", nil) }); err != nil {
		b.Error(err)
	}
	for _, bad := range []store.TakeOver{{Holder: "\x00"}, {Holder: "x", URL: "\xff"}, {Holder: "x", Name: "\x00"}} {
		if _, err := b.s.Take(ctx, bad); !errors.Is(err, store.ErrPoison) {
			b.Errorf("%+v: %v, want ErrPoison", bad, err)
		}
	}
}

// testTakeAtOnce: of many who want it at the same time, one gets it.
func testTakeAtOnce(b *bed) {
	if !b.s.Shared() {
		return // it is one process's own
	}
	ctx := b.Context()
	const managers = 4
	type result struct {
		s   store.Store
		err error
	}
	var opened []store.Store
	for range managers {
		opened = append(opened, b.place(b.T))
	}
	results := make(chan result)
	for i, s := range opened {
		go func() {
			_, err := s.Take(ctx, store.TakeOver{Holder: fmt.Sprintf("m%d/1", i), Name: fmt.Sprint("m", i), After: long})
			results <- result{s, err}
		}()
	}
	active := 0
	for range managers {
		r := <-results
		switch {
		case r.err == nil:
			active++
			if err := r.s.Write(ctx, func(tx store.Tx) error { return tx.PutFlow("x", nil) }); err != nil {
				b.Errorf("the one that got it cannot write: %v", err)
			}
		case !errors.Is(r.err, store.ErrHeld):
			b.Errorf("%v, want ErrHeld", r.err)
		}
	}
	if active != 1 {
		b.Errorf("%d managers are active", active)
	}
}

// testRelease: a lease that was given up is free at once, for the one that was
// named or for all.
func testRelease(b *bed) {
	ctx := b.Context()
	take := func(s store.Store, name string) error {
		_, err := s.Take(ctx, store.TakeOver{Holder: name + "/1", Name: name, After: long})
		return err
	}
	second, third := b.place(b.T), b.place(b.T)
	if err := errors.Join(b.s.Release(ctx, ""), take(b.s, "a"), b.s.Release(ctx, "b")); err != nil {
		b.Fatal(err)
	}
	l := must(b.s.Lease(ctx))(b)
	if l.Holder != "" || l.URL != "" || l.Next != "b" {
		b.Errorf("the lease that was given up: %+v", l)
	}
	if b.s.Write(ctx, func(tx store.Tx) error { return tx.PutFlow("x", nil) }) == nil {
		b.Error("wrote after it gave the lease up")
	}
	if err := take(third, "c"); b.s.Shared() && !errors.Is(err, store.ErrHeld) {
		b.Errorf("one that was not named: %v, want ErrHeld", err)
	}
	if err := take(second, "b"); err != nil {
		b.Fatalf("the one that was named: %v", err)
	}
	b.same("nobody is named any more", must(b.s.Lease(ctx))(b).Next, "")
	if err := errors.Join(second.Release(ctx, ""), take(third, "c")); err != nil {
		b.Errorf("given up to all: %v", err)
	}
	if err := b.s.Release(ctx, "\x00"); !errors.Is(err, store.ErrPoison) {
		b.Errorf("got %v, want ErrPoison", err)
	}
}

// testManagers: a manager's row is its own, and needs no lease.
func testManagers(b *bed) {
	ctx := b.Context()
	m := fill[store.Manager](1)
	m.Name = "east"
	other := store.Manager{Name: "Ost"}
	if err := errors.Join(b.s.Announce(ctx, fill[store.Manager](2)), b.s.Withdraw(ctx, fill[store.Manager](2).Name),
		b.s.Announce(ctx, other), b.s.Announce(ctx, m)); err != nil {
		b.Fatal(err)
	}
	check := func(want ...store.Manager) {
		b.Helper()
		got := must(b.s.ListManagers(ctx))(b)
		for i := range got {
			if got[i].Age < 0 || got[i].Age > time.Minute || got[i].SeenAt.Before(epoch0) || got[i].SeenAt.Location() != time.UTC {
				b.Errorf("%s was seen %s ago, at %s", got[i].Name, got[i].Age, got[i].SeenAt)
			}
			got[i].Age, got[i].SeenAt = 0, time.Time{}
		}
		slices.SortFunc(want, func(x, y store.Manager) int { return strings.Compare(x.Name, y.Name) })
		for i := range want {
			want[i].Age, want[i].SeenAt = 0, time.Time{}
			if i < len(got) && want[i].Started.IsZero() {
				want[i].Started = got[i].Started // a time that nobody gave
			}
		}
		b.same("the managers", got, want)
	}
	check(m, other)
	m.URL, m.Endpoints = "https://new", nil
	if err := errors.Join(b.s.Announce(ctx, m), b.s.Withdraw(ctx, "Ost"), b.s.Withdraw(ctx, "nobody")); err != nil {
		b.Fatal(err)
	}
	check(m)
	if err := b.s.Announce(ctx, store.Manager{Name: "a", Endpoints: []string{"\x00"}}); !errors.Is(err, store.ErrPoison) {
		b.Errorf("got %v, want ErrPoison", err)
	}
	b.same("the lease", b.lease(), store.Lease{})
}

// testVault: what is kept first stays, whoever comes with another.
func testVault(b *bed) {
	ctx := b.Context()
	if _, err := b.s.Kept(ctx, "key"); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("got %v, want ErrNotFound", err)
	}
	b.same("kept", must(b.s.Keep(ctx, "key", []byte("one\x00\xff")))(b), []byte("one\x00\xff"))
	other := b.place(b.T)
	b.same("another", must(other.Keep(ctx, "key", []byte("two")))(b), []byte("one\x00\xff"))
	b.same("read", must(other.Kept(ctx, "key"))(b), []byte("one\x00\xff"))
	results := make(chan string)
	for i, s := range []store.Store{b.s, other, b.s, other} {
		go func() {
			body, err := s.Keep(ctx, "race", []byte(fmt.Sprint(i)))
			results <- fmt.Sprint(string(body), err)
		}()
	}
	first := <-results
	for range 3 {
		if next := <-results; next != first {
			b.Errorf("one got %s, another %s", first, next)
		}
	}
	if _, err := b.s.Keep(ctx, "\xff", nil); !errors.Is(err, store.ErrPoison) {
		b.Errorf("got %v, want ErrPoison", err)
	}
}

func testMarks(b *bed) {
	ctx := b.Context()
	b.same("none", must(b.s.Mark(ctx, "purge"))(b), "")
	b.write(func(tx store.Tx) error { return errors.Join(tx.PutMark("purge", "a"), tx.PutMark("purge", "b")) })
	b.same("the last", must(b.s.Mark(ctx, "purge"))(b), "b")
	b.write(func(tx store.Tx) error { return tx.PutMark("purge", "") })
	b.same("taken away", must(b.s.Mark(ctx, "purge"))(b), "")
	if err := b.tryWrite(func(tx store.Tx) error { return tx.PutMark("x", "\x00") }); !errors.Is(err, store.ErrPoison) {
		b.Errorf("got %v, want ErrPoison", err)
	}
}
