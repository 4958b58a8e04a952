package app

import (
	"testing"

	"github.com/bantoops/banto/notice"
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
