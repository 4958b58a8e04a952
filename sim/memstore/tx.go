package memstore

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// changes are what a transaction changes in one table: nil for a row that goes.
type changes[K comparable, V any] struct {
	base map[K]V
	set  map[K]*V
}

func over[K comparable, V any](base map[K]V) changes[K, V] { return changes[K, V]{base: base} }

func (c *changes[K, V]) get(k K) (V, bool) {
	if v, ok := c.set[k]; ok {
		if v == nil {
			var none V
			return none, false
		}
		return *v, true
	}
	v, ok := c.base[k]
	return v, ok
}

func (c *changes[K, V]) put(k K, v V) { c.change(k, &v) }
func (c *changes[K, V]) drop(k K)     { c.change(k, nil) }

func (c *changes[K, V]) change(k K, v *V) {
	if c.set == nil {
		c.set = map[K]*V{}
	}
	c.set[k] = v
}

// each gives all rows as they will be, in no order.
func (c *changes[K, V]) each(do func(K, V)) {
	for k, v := range c.base {
		if _, changed := c.set[k]; !changed {
			do(k, v)
		}
	}
	for k, v := range c.set {
		if v != nil {
			do(k, *v)
		}
	}
}

func (c *changes[K, V]) apply() {
	for k, v := range c.set {
		if v == nil {
			delete(c.base, k)
		} else {
			c.base[k] = *v
		}
	}
}

// tx is one transaction: all that it changes is on the shelf at its commit.
type tx struct {
	shelf  *Shelf
	seq    int64
	failed error
	over   bool

	definitions changes[definitionKey, []store.Definition]
	flows       changes[string, []byte]
	scripts     changes[string, []byte]
	trackers    changes[banto.TrackerID, store.TrackerRow]
	parts       changes[partKey, banto.Part]
	attempts    changes[attemptKey, banto.Attempt]
	submitted   changes[submitKey, submitted]
	outbox      changes[string, order]
	hosts       changes[banto.HostID, banto.Host]
	joins       changes[string, store.Join]
	revoked     changes[string, store.RevokedKey]
	accounts    changes[string, store.AccountState]
	tokens      changes[string, store.Token]
	marks       changes[string, string]
	audit       changes[int64, banto.AuditEntry]
}

func newTx(s *Shelf) *tx {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &s.rows
	return &tx{
		shelf: s, seq: r.seq, definitions: over(r.definitions), flows: over(r.flows), scripts: over(r.scripts),
		trackers: over(r.trackers), parts: over(r.parts), attempts: over(r.attempts), submitted: over(r.submitted),
		outbox: over(r.outbox), hosts: over(r.hosts), joins: over(r.joins), revoked: over(r.revoked),
		accounts: over(r.accounts), tokens: over(r.tokens), marks: over(r.marks), audit: over(r.audit),
	}
}

// apply brings the changes onto the shelf, whose lock is held.
func (t *tx) apply() {
	t.definitions.apply()
	t.flows.apply()
	t.scripts.apply()
	t.trackers.apply()
	t.parts.apply()
	t.attempts.apply()
	t.submitted.apply()
	t.outbox.apply()
	t.hosts.apply()
	t.joins.apply()
	t.revoked.apply()
	t.accounts.apply()
	t.tokens.apply()
	t.marks.apply()
	t.audit.apply()
	t.shelf.rows.seq = max(t.shelf.rows.seq, t.seq)
}

// tell tells the trackers and attempts that are written, in the order of their
// keys.
func (t *tx) tell(epoch int64, row func(int64, any)) {
	row(epoch, nil)
	for _, id := range slices.Sorted(maps.Keys(t.trackers.set)) {
		if r := t.trackers.set[id]; r != nil {
			row(epoch, &r.Tracker)
		}
	}
	ids := slices.SortedFunc(maps.Keys(t.attempts.set), func(a, b attemptKey) int {
		return cmp.Or(cmp.Compare(a.tracker, b.tracker), cmp.Compare(a.seq, b.seq))
	})
	for _, k := range ids {
		if a := t.attempts.set[k]; a != nil {
			row(epoch, a)
		}
	}
}

// whole says whether what the rows name is there.
func (t *tx) whole() error {
	for k, p := range t.parts.set {
		if _, ok := t.trackers.get(k.tracker); p != nil && !ok {
			return fmt.Errorf("a part of the tracker %s, which is not there", k.tracker)
		}
	}
	for k, a := range t.attempts.set {
		if _, ok := t.trackers.get(k.tracker); a != nil && !ok {
			return fmt.Errorf("an attempt of the tracker %s, which is not there", k.tracker)
		}
	}
	for _, s := range t.submitted.set {
		if s == nil {
			continue
		}
		if _, ok := t.trackers.get(s.id); !ok {
			return fmt.Errorf("a submission of the tracker %s, which is not there", s.id)
		}
	}
	for id, r := range t.trackers.set {
		if r == nil {
			continue
		}
		if _, ok := t.flows.get(r.Flow); !ok {
			return fmt.Errorf("the tracker %s has no flow", id)
		}
	}
	return nil
}

// open says whether the transaction takes anything, and text that it takes.
func (t *tx) open(texts ...string) error {
	if t.over {
		return errTxOver
	}
	if t.failed != nil {
		return t.failed
	}
	for _, s := range texts {
		if err := store.CheckText(s); err != nil {
			return err
		}
	}
	return nil
}

// put takes a row into a table.
func put[K comparable, V any](t *tx, table *changes[K, V], k K, v V) error {
	if err := t.open(); err != nil {
		return err
	}
	own, err := kept(v)
	if err == nil {
		table.put(k, own)
	}
	return err
}

func (t *tx) PutDefinition(d store.Definition) (int, error) {
	own, err := kept(d)
	if err := errors.Join(t.open(), err); err != nil {
		return 0, err
	}
	k := definitionKey{d.Kind, d.Path}
	before, _ := t.definitions.get(k)
	versions := make([]store.Definition, 0, len(before)+1)
	for _, v := range before {
		v.Active = false
		versions = append(versions, v)
	}
	own.Version, own.Active = len(versions)+1, true
	t.definitions.put(k, append(versions, own))
	return own.Version, nil
}

func (t *tx) DeleteDefinition(kind store.DefinitionKind, path string) error {
	if err := t.open(string(kind), path); err != nil {
		return err
	}
	before, _ := t.definitions.get(definitionKey{kind, path})
	if len(before) == 0 || !before[len(before)-1].Active {
		return store.ErrNotFound
	}
	versions := append([]store.Definition{}, before...)
	versions[len(versions)-1].Active = false
	t.definitions.put(definitionKey{kind, path}, versions)
	return nil
}

func (t *tx) PutFlow(hash string, body []byte) error   { return t.putBody(&t.flows, hash, body) }
func (t *tx) PutScript(hash string, body []byte) error { return t.putBody(&t.scripts, hash, body) }

func (t *tx) putBody(table *changes[string, []byte], hash string, body []byte) error {
	if err := t.open(hash); err != nil {
		return err
	}
	table.put(hash, append([]byte{}, body...))
	return nil
}

// drift is how many trackers can be submitted at one instant, as cursors count.
const drift = int64(time.Second / time.Microsecond)

func (t *tx) PutTracker(r banto.Tracker) error {
	r.WaitsFor = nil
	own, err := kept(r)
	if err := errors.Join(t.open(), err); err != nil {
		return err
	}
	row, known := t.trackers.get(r.ID)
	switch {
	case known && (row.Jobnet != own.Jobnet || !row.SubmittedAt.Equal(own.SubmittedAt)):
		return fmt.Errorf("cannot store tracker %s: %w", r.ID, store.ErrDuplicate)
	case !known:
		row.Cursor = max(own.SubmittedAt.UnixMicro(), 1)
		from, to := row.Cursor, row.Cursor+drift
		t.trackers.each(func(_ banto.TrackerID, other store.TrackerRow) {
			if other.Cursor >= from && other.Cursor < to {
				row.Cursor = max(row.Cursor, other.Cursor+1)
			}
		})
	}
	row.Tracker = own
	t.trackers.put(r.ID, row)
	return nil
}

func (t *tx) PutPart(p banto.Part) error {
	p.Progress = ""
	return put(t, &t.parts, partKey{p.Tracker, p.Key}, p)
}

func (t *tx) PutAttempt(a banto.Attempt) error {
	if a.ID != banto.NewAttemptID(a.Tracker, a.Seq) {
		return fmt.Errorf("cannot store attempt %s: it is not number %d of tracker %s", a.ID, a.Seq, a.Tracker)
	}
	return put(t, &t.attempts, attemptKey{a.Tracker, a.Seq}, a)
}

func (t *tx) DeleteTracker(id banto.TrackerID, limit int) (bool, error) {
	if err := t.open(string(id)); err != nil {
		return false, err
	}
	row, known := t.trackers.get(id)
	if !known || !row.State.Ended() {
		return false, nil
	}
	if limit <= 0 {
		limit = math.MaxInt
	}
	left := dropSome(&t.parts, func(k partKey, _ banto.Part) bool { return k.tracker == id }, &limit)
	left = dropSome(&t.attempts, func(k attemptKey, _ banto.Attempt) bool { return k.tracker == id }, &limit) || left
	if left || limit <= 0 {
		return true, nil
	}
	all := len(t.submitted.base) + len(t.submitted.set)
	dropSome(&t.submitted, func(_ submitKey, s submitted) bool { return s.id == id }, &all)
	t.trackers.drop(id)
	return false, nil
}

// dropSome drops rows, as long as the limit lasts, and says whether one is left.
func dropSome[K comparable, V any](table *changes[K, V], doomed func(K, V) bool, limit *int) bool {
	var found []K
	table.each(func(k K, v V) {
		if doomed(k, v) {
			found = append(found, k)
		}
	})
	n := max(0, min(*limit, len(found)))
	for _, k := range found[:n] {
		table.drop(k)
	}
	*limit -= n
	return n < len(found)
}

func (t *tx) PutSubmitted(principal, key, requestHash string, id banto.TrackerID, _ time.Time) error {
	if err := t.open(principal, key, requestHash, string(id)); err != nil {
		return err
	}
	k := submitKey{principal, key}
	if _, known := t.submitted.get(k); known {
		return fmt.Errorf("cannot store the idempotency key %s of %s: %w", key, principal, store.ErrDuplicate)
	}
	t.submitted.put(k, submitted{requestHash, id})
	return nil
}

func (t *tx) PutOutbox(e store.OutboxEntry) error {
	o, known := t.outbox.get(e.ID)
	if !known {
		t.seq++
		o.seq = t.seq
	}
	own, err := kept(e)
	if err := errors.Join(t.open(), err); err != nil {
		return err
	}
	o.OutboxEntry = own
	t.outbox.put(e.ID, o)
	return nil
}

func (t *tx) DeleteOutbox(id string) error {
	err := t.open(id)
	if err == nil {
		t.outbox.drop(id)
	}
	return err
}

func (t *tx) DeleteTokens(principal, note string) error {
	if err := t.open(principal, note); err != nil {
		return err
	}
	var hashes []string
	t.tokens.each(func(hash string, tok store.Token) {
		if tok.Principal.Name == principal && tok.Note == note {
			hashes = append(hashes, hash)
		}
	})
	for _, hash := range hashes {
		t.tokens.drop(hash)
	}
	return nil
}

func (t *tx) DeleteOutboxOf(host banto.HostID) error {
	if err := t.open(string(host)); err != nil {
		return err
	}
	var ids []string
	t.outbox.each(func(id string, o order) {
		if o.HostID == host {
			ids = append(ids, id)
		}
	})
	for _, id := range ids {
		t.outbox.drop(id)
	}
	return nil
}

func (t *tx) PutHost(h banto.Host) error {
	if err := t.open(h.Name); err != nil {
		return err
	}
	var taken error
	t.hosts.each(func(id banto.HostID, other banto.Host) {
		if id != h.ID && other.Name == h.Name {
			taken = fmt.Errorf("cannot store host %s: %w", h.Name, store.ErrDuplicate)
		}
	})
	if taken != nil {
		return taken
	}
	h.Problem = ""
	return put(t, &t.hosts, h.ID, h)
}

func (t *tx) DeleteHost(id banto.HostID) error {
	if err := t.open(string(id)); err != nil {
		return err
	}
	if _, known := t.hosts.get(id); !known {
		return fmt.Errorf("cannot delete host %s: %w", id, store.ErrNotFound)
	}
	t.hosts.drop(id)
	return nil
}

func (t *tx) PutJoin(j store.Join) error                 { return put(t, &t.joins, j.Hash, j) }
func (t *tx) PutRevoked(k store.RevokedKey) error        { return put(t, &t.revoked, k.PublicKey, k) }
func (t *tx) PutAccountState(a store.AccountState) error { return put(t, &t.accounts, a.Name, a) }
func (t *tx) PutToken(tok store.Token) error             { return put(t, &t.tokens, tok.Hash, tok) }

func (t *tx) PutMark(name, value string) error {
	err := t.open(name, value)
	if err == nil {
		t.marks.put(name, value)
	}
	return err
}

func (t *tx) PutAudit(e banto.AuditEntry) error {
	e.Seq = t.seq + 1
	err := put(t, &t.audit, e.Seq, e)
	if err == nil {
		t.seq++
	}
	return err
}
