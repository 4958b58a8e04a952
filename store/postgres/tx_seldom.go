package postgres

import (
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqltext"
)

func (t *tx) PutDefinition(d store.Definition) (int, error) {
	doing := fmt.Sprintf("store %s %s", d.Kind, d.Path)
	if err := t.ready(doing, sqltext.DefinitionRow(&d)); err != nil {
		return 0, err
	}
	v, err := t.version(doing, d.Kind, d.Path)
	if err != nil {
		return 0, err
	}
	t.batch.exec(sqltext.Deactivate, []any{string(d.Kind), d.Path}, "definitions")
	d.Version, d.Active = v.last+1, true
	row := sqltext.DefinitionRow(&d)
	if err := t.ready(doing, row); err != nil {
		return 0, err
	}
	t.batch.put(sqltext.Definitions, row)
	t.versions[[2]string{string(d.Kind), d.Path}] = version{d.Version, true}
	return d.Version, nil
}

// version gives the last version under a path, as this transaction leaves it.
func (t *tx) version(doing string, kind store.DefinitionKind, path string) (version, error) {
	if v, ok := t.versions[[2]string{string(kind), path}]; ok {
		return v, nil
	}
	fields := func(v *version) []any { return []any{&v.last, &v.active} }
	v, _, err := ask(t, doing, fields,
		"SELECT COALESCE(max(version), 0), COALESCE(max(active), 0) FROM definitions WHERE kind = ? AND path = ?", string(kind), path)
	return v, err
}

func (t *tx) DeleteDefinition(kind store.DefinitionKind, path string) error {
	doing := fmt.Sprintf("delete %s %s", kind, path)
	if err := t.ready(doing, []any{&kind, &path}); err != nil {
		return err
	}
	v, err := t.version(doing, kind, path)
	if err != nil {
		return err
	}
	if !v.active {
		return fmt.Errorf("cannot %s: %w", doing, store.ErrNotFound)
	}
	t.batch.exec(sqltext.Deactivate, []any{string(kind), path}, "definitions")
	t.versions[[2]string{string(kind), path}] = version{v.last, false}
	return nil
}

func (t *tx) PutHost(h banto.Host) error {
	doing := "store host " + h.Name
	row := sqltext.HostRow(&h)
	if err := t.ready(doing, row); err != nil {
		return err
	}
	owner, err := t.owner(doing, h.Name)
	if err != nil {
		return err
	}
	if owner != "" && owner != h.ID {
		return fmt.Errorf("cannot %s: %w", doing, store.ErrDuplicate)
	}
	before, there, err := t.host(doing, h.ID)
	if err != nil {
		return err
	}
	if there && before != h.Name {
		t.names[before] = ""
		// Its old name may be taken by a row of the same statement, whose order
		// the constraint does not wait for.
		t.batch.exec("UPDATE hosts SET name = ? WHERE id = ?", []any{h.Name, string(h.ID)}, "hosts")
	}
	t.names[h.Name], t.hosts[h.ID] = h.ID, named{h.Name, true}
	t.batch.put(sqltext.Hosts, row)
	return nil
}

// owner gives the host that has a name, as this transaction leaves it.
func (t *tx) owner(doing, name string) (banto.HostID, error) {
	if id, ok := t.names[name]; ok {
		return id, nil
	}
	id, _, err := ask(t, doing, sqltext.Itself[banto.HostID], "SELECT id FROM hosts WHERE name = ?", name)
	return id, err
}

// host gives the name of a host, as this transaction leaves it.
func (t *tx) host(doing string, id banto.HostID) (name string, there bool, err error) {
	if is, ok := t.hosts[id]; ok {
		return is.name, is.there, nil
	}
	return ask(t, doing, sqltext.Itself[string], "SELECT name FROM hosts WHERE id = ?", string(id))
}

func (t *tx) DeleteHost(id banto.HostID) error {
	doing := "delete host " + string(id)
	if err := t.ready(doing, []any{&id}); err != nil {
		return err
	}
	name, there, err := t.host(doing, id)
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("cannot %s: %w", doing, store.ErrNotFound)
	}
	t.batch.exec(sqltext.DeleteHost, []any{string(id)}, "hosts")
	t.names[name], t.hosts[id] = "", named{}
	return nil
}
