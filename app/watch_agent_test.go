package app

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/bantoops/banto/agent/link"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/notice"
)

func TestAnAgentTellsHowItStandsToItsManager(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	refused := &fabric.SessionRefusedError{Why: "another machine has its identity"}
	var w linkWatch
	for _, c := range []struct {
		at     int
		status link.Status
		want   []notice.ID
	}{
		{0, link.Status{}, nil},
		{100, link.Status{}, nil}, // it has not tried yet
		{101, link.Status{Session: true, Connected: true, Since: at(101)}, []notice.ID{notice.AgentConnected}},
		{102, link.Status{Session: true, Connected: true, Since: at(101)}, nil},
		{110, link.Status{Since: at(110), Err: errors.New("gone")}, nil}, // a take-over
		{120, link.Status{Session: true, Connected: true, Since: at(120)}, nil},
		{130, link.Status{Since: at(130), Err: errors.New("gone")}, nil},
		{161, link.Status{Since: at(130), Err: errors.New("gone")}, []notice.ID{notice.AgentAway}},
		{300, link.Status{Since: at(130), Err: errors.New("gone")}, nil},
		{301, link.Status{Session: true, Connected: true, Since: at(301)}, []notice.ID{notice.AgentConnected}},
		{302, link.Status{Connected: true, Since: at(302), Err: refused}, []notice.ID{notice.AgentTurnedOff}},
		{303, link.Status{Connected: true, Since: at(302), Err: refused}, nil},
		{400, link.Status{Session: true, Connected: true, Since: at(400)}, []notice.ID{notice.AgentConnected}},
	} {
		var got []notice.ID
		w.look(c.status, at(c.at), func(id notice.ID, _ ...string) { got = append(got, id) })
		if !slices.Equal(got, c.want) {
			t.Errorf("after %d s: %v, want %v", c.at, got, c.want)
		}
	}
}
