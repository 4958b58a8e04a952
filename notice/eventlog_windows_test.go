package notice

import (
	"context"
	"testing"
)

func TestEventsAreWritten(t *testing.T) {
	e, err := OpenEventLog()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []ID{ManagerActive, HostLost, StoreFull} {
		e.Send(message(id, "host", "db01"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Run(ctx); err != nil || e.dropped.Load() != 0 {
		t.Errorf("%v, %d were not written", err, e.dropped.Load())
	}
	if eventNumber(HostLost) != 301 {
		t.Error(eventNumber(HostLost))
	}
}
