package runner

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

// batch collects what the inputs of one transaction change. Rows of one key
// merge, the last wins; the order is that of the first touch, so that the same
// inputs write the same transaction.
type batch struct {
	r   *Runner
	ctx context.Context // for reads; it does not end with Run
	mem *memory
	now time.Time

	trackers rows[banto.TrackerID, banto.Tracker]
	parts    rows[partKey, banto.Part]
	attempts rows[banto.AttemptID, banto.Attempt]
	hosts    rows[banto.HostID, hostRow]
	orders   rows[string, order] // changes of the outbox
	keys     rows[submitKey, submitted]
	flows    rows[string, newFlow]
	sets     rows[string, []byte] // lists of jobnets that trackers may run, by hash
	scripts  rows[string, []byte] // by hash
	named    map[scriptKey]string // the hashes of scripts that this batch keeps
	joins    rows[string, store.Join]
	revoked  rows[string, store.RevokedKey]
	logons   rows[string, store.AccountState]
	audits   []banto.AuditEntry
	mark     *banto.Recovery // that is now confirmed
	nested   []func()        // that are to step other trackers
	draining bool            // they are at it
	fault    error           // why nothing of it can be written
	drop     banto.TrackerID // that is about to be dropped from the store

	acks   rows[ackKey, struct{}]
	afters []func()                // answers, in the order of the inputs
	up     []upNow                 // sessions to be noted once this is durable
	asked  map[submitKey]submitted // what was looked up beforehand; without an ID: nothing
	free   []banto.TrackerID       // IDs that no tracker has
	unread unread                  // inputs that could not be judged
	stuck  map[banto.HostID]bool   // their hosts
	seen   *seen                   // for the observer; nil: there is none
}

type partKey struct {
	tracker banto.TrackerID
	part    banto.PartKey
}

// ackKey is a result of a host.
type ackKey struct {
	host    banto.HostID
	attempt banto.AttemptID
}

// hostRow is a host's row, or its end.
type hostRow struct {
	host banto.Host
	gone bool
}

// order is a change of the outbox: an entry, or its end (nil).
type order struct {
	host  banto.HostID
	order *fabric.Order
}

type submitKey struct{ principal, key string }

type submitted struct {
	hash string
	id   banto.TrackerID
}

type newFlow struct {
	flow *jobnet.Flow
	body []byte
}

// upNow is a session that has opened, or closed (nil).
type upNow struct {
	id      banto.HostID
	session *HostSession
}

// after adds something to be done once the batch is durable.
func (b *batch) after(do func()) { b.afters = append(b.afters, do) }

// putOrder adds an order to the outbox. A host that was removed is told nothing.
func (b *batch) putOrder(host banto.HostID, o fabric.Order) {
	if _, known := b.mem.hosts[host]; !known {
		return
	}
	b.orders.put(o.ID, order{host: host, order: &o})
	b.mem.outbox[o.ID] = host
}

// dropOrder takes an order out of the outbox: it was confirmed, or means
// nothing any more.
func (b *batch) dropOrder(id string) {
	if _, ok := b.mem.outbox[id]; !ok {
		return
	}
	delete(b.mem.outbox, id)
	b.orders.put(id, order{})
}

// audit notes who did what. What was refused is noted by whoever asked.
func (b *batch) audit(by banto.Principal, action audit.Action, object, detail, reason string) banto.AuditEntry {
	switch {
	case detail == "":
		detail = reason
	case reason != "":
		detail += ": " + reason
	}
	entry := audit.Done(b.now, by, action, object, detail)
	b.audits = append(b.audits, entry)
	return entry
}

// empty says whether there is nothing to write.
func (b *batch) empty() bool {
	return b.trackers.len()+b.parts.len()+b.attempts.len()+b.hosts.len()+b.orders.len()+
		b.keys.len()+b.flows.len()+b.scripts.len()+b.joins.len()+b.revoked.len()+b.logons.len()+len(b.audits) == 0 && b.mark == nil && b.drop == ""
}

// write puts all of it into a transaction.
func (b *batch) write(tx store.Tx) error {
	if b.fault != nil {
		return b.fault
	}
	for _, part := range []func(store.Tx) error{b.writeTrackers, b.writeOrders, b.writeHosts, b.writeDrop} {
		if err := part(tx); err != nil {
			return err
		}
	}
	if b.mark != nil {
		if err := putMark(tx, *b.mark); err != nil {
			return err
		}
	}
	for _, entry := range b.audits {
		if err := tx.PutAudit(entry); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) writeTrackers(tx store.Tx) error {
	err := b.flows.each(func(hash string, f newFlow) error { return tx.PutFlow(hash, f.body) })
	if err == nil {
		err = b.sets.each(tx.PutFlow)
	}
	if err == nil {
		err = b.trackers.each(func(_ banto.TrackerID, t banto.Tracker) error { return tx.PutTracker(t) })
	}
	if err == nil {
		err = b.parts.each(func(_ partKey, p banto.Part) error { return tx.PutPart(p) })
	}
	if err == nil {
		err = b.attempts.each(func(_ banto.AttemptID, a banto.Attempt) error { return tx.PutAttempt(a) })
	}
	if err == nil {
		err = b.keys.each(func(k submitKey, s submitted) error {
			return tx.PutSubmitted(k.principal, k.key, s.hash, s.id, b.now)
		})
	}
	return err
}

func (b *batch) writeOrders(tx store.Tx) error {
	err := b.scripts.each(tx.PutScript)
	if err == nil {
		err = b.orders.each(func(id string, o order) error { return b.writeOrder(tx, id, o) })
	}
	return err
}

func (b *batch) writeHosts(tx store.Tx) error {
	err := b.hosts.each(func(id banto.HostID, h hostRow) error {
		if h.gone {
			err := tx.DeleteHost(id)
			if errors.Is(err, store.ErrNotFound) {
				err = nil // it joined in this batch
			}
			return errors.Join(err, tx.DeleteOutboxOf(id))
		}
		return tx.PutHost(h.host)
	})
	if err == nil {
		err = b.joins.each(func(_ string, j store.Join) error { return tx.PutJoin(j) })
	}
	if err == nil {
		err = b.revoked.each(func(_ string, k store.RevokedKey) error { return tx.PutRevoked(k) })
	}
	if err == nil {
		err = b.logons.each(func(_ string, a store.AccountState) error { return tx.PutAccountState(a) })
	}
	return err
}

func (b *batch) writeOrder(tx store.Tx, id string, o order) error {
	if o.order == nil {
		return tx.DeleteOutbox(id)
	}
	payload, err := json.Marshal(o.order)
	if err != nil {
		return err
	}
	return tx.PutOutbox(store.OutboxEntry{ID: id, HostID: o.host, Payload: payload, At: b.now})
}

// rows are values by key in the order in which the keys came first.
type rows[K comparable, V any] struct {
	index map[K]int
	keys  []K
	vals  []V
}

func (r *rows[K, V]) put(k K, v V) {
	if i, ok := r.index[k]; ok {
		r.vals[i] = v
		return
	}
	if r.index == nil {
		r.index = make(map[K]int)
	}
	r.index[k] = len(r.keys)
	r.keys = append(r.keys, k)
	r.vals = append(r.vals, v)
}

func (r *rows[K, V]) get(k K) (v V, ok bool) {
	i, ok := r.index[k]
	if ok {
		v = r.vals[i]
	}
	return v, ok
}

func (r *rows[K, V]) len() int { return len(r.keys) }

func (r *rows[K, V]) each(do func(K, V) error) error {
	for i, k := range r.keys {
		if err := do(k, r.vals[i]); err != nil {
			return err
		}
	}
	return nil
}
