package keeper

import (
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/windows"
)

// outputEnd is the reading end of a job's output. It is read with events of its
// own and not through the runtime's port: a pipe belongs to one port for ever,
// and the next keeper wants to read from it too.
type outputEnd struct {
	h     windows.Handle
	over  windows.Handle // an event: the process has ended
	until atomic.Int64   // when to stop waiting for the end of the output, once it has

	resting atomic.Bool   // what comes is for another keeper
	rested  chan struct{} // closed when no more is read
}

// rest says that from now on another keeper reads.
func (p *outputEnd) rest() {
	p.resting.Store(true)
	windows.SetEvent(p.over) //nolint:errcheck // it is ours
}

func newOutputEnd(h windows.Handle) (*outputEnd, error) {
	over, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return nil, err
	}
	return &outputEnd{h: h, over: over, rested: make(chan struct{})}, nil
}

// hurry says that the process has ended: what it wrote is in the pipe.
func (p *outputEnd) hurry(now time.Time) {
	p.until.Store(now.Add(holdGrace).UnixNano())
	windows.SetEvent(p.over) //nolint:errcheck // pump closes it later than this
}

func (p *outputEnd) close() {
	windows.CloseHandle(p.h)    //nolint:errcheck // it is ours
	windows.CloseHandle(p.over) //nolint:errcheck // it is ours
}

// errResting says that another keeper reads from now on.
var errResting = errors.New("another keeper reads the output")

// read reads once. os.ErrDeadlineExceeded says that the process has ended
// some time ago, but not everybody who writes.
func (p *outputEnd) read(buf []byte, event windows.Handle) (int, error) {
	until := p.until.Load()
	if p.resting.Load() {
		return 0, errResting
	}
	if until != 0 && time.Now().UnixNano() >= until {
		return 0, os.ErrDeadlineExceeded
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	io := &windows.Overlapped{HEvent: event}
	pin.Pin(io)
	pin.Pin(&buf[0])
	var n uint32
	err := windows.ReadFile(p.h, buf, &n, io)
	if !errors.Is(err, windows.ERROR_IO_PENDING) {
		return int(n), err
	}
	if until == 0 {
		which, _ := windows.WaitForMultipleObjects([]windows.Handle{event, p.over}, false, windows.INFINITE)
		if which == windows.WAIT_OBJECT_0+1 {
			until = p.until.Load()
		}
		if p.resting.Load() {
			windows.CancelIoEx(p.h, io) //nolint:errcheck // it may have ended by itself
		}
	}
	if until != 0 {
		left := max(0, time.Until(time.Unix(0, until)))
		windows.WaitForSingleObject(event, uint32(left/time.Millisecond)+1) //nolint:errcheck // what follows tells
		windows.CancelIoEx(p.h, io)                                         //nolint:errcheck // it may have ended by itself
	}
	err = windows.GetOverlappedResult(p.h, io, &n, true)
	switch {
	case errors.Is(err, windows.ERROR_OPERATION_ABORTED) && p.resting.Load():
		return int(n), errResting
	case errors.Is(err, windows.ERROR_OPERATION_ABORTED):
		return int(n), os.ErrDeadlineExceeded
	}
	return int(n), err
}

// pump reads a pipe to its end, or for a moment longer than its process lives,
// and closes it. It says whether someone still held the other end.
func (o *kept) pump(pipe *outputEnd, buffers *bufferPool) (held bool) {
	event, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return false
	}
	defer windows.CloseHandle(event) //nolint:errcheck // it is ours
	buf := buffers.get()
	defer buffers.put(buf)
	for {
		n, err := pipe.read(buf[:], event)
		if n > 0 {
			o.write(buf[:n])
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return !o.drain(pipe, buf[:], event)
		case errors.Is(err, windows.ERROR_MORE_DATA):
		case err != nil:
			return false
		}
	}
}

// drain reads what is in the pipe now, and no more: someone may go on writing
// for ever. It says whether it saw the end.
func (o *kept) drain(pipe *outputEnd, buf []byte, event windows.Handle) (end bool) {
	left, err := waiting(pipe.h)
	for err == nil && left > 0 {
		io := &windows.Overlapped{HEvent: event}
		var n uint32
		if err = windows.ReadFile(pipe.h, buf[:min(left, len(buf))], &n, io); errors.Is(err, windows.ERROR_IO_PENDING) {
			err = windows.GetOverlappedResult(pipe.h, io, &n, true)
		}
		o.write(buf[:n])
		left -= int(n)
	}
	return err != nil
}
