package storetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// testDeleteHost: a host goes, with the orders for it; what ran on it stays.
func testDeleteHost(b *bed) {
	ctx := b.Context()
	ran := attempt(one, 1, "p", banto.AttemptOK)
	ran.Host, ran.HostID = "db01", "h-1"
	order := func(id string, host banto.HostID) store.OutboxEntry {
		return store.OutboxEntry{ID: id, HostID: host, Payload: []byte(id), At: epoch0}
	}
	b.write(func(tx store.Tx) error {
		return errors.Join(tx.PutTracker(tracker(string(one))), tx.PutAttempt(ran),
			tx.PutHost(banto.Host{ID: "h-1", Name: "db01"}), tx.PutHost(banto.Host{ID: "h-2", Name: "db02"}),
			tx.PutOutbox(order("start:1", "h-1")), tx.PutOutbox(order("start:2", "h-2")), tx.PutOutbox(order("kill:1", "h-1")))
	})
	b.write(func(tx store.Tx) error { return errors.Join(tx.DeleteHost("h-1"), tx.DeleteOutboxOf("h-1")) })
	if _, err := b.s.Host(ctx, "db01"); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("the deleted host by name: %v", err)
	}
	if _, err := b.s.HostByID(ctx, "h-1"); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("the deleted host by ID: %v", err)
	}
	b.same("its attempt", must(b.s.Attempt(ctx, ran.ID))(b), ran)
	b.same("the orders left", must(b.s.Outbox(ctx))(b), []store.OutboxEntry{order("start:2", "h-2")})
	b.same("the hosts left", len(must(b.s.ListHosts(ctx, "", 0))(b)), 1)
	err := b.tryWrite(func(tx store.Tx) error { return tx.DeleteHost("h-1") })
	if !errors.Is(err, store.ErrNotFound) {
		b.Errorf("a second delete: got %v, want ErrNotFound", err)
	}
	b.write(func(tx store.Tx) error { // its name is free, its orders are no fault
		return errors.Join(tx.DeleteOutboxOf("h-1"), tx.PutHost(banto.Host{ID: "h-3", Name: "db01"}))
	})
	b.same("who has the name now", must(b.s.Host(ctx, "db01"))(b).ID, banto.HostID("h-3"))
	b.write(func(tx store.Tx) error { // deleted and replaced in one transaction
		return errors.Join(tx.DeleteHost("h-3"), tx.PutHost(banto.Host{ID: "h-4", Name: "db01"}))
	})
	b.same("who has it then", must(b.s.Host(ctx, "db01"))(b).ID, banto.HostID("h-4"))
	testDeleteTokens(b)
}

// testDeleteTokens: those of one principal with one note go, and what is put after
// that in the same transaction stays.
func testDeleteTokens(b *bed) {
	ctx := b.Context()
	tok := func(hash, principal, note string) store.Token {
		return store.Token{Hash: hash, Principal: banto.Principal{Name: principal}, CreatedAt: epoch0, Note: note}
	}
	b.write(func(tx store.Tx) error {
		return errors.Join(tx.PutToken(tok("1", "a", "x")), tx.PutToken(tok("2", "a", "x")), tx.PutToken(tok("3", "a", "y")), tx.PutToken(tok("4", "b", "x")))
	})
	b.write(func(tx store.Tx) error {
		return errors.Join(tx.DeleteTokens("a", "x"), tx.PutToken(tok("5", "a", "x")))
	})
	b.write(func(tx store.Tx) error { return tx.DeleteTokens("nobody", "x") })
	for hash, there := range map[string]bool{"1": false, "2": false, "3": true, "4": true, "5": true} {
		if _, err := b.s.Token(ctx, hash); errors.Is(err, store.ErrNotFound) == there {
			b.Errorf("token %s: %v", hash, err)
		}
	}
}

func testScripts(b *bed) {
	body := []byte("#!/bin/sh\r\necho \x00\xff\n")
	for range 2 { // the same again is no error
		b.write(func(tx store.Tx) error { return tx.PutScript("hash", body) })
	}
	b.same("Script", must(b.s.Script(b.Context(), "hash"))(b), body)
	b.write(func(tx store.Tx) error { return tx.PutScript("none", nil) })
	b.same("an empty script", must(b.s.Script(b.Context(), "none"))(b), []byte{})
	if _, err := b.s.Flow(b.Context(), "hash"); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("a script found as a flow: %v", err)
	}
}

func testJoins(b *bed) {
	j := store.Join{
		Hash: "beef", Name: "db01", Labels: map[string]string{"role": "batch", "area": "east"}, By: "admin",
		CreatedAt: epoch0, ExpiresAt: at(3600),
	}
	other := store.Join{Hash: "cafe", Again: "h-7", CreatedAt: epoch0, ExpiresAt: at(60)}
	b.write(func(tx store.Tx) error { return errors.Join(tx.PutJoin(j), tx.PutJoin(other)) })
	b.same("not used yet", must(b.s.Join(b.Context(), "beef"))(b), j)
	used := at(5)
	j.UsedAt, j.UsedBy = &used, "h-1"
	b.write(func(tx store.Tx) error { return tx.PutJoin(j) })
	b.same("used", must(b.s.Join(b.Context(), "beef"))(b), j)
	b.same("the other", must(b.s.Join(b.Context(), "cafe"))(b), other)
}

func testRevokedAndAccounts(b *bed) {
	var keys []store.RevokedKey
	var states []store.AccountState
	for i := range 12 {
		k := store.RevokedKey{PublicKey: fmt.Sprintf("U%02d", 11-i), Host: "h-1", Name: "db01", At: at(i), By: "admin"}
		a := store.AccountState{Name: fmt.Sprintf("account-%02d", 11-i), Failures: i}
		keys, states = append(keys, k), append(states, a)
		b.write(func(tx store.Tx) error { return errors.Join(tx.PutRevoked(k), tx.PutAccountState(a)) })
	}
	slices.Reverse(keys)
	slices.Reverse(states)
	b.same("all keys, in their order", must(b.s.Revoked(b.Context()))(b), keys)
	b.same("all states, by name", must(b.s.AccountStates(b.Context()))(b), states)
	since := at(9)
	states[3].Failures, states[3].Blocked, states[3].Why = 5, &since, "認証に失敗 (5 times)"
	b.write(func(tx store.Tx) error { return tx.PutAccountState(states[3]) })
	b.same("one is blocked", must(b.s.AccountStates(b.Context()))(b), states)
	states[3] = store.AccountState{Name: states[3].Name}
	b.write(func(tx store.Tx) error { return tx.PutAccountState(states[3]) })
	b.same("and released", must(b.s.AccountStates(b.Context()))(b), states)
}
