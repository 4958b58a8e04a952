package sqlite

import (
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqltext"
)

func (t *tx) PutDefinition(d store.Definition) (int, error) {
	doing := fmt.Sprintf("store %s %s", d.Kind, d.Path)
	if err := sqltext.Encode([]any{&d.Kind, &d.Path, &d.Title, &d.Source, &d.File, &d.AppliedBy}); err != nil {
		return 0, fmt.Errorf("cannot %s: %w", doing, err) // before the old version is put away
	}
	last, err := t.number(doing, sqltext.LastVersion,
		&d.Kind, &d.Path)
	if err != nil {
		return 0, err
	}
	if _, err := t.exec(doing, sqltext.Deactivate,
		&d.Kind, &d.Path); err != nil {
		return 0, err
	}
	d.Version, d.Active = int(last)+1, true
	if _, err := t.exec(doing, sqltext.Definitions.One, sqltext.DefinitionRow(&d)...); err != nil {
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
	if err := sqltext.Encode(fields); err != nil {
		return 0, fmt.Errorf("cannot %s: %w", doing, err)
	}
	if err = t.s.writer.numbers(query, fields, &n); err != nil {
		t.failed = fmt.Errorf("cannot %s: %w", doing, t.s.explain(err))
	}
	return n, t.failed
}

func (t *tx) DeleteDefinition(kind store.DefinitionKind, path string) error {
	doing := fmt.Sprintf("delete %s %s", kind, path)
	n, err := t.exec(doing, sqltext.Deactivate, &kind, &path)
	if err == nil && n == 0 {
		err = fmt.Errorf("cannot %s: %w", doing, store.ErrNotFound)
	}
	return err
}

func (t *tx) PutSubmitted(principal, key, requestHash string, id banto.TrackerID, at time.Time) error {
	n, err := t.exec("store an idempotency key", sqltext.Submissions.One, &principal, &key, &requestHash, &id, &at)
	if err == nil && n == 0 {
		err = fmt.Errorf("cannot store the idempotency key %s of %s: %w", key, principal, store.ErrDuplicate)
	}
	return err
}

func (t *tx) PutHost(h banto.Host) error {
	doing := "store host " + h.Name
	if done, err := t.update(doing, &updateHost, sqltext.HostRow(&h)); done || err != nil {
		return err
	}
	// The constraint would find it too, but PostgreSQL could not go on with
	// the transaction after that.
	others, err := t.number(doing, sqltext.OthersOfTheName, &h.Name, &h.ID)
	if err != nil {
		return err
	}
	if others > 0 {
		return fmt.Errorf("cannot %s: %w", doing, store.ErrDuplicate)
	}
	_, err = t.exec(doing, sqltext.Hosts.One, sqltext.HostRow(&h)...)
	return err
}

func (t *tx) DeleteHost(id banto.HostID) error {
	doing := "delete host " + string(id)
	n, err := t.exec(doing, sqltext.DeleteHost, &id)
	if err == nil && n == 0 {
		err = fmt.Errorf("cannot %s: %w", doing, store.ErrNotFound)
	}
	return err
}
