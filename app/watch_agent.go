package app

import (
	"context"
	"errors"
	"time"

	"github.com/bantoops/banto/agent/link"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/notice"
)

// agentAway is how long an agent may be without its manager before that is told:
// a take-over is shorter.
const agentAway = 30 * time.Second

// linkWatch is what was told of how an agent stands to its manager.
type linkWatch struct {
	connected, away bool
	refused         string
}

// look tells what has changed.
func (w *linkWatch) look(s link.Status, now time.Time, tell func(notice.ID, ...string)) {
	var refused *fabric.SessionRefusedError
	switch {
	case s.Session && w.connected:
	case s.Session:
		*w = linkWatch{connected: true}
		tell(notice.AgentConnected, "endpoint", s.Endpoint)
	case errors.As(s.Err, &refused):
		if w.refused != refused.Why {
			*w = linkWatch{refused: refused.Why}
			tell(notice.AgentTurnedOff, "endpoint", s.Endpoint, "why", refused.Why)
		}
	case !w.away && !s.Since.IsZero() && now.Sub(s.Since) >= agentAway:
		*w = linkWatch{away: true}
		why := ""
		if s.Err != nil {
			_, why, _ = fabric.Explain(s.Err)
		}
		tell(notice.AgentAway, "endpoint", s.Endpoint, "since", s.Since.UTC().Format(time.RFC3339), "why", why)
	}
}

// watchLink tells how the agent stands to its manager, when that changes.
func (a *Agent) watchLink(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var w linkWatch
	for {
		w.look(a.link.Status(), time.Now(), a.watch.notices.Tell)
		select {
		case <-ctx.Done():
			a.watch.notices.Flush(true)
			return nil
		case <-tick.C:
		}
	}
}

// well says why an agent gives no sign of life now.
func (a *Agent) well(context.Context) error {
	s := a.link.Status()
	switch {
	case s.Session:
		return nil
	case s.Err != nil:
		return s.Err
	}
	return errors.New("the agent is not connected to its manager")
}
