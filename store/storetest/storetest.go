package storetest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// Place is where one store's data is. Each call opens the same data again: as
// a restarted manager would when the one before is closed, and as a second
// manager would when it is not. The Place sees to it that all are closed.
type Place func(t *testing.T) store.Store

// Exercise tries a store. newPlace gives an empty place each time.
func Exercise(t *testing.T, newPlace func(t *testing.T) Place) {
	for name, test := range map[string]func(*bed){
		"RoundTrip":              testRoundTrip,
		"Upsert":                 testUpsert,
		"MadeAtReadIsNotKept":    testMadeAtRead,
		"NotFound":               testNotFound,
		"Empty":                  testEmpty,
		"Definitions":            testDefinitions,
		"DefinitionPages":        testDefinitionPages,
		"Flows":                  testFlows,
		"TrackerLists":           testTrackerLists,
		"TrackersOfOneInstant":   testTrackersOfOneInstant,
		"TrackerIdentity":        testTrackerIdentity,
		"Parts":                  testParts,
		"PartsByKey":             testPartsByKey,
		"Attempts":               testAttempts,
		"Unfinished":             testUnfinished,
		"Submitted":              testSubmitted,
		"Outbox":                 testOutbox,
		"Hosts":                  testHosts,
		"DeleteHost":             testDeleteHost,
		"Scripts":                testScripts,
		"Joins":                  testJoins,
		"RevokedAndAccounts":     testRevokedAndAccounts,
		"Audit":                  testAudit,
		"Rollback":               testRollback,
		"CommitRefused":          testCommitRefused,
		"PanicLeavesNothing":     testPanic,
		"CancelLeavesNothing":    testCancel,
		"TxAfterItsEnd":          testTxAfterItsEnd,
		"GoesOnAfterARefusal":    testGoesOn,
		"Poison":                 testPoison,
		"PoisonInQuestions":      testPoisonInQuestions,
		"LargeRows":              testLargeRows,
		"Lease":                  testLease,
		"Fencing":                testFencing,
		"Take":                   testTake,
		"TakeAtOnce":             testTakeAtOnce,
		"Release":                testRelease,
		"Managers":               testManagers,
		"Vault":                  testVault,
		"Marks":                  testMarks,
		"DeleteTracker":          testDeleteTracker,
		"Ended":                  testEnded,
		"LoadRefuses":            testLoadRefuses,
		"WriteBeforeBegin":       testWriteBeforeBegin,
		"WritesAreSerial":        testWritesAreSerial,
		"ReadersSeeWholeCommits": testReaders,
		"Reopen":                 testReopen,
		"Incarnation":            testIncarnation,
		"Close":                  testClose,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bed{T: t, place: newPlace(t), newPlace: newPlace}
			b.s = b.place(t)
			test(b)
		})
	}
}

// bed is what one test stands on.
type bed struct {
	*testing.T
	s        store.Store
	place    Place
	newPlace func(t *testing.T) Place
	begun    bool
}

// epoch0 is the time that tests count from.
var epoch0 = time.Date(2026, 11, 21, 3, 4, 5, 678901000, time.UTC)

// flowHash names a flow that every bed has once something was written.
const flowHash = "f10f"

// write runs a transaction that must succeed.
func (b *bed) write(fn func(tx store.Tx) error) {
	b.Helper()
	if err := b.tryWrite(fn); err != nil {
		b.Fatalf("cannot write: %v", err)
	}
}

func (b *bed) tryWrite(fn func(tx store.Tx) error) error {
	b.Helper()
	b.begin()
	return b.s.Write(b.Context(), fn)
}

// begin makes the bed's store the active one, with a flow for trackers to name.
func (b *bed) begin() {
	b.Helper()
	if b.begun {
		return
	}
	b.begun = true
	if _, err := b.s.Begin(b.Context(), "test", epoch0); err != nil {
		b.Fatalf("cannot begin: %v", err)
	}
	err := b.s.Write(b.Context(), func(tx store.Tx) error { return tx.PutFlow(flowHash, []byte(`{}`)) })
	if err != nil {
		b.Fatalf("cannot write: %v", err)
	}
}

// tracker gives a tracker whose rows can be written.
func tracker(id string) banto.Tracker {
	return banto.Tracker{
		ID: banto.TrackerID(id), Jobnet: "backup/nightly", Flow: flowHash, State: banto.TrackerRunning, SubmittedAt: epoch0,
	}
}

// must gives the value of a read that must succeed.
func must[T any](v T, err error) func(b *bed) T {
	return func(b *bed) T {
		b.Helper()
		if err != nil {
			b.Fatalf("cannot read: %v", err)
		}
		return v
	}
}

// same compares records. The time zone must be the same too: UTC.
func (b *bed) same(what string, got, want any) {
	b.Helper()
	// Byte by byte, as cmp would go, a large body takes seconds.
	sameBytes := cmp.FilterValues(func(x, y []byte) bool { return len(x)+len(y) > 0 }, cmp.Comparer(bytes.Equal))
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), sameBytes, cmp.Comparer(sameTime)); d != "" {
		b.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func sameTime(a, b time.Time) bool { return a.Equal(b) && a.Location() == b.Location() }

// background is for what runs on after a test's context has ended.
func background() context.Context { return context.Background() }
