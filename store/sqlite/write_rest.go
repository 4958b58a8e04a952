package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// What is written seldom.
var (
	putSubmitted = insert("submitted", "principal, key, request_hash, tracker, at") + " ON CONFLICT (principal, key) DO NOTHING"
	putFlow      = insert("flows", "hash, body") + " ON CONFLICT (hash) DO NOTHING"
	putHost      = insert("hosts", hostColumns) + replacing(hostColumns, "id")
	deleteHost   = "DELETE FROM hosts WHERE id = ?"
	putScript    = insert("scripts", "hash, body") + " ON CONFLICT (hash) DO NOTHING"
	putJoin      = insert("joins", joinColumns) + replacing(joinColumns, "hash")
	putRevoked   = insert("revoked_keys", revokedColumns) + replacing(revokedColumns, "public_key")
	putAccount   = insert("account_states", accountStateColumns) + replacing(accountStateColumns, "name")
	putToken     = insert("tokens", tokenColumns) + replacing(tokenColumns, "hash")
	putManager   = insert("managers", managerColumns) + replacing(managerColumns, "name")
	putMark      = insert("marks", "name, value") + replacing("name, value", "name")
	putAudit     = insert("audit", auditColumns)
	// The version is counted on from all that ever were under the path.
	putDefinition = insert("definitions", definitionColumns+", source")
)

func (t *tx) PutDefinition(d store.Definition) (int, error) {
	doing := fmt.Sprintf("store %s %s", d.Kind, d.Path)
	if err := encode([]any{&d.Kind, &d.Path, &d.Title, &d.Source, &d.File, &d.AppliedBy}); err != nil {
		return 0, fmt.Errorf("cannot %s: %w", doing, err) // before the old version is put away
	}
	last, err := t.number(doing, "SELECT COALESCE(max(version), 0) FROM definitions WHERE kind = ? AND path = ?",
		&d.Kind, &d.Path)
	if err != nil {
		return 0, err
	}
	if _, err := t.exec(doing, "UPDATE definitions SET active = 0 WHERE kind = ? AND path = ? AND active = 1",
		&d.Kind, &d.Path); err != nil {
		return 0, err
	}
	d.Version, d.Active = int(last)+1, true
	if _, err := t.exec(doing, putDefinition, definitionFieldsWithSource(&d)...); err != nil {
		return 0, err
	}
	return d.Version, nil
}

// number runs a query that gives one number. It sees what the transaction has
// written, as only its own connection can.
func (t *tx) number(doing, query string, fields ...any) (n int64, err error) {
	if t.over {
		return 0, errTxOver
	}
	if t.failed != nil {
		return 0, t.failed
	}
	if err := encode(fields); err != nil {
		return 0, fmt.Errorf("cannot %s: %w", doing, err)
	}
	if err = t.s.conn.QueryRowContext(context.Background(), query, fields...).Scan(&n); err != nil {
		t.failed = fmt.Errorf("cannot %s: %w", doing, t.s.explain(err))
	}
	return n, t.failed
}

func (t *tx) DeleteDefinition(kind store.DefinitionKind, path string) error {
	doing := fmt.Sprintf("delete %s %s", kind, path)
	n, err := t.exec(doing, "UPDATE definitions SET active = 0 WHERE kind = ? AND path = ? AND active = 1", &kind, &path)
	if err == nil && n == 0 {
		err = fmt.Errorf("cannot %s: %w", doing, store.ErrNotFound)
	}
	return err
}

func (t *tx) PutFlow(hash string, body []byte) error {
	_, err := t.exec("store a flow", putFlow, &hash, &body)
	return err
}

func (t *tx) PutScript(hash string, body []byte) error {
	_, err := t.exec("store a script", putScript, &hash, &body)
	return err
}

func (t *tx) PutSubmitted(principal, key, requestHash string, id banto.TrackerID, at time.Time) error {
	n, err := t.exec("store an idempotency key", putSubmitted, &principal, &key, &requestHash, &id, &at)
	if err == nil && n == 0 {
		err = fmt.Errorf("cannot store the idempotency key %s of %s: %w", key, principal, store.ErrDuplicate)
	}
	return err
}

func (t *tx) PutHost(h banto.Host) error {
	doing := "store host " + h.Name
	// The constraint would find it too, but PostgreSQL could not go on with
	// the transaction after that.
	others, err := t.number(doing, "SELECT count(*) FROM hosts WHERE name = ? AND id <> ?", &h.Name, &h.ID)
	if err != nil {
		return err
	}
	if others > 0 {
		return fmt.Errorf("cannot %s: %w", doing, store.ErrDuplicate)
	}
	_, err = t.exec(doing, putHost, hostFields(&h)...)
	return err
}

func (t *tx) DeleteHost(id banto.HostID) error {
	doing := "delete host " + string(id)
	n, err := t.exec(doing, deleteHost, &id)
	if err == nil && n == 0 {
		err = fmt.Errorf("cannot %s: %w", doing, store.ErrNotFound)
	}
	return err
}

func (t *tx) PutJoin(j store.Join) error {
	_, err := t.exec("store a join", putJoin, joinFields(&j)...)
	return err
}

func (t *tx) PutRevoked(k store.RevokedKey) error {
	_, err := t.exec("store a revoked key", putRevoked, revokedFields(&k)...)
	return err
}

func (t *tx) PutAccountState(a store.AccountState) error {
	_, err := t.exec("store the state of account "+a.Name, putAccount, accountStateFields(&a)...)
	return err
}

func (t *tx) PutToken(tok store.Token) error {
	_, err := t.exec("store a token", putToken, tokenFields(&tok)...)
	return err
}

func (t *tx) PutMark(name, value string) error {
	_, err := t.exec("store the mark "+name, putMark, name, value)
	return err
}

func (t *tx) DeleteTracker(id banto.TrackerID, limit int) (left bool, err error) {
	doing := "drop tracker " + string(id)
	ended, err := t.number(doing, "SELECT count(*) FROM trackers WHERE id = ? AND ended = 1", &id)
	if err != nil || ended == 0 {
		return false, err
	}
	for _, rows := range []string{
		"DELETE FROM attempts WHERE tracker = ? AND seq IN (SELECT seq FROM attempts WHERE tracker = ? LIMIT ?)",
		"DELETE FROM parts WHERE tracker = ? AND key IN (SELECT key FROM parts WHERE tracker = ? LIMIT ?)",
	} {
		n, err := t.exec(doing, rows, &id, &id, &limit)
		if err != nil || n == int64(limit) {
			return true, err
		}
	}
	_, err = t.exec(doing, "DELETE FROM trackers WHERE id = ?", &id) // what is left goes with it
	return false, err
}

func (t *tx) PutAudit(e banto.AuditEntry) error {
	_, err := t.exec("store an audit entry", putAudit, auditFields(&e)...)
	return err
}
