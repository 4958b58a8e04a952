package runner

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

// apply makes a document the active one, as designs does.
func (w *world) apply(kind store.DefinitionKind, name, source string) {
	w.t.Helper()
	err := w.store.Write(context.Background(), func(tx store.Tx) error {
		if source == "" {
			return tx.DeleteDefinition(kind, name)
		}
		_, err := tx.PutDefinition(store.Definition{Kind: kind, Path: name, Source: source, AppliedAt: time.Now()})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.r.Reload(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// flowAs makes a flow as flowOf does, under an account.
func flowAs(t testing.TB, account string, parts ...string) *jobnet.Flow {
	f := flowOf(t, "a/b", parts...)
	for i := range f.Parts {
		f.Parts[i].Account = account
	}
	return f
}

// user gives the OS user that the host was told to run a part as.
func (w *world) user(id banto.HostID, part banto.PartKey) string {
	w.field.mu.Lock()
	defer w.field.mu.Unlock()
	for _, c := range w.field.hosts[id].claims {
		if c.spec.Part == part {
			return c.spec.Account
		}
	}
	return "not started"
}

func TestAccountsAreResolvedOnTheHost(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.up(w.link, hostA)
		w.field.up(w.link, hostB)
		w.apply(store.KindGroup, "dbs", "group: dbs\nhosts: [db01]\n")
		w.apply(store.KindAccount, "nightly", "account: nightly\nusers: [{hosts: dbs, user: oracle}, {hosts: db01, user: never}]\n")
		id := w.submit(flowAs(t, "nightly", "p1@db01", "p2"))
		settled()
		w.wantStates(id, banto.TrackerError, "p1=ok p2=error(no-account)")
		if got := w.user(hostB, "p1"); got != "oracle" {
			t.Errorf("p1 ran as %s", got)
		}
		rows, err := w.store.Attempts(t.Context(), id, "", 0, 0)
		if err != nil || len(rows) != 1 || rows[0].Account != "oracle" {
			t.Errorf("%+v %v", rows, err)
		}
		parts, err := w.store.Parts(t.Context(), id, 0, "", 0)
		if err != nil || parts[1].Message != "the account nightly names no user on local" {
			t.Errorf("%+v %v", parts, err)
		}

		// It is read anew, from the store too; without a document it is the user.
		w.apply(store.KindAccount, "nightly", "account: nightly\nusers: [{user: batch}]\n")
		w.end()
		w.run()
		w.field.up(w.link, hostA)
		w.submit(flowAs(t, "nightly", "q1"))
		w.submit(flowAs(t, "root", "q2"))
		settled()
		if a, b := w.user(hostA, "q1"), w.user(hostA, "q2"); a != "batch" || b != "root" {
			t.Errorf("q1 ran as %s, q2 as %s", a, b)
		}
		w.same()
		w.apply(store.KindAccount, "nightly", "")
		w.submit(flowAs(t, "nightly", "q3"))
		settled()
		if got := w.user(hostA, "q3"); got != "nightly" {
			t.Errorf("q3 ran as %s", got)
		}
		w.same()
	})
}

// logonFails makes attempts end as the keeper says it of a failed logon.
func logonFails(reason banto.Reason) func(banto.Spec) *engine.Ended {
	return func(banto.Spec) *engine.Ended {
		return &engine.Ended{Reason: reason, Message: "the password is wrong"}
	}
}

func TestFailedLogonsBlockTheAccount(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.field.up(w.link, hostA) // with four places
		w.field.result, w.field.unstarted = logonFails(banto.ReasonLogonFailed), true
		id := w.submit(flowAs(t, "batch", "p1", "p2", "p3", "p4", "p5"))
		other := w.submit(flowOf(t, "a/c", "q1"))
		settled()
		if got := w.states(id); strings.Count(got, "=error(logon-failed)") != 3 || strings.Count(got, "=ready") != 2 {
			t.Errorf("%s", got)
		}
		state := w.r.Accounts(ctx)["batch"]
		if state.Blocked == nil || state.Failures != 3 || state.Why != "logon-failed on local: the password is wrong" {
			t.Errorf("%+v", state)
		}
		if got := w.waits(id); !strings.Contains(got, "the account batch is blocked: logon-failed on local: the password is wrong") {
			t.Error(got)
		}
		w.wantTrail("batch", "account.blocked by manager: after 3 failed logons in a row: logon-failed on local: the password is wrong")
		w.same()

		// It is kept through a restart, and does not hinder others.
		w.end()
		w.run()
		w.field.up(w.link, hostA)
		settled()
		w.field.unstarted = false
		w.field.result = succeed
		w.wantStates(other, banto.TrackerError, "q1=error(logon-failed)")
		if err := w.r.ReleaseAccount(ctx, operator, "batch"); err != nil {
			t.Fatal(err)
		}
		settled()
		if got := w.states(id); strings.Count(got, "=ok") != 2 {
			t.Errorf("after the release: %s", w.states(id))
		}
		if got := w.r.Accounts(ctx); len(got) != 0 {
			t.Errorf("%v", got)
		}
		refused(t, w.r.ReleaseAccount(ctx, operator, "batch"), banto.KindNotFound, "no such account")
		w.apply(store.KindAccount, "batch", "account: batch\nusers: [{user: batch}]\n")
		refused(t, w.r.ReleaseAccount(ctx, operator, "batch"), banto.KindConflict, "not blocked")
		w.same()
	})
}

// An account is tried with one attempt at a time until one runs: the manager
// lets all start once that is known, and need not see it end.
func TestAnAccountIsTriedOneAtATime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.running("p0")
		w.field.result, w.field.unstarted = logonFails(banto.ReasonExpired), true
		first := w.submit(flowAs(t, "batch", "p1"))
		settled()
		w.wantStates(first, banto.TrackerError, "p1=error(account-expired)")
		w.field.unstarted = false
		w.field.result = runsOn
		second := w.submit(flowAs(t, "batch", "q1", "q2", "q3"))
		settled()
		w.wantStates(second, banto.TrackerRunning, "q1=running q2=running q3=running")
		if got := w.r.Accounts(t.Context()); len(got) != 0 {
			t.Errorf("%v", got)
		}
		w.field.end(hostA, "p0", engine.Ended{Exit: new(int)})
		settled()
		w.wantStates(id, banto.TrackerOK, "p0=ok")
		w.same()
	})
}

// However many places there are: an account of which nothing is known yet fails
// three times at most.
func TestAnUnprovedAccountFailsThreeTimes(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.hosts[hostA].slots = 64
		w.field.up(w.link, hostA)
		w.field.result, w.field.unstarted = logonFails(banto.ReasonExpired), true
		bad := w.submit(flowAs(t, "batch", "p1", "p2", "p3", "p4"))
		settled()
		if n := len(w.field.hosts[hostA].claims); n != 3 {
			t.Errorf("%d attempts under the expired account", n)
		}
		if got := w.waits(bad); !strings.Contains(got, "the account batch is blocked") {
			t.Error(got)
		}
		w.same()
		w.field.unstarted, w.field.result = false, runsOn
		good := w.submit(flowAs(t, "nightly", "q1", "q2", "q3", "q4"))
		settled()
		w.wantStates(good, banto.TrackerRunning, "q1=running q2=running q3=running q4=running")
		w.same()
	})
}

// The attempt that tries an account on a host that is gone keeps no other host
// from it.
func TestATrialOnALostHost(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.up(w.link, hostA)
		w.field.up(w.link, hostB)
		w.field.act = func(func()) {} // the orders do not come through
		id := w.submit(flowAs(t, "batch", "p1@db01", "p2"))
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=starting p2=ready")
		if got := w.waits(id); !strings.Contains(got, "the account batch is being tried: one part at a time") {
			t.Error(got)
		}
		w.same()
		w.field.act, w.field.result = nil, runsOn
		w.field.down(hostB, "gone")
		settled()
		if got := w.states(id); !strings.HasSuffix(got, "p2=running") {
			t.Error(got)
		}
		w.same()
	})
}

// A tracker keeps the host that it chose of a group, through restarts, and
// waits for it while it is gone.
func TestGroupsChooseHosts(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.joined(hostC, "db02", map[string]string{"role": "db"})
		w.apply(store.KindGroup, "dbs", "group: dbs\nhosts: [db01, db02]\npick: first-alive\n")
		id := w.running("p0", "p1@dbs", "p2@dbs < p0", "p3@role=db")
		w.wantStates(id, banto.TrackerRunning, "p0=running p1=running p3=running")
		if row := w.tracker(id); row.Places["dbs"] != hostB || row.Places["role=db"] != hostC {
			t.Errorf("chosen: %v", row.Places)
		}
		w.field.down(hostB, "gone")
		w.field.end(hostA, "p0", engine.Ended{Exit: new(int)})
		settled()
		w.same()
		w.end()
		w.run()
		w.field.up(w.link, hostA)
		w.field.up(w.link, hostC)
		settled()
		w.wantStates(id, banto.TrackerRunning, "p0=ok p1=lost p2=ready p3=running")
		if got := w.waits(id); !strings.Contains(got, "p2: wants a place on dbs; db01, which was chosen for it, is not connected (lost since") {
			t.Error(got)
		}
		w.same()
		w.field.up(w.link, hostB)
		settled()
		if n := len(w.field.hosts[hostB].claims); n != 2 {
			t.Errorf("%d attempts on db01", n)
		}
		w.same()
	})
}

// All hosts of a group run the part, each with an item and an outcome of its own.
func TestAGroupOfWhichAllRun(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.joined(hostC, "db02", nil)
		w.apply(store.KindGroup, "dbs", "group: dbs\nhosts: [db01, db02]\npick: all\n")
		id := w.running("p1@dbs", "p2 < p1")
		if b, c := len(w.field.hosts[hostB].claims), len(w.field.hosts[hostC].claims); b != 1 || c != 1 {
			t.Errorf("%d attempts on db01, %d on db02", b, c)
		}
		w.field.end(hostB, "p1[db01]", engine.Ended{Exit: new(int)})
		settled()
		w.same()
		w.end()
		w.run()
		for _, h := range []banto.HostID{hostA, hostB, hostC} {
			w.field.up(w.link, h)
		}
		w.field.end(hostC, "p1[db02]", engine.Ended{Exit: new(int)})
		settled()
		w.same()
		w.wantStates(id, banto.TrackerRunning, "p1=ok p1[db01]=ok p1[db02]=ok p2=running")
	})
}

func TestAGroupThatIsGone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.up(w.link, hostB)
		w.apply(store.KindGroup, "dbs", "group: dbs\nhosts: [db01]\n")
		w.apply(store.KindGroup, "dbs", "")
		id := w.submit(flowOf(t, "a/b", "p1@dbs"))
		settled()
		w.wantStates(id, banto.TrackerError, "p1=error(no-host)")
		w.apply(store.KindGroup, "bad", "group: bad\nhosts: 7\n") // of a version that we do not understand
		w.same()
	})
}
