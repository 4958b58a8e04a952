package audit_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/store"
)

func TestEntries(t *testing.T) {
	at := time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)
	by := banto.Principal{Name: "hanako"}
	got := audit.Done(at, by, audit.JobnetApply, "backup/nightly", "version 3")
	want := banto.AuditEntry{
		At: at, Principal: "hanako", Action: "jobnet.apply", Object: "backup/nightly", Detail: "version 3", Outcome: "done",
	}
	if got != want {
		t.Errorf("got %+v", got)
	}
	got = audit.Refused(at, banto.Principal{}, audit.TrackerCancel, "20261121-0000000", errors.New("it has ended"))
	want = banto.AuditEntry{
		At: at, Principal: "-", Action: "tracker.cancel", Object: "20261121-0000000", Detail: "it has ended", Outcome: "refused",
	}
	if got != want {
		t.Errorf("got %+v", got)
	}
}

func FuzzEntriesCanAlwaysBeStored(f *testing.F) {
	f.Add("a", "b", "c")
	f.Add("\x00", "\xff", strings.Repeat("番", 2000))
	f.Add(strings.Repeat("頭", 500), strings.Repeat("\xff", 2000), "\xe7\x95")
	f.Fuzz(func(t *testing.T, name, object, detail string) {
		e := audit.Done(time.Time{}, banto.Principal{Name: name}, audit.JobnetApply, object, detail)
		for _, s := range []string{e.Principal, e.Object, e.Detail} {
			if err := store.CheckText(s); err != nil {
				t.Errorf("%q: %v", s, err)
			}
			if len(s) > 4096 || !utf8.ValidString(s) {
				t.Errorf("%d bytes", len(s))
			}
		}
		if len(detail) < 4096 && store.CheckText(detail) == nil && e.Detail != detail {
			t.Errorf("%q became %q", detail, e.Detail)
		}
	})
}

func TestEveryMoveHasItsAction(t *testing.T) {
	for move, want := range map[banto.Move]audit.Action{
		banto.MoveHold: audit.TrackerHold, banto.MoveRelease: audit.TrackerRelease, banto.MoveSkip: audit.TrackerSkip,
		banto.MoveForceEnd: audit.TrackerForceEnd, banto.MoveKill: audit.TrackerKill, banto.MoveCancel: audit.TrackerCancel,
		banto.MoveRerun: audit.TrackerRerun, banto.MoveComment: audit.TrackerComment,
	} {
		if got := audit.OfMove(move); got != want {
			t.Errorf("%s: %s, want %s", move, got, want)
		}
	}
}
