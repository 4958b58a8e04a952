//go:build unix

package keeper

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// pump reads a pipe to its end, or to a deadline that was set on it and is not
// just for a rest, and closes it. It says whether someone still held the other
// end.
func (o *kept) pump(pipe *os.File, buffers *bufferPool, rest func() bool) (held bool) {
	defer pipe.Close()
	raw, err := pipe.SyscallConn()
	if err != nil {
		return false
	}
	for {
		var buf *[bufferSize]byte
		var n int
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			if buf == nil {
				buf = buffers.get()
			}
			n, failed = readPipe(fd, buf[:])
			if errors.Is(failed, unix.EAGAIN) {
				buffers.put(buf)
				buf = nil
				return false
			}
			return true
		})
		if n > 0 {
			o.write(buf[:n])
		}
		if buf != nil {
			buffers.put(buf)
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && rest():
		case errors.Is(err, os.ErrDeadlineExceeded):
			return !o.drain(raw, buffers)
		case err != nil || failed != nil || n <= 0:
			return false
		}
	}
}

func readPipe(fd uintptr, p []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), p)
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// drain reads what is in the pipe now, and no more: someone may go on writing
// for ever. It says whether it saw the end.
func (o *kept) drain(raw interface{ Control(func(uintptr)) error }, buffers *bufferPool) (end bool) {
	buf := buffers.get()
	defer buffers.put(buf)
	raw.Control(func(fd uintptr) { //nolint:errcheck // the pipe is open
		for left := readable(fd); ; {
			n, err := readPipe(fd, buf[:])
			if n > 0 {
				o.write(buf[:n])
			}
			left -= n
			if n <= 0 || left < 0 { // with nothing left, one more look: it may be the end
				end = n == 0 && err == nil
				return
			}
		}
	})
	return end
}
