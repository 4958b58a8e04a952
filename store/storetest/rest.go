package storetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

func testSubmitted(b *bed) {
	submit := func(principal, key, hash string, id banto.TrackerID) error {
		return b.tryWrite(func(tx store.Tx) error {
			return errors.Join(tx.PutTracker(tracker(string(id))), tx.PutSubmitted(principal, key, hash, id, epoch0))
		})
	}
	if err := errors.Join(submit("a", "k", "h1", one), submit("b", "k", "h2", two)); err != nil {
		b.Fatal(err)
	}
	if err := submit("a", "k", "h3", "20261121-0000003"); !errors.Is(err, store.ErrDuplicate) {
		b.Errorf("a key used twice: got %v, want ErrDuplicate", err)
	}
	if _, err := b.s.Tracker(b.Context(), "20261121-0000003"); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("the second tracker of a key was written: %v", err)
	}
	for principal, want := range map[string][2]string{"a": {string(one), "h1"}, "b": {string(two), "h2"}} {
		id, hash, err := b.s.Submitted(b.Context(), principal, "k")
		if err != nil || string(id) != want[0] || hash != want[1] {
			b.Errorf("%s: got %s, %s, %v, want %v", principal, id, hash, err, want)
		}
	}
	testManySubmissions(b)
	testAfterTheLook(b)
}

func testOutbox(b *bed) {
	order := func(id string) store.OutboxEntry {
		return store.OutboxEntry{ID: id, HostID: "h-1", Payload: []byte(id), At: epoch0}
	}
	b.write(func(tx store.Tx) error {
		var errs []error
		for i := range 20 { // from the last name to the first: oldest is not by name
			errs = append(errs, tx.PutOutbox(order(fmt.Sprintf("start:%02d", 19-i))))
		}
		return errors.Join(errs...)
	})
	b.write(func(tx store.Tx) error {
		again := order("start:12")
		again.Payload = []byte("changed")
		return errors.Join(tx.PutOutbox(again), tx.DeleteOutbox("start:19"), tx.DeleteOutbox("start:19"), tx.DeleteOutbox("start:00"),
			tx.DeleteOutbox("never there"), tx.PutOutbox(order("kill:00")))
	})
	var want []string
	for i := 18; i >= 1; i-- {
		want = append(want, fmt.Sprintf("start:%02d", i))
	}
	want = append(want, "kill:00")
	var got []string
	for _, e := range must(b.s.Outbox(b.Context()))(b) {
		got = append(got, e.ID)
		if e.ID == "start:12" && string(e.Payload) != "changed" {
			b.Errorf("%s was not replaced: %q", e.ID, e.Payload)
		}
	}
	b.same("oldest first", got, want)
}

func testHosts(b *bed) {
	host := func(id, name string) banto.Host {
		return banto.Host{ID: banto.HostID(id), Name: name, State: banto.HostNever}
	}
	put := func(h banto.Host) error { return b.tryWrite(func(tx store.Tx) error { return tx.PutHost(h) }) }
	var names []string
	for i := range 25 {
		name := fmt.Sprintf("web-%d", i)
		names = append(names, name)
		if err := put(host(fmt.Sprint("h-", i), name)); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(names)
	for _, limit := range []int{0, 1, 7, 100} {
		var got []string
		after := ""
		for {
			page := must(b.s.ListHosts(b.Context(), after, limit))(b)
			for _, h := range page {
				got = append(got, h.Name)
			}
			if limit == 0 || len(page) < limit {
				break
			}
			after = page[len(page)-1].Name
		}
		b.same("names", got, names)
	}
	if err := put(host("h-99", "web-3")); !errors.Is(err, store.ErrDuplicate) {
		b.Errorf("a name used twice: got %v, want ErrDuplicate", err)
	}
	if err := put(host("h-3", "db-3")); err != nil { // a new name for a host
		b.Fatal(err)
	}
	if err := put(host("h-99", "web-3")); err != nil {
		b.Errorf("a name that is free again: %v", err)
	}
	b.same("by ID", must(b.s.HostByID(b.Context(), "h-3"))(b).Name, "db-3")
}

func testAudit(b *bed) {
	var want, ofOne []string
	for i := range 40 {
		e := banto.AuditEntry{At: at(-i), Principal: "p", Action: "jobnet.apply", Object: fmt.Sprint("o", i%3), Detail: fmt.Sprint(i)}
		b.write(func(tx store.Tx) error { return tx.PutAudit(e) })
		want = append(want, e.Detail)
		if e.Object == "o1" {
			ofOne = append(ofOne, e.Detail)
		}
	}
	for object, want := range map[string][]string{"": want, "o1": ofOne, "o": nil} {
		slices.Reverse(want) // by their coming, whatever the clock said
		for _, limit := range []int{0, 1, 7, 100} {
			var got []string
			before := int64(0)
			for {
				page := must(b.s.ListAudit(b.Context(), object, before, limit))(b)
				for _, e := range page {
					got = append(got, e.Detail)
					if before != 0 && e.Seq >= before || e.Seq <= 0 {
						b.Fatalf("seq %d before %d", e.Seq, before)
					}
				}
				if limit == 0 || len(page) < limit {
					break
				}
				before = page[len(page)-1].Seq
			}
			b.same("object "+object, got, want)
		}
	}
}
