package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// A day of a manager with one of its commits failing, or its answer lost, at
// each place in turn: what is in the store in the end is the same every time.
func TestAFaultAtEveryCommit(t *testing.T) {
	var want string
	commits := 0
	inWorld(t, func(t *testing.T, w *world) {
		want = w.day(0, nil, nil)
		commits = w.store.count()
	})
	t.Logf("%d commits:\n%s", commits, want)
	if commits < 20 || commits > 100 {
		t.Fatalf("the day has %d commits", commits)
	}
	for at := 1; at <= commits; at++ {
		for _, lost := range []bool{false, true} {
			inWorld(t, func(t *testing.T, w *world) {
				fault := func(n int) error {
					if n == at {
						return errDisk
					}
					return nil
				}
				before, after := fault, func(int) error { return nil }
				if lost {
					before, after = after, before
				}
				if got := w.day(at, before, after); got != want {
					t.Errorf("commit %d, answer lost %v:\n%s\nwant\n%s", at, lost, got, want)
				}
			})
			if t.Failed() {
				return
			}
		}
	}
}

// day plays the day, and writes down what is left of it.
func (w *world) day(at int, before, after func(int) error) string {
	ctx := context.Background()
	w.store.set(before, after, nil)
	check := func(what string, err error) {
		w.t.Helper()
		settled()
		if err != nil {
			w.t.Errorf("fault at %d, %s: %v", at, what, err)
		}
	}
	document := func(kind store.DefinitionKind, name, source string) {
		for { // designs tells its caller; the test tries again
			err := w.store.Write(ctx, func(tx store.Tx) error {
				_, err := tx.PutDefinition(store.Definition{Kind: kind, Path: name, Source: source})
				return err
			})
			if err == nil {
				break
			}
		}
		check("reload", w.r.Reload(ctx))
	}
	w.field.up(w.link, hostA)
	w.field.up(w.link, hostB)
	w.joined(hostC, "db02", map[string]string{"role": "db"})
	document(store.KindGroup, "dbs", "group: dbs\nhosts: {labels: {role: db}}\n")
	document(store.KindGroup, "all", "group: all\nhosts: [db01, db02]\npick: all\n")
	document(store.KindAccount, "nightly", "account: nightly\nusers: [{user: batch}]\n")
	w.field.result = runsOn
	s := submission(flowAs(w.t, "nightly", "p1@dbs", "p2@all", "p3 < p1 p2", "p4 < p3"), "key")
	s.Hold = true
	row, _, err := w.r.Submit(ctx, s)
	check("submit", err)
	id := row.ID
	w.move(id, banto.MoveRequest{Move: banto.MoveHold, Parts: []banto.PartKey{"p3"}})
	w.move(id, banto.MoveRequest{Move: banto.MoveRelease})
	_, err = w.r.ChangeHost(ctx, operator, "db01", banto.HostChange{Admission: banto.AdmissionDraining, Reason: "patches"})
	check("drain", err)
	w.move(id, banto.MoveRequest{Move: banto.MoveComment, Reason: "so far so good"})
	w.field.end(hostC, "p1", engine.Ended{Exit: new(int)})
	settled()
	w.field.down(hostC, "burns")
	settled()
	w.move(id, banto.MoveRequest{Move: banto.MoveForceEnd, Parts: []banto.PartKey{"p2[db02]"}, Outcome: banto.OK})
	w.move(id, banto.MoveRequest{Move: banto.MoveSkip, Parts: []banto.PartKey{"p4"}})
	_, err = w.r.RemoveHost(ctx, operator, "db02", true, "burnt")
	check("remove", err)
	w.field.end(hostB, "p2[db01]", engine.Ended{Exit: new(int)})
	settled()
	w.field.end(hostA, "p3", engine.Ended{Reason: banto.ReasonLogonFailed})
	settled()
	pass(longPause + confirmedPause)
	// What a host was told, and did not tell again by itself.
	w.field.mu.Lock()
	for _, h := range []banto.HostID{hostA, hostB} {
		w.field.hosts[h].tellEnded(w.link)
	}
	w.field.mu.Unlock()
	pass(longPause + confirmedPause)
	w.same()
	return w.left(id)
}

// left writes down what the store holds of a tracker and of all else.
func (w *world) left(id banto.TrackerID) string {
	ctx := context.Background()
	row := w.tracker(id)
	lines := []string{fmt.Sprintf("%s %s rerun %d attempts %d held %v places %v", row.ID, row.State, row.Rerun, row.Attempts, row.Held, row.Places), w.states(id)}
	rows, err := w.store.ListAudit(ctx, "", 0, 0)
	for _, a := range rows {
		lines = append(lines, a.Principal+" "+a.Action+" "+a.Object+" "+a.Detail)
	}
	hosts, err2 := w.store.ListHosts(ctx, "", 0)
	for _, h := range hosts {
		lines = append(lines, fmt.Sprintf("%s %s %s %s claims %d", h.ID, h.Name, h.State, h.Admission, h.Claims))
	}
	orders, err3 := w.store.Outbox(ctx)
	for _, o := range orders {
		lines = append(lines, "order "+o.ID)
	}
	revoked, err4 := w.store.Revoked(ctx)
	for _, k := range revoked {
		lines = append(lines, "revoked "+k.PublicKey)
	}
	states, err5 := w.store.AccountStates(ctx)
	for _, a := range states {
		lines = append(lines, fmt.Sprintf("account %s %d", a.Name, a.Failures))
	}
	for _, err := range []error{err, err2, err3, err4, err5} {
		if err != nil {
			w.t.Error(err)
		}
	}
	for _, h := range []banto.HostID{hostA, hostB, hostC} {
		for _, a := range w.field.hosts[h].claimed {
			lines = append(lines, fmt.Sprintf("%s on %s started %d times", w.field.hosts[h].claims[a].spec.Part, h, w.field.hosts[h].claims[a].starts))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
