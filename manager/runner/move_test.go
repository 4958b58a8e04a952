package runner

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// move makes a move and gives its changes as "p1 ready→held".
func (w *world) move(id banto.TrackerID, req banto.MoveRequest) string {
	w.t.Helper()
	result, err := w.r.Move(w.t.Context(), operator, id, Move{Request: req})
	if err != nil {
		w.t.Fatalf("%s: %v", req.Move, err)
	}
	settled()
	return changed(result)
}

func changed(r banto.MoveResult) string {
	var out []string
	for _, c := range r.Changes {
		out = append(out, fmt.Sprintf("%s %s→%s", c.Part, c.From, c.To))
	}
	return strings.Join(out, ", ")
}

// A move for each verb, one after the other, on one tracker.
func TestEveryMove(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.hosts[hostA].slots = 2
		id := w.running("p1", "p2", "p3 < p1", "p4 < p2", "p5 < p4")
		for _, c := range []struct {
			req     banto.MoveRequest
			changes string
			states  string
		}{
			{banto.MoveRequest{Move: banto.MoveComment, Reason: "looks odd"}, "", "p1=running p2=running"},
			{
				banto.MoveRequest{Move: banto.MoveHold, Parts: []banto.PartKey{"p3"}, Reason: "file is missing"},
				"p3 waiting→held", "p1=running p2=running p3=held",
			},
			{
				banto.MoveRequest{Move: banto.MoveSkip, Parts: []banto.PartKey{"p4"}},
				"p4 waiting→skipped", "p1=running p2=running p3=held p4=skipped",
			},
			{
				banto.MoveRequest{Move: banto.MoveForceEnd, Parts: []banto.PartKey{"p1"}, Outcome: banto.OK},
				"p1 running→running", "p1=ok(forced) p2=running p3=held p4=skipped",
			},
			{
				banto.MoveRequest{Move: banto.MoveKill},
				"p2 running→running", "p1=ok(forced) p2=error(killed) p3=held p4=skipped",
			},
			{
				banto.MoveRequest{Move: banto.MoveRerun, Parts: []banto.PartKey{"p2"}, Only: true},
				"p2 error→ready", "p1=ok(forced) p2=running p3=held p4=skipped",
			},
			{
				banto.MoveRequest{Move: banto.MoveRelease},
				"p3 held→ready", "p1=ok(forced) p2=running p3=running p4=skipped",
			},
		} {
			plan := c.req
			plan.DryRun = true
			before, writes, trail := w.tracker(id), w.store.count(), len(w.trail(string(id)))
			if got := w.move(id, plan); got != c.changes {
				t.Errorf("%s would change %q, want %q", c.req.Move, got, c.changes)
			}
			if after := w.tracker(id); after.Revision != before.Revision || w.store.count() != writes || len(w.trail(string(id))) != trail {
				t.Errorf("%s changed something when it was only planned", c.req.Move)
			}
			if got := w.move(id, c.req); got != c.changes {
				t.Errorf("%s changed %q, want %q", c.req.Move, got, c.changes)
			}
			if got := w.waits(id); strings.Contains(c.states, "p3=held") && !strings.Contains(got, "p3: held by hanako: file is missing") {
				t.Errorf("after %s it waits for %q", c.req.Move, got)
			}
			if got := w.states(id); got != c.states && !strings.HasPrefix(got, c.states+" ") {
				t.Errorf("after %s: %s, want %s", c.req.Move, got, c.states)
			}
			w.same()
		}
		w.move(id, banto.MoveRequest{Move: banto.MoveCancel, Reason: "wrong day"})
		if row := w.tracker(id); row.State != banto.TrackerCancelled {
			t.Errorf("%s", row.State)
		}
		w.wantTrail(string(id), "tracker.submit by hanako: a/b version 1",
			"tracker.comment by hanako: looks odd",
			"tracker.hold by hanako: a/b; p3: file is missing",
			"tracker.skip by hanako: a/b; p4",
			"tracker.force-end by hanako: a/b; p1; as ok",
			"tracker.kill by hanako: a/b",
			"tracker.rerun by hanako: a/b; p2; only these",
			"tracker.release by hanako: a/b",
			"tracker.cancel by hanako: a/b: wrong day")
		w.same()
	})
}

func TestMovesThatMakeNoSense(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.running("p1", "p2 < p1")
		parts := []banto.PartKey{"p1"}
		before := len(w.trail(string(id)))
		for _, c := range []struct {
			req  banto.MoveRequest
			kind banto.Kind
			want string
		}{
			{banto.MoveRequest{Move: "dance"}, banto.KindInvalid, `there is no move "dance"`},
			{banto.MoveRequest{Move: banto.MoveSkip}, banto.KindInvalid, "no part is named"},
			{banto.MoveRequest{Move: banto.MoveForceEnd, Outcome: banto.OK}, banto.KindInvalid, "no part is named"},
			{banto.MoveRequest{Move: banto.MoveForceEnd, Parts: parts, Outcome: "fine"}, banto.KindInvalid, `"fine" is no outcome`},
			{banto.MoveRequest{Move: banto.MoveHold, Outcome: banto.OK}, banto.KindInvalid, "which is for force-end"},
			{banto.MoveRequest{Move: banto.MoveHold, Yes: true}, banto.KindInvalid, "for rerun only"},
			{banto.MoveRequest{Move: banto.MoveCancel, Parts: parts}, banto.KindInvalid, "for the whole tracker"},
			{banto.MoveRequest{Move: banto.MoveComment}, banto.KindInvalid, "the comment is empty"},
			{banto.MoveRequest{Move: banto.MoveComment, Reason: "a\x00b"}, banto.KindInvalid, "NUL"},
			{banto.MoveRequest{Move: banto.MoveRerun, Latest: true}, banto.KindInternal, "do not fit"},
			{banto.MoveRequest{Move: banto.MoveSkip, Parts: parts}, banto.KindConflict, "p1 is running"},
			{banto.MoveRequest{Move: banto.MoveHold, Parts: []banto.PartKey{"p9"}}, banto.KindNotFound, "p9"},
			{banto.MoveRequest{Move: banto.MoveRelease}, banto.KindConflict, "nothing of it is held"},
			{banto.MoveRequest{Move: banto.MoveRerun}, banto.KindConflict, "nothing failed"},
		} {
			for _, c.req.DryRun = range []bool{false, true} {
				_, err := w.r.Move(t.Context(), operator, id, Move{Request: c.req})
				refused(t, err, c.kind, c.want)
			}
		}
		for _, missing := range []banto.TrackerID{"20261121-zzzzzzz", "nonsense"} {
			for _, m := range []banto.Move{banto.MoveHold, banto.MoveComment} {
				_, err := w.r.Move(t.Context(), operator, missing, Move{Request: banto.MoveRequest{Move: m, Reason: "x"}})
				refused(t, err, banto.KindNotFound, "there is no such tracker")
			}
		}
		if after := len(w.trail(string(id))); after != before {
			t.Errorf("refusals left %d rows", after-before)
		}
		w.same()
	})
}

// Whatever the moment at which a commit fails or its answer is lost, a move is
// made once and noted once.
func TestMovesAndAStoreThatFails(t *testing.T) {
	for name, fault := range map[string]func(w *world){
		"it fails":           func(w *world) { w.store.set(once(errDisk), nil, nil) },
		"its answer is lost": func(w *world) { w.store.set(nil, once(errDisk), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				id := w.running("p1", "p2", "p3 < p1", "p4 < p2")
				moves := []banto.MoveRequest{
					{Move: banto.MoveComment, Reason: "once"},
					{Move: banto.MoveHold},
					{Move: banto.MoveRelease},
					{Move: banto.MoveSkip, Parts: []banto.PartKey{"p3"}},
					{Move: banto.MoveKill, Parts: []banto.PartKey{"p1"}},
					{Move: banto.MoveRerun, Parts: []banto.PartKey{"p1"}, Only: true},
					{Move: banto.MoveForceEnd, Parts: []banto.PartKey{"p2"}, Outcome: banto.Warning},
					{Move: banto.MoveCancel},
				}
				for _, req := range moves {
					fault(w)
					changes := w.move(id, req)
					if (changes == "") != (req.Move == banto.MoveComment || req.Move == banto.MoveHold || req.Move == banto.MoveRelease) {
						t.Errorf("%s changed %q", req.Move, changes)
					}
					w.store.set(nil, nil, nil)
					w.same()
				}
				got := w.trail(string(id))[1:]
				if len(got) != len(moves) {
					t.Errorf("the trail:\n%s", strings.Join(got, "\n"))
				}
				if row := w.tracker(id); row.Rerun != 1 || row.State != banto.TrackerCancelled {
					t.Errorf("%d reruns, %s", row.Rerun, row.State)
				}
			})
		})
	}
}

func TestASubmissionThatIsHeld(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.up(w.link, hostA)
		s := submission(flowOf(t, "a/b", "p1", "p2 < p1"), "")
		s.Hold, s.Submission.Reason = true, "after the meeting"
		row, _, err := w.r.Submit(t.Context(), s)
		if err != nil || !row.Held {
			t.Fatalf("%+v %v", row, err)
		}
		settled()
		w.same()
		w.end()
		w.run()
		w.field.up(w.link, hostA)
		settled()
		if n := w.field.starts("p1"); n != 0 {
			t.Errorf("started %d times", n)
		}
		if got := w.waits(row.ID); !strings.Contains(got, "held by hanako: after the meeting") {
			t.Errorf("it waits for %q", got)
		}
		w.wantTrail(string(row.ID), "tracker.submit by hanako: a/b version 1, held: after the meeting")
		w.same()
		w.move(row.ID, banto.MoveRequest{Move: banto.MoveRelease})
		w.wantStates(row.ID, banto.TrackerOK, "p1=ok p2=ok")
		w.same()
	})
}

// A tracker that has ended is brought back by a move that makes sense for it,
// and by no other.
func TestMovesOnATrackerThatHasEnded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.up(w.link, hostA)
		w.field.result = failsWith("p1", 1)
		id := w.submit(flowOf(t, "a/b", "p1", "p2 < p1"))
		settled()
		w.wantStates(id, banto.TrackerError, "p1=error(exit) p2=unreached")
		for _, m := range []banto.Move{banto.MoveHold, banto.MoveKill, banto.MoveCancel} {
			_, err := w.r.Move(t.Context(), operator, id, Move{Request: banto.MoveRequest{Move: m}})
			refused(t, err, banto.KindConflict, "ended")
		}
		w.move(id, banto.MoveRequest{Move: banto.MoveComment, Reason: "no such file"})
		w.move(id, banto.MoveRequest{Move: banto.MoveSkip, Parts: []banto.PartKey{"p1"}, DryRun: true})
		if n := len(w.r.mem.trackers); n != 0 {
			t.Errorf("%d trackers in memory", n)
		}
		w.same()
		w.field.result = succeed
		w.move(id, banto.MoveRequest{Move: banto.MoveSkip, Parts: []banto.PartKey{"p1"}})
		w.wantStates(id, banto.TrackerOK, "p1=skipped p2=ok")
		w.same()

		// One that ends again with the move itself.
		w.field.result = failsWith("q1", 1)
		id = w.submit(flowOf(t, "a/c", "q1"))
		settled()
		w.move(id, banto.MoveRequest{Move: banto.MoveForceEnd, Parts: []banto.PartKey{"q1"}, Outcome: banto.Warning})
		w.wantStates(id, banto.TrackerWarning, "q1=warning(forced)")
		w.same()
	})
}

// A lost attempt can be given up. What its host says of it later changes
// nothing, and it is killed there.
func TestALostAttemptIsGivenUp(t *testing.T) {
	for _, req := range []banto.MoveRequest{
		{Move: banto.MoveSkip, Parts: []banto.PartKey{"p1"}},
		{Move: banto.MoveForceEnd, Parts: []banto.PartKey{"p1"}, Outcome: banto.OK},
	} {
		for _, ended := range []bool{false, true} {
			t.Run(fmt.Sprint(req.Move, ", ended meanwhile ", ended), func(t *testing.T) {
				inWorld(t, func(t *testing.T, w *world) {
					id := w.running("p1@db01", "p2 < p1")
					w.field.down(hostB, "cable cut")
					settled()
					w.wantStates(id, banto.TrackerRunning, "p1=lost")
					w.move(id, req)
					if got := w.states(id); !strings.Contains(got, "p2=running") {
						t.Errorf("%s", got)
					}
					w.same()
					if ended {
						w.field.end(hostB, "p1", engine.Ended{Exit: new(7)})
					}
					before := w.states(id)
					w.field.up(w.link, hostB)
					settled()
					w.field.mu.Lock()
					for a, c := range w.field.hosts[hostB].claims {
						if c.end == nil || !c.acked {
							t.Errorf("%s: end %v, acknowledged %v", a, c.end, c.acked)
						}
					}
					w.field.mu.Unlock()
					if got := w.states(id); got != before {
						t.Errorf("%s, was %s", got, before)
					}
					if got := w.r.Hosts(t.Context())[hostB]; got.Running != 0 {
						t.Errorf("%+v", got)
					}
					w.same()
				})
			})
		}
	}
}

// The trail of a move with very many parts still says why.
func TestTheTrailIsBounded(t *testing.T) {
	parts := make([]banto.PartKey, 100_000)
	for i := range parts {
		parts[i] = banto.PartKey(fmt.Sprintf("part%06d", i))
	}
	m := Move{Request: banto.MoveRequest{Move: banto.MoveRerun, Parts: parts, Params: map[string]string{"b": "secret", "a": "secret"}, Yes: true}}
	got := m.detail("a/b")
	if len(got) > 2*maxListed || !strings.Contains(got, " more; other values for a, b; also parts that want to be asked for") || strings.Contains(got, "secret") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
	inWorld(t, func(t *testing.T, w *world) {
		id := w.running("p1")
		long := strings.Repeat("why ", 2000)
		w.move(id, banto.MoveRequest{Move: banto.MoveHold, Reason: long})
		if rows, err := w.store.ListAudit(t.Context(), string(id), 0, 1); err != nil || len(rows[0].Detail) > 5000 {
			t.Errorf("%v", err)
		}
	})
}

// Moves of one batch that fails are made once each, in their order.
func TestMovesOfOneBatch(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.running("p1", "p2 < p1")
		open := w.held()
		answers := make(chan error, 3)
		for _, m := range []banto.Move{banto.MoveHold, banto.MoveRelease, banto.MoveHold} {
			go func() {
				_, err := w.r.Move(w.t.Context(), operator, id, Move{Request: banto.MoveRequest{Move: m}})
				answers <- err
			}()
			settled()
		}
		open()
		w.store.set(nil, once(store.ErrFull), nil)
		for range 3 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		settled()
		if row := w.tracker(id); !row.Held {
			t.Error("it is not held")
		}
		pass(time.Second)
		if got := w.trail(string(id)); len(got) != 4 {
			t.Errorf("%v", got)
		}
		w.same()
	})
}
