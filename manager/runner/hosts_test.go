package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

const hostC banto.HostID = "h-cccccccccc"

// enrol lets one machine join within an hour, by the secret of that hash.
func (w *world) enrol(hash string, change ...func(*store.Join)) {
	w.t.Helper()
	j := store.Join{Hash: hash, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
	for _, c := range change {
		c(&j)
	}
	if err := w.r.Enrol(context.Background(), operator, j); err != nil {
		w.t.Fatalf("cannot enrol: %v", err)
	}
}

func joinRequest(name, key string) banto.JoinRequest {
	return banto.JoinRequest{Name: name, PublicKey: key, Version: "2", OS: "linux", Arch: "arm64"}
}

// joined makes a machine a host that the test plays.
func (w *world) joined(id banto.HostID, name string, labels map[string]string) {
	w.t.Helper()
	hash := "secret for " + name
	w.enrol(hash, func(j *store.Join) { j.Labels = labels })
	if _, err := w.r.Join(context.Background(), hash, joinRequest(name, "key of "+name), id); err != nil {
		w.t.Fatalf("cannot join: %v", err)
	}
	w.field.mu.Lock()
	w.field.add(id, name)
	w.field.mu.Unlock()
	w.field.up(w.link, id)
	settled()
}

// trail gives the audit trail of an object, oldest first: "action by: detail".
func (w *world) trail(object string) []string {
	w.t.Helper()
	rows, err := w.store.ListAudit(context.Background(), object, 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	out := make([]string, len(rows))
	for i, row := range rows {
		out[len(rows)-1-i] = fmt.Sprintf("%s by %s: %s", row.Action, row.Principal, row.Detail)
	}
	return out
}

func (w *world) wantTrail(object string, want ...string) {
	w.t.Helper()
	if got := w.trail(object); !equal(got, want) {
		w.t.Errorf("the trail of %s is\n%s\nwant\n%s", object, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// refused checks that an error is of a kind and says a text.
func refused(t testing.TB, err error, kind banto.Kind, text string) {
	t.Helper()
	if banto.KindOf(err) != kind || err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%v, want %s: %s", err, kind, text)
	}
}

func TestAHostJoins(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.enrol("h1", func(j *store.Join) { j.Name, j.Labels = "web01", map[string]string{"area": "east"} })
		if _, err := w.r.Join(ctx, "no such hash", joinRequest("web01", "k1"), hostC); err == nil {
			t.Error("joined without a token")
		}
		row, err := w.r.Join(ctx, "h1", joinRequest("ip-10-1-2-3", "k1"), hostC)
		if err != nil || row.ID != hostC || row.Name != "web01" || row.Labels["area"] != "east" || row.State != banto.HostNever || row.PublicKey != "k1" {
			t.Fatalf("%+v %v", row, err)
		}
		if w.link.may[hostC] != 1 || w.link.may[hostA] != 1 {
			t.Errorf("announced: %v", w.link.may)
		}
		w.wantTrail("web01",
			"host.enrol by hanako: may join until 2000-01-01T01:00:00Z with area=east",
			"host.join by token of hanako: h-cccccccccc on linux arm64")
		w.same()

		// The answer was lost: the same machine asks again, also later.
		pass(2 * time.Hour)
		again, err := w.r.Join(ctx, "h1", joinRequest("ip-10-1-2-3", "k1"), "h-dddddddddd")
		if err != nil || again.ID != hostC {
			t.Errorf("the same again: %+v %v", again, err)
		}
		_, err = w.r.Join(ctx, "h1", joinRequest("thief", "k2"), "h-dddddddddd")
		refused(t, err, banto.KindConflict, "the token was used already, by web01 at 2000-01-01T00:00:0")

		w.field.mu.Lock()
		w.field.add(hostC, "web01")
		w.field.mu.Unlock()
		id := w.submit(flowOf(t, "a/b", "p1@web01"))
		settled()
		if got := w.waits(id); !strings.Contains(got, "web01, which has never connected") {
			t.Error(got)
		}
		w.field.up(w.link, hostC)
		settled()
		w.wantStates(id, banto.TrackerOK, "p1=ok")
		w.same()
	})
}

func TestWhoMayNotJoin(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.apply(store.KindGroup, "batch", "group: batch\nhosts: [db01]\n")
		w.joined(hostC, "web01", nil)
		w.enrol("h1")
		w.enrol("old", func(j *store.Join) { j.ExpiresAt = time.Now().Add(time.Second) })
		pass(time.Minute)
		for _, c := range []struct {
			hash, name, key string
			kind            banto.Kind
			want            string
		}{
			{"nonsense", "x", "k", banto.KindUnauthenticated, "does not know this token"},
			{"old", "x", "k", banto.KindDenied, "the token has expired at 2000-01-01T00:00:01Z"},
			{"h1", "db01", "k", banto.KindConflict, "there is a host db01 already"},
			{"h1", "batch", "k", banto.KindConflict, "there is a host group of that name"},
			{"h1", "sales pc", "k", banto.KindInvalid, `calls itself "sales pc", which holds ' '`},
			{"h1", "", "k", banto.KindInvalid, "is empty"},
			{"h1", "x", "", banto.KindInvalid, "no public key"},
			{"h1", "x", "key of web01", banto.KindConflict, "its key is that of the host web01"},
			{"h1", "x\x00", "k", banto.KindInvalid, "NUL"},
		} {
			_, err := w.r.Join(ctx, c.hash, joinRequest(c.name, c.key), "h-dddddddddd")
			refused(t, err, c.kind, c.want)
		}
		enrol := func(name string, again banto.HostID, labels map[string]string) error {
			return w.r.Enrol(ctx, operator, store.Join{Hash: "h2", Name: name, Again: again, Labels: labels, ExpiresAt: time.Now().Add(time.Hour)})
		}
		refused(t, enrol("web01", "", nil), banto.KindConflict, "there is a host web01 already")
		refused(t, enrol("batch", "", nil), banto.KindConflict, "there is a host group of that name")
		refused(t, enrol("a=b", "", nil), banto.KindInvalid, "its name holds '='")
		refused(t, enrol("", "h-zzzzzzzzzz", nil), banto.KindNotFound, "there is no such host")
		refused(t, enrol("", hostA, nil), banto.KindConflict, "the host beside the manager")
		refused(t, enrol("other", hostC, nil), banto.KindInvalid, "keeps its name")
		refused(t, enrol("x", "", map[string]string{"a b": "c"}), banto.KindInvalid, `"a b" is no name of a label`)
		refused(t, enrol("x", "", map[string]string{"a": ""}), banto.KindInvalid, `"" is no value of the label a`)
		w.same()
	})
}

func TestAHostIsTakenInAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var revoked []string
		w.r.opt.Removed = func(k store.RevokedKey) { revoked = append(revoked, k.PublicKey+" of "+k.Name+" by "+k.By) }
		w.joined(hostC, "web01", map[string]string{"area": "east"})
		w.field.result = runsOn
		id := w.submit(flowOf(t, "a/b", "p1@web01"))
		settled()
		w.field.down(hostC, "burnt down")
		w.enrol("again", func(j *store.Join) { j.Again = hostC })
		row, err := w.r.Join(t.Context(), "again", joinRequest("new-web", "k2"), "h-dddddddddd")
		if err != nil || row.ID != hostC || row.Name != "web01" || row.PublicKey != "k2" || row.Labels["area"] != "east" {
			t.Fatalf("%+v %v", row, err)
		}
		if !equal(revoked, []string{"key of web01 of web01 by hanako"}) || w.link.may[hostC] != 2 {
			t.Errorf("revoked %v, announced %v", revoked, w.link.may)
		}
		h := w.field.hosts[hostC]
		h.boot, h.gen, h.claims, h.claimed = "boot-9", "gen-9", make(map[banto.AttemptID]*claim), nil
		w.field.up(w.link, hostC)
		settled()
		w.wantStates(id, banto.TrackerError, "p1=error(host-restarted)")
		w.same()

		w.enrol("same", func(j *store.Join) { j.Again = hostC })
		if row, err = w.r.Join(t.Context(), "same", joinRequest("web01", "k2"), "h-dddddddddd"); err != nil || row.PublicKey != "k2" || len(revoked) != 1 {
			t.Errorf("with the key that it has: %+v %v, revoked %v", row, err, revoked)
		}

		w.enrol("third")
		_, err = w.r.Join(t.Context(), "third", joinRequest("x", "key of web01"), "h-dddddddddd")
		refused(t, err, banto.KindConflict, "its key was revoked: it was that of web01")
	})
}

func TestAHostInTroubleGetsNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.up(w.link, hostB)
		settled()
		w.r.HostProblem(hostB, "the disk of its keeper is full")
		settled()
		id := w.submit(flowOf(t, "a/b", "p1@db01"))
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=ready")
		if got := w.waits(id); !strings.Contains(got, "db01, which can take nothing new: the disk of its keeper is full") {
			t.Error(got)
		}
		w.r.HostProblem(hostB, "")
		settled()
		w.wantStates(id, banto.TrackerOK, "p1=ok")
		w.r.HostProblem("h-gone", "nobody")
		settled()
	})
}

func TestAdmission(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.apply(store.KindGroup, "dbs", "group: dbs\nhosts: [db01]\n")
		first := w.running("p1@dbs", "p2@dbs < p1")
		change := func(c banto.HostChange) banto.Host {
			t.Helper()
			h, err := w.r.ChangeHost(ctx, operator, "db01", c)
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		h := change(banto.HostChange{Admission: banto.AdmissionDraining, Reason: "patch night"})
		if h.Admission != banto.AdmissionDraining || h.AdmissionBy != "hanako" || h.AdmissionWhy != "patch night" || h.AdmissionSince == nil || h.Running != 1 {
			t.Errorf("draining: %+v", h)
		}
		second := w.submit(flowOf(t, "a/c", "q1@db01"))
		settled()
		if got := w.waits(second); !strings.Contains(got, "is draining and takes nothing new (by hanako since 2000-01-01T00:00:00Z: patch night)") {
			t.Error(got)
		}
		w.field.end(hostB, "p1", engine.Ended{Exit: new(int)}) // its tracker has chosen the host, and goes on
		settled()
		w.wantStates(first, banto.TrackerRunning, "p1=ok p2=running")

		change(banto.HostChange{Admission: banto.AdmissionHeld})
		w.field.down(hostB, "restarted")
		w.field.up(w.link, hostB)
		settled()
		if h := w.host(hostB); h.Admission != banto.AdmissionHeld || h.AdmissionBy != "hanako" || h.State != banto.HostConnected {
			t.Errorf("after it came back: %+v", h)
		}
		if got := w.waits(second); !strings.Contains(got, "db01, which is held (by hanako since") {
			t.Error(got)
		}
		w.same()
		w.end()
		w.run()
		w.field.up(w.link, hostB)
		settled()
		w.wantStates(second, banto.TrackerRunning, "q1=ready")
		h = change(banto.HostChange{Admission: banto.AdmissionOpen})
		if h.AdmissionBy != "" || h.AdmissionSince != nil {
			t.Errorf("open: %+v", h)
		}
		settled()
		w.wantStates(second, banto.TrackerRunning, "q1=running")
		change(banto.HostChange{Admission: banto.AdmissionOpen}) // nothing changes, and nothing is noted
		w.wantTrail("db01", "host.change by hanako: draining: patch night", "host.change by hanako: held", "host.change by hanako: open, after it was held")
		w.same()
	})
}

func TestLabels(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.apply(store.KindGroup, "east", "group: east\nhosts: {labels: {area: east}}\n")
		set := func(labels map[string]*string) (banto.Host, error) {
			return w.r.ChangeHost(ctx, operator, "db01", banto.HostChange{Labels: labels})
		}
		if h, err := set(map[string]*string{"area": new("east"), "role": new("db")}); err != nil || h.Labels["area"] != "east" || h.Labels["role"] != "db" {
			t.Fatalf("%+v %v", h, err)
		}
		if got := w.r.Members(ctx, "east"); len(got) != 1 || got[0].ID != hostB {
			t.Errorf("the group holds %v", got)
		}
		if got := w.r.Members(ctx, "role=db"); len(got) != 1 || got[0].Name != "db01" {
			t.Errorf("with the label: %v", got)
		}
		if got := w.r.Members(ctx, ""); len(got) != 1 || got[0].ID != hostA {
			t.Errorf("beside the manager: %v", got)
		}
		if h, err := set(map[string]*string{"area": nil, "never": nil}); err != nil || len(h.Labels) != 1 {
			t.Fatalf("%+v %v", h, err)
		}
		if got := w.r.Members(ctx, "east"); len(got) != 0 {
			t.Errorf("the group still holds %v", got)
		}
		_, err := set(map[string]*string{"area": new("")})
		refused(t, err, banto.KindInvalid, "is no value of the label area")
		_, err = set(map[string]*string{"": new("x")})
		refused(t, err, banto.KindInvalid, "is no name of a label")
		_, err = set(nil)
		refused(t, err, banto.KindInvalid, "changes nothing")
		_, err = w.r.ChangeHost(ctx, operator, "db01", banto.HostChange{Admission: "ajar"})
		refused(t, err, banto.KindInvalid, `"ajar" is no admission`)
		_, err = w.r.ChangeHost(ctx, operator, "nowhere", banto.HostChange{Admission: banto.AdmissionHeld})
		refused(t, err, banto.KindNotFound, "no such host")
		w.wantTrail("db01", "host.change by hanako: label area=east; label role=db", "host.change by hanako: without label area")
		w.same()
	})
}

func TestAHostIsRemoved(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		var revoked []string
		w.r.opt.Removed = func(k store.RevokedKey) { revoked = append(revoked, k.PublicKey) }
		w.joined(hostC, "web01", nil)
		id := w.running("p1@web01", "p2", "p3@web01 < p1", "p4 < p2")
		remove := func(name string, force bool) error {
			_, err := w.r.RemoveHost(ctx, operator, name, force, "sold")
			return err
		}
		refused(t, remove("web01", false), banto.KindConflict, "1 attempts are on it, or may be: "+string(id)+".1")
		refused(t, remove("local", true), banto.KindConflict, "the host beside the manager")
		refused(t, remove("nowhere", true), banto.KindNotFound, "no such host")
		w.field.act = func(func()) {} // it hears nothing of the order to kill
		if _, err := w.r.Cancel(ctx, operator, id, ""); err != nil {
			t.Fatal(err)
		}
		if err := remove("web01", true); err != nil {
			t.Fatal(err)
		}
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=error(lost) p2=running p3=cancelled p4=cancelled")
		if parts, err := w.store.Parts(ctx, id, 0, "", 0); err != nil || parts[0].Message != "the host web01 was removed by hanako: sold" {
			t.Errorf("%+v %v", parts[0], err)
		}
		entries, err := w.store.Outbox(ctx)
		for _, e := range entries {
			if e.HostID == hostC {
				t.Errorf("the order %s is left over", e.ID)
			}
		}
		if _, found := w.store.HostByID(ctx, hostC); err != nil || !errors.Is(found, store.ErrNotFound) {
			t.Errorf("%v %v", err, found)
		}
		if !equal(revoked, []string{"key of web01"}) || len(w.link.removed) != 1 || w.link.may[hostC] != 0 {
			t.Errorf("revoked %v, removed %v", revoked, w.link.removed)
		}
		if got := w.trail("web01"); got[len(got)-1] != "host.remove by hanako: h-cccccccccc; 1 attempts given up: sold" {
			t.Error(got)
		}
		w.same()

		// What it says later means nothing, and its name is free.
		w.field.end(hostC, "p1", engine.Ended{Exit: new(int)})
		w.field.down(hostC, "shut out")
		w.r.HostUp(HostSession{ID: hostC, At: time.Now()})
		settled()
		w.field.act = nil
		w.joined("h-dddddddddd", "web02", nil)
		w.enrol("anew")
		if row, err := w.r.Join(ctx, "anew", joinRequest("web01", "k3"), "h-eeeeeeeeee"); err != nil || row.Name != "web01" {
			t.Errorf("%+v %v", row, err)
		}
		w.same()
	})
}

// Whatever the moment at which a commit fails or its answer is lost, a change
// is made once, noted once, and told.
func TestHostsAndAStoreThatFails(t *testing.T) {
	faults := map[string]func(w *world){
		"it fails":           func(w *world) { w.store.set(once(errDisk), nil, nil) },
		"its answer is lost": func(w *world) { w.store.set(nil, once(errDisk), nil) },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				ctx := t.Context()
				var revoked []string
				w.r.opt.Removed = func(k store.RevokedKey) { revoked = append(revoked, k.PublicKey) }
				try := func(what string, do func() error) {
					t.Helper()
					fault(w)
					if err := do(); err != nil {
						t.Errorf("%s: %v", what, err)
					}
					w.store.set(nil, nil, nil)
					w.same()
				}
				try("enrol", func() error {
					return w.r.Enrol(ctx, operator, store.Join{Hash: "h1", Name: "web01", ExpiresAt: time.Now().Add(time.Hour)})
				})
				try("join", func() error {
					_, err := w.r.Join(ctx, "h1", joinRequest("x", "k1"), hostC)
					return err
				})
				try("hold", func() error {
					_, err := w.r.ChangeHost(ctx, operator, "web01", banto.HostChange{Admission: banto.AdmissionHeld})
					return err
				})
				w.enrol("h2", func(j *store.Join) { j.Again = hostC })
				try("again", func() error {
					_, err := w.r.Join(ctx, "h2", joinRequest("x", "k2"), "h-dddddddddd")
					return err
				})
				try("remove", func() error {
					row, err := w.r.RemoveHost(ctx, operator, "web01", false, "")
					if row.ID != hostC {
						t.Errorf("removed %+v", row)
					}
					return err
				})
				var got []string
				for _, line := range w.trail("web01") {
					action, _, _ := strings.Cut(line, " ")
					got = append(got, action)
				}
				if !equal(got, []string{"host.enrol", "host.join", "host.change", "host.enrol", "host.join", "host.remove"}) {
					t.Errorf("the trail: %v", got)
				}
				if !equal(revoked, []string{"k1", "k2"}) || len(w.link.removed) != 1 || w.link.may[hostC] != 0 {
					t.Errorf("revoked %v, removed %v, may connect %v", revoked, w.link.removed, w.link.may)
				}
			})
		})
	}
}

// What comes in one batch sees what came before it.
func TestHostsOfOneBatch(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.enrol("h1", func(j *store.Join) { j.Name = "web01" })
		open := w.held()
		var got []string
		answers := make(chan string, 10)
		call := func(what string, do func() error) {
			go func() {
				err := do()
				answers <- fmt.Sprintf("%s %v", what, err == nil)
			}()
			settled()
		}
		join := func(key string) func() error {
			return func() error {
				_, err := w.r.Join(context.Background(), "h1", joinRequest("x", key), hostC)
				return err
			}
		}
		change := func() error {
			_, err := w.r.ChangeHost(context.Background(), operator, "web01", banto.HostChange{Admission: banto.AdmissionHeld})
			return err
		}
		remove := func() error {
			_, err := w.r.RemoveHost(context.Background(), operator, "web01", false, "")
			return err
		}
		call("1 early", remove)
		call("2 join", join("k1"))
		call("3 the same again", join("k1"))
		call("4 a thief", join("k2"))
		call("5 hold", change)
		w.r.HostUp(HostSession{ID: hostC, At: time.Now()})
		call("6 remove", remove)
		call("7 late", change)
		w.r.HostDown(hostC, "removed", time.Now(), time.Now())
		open()
		for range 7 {
			got = append(got, <-answers)
		}
		slices.Sort(got)
		want := []string{"1 early false", "2 join true", "3 the same again true", "4 a thief false", "5 hold true", "6 remove true", "7 late false"}
		if !equal(got, want) {
			t.Errorf("%v", got)
		}
		settled()
		if _, up := w.r.sessions[hostC]; up || w.link.may[hostC] != 0 {
			t.Errorf("a session is left over: %v, %v", up, w.link.may)
		}
		w.same()
	})
}
