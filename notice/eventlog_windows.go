package notice

import (
	"context"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/windows/svc/eventlog"

	"github.com/bantoops/banto"
)

// eventSource is under which name events stand in the Application log.
const eventSource = "Banto"

// EventLog writes notices to the event log of Windows.
type EventLog struct {
	log     *eventlog.Log
	queue   chan Message
	dropped atomic.Int64
}

// OpenEventLog opens the Application log. Its source is registered if that is
// allowed; without that events are written too, with a line that says so.
func OpenEventLog() (*EventLog, error) {
	_ = eventlog.InstallAsEventCreate(eventSource, eventlog.Error|eventlog.Warning|eventlog.Info) // it is there, or an administrator is to make it
	l, err := eventlog.Open(eventSource)
	if err != nil {
		return nil, banto.Fail(banto.KindInvalid, "cannot write to the event log", err.Error(), "leave --event-log out").Because(err)
	}
	e := &EventLog{log: l, queue: make(chan Message, 1000)}
	return e, nil
}

// Send hands a message over; it never waits.
func (e *EventLog) Send(m Message) {
	select {
	case e.queue <- m:
	default:
		e.dropped.Add(1)
	}
}

// Run writes until ctx ends, and then what waits.
func (e *EventLog) Run(ctx context.Context) error {
	defer e.log.Close()
	for {
		select {
		case m := <-e.queue:
			e.write(m)
		case <-ctx.Done():
			for {
				select {
				case m := <-e.queue:
					e.write(m)
				default:
					return nil
				}
			}
		}
	}
}

// write writes an event. Its number is that of the ID; what cannot be written is
// in the log of the process.
func (e *EventLog) write(m Message) {
	text := m.Line(m.Notice.English)
	number := eventNumber(m.Notice.ID)
	var err error
	switch m.Notice.ID.Severity() {
	case Error:
		err = e.log.Error(number, text)
	case Warning:
		err = e.log.Warning(number, text)
	default:
		err = e.log.Info(number, text)
	}
	if err != nil {
		e.dropped.Add(1)
	}
}

// eventNumber is the number in an ID: 301 of BANTO0301W. Windows' own message
// file for such sources knows 1 to 1000.
func eventNumber(id ID) uint32 {
	n, err := strconv.ParseUint(string(id[5:len(id)-1]), 10, 32)
	if err != nil {
		return 1
	}
	return uint32(n)
}
