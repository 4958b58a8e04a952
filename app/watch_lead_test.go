package app

import (
	"testing"
	"time"

	"github.com/bantoops/banto/notice"
	"github.com/bantoops/banto/store"
)

func TestThatNobodyLeadsIsToldOnce(t *testing.T) {
	const away = "the server cannot be reached"
	var s stranded
	for i, c := range []struct {
		leads bool
		why   string
		want  notice.ID
	}{
		{true, "", ""},
		{false, away, ""}, // a take-over may be under way
		{false, "", ""},
		{false, away, ""}, {false, away, notice.ManagerCannot}, {false, away, ""},
		{false, "", notice.ManagerStandsBy}, {false, "", ""},
		{false, away, ""}, {false, away, notice.ManagerCannot},
		{true, "", ""}, {true, "", ""}, // that was told where it happened
	} {
		if got := s.look(c.leads, c.why); got != c.want {
			t.Errorf("%d: %q, want %q", i, got, c.want)
		}
	}
}

func TestWhoHoldsTheLease(t *testing.T) {
	for want, leases := range map[bool][]store.Lease{
		true:  {{Holder: "m1/1", URL: "http://m1"}, {Holder: "m1/1", URL: "http://m1", Age: 5 * time.Second}},
		false: {{URL: "http://m1"}, {Holder: "m2/1", URL: "http://m2"}, {Holder: "m1/1", URL: "http://m1", Age: 6 * time.Second}},
	} {
		for _, l := range leases {
			if holds(l, "http://m1") != want {
				t.Errorf("%+v: not %v", l, want)
			}
		}
	}
}
