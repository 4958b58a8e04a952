package sqltext

import (
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// Kind is how a column is kept.
type Kind byte

// The kinds of column. A column that may be NULL is a Number.
const (
	Text Kind = iota
	Number
	Bytes
)

// Upsert is how rows of a table are written: whole, in place of the one with
// the same key.
type Upsert struct {
	Table   string
	Columns []string
	Kinds   []Kind   // of the columns
	Key     []string // none: each row is a new one
	Kept    []string // columns that an upsert leaves as they are
	// Once says that a row that is there is left as it is.
	Once bool
	// One is the statement that writes one row.
	One string
}

// Conflict is the second half of the statement: what becomes of a row that is
// there.
func (u *Upsert) Conflict() string {
	switch {
	case len(u.Key) == 0:
		return ""
	case u.Once:
		return " ON CONFLICT (" + strings.Join(u.Key, ", ") + ") DO NOTHING"
	}
	var sets []string
	for _, c := range u.Columns {
		if !slices.Contains(u.Key, c) && !slices.Contains(u.Kept, c) {
			sets = append(sets, c+" = excluded."+c)
		}
	}
	return " ON CONFLICT (" + strings.Join(u.Key, ", ") + ") DO UPDATE SET " + strings.Join(sets, ", ")
}

// upsert makes one for a record; its fields say of what kind the columns are.
func upsert(table, columns, key string, once bool, fields []any, kept ...string) *Upsert {
	u := &Upsert{Table: table, Columns: strings.Split(columns, ", "), Once: once, Kinds: kinds(fields), Kept: kept}
	if key != "" {
		u.Key = strings.Split(key, ", ")
	}
	u.One = "INSERT INTO " + table + " (" + columns + ") VALUES (?" + strings.Repeat(", ?", len(u.Columns)-1) + ")" + u.Conflict()
	return u
}

// kinds says of what kind the columns of fields are.
func kinds(fields []any) []Kind {
	out := make([]Kind, len(fields))
	for i, f := range fields {
		switch f.(type) {
		case int64, *int64, *int, **int, *bool:
			out[i] = Number
		case *[]byte:
			out[i] = Bytes
		default:
			if isTime(f) {
				out[i] = Number
			}
		}
	}
	return out
}

// The upserts of all records.
var (
	Definitions = upsert("definitions", definitionColumns+", source", "kind, path, version", false, definitionFieldsWithSource(new(store.Definition)))
	Trackers    = upsert("trackers", "seq, ended, "+trackerColumns, "id", false,
		append([]any{int64(0), new(bool)}, trackerFields(new(banto.Tracker))...), "seq", "jobnet", "submitted_at")
	Folders       = upsert("tracker_folders", "folder, seq, state", "folder, seq", false, []any{"", int64(0), ""})
	Parts         = upsert("parts", partColumns, "tracker, key", false, partFields(new(banto.Part)))
	Attempts      = upsert("attempts", "ended, "+attemptColumns, "tracker, seq", false, append([]any{new(bool)}, attemptFields(new(banto.Attempt))...))
	Outbox        = upsert("outbox", outboxColumns, "id", false, outboxFields(new(store.OutboxEntry)))
	Submissions   = upsert("submitted", "principal, key, request_hash, tracker, at", "principal, key", true, []any{"", "", "", "", int64(0)})
	Flows         = upsert("flows", "hash, body", "hash", true, []any{"", new([]byte)})
	Scripts       = upsert("scripts", "hash, body", "hash", true, []any{"", new([]byte)})
	Hosts         = upsert("hosts", hostColumns, "id", false, hostFields(new(banto.Host)))
	Joins         = upsert("joins", joinColumns, "hash", false, joinFields(new(store.Join)))
	RevokedKeys   = upsert("revoked_keys", revokedColumns, "public_key", false, revokedFields(new(store.RevokedKey)))
	AccountStates = upsert("account_states", accountStateColumns, "name", false, accountStateFields(new(store.AccountState)))
	Tokens        = upsert("tokens", tokenColumns, "hash", false, tokenFields(new(store.Token)))
	Managers      = upsert("managers", ManagerColumns, "name", false, ManagerFields(new(store.Manager)))
	Marks         = upsert("marks", "name, value", "name", false, []any{"", ""})
	Vault         = upsert("vault", "name, body", "name", true, []any{"", new([]byte)})
	Audit         = upsert("audit", auditColumns, "", false, auditFields(new(banto.AuditEntry)))
)
