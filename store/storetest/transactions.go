package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// putAll writes one of everything, under names that nothing else uses.
func putAll(tx store.Tx, f full) error {
	_, err := tx.PutDefinition(f.definition)
	return errors.Join(err, tx.PutFlow("another", []byte("x")), tx.PutTracker(f.tracker), tx.PutPart(f.part), tx.PutAttempt(f.attempt),
		tx.PutSubmitted("p", "k", "h", f.tracker.ID, epoch0), tx.PutOutbox(f.order), tx.PutHost(f.host),
		tx.PutScript("another", []byte("x")), tx.PutJoin(f.join), tx.PutRevoked(f.revoked), tx.PutAccountState(f.account),
		tx.PutToken(f.token), tx.PutAudit(f.audit))
}

// nothing makes sure that none of what putAll writes is there.
func (b *bed) nothing(f full) {
	b.Helper()
	ctx := background()
	_, err1 := b.s.Definition(ctx, f.definition.Kind, f.definition.Path, 1)
	_, err2 := b.s.Flow(ctx, "another")
	_, err3 := b.s.Tracker(ctx, f.tracker.ID)
	_, err4 := b.s.Attempt(ctx, f.attempt.ID)
	_, _, err5 := b.s.Submitted(ctx, "p", "k")
	_, err6 := b.s.HostByID(ctx, f.host.ID)
	_, err7 := b.s.Token(ctx, f.token.Hash)
	_, err8 := b.s.Script(ctx, "another")
	_, err9 := b.s.Join(ctx, f.join.Hash)
	for i, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8, err9} {
		if !errors.Is(err, store.ErrNotFound) {
			b.Errorf("lookup %d: got %v, want ErrNotFound", i+1, err)
		}
	}
	rows := len(must(b.s.Parts(ctx, f.tracker.ID, 0, "", 0))(b)) + len(must(b.s.Outbox(ctx))(b)) +
		len(must(b.s.ListAudit(ctx, "", 0, 0))(b)) + len(must(b.s.Revoked(ctx))(b)) + len(must(b.s.AccountStates(ctx))(b)) +
		len(must(b.s.ListTrackers(ctx, store.TrackerQuery{Jobnet: f.tracker.Jobnet}))(b))
	if rows != 0 {
		b.Errorf("%d rows are left of a transaction that failed", rows)
	}
}

// afterwards makes sure that the store still takes transactions.
func (b *bed) afterwards(f full) {
	b.Helper()
	b.nothing(f)
	b.write(func(tx store.Tx) error { return putAll(tx, f) })
	b.same("the tracker", must(b.s.Tracker(b.Context(), f.tracker.ID))(b), f.tracker)
}

func testRollback(b *bed) {
	f, wrong := newFull(1), errors.New("wrong")
	err := b.tryWrite(func(tx store.Tx) error { return errors.Join(putAll(tx, f), wrong) })
	if !errors.Is(err, wrong) {
		b.Errorf("got %v, want the function's error", err)
	}
	b.afterwards(f)
}

// testCommitRefused: rows whose tracker or flow is not there fail the
// transaction, whatever their order in it.
func testCommitRefused(b *bed) {
	f := newFull(1)
	for name, put := range map[string]func(tx store.Tx) error{
		"a part without a tracker": func(tx store.Tx) error { return tx.PutPart(banto.Part{Tracker: two, Key: "p"}) },
		"an attempt without one":   func(tx store.Tx) error { return tx.PutAttempt(attempt(two, 1, "p", banto.AttemptOK)) },
		"a submission without one": func(tx store.Tx) error { return tx.PutSubmitted("q", "k", "h", two, epoch0) },
		"a tracker without a flow": func(tx store.Tx) error {
			return tx.PutTracker(banto.Tracker{ID: two, Flow: "none", SubmittedAt: epoch0})
		},
	} {
		err := b.tryWrite(func(tx store.Tx) error { return errors.Join(put(tx), putAll(tx, f)) })
		if err == nil {
			b.Errorf("%s was stored", name)
		}
		b.nothing(f)
	}
	b.afterwards(f)
	b.write(func(tx store.Tx) error { // rows may come before what they belong to
		t := tracker(string(two))
		t.Flow = "later"
		return errors.Join(tx.PutPart(banto.Part{Tracker: two, Key: "p"}), tx.PutTracker(t), tx.PutFlow("later", []byte("x")))
	})
}

func testPanic(b *bed) {
	f := newFull(1)
	func() {
		defer func() {
			if recover() == nil {
				b.Error("the panic was swallowed")
			}
		}()
		_ = b.tryWrite(func(tx store.Tx) error {
			if err := putAll(tx, f); err != nil {
				b.Error(err)
			}
			panic("in the middle") //nolint:forbidigo // what is tried here
		})
	}()
	b.afterwards(f)
}

func testCancel(b *bed) {
	b.begin()
	f := newFull(1)
	ctx, cancel := context.WithCancel(b.Context())
	err := b.s.Write(ctx, func(tx store.Tx) error {
		cancel()
		return putAll(tx, f)
	})
	if !errors.Is(err, context.Canceled) {
		b.Errorf("got %v, want context.Canceled", err)
	}
	err = b.s.Write(ctx, func(store.Tx) error { return errors.New("called") })
	if !errors.Is(err, context.Canceled) {
		b.Errorf("cancelled before it began: got %v", err)
	}
	b.afterwards(f)
}

func testTxAfterItsEnd(b *bed) {
	var kept store.Tx
	b.write(func(tx store.Tx) error { kept = tx; return nil })
	f := newFull(1)
	_, err := kept.PutDefinition(f.definition)
	if err == nil || kept.PutTracker(f.tracker) == nil || kept.DeleteOutbox("x") == nil {
		b.Error("a transaction writes after its end")
	}
	b.afterwards(f)
}

// testGoesOn: one row that is refused does not fail the rest.
func testGoesOn(b *bed) {
	f := newFull(1)
	b.write(func(tx store.Tx) error {
		return errors.Join(tx.PutTracker(tracker(string(one))), tx.PutSubmitted("p1", "k", "h", one, epoch0), tx.PutHost(banto.Host{ID: "h-1", Name: "web-1"}))
	})
	b.write(func(tx store.Tx) error {
		bad := tracker(string(two))
		bad.Reason = "\x00"
		taken := tracker(string(one))
		taken.SubmittedAt = at(9)
		d := f.definition
		d.Source = "\xff"
		_, err := tx.PutDefinition(d)
		for want, errs := range map[error][]error{
			store.ErrPoison:    {tx.PutTracker(bad), tx.PutFlow("\xff", nil), err},
			store.ErrDuplicate: {tx.PutTracker(taken), tx.PutSubmitted("p1", "k", "h", one, epoch0), tx.PutHost(banto.Host{ID: "h-2", Name: "web-1"})},
			store.ErrNotFound:  {tx.DeleteDefinition(store.KindJobnet, "none"), tx.DeleteHost("h-9")},
		} {
			for i, err := range errs {
				if !errors.Is(err, want) {
					b.Errorf("%d: got %v, want %v", i, err, want)
				}
			}
		}
		return putAll(tx, f)
	})
	b.same("the tracker", must(b.s.Tracker(b.Context(), f.tracker.ID))(b), f.tracker)
	b.same("the definition", must(b.s.Definition(b.Context(), f.definition.Kind, f.definition.Path, 0))(b).Version, 1)
	if _, err := b.s.Tracker(b.Context(), two); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("the refused one: %v", err)
	}
}

// testPoison puts a NUL and what is not UTF-8 into each text of each record.
func testPoison(b *bed) {
	f := newFull(1)
	for _, poison := range []string{"a\x00b", "a\xffb"} {
		puts := map[string]func(store.Tx) error{
			"flow":                func(tx store.Tx) error { return tx.PutFlow(poison, nil) },
			"submitted principal": func(tx store.Tx) error { return tx.PutSubmitted(poison, "k", "h", one, epoch0) },
			"submitted key":       func(tx store.Tx) error { return tx.PutSubmitted("p", poison, "h", one, epoch0) },
			"submitted hash":      func(tx store.Tx) error { return tx.PutSubmitted("p", "k", poison, one, epoch0) },
			"submitted tracker":   func(tx store.Tx) error { return tx.PutSubmitted("p", "k", "h", banto.TrackerID(poison), epoch0) },
			"delete definition":   func(tx store.Tx) error { return tx.DeleteDefinition(store.KindJobnet, poison) },
			"delete outbox":       func(tx store.Tx) error { return tx.DeleteOutbox(poison) },
			"delete outbox of":    func(tx store.Tx) error { return tx.DeleteOutboxOf(banto.HostID(poison)) },
			"delete tokens":       func(tx store.Tx) error { return tx.DeleteTokens(poison, "") },
			"delete tokens of":    func(tx store.Tx) error { return tx.DeleteTokens("", poison) },
			"delete host":         func(tx store.Tx) error { return tx.DeleteHost(banto.HostID(poison)) },
			"script":              func(tx store.Tx) error { return tx.PutScript(poison, nil) },
		}
		addPoison(puts, "tracker", spoiled(f.tracker, poison, "WaitsFor"), store.Tx.PutTracker)
		addPoison(puts, "part", spoiled(f.part, poison, "Progress"), store.Tx.PutPart)
		addPoison(puts, "attempt", spoiled(f.attempt, poison, "ID", "Tracker"), store.Tx.PutAttempt)
		addPoison(puts, "order", spoiled(f.order, poison), store.Tx.PutOutbox)
		addPoison(puts, "host", spoiled(f.host, poison, "Problem"), store.Tx.PutHost)
		addPoison(puts, "join", spoiled(f.join, poison), store.Tx.PutJoin)
		addPoison(puts, "revoked", spoiled(f.revoked, poison), store.Tx.PutRevoked)
		addPoison(puts, "account", spoiled(f.account, poison), store.Tx.PutAccountState)
		addPoison(puts, "token", spoiled(f.token, poison), store.Tx.PutToken)
		addPoison(puts, "audit", spoiled(f.audit, poison), store.Tx.PutAudit)
		addPoison(puts, "definition", spoiled(f.definition, poison), func(tx store.Tx, d store.Definition) error {
			_, err := tx.PutDefinition(d)
			return err
		})
		if len(puts) < 50 {
			b.Errorf("only %d texts were tried", len(puts))
		}
		for name, put := range puts {
			if err := b.tryWrite(put); !errors.Is(err, store.ErrPoison) {
				b.Errorf("%s with %q: got %v, want ErrPoison", name, poison, err)
			}
		}
	}
	if _, err := b.s.Begin(b.Context(), "\x00", epoch0); !errors.Is(err, store.ErrPoison) {
		b.Errorf("the lease's holder: got %v, want ErrPoison", err)
	}
	b.afterwards(f)
}

func addPoison[T any](puts map[string]func(store.Tx) error, kind string, records map[string]T, put func(store.Tx, T) error) {
	for where, r := range records {
		puts[kind+" "+where] = func(tx store.Tx) error { return put(tx, r) }
	}
}

// testWritesAreSerial: transactions from many goroutines come one by one.
func testWritesAreSerial(b *bed) {
	b.begin()
	const writers, each = 8, 10
	inside, errs := 0, make(chan error, writers)
	for w := range writers {
		go func() {
			var all []error
			for i := range each {
				all = append(all, b.s.Write(background(), func(tx store.Tx) error {
					inside++ // the race detector looks at it, too
					defer func() { inside-- }()
					if inside != 1 {
						return errors.New("two transactions at once")
					}
					return tx.PutAudit(banto.AuditEntry{Detail: fmt.Sprint(w, " ", i)})
				}))
			}
			errs <- errors.Join(all...)
		}()
	}
	for range writers {
		if err := <-errs; err != nil {
			b.Error(err)
		}
	}
	seen := map[string]bool{}
	for _, e := range must(b.s.ListAudit(b.Context(), "", 0, 0))(b) {
		seen[e.Detail] = true
	}
	b.same("entries", len(seen), writers*each)
}

// testReaders: readers run beside the writer, and see each transaction whole.
func testReaders(b *bed) {
	b.begin()
	const parts, commits = 20, 60
	write := func(revision int64) error {
		return b.s.Write(background(), func(tx store.Tx) error {
			t := tracker(string(one))
			t.Revision = revision
			errs := []error{tx.PutTracker(t)}
			for i := range parts {
				errs = append(errs, tx.PutPart(banto.Part{Tracker: one, Key: banto.PartKey(fmt.Sprint("p", i)), Revision: revision}))
			}
			return errors.Join(errs...)
		})
	}
	if err := write(1); err != nil {
		b.Fatal(err)
	}
	done, results := make(chan struct{}), make(chan error)
	for range 3 {
		go func() { results <- b.readAlong(done, parts) }()
	}
	for i := range commits {
		if err := write(int64(i + 2)); err != nil {
			b.Error(err)
		}
	}
	close(done)
	for range 3 {
		if err := <-results; err != nil {
			b.Error(err)
		}
	}
}

// readAlong reads until done is closed, and once more.
func (b *bed) readAlong(done <-chan struct{}, parts int) error {
	last := int64(0)
	for over := false; ; {
		r, err := b.s.Records(background(), one)
		if err != nil {
			return err
		}
		torn := slices.ContainsFunc(r.Parts, func(p banto.Part) bool { return p.Revision != r.Tracker.Revision })
		if torn || len(r.Parts) != parts {
			return fmt.Errorf("half a transaction was seen at revision %d", r.Tracker.Revision)
		}
		if r.Tracker.Revision < last {
			return fmt.Errorf("revision %d was seen after %d", r.Tracker.Revision, last)
		}
		last = r.Tracker.Revision
		if over {
			return nil
		}
		select {
		case <-done:
			over = true
		default:
		}
	}
}
