package sqltext

import (
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// Drift bounds how far a tracker's seq may lie behind its time of submission,
// in microseconds: so many trackers can be submitted at one instant.
const Drift = int64(1_000_000)

// Putter writes a row of fields or values that Encode knows. Doing says in an
// error what could not be done.
type Putter interface {
	Put(doing string, u *Upsert, fields []any) error
}

// Puts are the methods of a store.Tx that need no answer: each writes one row.
type Puts struct{ Putter }

// PutFlow implements store.Tx.
func (t Puts) PutFlow(hash string, body []byte) error {
	return t.Put("store a flow", Flows, []any{hash, &body})
}

// PutScript implements store.Tx.
func (t Puts) PutScript(hash string, body []byte) error {
	return t.Put("store a script", Scripts, []any{hash, &body})
}

// PutPart implements store.Tx.
func (t Puts) PutPart(p banto.Part) error { return t.Put("store part", Parts, partFields(&p)) }

// PartRow gives the row of a part.
func PartRow(p *banto.Part) []any { return partFields(p) }

// PutAttempt implements store.Tx.
func (t Puts) PutAttempt(a banto.Attempt) error {
	if a.ID != banto.NewAttemptID(a.Tracker, a.Seq) {
		return fmt.Errorf("cannot store attempt %s: it is not number %d of tracker %s", a.ID, a.Seq, a.Tracker)
	}
	return t.Put("store attempt", Attempts, AttemptRow(&a))
}

// AttemptRow gives the row of an attempt.
func AttemptRow(a *banto.Attempt) []any {
	ended := a.State.Ended()
	return append([]any{&ended}, attemptFields(a)...)
}

// PutOutbox implements store.Tx.
func (t Puts) PutOutbox(e store.OutboxEntry) error {
	return t.Put("store an order", Outbox, outboxFields(&e))
}

// PutJoin implements store.Tx.
func (t Puts) PutJoin(j store.Join) error { return t.Put("store a join", Joins, joinFields(&j)) }

// PutRevoked implements store.Tx.
func (t Puts) PutRevoked(k store.RevokedKey) error {
	return t.Put("store a revoked key", RevokedKeys, revokedFields(&k))
}

// PutAccountState implements store.Tx.
func (t Puts) PutAccountState(a store.AccountState) error {
	return t.Put("store the state of account "+a.Name, AccountStates, accountStateFields(&a))
}

// PutToken implements store.Tx.
func (t Puts) PutToken(tok store.Token) error {
	return t.Put("store a token", Tokens, tokenFields(&tok))
}

// PutMark implements store.Tx.
func (t Puts) PutMark(name, value string) error {
	return t.Put("store the mark "+name, Marks, []any{name, value})
}

// PutAudit implements store.Tx.
func (t Puts) PutAudit(e banto.AuditEntry) error {
	return t.Put("store an audit entry", Audit, auditFields(&e))
}

// FoldersOf gives the folders that a path is in, each with a slash at its end.
func FoldersOf(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := range len(path) {
			if path[i] == '/' && !yield(path[:i+1]) {
				return
			}
		}
	}
}

// TrackerRow gives the row of a tracker under its seq.
func TrackerRow(seq int64, t *banto.Tracker) []any {
	ended := t.State.Ended()
	return append([]any{seq, &ended}, trackerFields(t)...)
}

// HostRow gives the row of a host.
func HostRow(h *banto.Host) []any { return hostFields(h) }

// DefinitionRow gives the row of a version of a definition.
func DefinitionRow(d *store.Definition) []any { return definitionFieldsWithSource(d) }

// Statements that both stores run as they are.
const (
	IsEnded        = "SELECT count(*) FROM trackers WHERE id = ? AND ended = 1"
	DeleteAttempts = "DELETE FROM attempts WHERE tracker = ? AND seq IN (SELECT seq FROM attempts WHERE tracker = ? LIMIT ?)"
	DeleteParts    = "DELETE FROM parts WHERE tracker = ? AND key IN (SELECT key FROM parts WHERE tracker = ? LIMIT ?)"
	DeleteTracker  = "DELETE FROM trackers WHERE id = ? AND ended = 1"
	DeleteOutbox   = "DELETE FROM outbox WHERE id = ?"
	// An index by host would cost every order, and hosts are removed seldom.
	DeleteOutboxOf = "DELETE FROM outbox WHERE host_id = ?"
	DeleteTokens   = "DELETE FROM tokens WHERE principal = ? AND note = ?"
	DeleteHost     = "DELETE FROM hosts WHERE id = ?"
	// OthersOfTheName counts hosts that have a name already.
	OthersOfTheName = "SELECT count(*) FROM hosts WHERE name = ? AND id <> ?"
	// LastVersion is counted on from all that ever were under the path.
	LastVersion = "SELECT COALESCE(max(version), 0) FROM definitions WHERE kind = ? AND path = ?"
	Deactivate  = "UPDATE definitions SET active = 0 WHERE kind = ? AND path = ? AND active = 1"
)
