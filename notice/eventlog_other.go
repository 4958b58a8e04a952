//go:build !windows

package notice

import (
	"context"

	"github.com/bantoops/banto"
)

// EventLog is the event log of Windows, which is not here.
type EventLog struct{}

// OpenEventLog refuses: this is not Windows.
func OpenEventLog() (*EventLog, error) {
	return nil, banto.Fail(banto.KindInvalid, "cannot write to the event log", "this is not Windows", "use --syslog instead")
}

// Send drops a message.
func (*EventLog) Send(Message) {}

// Run waits until ctx ends.
func (*EventLog) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
