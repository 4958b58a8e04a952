package sqltext

import (
	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// Each record: its columns, and pointers to its fields in the same order.

const definitionColumns = "kind, path, version, active, title, parts, file, line, applied_at, applied_by"

func definitionFields(d *store.Definition) []any {
	return []any{&d.Kind, &d.Path, &d.Version, &d.Active, &d.Title, &d.Parts, &d.File, &d.Line, &d.AppliedAt, &d.AppliedBy}
}

func definitionFieldsWithSource(d *store.Definition) []any {
	return append(definitionFields(d), &d.Source)
}

const trackerColumns = "id, jobnet, title, version, flow, state, message, date, rerun, attempts, parts, " +
	"submitted_by, reason, submitted_at, started_at, ended_at, revision, cancelling, counts, hosts, params, held, places, restarts, timezone, parent, parent_part, calling, root, depth, calls, held_outer"

func trackerFields(t *banto.Tracker) []any {
	return []any{
		&t.ID, &t.Jobnet, &t.Title, &t.Version, &t.Flow, &t.State, &t.Message, &t.Date, &t.Rerun, &t.Attempts, &t.Parts,
		&t.SubmittedBy, &t.Reason, &t.SubmittedAt, &t.StartedAt, &t.EndedAt, &t.Revision, &t.Cancelling, &t.Counts, &t.Hosts, &t.Params,
		&t.Held, &t.Places, &t.Restarts, &t.Timezone, &t.Parent, &t.ParentPart, &t.Calling, &t.Root, &t.Depth, &t.Calls, &t.HeldOuter,
	}
}

func trackerRowFields(r *store.TrackerRow) []any {
	return append(trackerFields(&r.Tracker), &r.Cursor)
}

const partColumns = "tracker, key, state, reason, attempt, tries, attempt_id, rerun, host, exit, healed, via, " +
	"started_at, ended_at, retry_at, revision, message, vars, output, forced, outlet, until, child"

func partFields(p *banto.Part) []any {
	return []any{
		&p.Tracker, &p.Key, &p.State, &p.Reason, &p.Attempt, &p.Tries, &p.AttemptID, &p.Rerun, &p.Host, &p.Exit, &p.Healed, &p.Via,
		&p.StartedAt, &p.EndedAt, &p.RetryAt, &p.Revision, &p.Message, &p.Vars, &p.Output, &p.Forced, &p.Outlet, &p.Until, &p.Child,
	}
}

// attemptColumns leaves out the ID, which the tracker and seq make.
const attemptColumns = "tracker, seq, part, number, rerun, state, reason, host, host_id, exit, " +
	"output_size, output_lost, killing, created_at, started_at, ended_at, message, account, encoding, dead_man_ms, dead_by, child"

func attemptFields(a *banto.Attempt) []any {
	return []any{
		&a.Tracker, &a.Seq, &a.Part, &a.Number, &a.Rerun, &a.State, &a.Reason, &a.Host, &a.HostID, &a.Exit,
		&a.OutputSize, &a.OutputLost, &a.Killing, &a.CreatedAt, &a.StartedAt, &a.EndedAt, &a.Message,
		&a.Account, &a.Encoding, &a.DeadManMS, &a.DeadBy, &a.Child,
	}
}

const hostColumns = "id, name, labels, state, since, why, slots, running, version, os, arch, boot_id, generation, " +
	"public_key, enrolled_at, connected_at, admission, admission_by, admission_why, admission_since, endpoint, clock_ms, claims"

func hostFields(h *banto.Host) []any {
	return []any{
		&h.ID, &h.Name, &h.Labels, &h.State, &h.Since, &h.Why, &h.Slots, &h.Running, &h.Version, &h.OS, &h.Arch, &h.BootID, &h.Generation,
		&h.PublicKey, &h.EnrolledAt, &h.ConnectedAt,
		&h.Admission, &h.AdmissionBy, &h.AdmissionWhy, &h.AdmissionSince, &h.Endpoint, &h.ClockMS, &h.Claims,
	}
}

const joinColumns = "hash, name, labels, again, made_by, created_at, expires_at, used_at, used_by"

func joinFields(j *store.Join) []any {
	return []any{&j.Hash, &j.Name, &j.Labels, &j.Again, &j.By, &j.CreatedAt, &j.ExpiresAt, &j.UsedAt, &j.UsedBy}
}

const revokedColumns = "public_key, host, name, at, revoked_by"

func revokedFields(k *store.RevokedKey) []any {
	return []any{&k.PublicKey, &k.Host, &k.Name, &k.At, &k.By}
}

const accountStateColumns = "name, failures, blocked, why"

func accountStateFields(a *store.AccountState) []any {
	return []any{&a.Name, &a.Failures, &a.Blocked, &a.Why}
}

const tokenColumns = "hash, principal, admin, created_at, note"

func tokenFields(t *store.Token) []any {
	return []any{&t.Hash, &t.Principal.Name, &t.Principal.Admin, &t.CreatedAt, &t.Note}
}

const auditColumns = "at, principal, action, object, detail, outcome"

func auditFields(e *banto.AuditEntry) []any {
	return []any{&e.At, &e.Principal, &e.Action, &e.Object, &e.Detail, &e.Outcome}
}

func auditRowFields(e *banto.AuditEntry) []any { return append(auditFields(e), &e.Seq) }

const outboxColumns = "id, host_id, at, payload"

func outboxFields(e *store.OutboxEntry) []any {
	return []any{&e.ID, &e.HostID, &e.At, &e.Payload}
}

// ManagerColumns are the columns of a manager.
const ManagerColumns = "name, url, endpoints, version, started, seen_at"

// ManagerFields are the fields of a manager, in the order of its columns.
func ManagerFields(m *store.Manager) []any {
	return []any{&m.Name, &m.URL, &m.Endpoints, &m.Version, &m.Started, &m.SeenAt}
}
