package sqlite_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqlite"
)

// firstVersion gives the statements that make a store as the first version
// left it: its schema, and a row in each of its tables.
func firstVersion(t *testing.T) []string {
	t.Helper()
	schema, err := os.ReadFile("migrations/0001_first.sql")
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"PRAGMA application_id = 0x42414e54", "PRAGMA journal_mode = WAL",
		string(schema),
		// As the library that migrates made it then.
		`CREATE TABLE schema_version (
			id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL,
			tstamp TIMESTAMP DEFAULT (datetime('now')))`,
		"INSERT INTO schema_version (version_id, is_applied) VALUES (0, 1), (1, 1)",
		"INSERT INTO info (name, value) VALUES ('incarnation', '0123456789abcdef0123456789abcdef')",
		"UPDATE lease SET epoch = 7, seq = 99, holder = 'm1', renewed_at = 5000000",
		`INSERT INTO definitions VALUES ('jobnet', 'backup/nightly', 3, 1, '夜間', 2, 'b.yaml', 4, 1000000, 'admin', 'jobnet: backup/nightly')`,
		`INSERT INTO flows VALUES ('f10f', x'7b7d')`,
		`INSERT INTO trackers VALUES (2000000, '20261121-0000001', 0, 'backup/nightly', '夜間', 3, 'f10f', 'running', 'm', '2026-11-21',
			1, 2, 2, 'admin', 'why', 2000000, 2000001, NULL, 12, 1, '{"ok":1,"running":1}', '["h-1"]', '{"a":"b"}')`,
		`INSERT INTO tracker_folders VALUES ('backup/', 2000000, 'running')`,
		`INSERT INTO parts VALUES ('20261121-0000001', 'archive', 'running', '', 2, 1, '20261121-0000001.2', 1, 'db01', NULL, 0, '',
			2000002, NULL, NULL, 12, '', '{"files":"3"}', 'head')`,
		`INSERT INTO attempts VALUES ('20261121-0000001', 1, 1, 'archive', 1, 0, 'error', 'exit', 'db01', 'h-1', 3, 10, 20, 0, 2000003, 2000004, 2000005, 'bad')`,
		`INSERT INTO attempts VALUES ('20261121-0000001', 2, 0, 'archive', 2, 1, 'running', '', 'db01', 'h-1', NULL, 0, 0, 1, 2000006, 2000007, NULL, '')`,
		`INSERT INTO submitted VALUES ('admin', 'key', 'hash', '20261121-0000001', 2000000)`,
		`INSERT INTO outbox VALUES (1, 'kill:20261121-0000001.2', 'h-1', 2000008, x'00ff')`,
		`INSERT INTO hosts VALUES ('h-1', 'db01', '{"role":"batch"}', 'connected', 1000001, 'why', 4, 1, 'v1', 'linux', 'amd64', 'boot', 'gen', 'UKEY', 1000002, 1000003)`,
		`INSERT INTO tokens VALUES ('c0ffee', 'admin', 1, 1000004, 'note')`,
		`INSERT INTO audit VALUES (41, 1000005, 'admin', 'jobnet.apply', 'backup/nightly', 'd', 'done')`,
	}
}

func micro(n int64) time.Time { return time.UnixMicro(n).UTC() }

func timed(n int64) *time.Time {
	at := micro(n)
	return &at
}

// TestOpenAStoreOfTheFirstVersion: it opens, keeps every value, and takes what
// this version adds.
func TestOpenAStoreOfTheFirstVersion(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	edit(t, dir, firstVersion(t)...)
	s := open(t, dir, sqlite.Options{})

	const id = banto.TrackerID("20261121-0000001")
	three := 3
	tracker := banto.Tracker{
		ID: id, Jobnet: "backup/nightly", Title: "夜間", Version: 3, Flow: "f10f", State: "running", Message: "m",
		Params: map[string]string{"a": "b"}, Date: banto.DateOf(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)), Rerun: 1, Attempts: 2, Parts: 2,
		Counts: map[banto.PartState]int{"ok": 1, "running": 1}, SubmittedBy: "admin", Reason: "why", SubmittedAt: micro(2000000),
		StartedAt: timed(2000001), Revision: 12, Cancelling: true, Hosts: []banto.HostID{"h-1"},
	}
	part := banto.Part{
		Tracker: id, Key: "archive", State: "running", Attempt: 2, Tries: 1, AttemptID: "20261121-0000001.2", Rerun: 1, Host: "db01",
		Output: "head", Vars: map[string]string{"files": "3"}, StartedAt: timed(2000002), Revision: 12,
	}
	attempts := []banto.Attempt{
		{
			ID: "20261121-0000001.1", Tracker: id, Seq: 1, Part: "archive", Number: 1, State: "error", Reason: "exit", Message: "bad", Host: "db01",
			HostID: "h-1", Exit: &three, OutputSize: 10, OutputLost: 20, CreatedAt: micro(2000003), StartedAt: timed(2000004), EndedAt: timed(2000005),
		},
		{
			ID: "20261121-0000001.2", Tracker: id, Seq: 2, Part: "archive", Number: 2, Rerun: 1, State: "running", Host: "db01", HostID: "h-1",
			Killing: true, CreatedAt: micro(2000006), StartedAt: timed(2000007),
		},
	}
	host := banto.Host{
		ID: "h-1", Name: "db01", Labels: map[string]string{"role": "batch"}, State: "connected", Since: micro(1000001), Why: "why", Slots: 4, Running: 1,
		Version: "v1", OS: "linux", Arch: "amd64", BootID: "boot", Generation: "gen", PublicKey: "UKEY", EnrolledAt: micro(1000002),
		ConnectedAt: timed(1000003), Admission: banto.AdmissionOpen,
	}
	same := func(what string, want any) func(got any, err error) {
		return func(got any, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
	}
	kept := func() {
		same("incarnation", "0123456789abcdef0123456789abcdef")(any2(s.Incarnation(ctx)))
		same("tracker", tracker)(any2(s.Tracker(ctx, id)))
		same("parts", []banto.Part{part})(any2(s.Parts(ctx, id, 0, "", 0)))
		same("attempts", attempts)(any2(s.Attempts(ctx, id, "", 0, 0)))
		same("host", host)(any2(s.Host(ctx, "db01")))
		same("flow", []byte("{}"))(any2(s.Flow(ctx, "f10f")))
		same("outbox", []store.OutboxEntry{{ID: "kill:20261121-0000001.2", HostID: "h-1", Payload: []byte("\x00\xff"), At: micro(2000008)}})(any2(s.Outbox(ctx)))
		same("token", store.Token{Hash: "c0ffee", Principal: banto.Principal{Name: "admin", Admin: true}, CreatedAt: micro(1000004), Note: "note"})(
			any2(s.Token(ctx, "c0ffee")))
		same("audit", []banto.AuditEntry{{
			Seq: 41, At: micro(1000005), Principal: "admin", Action: "jobnet.apply", Object: "backup/nightly", Detail: "d", Outcome: "done",
		}})(any2(s.ListAudit(ctx, "", 0, 0)))
		d := store.Definition{
			Kind: "jobnet", Path: "backup/nightly", Version: 3, Title: "夜間", Parts: 2, Source: "jobnet: backup/nightly", File: "b.yaml", Line: 4,
			AppliedAt: micro(1000000), AppliedBy: "admin", Active: true,
		}
		same("definition", d)(any2(s.Definition(ctx, "jobnet", "backup/nightly", 0)))
	}
	kept()
	lease, err := s.Lease(ctx)
	lease.Age = 0
	same("lease", store.Lease{Epoch: 7, Seq: 99, Holder: "m1", RenewedAt: micro(5000000)})(any2(lease, err))
	if got, hash, err := s.Submitted(ctx, "admin", "key"); got != id || hash != "hash" || err != nil {
		t.Errorf("Submitted = %s, %s, %v", got, hash, err)
	}

	if epoch, err := s.Begin(ctx, "m2", micro(6000000)); err != nil || epoch != 8 {
		t.Fatalf("Begin = %d, %v", epoch, err)
	}
	tracker.Held, tracker.Places = true, map[string]banto.HostID{"batch-east": "h-1"}
	attempts[1].Account, attempts[1].Encoding = "nightly", "cp932"
	host.Admission, host.AdmissionBy, host.AdmissionSince, host.Claims = banto.AdmissionHeld, "admin", timed(6000001), 12
	err = s.Write(ctx, func(tx store.Tx) error {
		return errors.Join(tx.PutTracker(tracker), tx.PutAttempt(attempts[1]), tx.PutHost(host), tx.PutScript("s", []byte("x")),
			tx.PutJoin(store.Join{Hash: "j"}), tx.PutRevoked(store.RevokedKey{PublicKey: "k"}), tx.PutAccountState(store.AccountState{Name: "a"}))
	})
	if err != nil {
		t.Fatal(err)
	}
	kept()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, sqlite.Options{}) // and is not migrated twice
	kept()
}

// any2 forgets the type of a value beside an error.
func any2[T any](v T, err error) (any, error) { return v, err }

// secondVersion gives the statements that make a store as the second version
// left it.
func secondVersion(t *testing.T) []string {
	t.Helper()
	schema, err := os.ReadFile("migrations/0002_hosts.sql")
	if err != nil {
		t.Fatal(err)
	}
	return append(firstVersion(t), string(schema),
		"INSERT INTO schema_version (version_id, is_applied) VALUES (2, 1)",
		"UPDATE hosts SET admission = 'draining', admission_by = 'admin', admission_why = 'disk', admission_since = 1000005, endpoint = 'e', clock_ms = -7, claims = 3",
		`UPDATE trackers SET held = 1, places = '{"batch-east":"h-1"}'`,
		"UPDATE attempts SET account = 'nightly', encoding = 'cp932' WHERE seq = 2",
		"INSERT INTO joins VALUES ('beef', 'db02', '', 'h-1', 'admin', 1000006, 1000007, 1000008, 'h-2')",
		"INSERT INTO revoked_keys VALUES ('UOLD', 'h-1', 'db01', 1000009, 'admin')",
		"INSERT INTO account_states VALUES ('nightly', 3, 1000010, 'locked')",
		"INSERT INTO scripts VALUES ('5c', x'00ff')",
	)
}

// TestOpenAStoreOfTheSecondVersion: it keeps what that version added, and its
// attempts have no limit without contact, and its lease nobody named.
func TestOpenAStoreOfTheSecondVersion(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	edit(t, dir, secondVersion(t)...)
	s := open(t, dir, sqlite.Options{})
	same := func(what string, want, got any, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
		}
	}
	host, err := s.Host(ctx, "db01")
	same("host", []any{banto.AdmissionDraining, "admin", "disk", timed(1000005), "e", int64(-7), int64(3)},
		[]any{host.Admission, host.AdmissionBy, host.AdmissionWhy, host.AdmissionSince, host.Endpoint, host.ClockMS, host.Claims}, err)
	tracker, err := s.Tracker(ctx, "20261121-0000001")
	same("tracker", []any{true, map[string]banto.HostID{"batch-east": "h-1"}, 0}, []any{tracker.Held, tracker.Places, tracker.Restarts}, err)
	attempt, err := s.Attempt(ctx, "20261121-0000001.2")
	same("attempt", []any{"nightly", "cp932", int64(0), (*time.Time)(nil)}, []any{attempt.Account, attempt.Encoding, attempt.DeadManMS, attempt.DeadBy}, err)
	join, err := s.Join(ctx, "beef")
	same("join", store.Join{
		Hash: "beef", Name: "db02", Again: "h-1", By: "admin", CreatedAt: micro(1000006), ExpiresAt: micro(1000007), UsedAt: timed(1000008), UsedBy: "h-2",
	}, join, err)
	keys, err := s.Revoked(ctx)
	same("revoked", []store.RevokedKey{{PublicKey: "UOLD", Host: "h-1", Name: "db01", At: micro(1000009), By: "admin"}}, keys, err)
	states, err := s.AccountStates(ctx)
	same("accounts", []store.AccountState{{Name: "nightly", Failures: 3, Blocked: timed(1000010), Why: "locked"}}, states, err)
	script, err := s.Script(ctx, "5c")
	same("script", []byte("\x00\xff"), script, err)
	lease, err := s.Lease(ctx)
	lease.Age = 0
	same("lease", store.Lease{Epoch: 7, Seq: 99, Holder: "m1", RenewedAt: micro(5000000)}, lease, err)

	if _, err := s.Take(ctx, store.TakeOver{Holder: "m2/1", URL: "https://m2", Name: "m2"}); err != nil {
		t.Fatal(err)
	}
	attempt.DeadManMS, attempt.DeadBy, tracker.Restarts = 60_000, timed(3000000), 2
	_, kept := s.Keep(ctx, "key", []byte("k"))
	if err := errors.Join(kept, s.Announce(ctx, store.Manager{Name: "m2"}), s.Write(ctx, func(tx store.Tx) error {
		return errors.Join(tx.PutAttempt(attempt), tx.PutTracker(tracker), tx.PutMark("purge", "x"))
	})); err != nil {
		t.Fatal(err)
	}
	got, err := s.Attempt(ctx, attempt.ID)
	same("attempt with a limit", attempt, got, err)
	again, err := s.Tracker(ctx, tracker.ID)
	same("tracker that started again", tracker, again, err)
	if n, err := s.Schema(ctx); n != 4 || err != nil {
		t.Errorf("the schema is number %d, %v", n, err)
	}
}
