package storetest

import (
	"errors"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// full gives one record of each kind, every field set, that belong together.
type full struct {
	definition store.Definition
	tracker    banto.Tracker
	part       banto.Part
	attempt    banto.Attempt
	order      store.OutboxEntry
	host       banto.Host
	join       store.Join
	revoked    store.RevokedKey
	account    store.AccountState
	token      store.Token
	audit      banto.AuditEntry
}

// newFull fills records from a seed. Identity is that of the first seed given,
// so that a second one updates the same rows.
func newFull(seed int) full {
	id := fill[banto.Tracker](1)
	f := full{
		definition: fill[store.Definition](seed), tracker: fill[banto.Tracker](seed), part: fill[banto.Part](seed),
		attempt: fill[banto.Attempt](seed), order: fill[store.OutboxEntry](seed), host: fill[banto.Host](seed),
		join: fill[store.Join](seed), revoked: fill[store.RevokedKey](seed), account: fill[store.AccountState](seed),
		token: fill[store.Token](seed), audit: fill[banto.AuditEntry](seed),
	}
	f.definition.Kind, f.definition.Path = store.KindJobnet, "backup/夜間"
	f.tracker.ID, f.tracker.Jobnet, f.tracker.SubmittedAt = "20261121-7k3mq0x", id.Jobnet, id.SubmittedAt
	f.tracker.Flow, f.tracker.WaitsFor = flowHash, nil
	f.part.Tracker, f.part.Key, f.part.Progress = f.tracker.ID, "archive", ""
	f.attempt.Tracker, f.attempt.Seq = f.tracker.ID, 7
	f.attempt.ID = banto.NewAttemptID(f.tracker.ID, 7)
	f.order.ID = "start:" + string(f.attempt.ID)
	f.host.ID, f.host.Problem = "h-0123456789", ""
	f.join.Hash, f.revoked.PublicKey, f.account.Name = "beef", "UABC", "nightly"
	f.token.Hash = "c0ffee"
	return f
}

// emptied gives the same rows with nothing in them but their identity.
func (f full) emptied() full {
	f.definition = store.Definition{Kind: f.definition.Kind, Path: f.definition.Path}
	f.tracker = banto.Tracker{ID: f.tracker.ID, Jobnet: f.tracker.Jobnet, SubmittedAt: f.tracker.SubmittedAt, Flow: flowHash}
	f.part = banto.Part{Tracker: f.part.Tracker, Key: f.part.Key}
	f.attempt = banto.Attempt{ID: f.attempt.ID, Tracker: f.attempt.Tracker, Seq: f.attempt.Seq}
	f.order = store.OutboxEntry{ID: f.order.ID}
	f.host = banto.Host{ID: f.host.ID}
	f.join = store.Join{Hash: f.join.Hash}
	f.revoked = store.RevokedKey{PublicKey: f.revoked.PublicKey}
	f.account = store.AccountState{Name: f.account.Name}
	f.token = store.Token{Hash: f.token.Hash}
	f.audit = banto.AuditEntry{}
	return f
}

// put writes all of them, and gives them the numbers that the store gave.
func (f *full) put(b *bed) {
	b.Helper()
	b.write(func(tx store.Tx) error {
		v, err := tx.PutDefinition(f.definition)
		f.definition.Version, f.definition.Active = v, true
		return errors.Join(err, tx.PutTracker(f.tracker), tx.PutPart(f.part), tx.PutAttempt(f.attempt),
			tx.PutOutbox(f.order), tx.PutHost(f.host), tx.PutJoin(f.join), tx.PutRevoked(f.revoked),
			tx.PutAccountState(f.account), tx.PutToken(f.token), tx.PutAudit(f.audit))
	})
	f.audit.Seq = must(b.s.ListAudit(b.Context(), "", 0, 1))(b)[0].Seq
}

// check reads all of them back, each way there is.
func (f *full) check(b *bed) {
	b.Helper()
	ctx, s := b.Context(), b.s
	d := f.definition
	b.same("Definition", must(s.Definition(ctx, d.Kind, d.Path, d.Version))(b), d)
	b.same("Definition, active", must(s.Definition(ctx, d.Kind, d.Path, 0))(b), d)
	d.Source = ""
	b.same("ListDefinitions", must(s.ListDefinitions(ctx, d.Kind, "", "", 0))(b), []store.Definition{d})
	b.same("Versions", must(s.Versions(ctx, d.Kind, d.Path, 1))(b), []store.Definition{d})
	b.same("Tracker", must(s.Tracker(ctx, f.tracker.ID))(b), f.tracker)
	rows := must(s.ListTrackers(ctx, store.TrackerQuery{}))(b)
	b.same("ListTrackers", trackersOf(rows), []banto.Tracker{f.tracker})
	b.same("Parts", must(s.Parts(ctx, f.tracker.ID, 0, "", 0))(b), []banto.Part{f.part})
	b.same("PartsByKey", must(s.PartsByKey(ctx, f.tracker.ID, []banto.PartKey{f.part.Key}))(b), []banto.Part{f.part})
	b.same("Attempts", must(s.Attempts(ctx, f.tracker.ID, "", 0, 0))(b), []banto.Attempt{f.attempt})
	b.same("Attempts of a part", must(s.Attempts(ctx, f.tracker.ID, f.attempt.Part, 0, 0))(b), []banto.Attempt{f.attempt})
	b.same("Attempt", must(s.Attempt(ctx, f.attempt.ID))(b), f.attempt)
	r := must(s.Records(ctx, f.tracker.ID))(b)
	b.same("Records: tracker", r.Tracker, f.tracker)
	b.same("Records: parts", r.Parts, []banto.Part{f.part})
	b.same("Records: attempts", r.Attempts, []banto.Attempt{f.attempt})
	b.same("Outbox", must(s.Outbox(ctx))(b), []store.OutboxEntry{f.order})
	b.same("Host", must(s.Host(ctx, f.host.Name))(b), f.host)
	b.same("HostByID", must(s.HostByID(ctx, f.host.ID))(b), f.host)
	b.same("Join", must(s.Join(ctx, f.join.Hash))(b), f.join)
	b.same("Revoked", must(s.Revoked(ctx))(b), []store.RevokedKey{f.revoked})
	b.same("AccountStates", must(s.AccountStates(ctx))(b), []store.AccountState{f.account})
	b.same("Token", must(s.Token(ctx, f.token.Hash))(b), f.token)
	b.same("ListAudit", must(s.ListAudit(ctx, "", 0, 1))(b), []banto.AuditEntry{f.audit})
}

func trackersOf(rows []store.TrackerRow) []banto.Tracker {
	var out []banto.Tracker
	for _, r := range rows {
		out = append(out, r.Tracker)
	}
	return out
}

func testRoundTrip(b *bed) {
	f := newFull(1)
	f.put(b)
	f.check(b)
	b.same("ListHosts", must(b.s.ListHosts(b.Context(), "", 0))(b), []banto.Host{f.host})
}

func testUpsert(b *bed) {
	for _, f := range []full{newFull(1), newFull(2), newFull(2), newFull(1).emptied(), newFull(3)} {
		f.put(b)
		f.check(b)
	}
}

func testMadeAtRead(b *bed) {
	f := newFull(1)
	f.tracker.WaitsFor, f.part.Progress, f.host.Problem = []string{"a host"}, "42 %", "a wrong key"
	f.put(b)
	f.tracker.WaitsFor, f.part.Progress, f.host.Problem = nil, "", ""
	f.check(b)
}

// testLargeRows writes what is as large as the product's limits let it be.
func testLargeRows(b *bed) {
	f := newFull(1)
	f.definition.Source = large(8<<20, "parts: 部品\n")
	f.tracker.Params = map[string]string{"text": large(1<<20, "値")}
	f.part.Output, f.part.Vars = large(banto.MaxOutputHead, "出力"), map[string]string{"v": large(banto.MaxVarsFile, "\x01<>")}
	f.part.Message, f.attempt.Message = large(64<<10, "'"), large(64<<10, `"`)
	f.order.Payload = []byte(large(1<<20, "\x00\xff"))
	f.audit.Detail = large(64<<10, "\\")
	f.put(b)
	f.check(b)
	body := []byte(large(16<<20, "\x00flow"))
	script := []byte(large(8<<20, "echo 部品\n"))
	b.write(func(tx store.Tx) error { return errors.Join(tx.PutFlow("large", body), tx.PutScript("large", script)) })
	if got := must(b.s.Script(b.Context(), "large"))(b); string(got) != string(script) {
		b.Errorf("a script of %d bytes came back as %d others", len(script), len(got))
	}
	if got := must(b.s.Flow(b.Context(), "large"))(b); string(got) != string(body) {
		b.Errorf("a flow of %d bytes came back as %d others", len(body), len(got))
	}
}

func large(size int, text string) string {
	b := make([]byte, 0, size)
	for len(b)+len(text) <= size {
		b = append(b, text...)
	}
	return string(b)
}

// at gives a time some seconds after the first.
func at(seconds int) time.Time { return epoch0.Add(time.Duration(seconds) * time.Second) }
