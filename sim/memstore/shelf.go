package memstore

import (
	"maps"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// Shelf is what stores that are opened on it have in common: committed rows.
type Shelf struct {
	turn chan struct{} // one transaction at a time

	mu   sync.Mutex
	rows rows
}

// rows are all that is kept.
type rows struct {
	incarnation string
	lease       store.Lease
	managers    map[string]store.Manager
	vault       map[string][]byte

	definitions map[definitionKey][]store.Definition // by version
	flows       map[string][]byte
	scripts     map[string][]byte
	trackers    map[banto.TrackerID]store.TrackerRow
	parts       map[partKey]banto.Part
	attempts    map[attemptKey]banto.Attempt
	submitted   map[submitKey]submitted
	outbox      map[string]order
	hosts       map[banto.HostID]banto.Host
	joins       map[string]store.Join
	revoked     map[string]store.RevokedKey
	accounts    map[string]store.AccountState
	tokens      map[string]store.Token
	marks       map[string]string
	audit       map[int64]banto.AuditEntry
	seq         int64 // of the last audit entry and the last order
}

type (
	definitionKey struct {
		kind store.DefinitionKind
		path string
	}
	partKey struct {
		tracker banto.TrackerID
		key     banto.PartKey
	}
	attemptKey struct {
		tracker banto.TrackerID
		seq     int
	}
	submitKey struct{ principal, key string }
	submitted struct {
		hash string
		id   banto.TrackerID
	}
	order struct {
		seq int64
		store.OutboxEntry
	}
)

// NewShelf makes an empty one.
func NewShelf(incarnation string) *Shelf {
	s := &Shelf{turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	s.rows = rows{incarnation: incarnation}.copied()
	return s
}

// copied gives rows whose maps are its own. A row that is kept never changes.
func (r rows) copied() rows {
	r.managers, r.vault = own(r.managers), own(r.vault)
	r.definitions, r.flows, r.scripts = own(r.definitions), own(r.flows), own(r.scripts)
	r.trackers, r.parts, r.attempts, r.submitted = own(r.trackers), own(r.parts), own(r.attempts), own(r.submitted)
	r.outbox, r.hosts, r.joins, r.revoked = own(r.outbox), own(r.hosts), own(r.joins), own(r.revoked)
	r.accounts, r.tokens, r.marks, r.audit = own(r.accounts), own(r.tokens), own(r.marks), own(r.audit)
	return r
}

func own[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

// Copy gives a picture of what is committed, as a backup holds it: another
// incarnation, and nobody has the lease.
func (s *Shelf) Copy(incarnation string) *Shelf {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := NewShelf(incarnation)
	c.rows = s.rows.copied()
	c.rows.incarnation, c.rows.lease, c.rows.managers = incarnation, store.Lease{}, map[string]store.Manager{}
	return c
}

// Incarnation names what is on the shelf.
func (s *Shelf) Incarnation() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows.incarnation
}

// Lease tells who writes.
func (s *Shelf) Lease(now time.Time) store.Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.rows.lease
	if l.Epoch > 0 {
		l.Age = max(0, now.Sub(l.RenewedAt))
	}
	return l
}
