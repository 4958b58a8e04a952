package keeper

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/bantoops/banto"
)

// Client is the agent's end of the socket. Its methods can be called from any
// goroutine. A lost connection closes Events; the caller then connects again,
// and the keeper repeats what was not acknowledged.
type Client struct {
	dir         string
	conn        net.Conn
	events      chan Event
	notReplaced string
	done        chan struct{} // closed by Close
	once        sync.Once

	mu   sync.Mutex // one frame at a time
	buf  []byte
	rest []byte // of a frame that SendNow has not written whole
}

// Connect gives a connection to the keeper of the directory, and starts a
// keeper first if none runs. The keeper is a process of its own: it goes on
// when the caller, or the caller's whole process group, dies. The context
// bounds the connecting, not the connection.
//
// A keeper of another version than ours is asked to become our binary, and its
// jobs go on: so the keeper follows its agent, up and also down, as far as that
// binary understands what the keeper has written. It does not when we speak an
// older protocol than it, when no Exe is given, or when it cannot: then it is
// used as it is, and NotReplaced says why.
func Connect(ctx context.Context, opt ClientOptions) (*Client, error) {
	dir, err := filepath.Abs(opt.Dir)
	if err != nil {
		return nil, cannotConnect(opt.Dir, err)
	}
	opt.Dir = dir
	asked, notReplaced := false, ""
	for {
		conn, err := dialOrStart(ctx, opt)
		if err != nil {
			return nil, cannotConnect(dir, err)
		}
		r := bufio.NewReaderSize(conn, 64<<10)
		first, err := greeting(ctx, conn, r)
		if err == nil && !asked && opt.replaces(first.Hello) {
			asked = true
			notReplaced, err = askReplace(ctx, conn, r, opt.Exe)
			conn.Close()
			if err == nil || notReplaced != "" {
				continue // what it told meanwhile it tells again
			}
		}
		if err == nil {
			c := &Client{dir: dir, conn: conn, events: make(chan Event, 16), done: make(chan struct{}), notReplaced: notReplaced}
			c.events <- first
			go c.read(r)
			// A keeper that ran already was told another time who is allowed.
			if err := c.Send(Request{Allow: &opt.Allow}); err != nil {
				c.Close()
				return nil, err
			}
			return c, nil
		}
		conn.Close()
		if ctx.Err() != nil {
			return nil, cannotConnect(dir, fmt.Errorf("the keeper said nothing: %w", ctx.Err()))
		}
		// One that was just ending took the connection and dropped it.
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
			return nil, cannotConnect(dir, err)
		}
		if pause(ctx) != nil {
			return nil, cannotConnect(dir, err)
		}
	}
}

// replaces says whether the keeper that greets is to become our binary.
func (o ClientOptions) replaces(h *Hello) bool {
	return h != nil && o.Exe != "" && o.Version != "" && h.Version != o.Version &&
		h.Protocol > 0 && h.Protocol <= Protocol
}

// askReplace asks the keeper to become a binary and waits until it has gone
// over, which ends the connection, or says why not.
func askReplace(ctx context.Context, conn net.Conn, r *bufio.Reader, exe string) (why string, err error) {
	if exe, err = filepath.Abs(exe); err != nil {
		return "", err
	}
	frame, err := appendFrame(nil, Request{Replace: exe})
	if err != nil {
		return "", err
	}
	if _, err := conn.Write(frame); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) }) //nolint:errcheck // a socket has deadlines
	defer stop()
	for {
		var e Event
		err := readFrame(r, &e)
		switch {
		case err == nil && e.NotReplaced != "":
			return e.NotReplaced, nil
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
			return "", nil
		default:
			return "", err
		}
	}
}

// pause waits a moment before another try.
func pause(ctx context.Context) error {
	moment := time.NewTimer(20 * time.Millisecond)
	defer moment.Stop()
	select {
	case <-moment.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// greeting reads the frame that opens every connection.
func greeting(ctx context.Context, conn net.Conn, r *bufio.Reader) (Event, error) {
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) }) //nolint:errcheck // a socket has deadlines
	var first Event
	err := readFrame(r, &first)
	if !stop() && err == nil {
		err = ctx.Err() // the deadline is, or is being, set
	}
	return first, err
}

func cannotConnect(dir string, err error) error {
	var known *banto.ErrorInfo
	if errors.As(err, &known) {
		return known
	}
	return banto.Fail(banto.KindUnavailable, "cannot reach the keeper of "+dir, err.Error(),
		filepath.Join(dir, logName)+" says more").Because(err)
}

// NotReplaced says why the keeper, which is of another version than its agent,
// stays as it is; "" when there is nothing to say.
func (c *Client) NotReplaced() string { return c.notReplaced }

// Events gives what the keeper tells, Hello first. It is closed when the
// connection is lost or closed.
func (c *Client) Events() <-chan Event { return c.events }

func (c *Client) read(r *bufio.Reader) {
	defer close(c.events)
	for {
		var e Event
		if err := readFrame(r, &e); err != nil {
			c.Close()
			return
		}
		select {
		case c.events <- e:
		case <-c.done:
			return
		}
	}
}

// Send hands a request to the keeper, in as many frames as it takes. After an error the connection is closed,
// and it is not known what of it the keeper has: connect again and repeat it.
func (c *Client) Send(r Request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.writeRest(); err != nil {
		return err
	}
	for piece := range pieces(r) {
		frame, err := shortEnough(c.buf[:0], piece)
		if err != nil {
			return err
		}
		if cap(frame) <= 1<<20 {
			c.buf = frame
		}
		if err := c.write(frame); err != nil {
			return err
		}
	}
	return nil
}

// SendNow hands a request to the keeper as far as that takes no waiting. What it
// gives, if anything, waits for the rest, as Send does.
func (c *Client) SendNow(r Request) (rest func() error) {
	const few, short = 4, 64 << 10
	if len(r.Start) > few || !c.mu.TryLock() {
		return func() error { return c.Send(r) }
	}
	defer c.mu.Unlock()
	if len(c.rest) > 0 {
		return func() error { return c.Send(r) }
	}
	frame, err := appendFrame(c.buf[:0], r)
	if err != nil || len(frame) > short {
		return func() error { return c.Send(r) }
	}
	c.buf = frame
	n := writeNow(c.conn, frame)
	if n == len(frame) {
		return nil
	}
	c.rest = bytes.Clone(frame[n:])
	return func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.writeRest()
	}
}

// writeRest writes what is left of a frame; c.mu is held.
func (c *Client) writeRest() error {
	if len(c.rest) == 0 {
		return nil
	}
	rest := c.rest
	c.rest = nil
	return c.write(rest)
}

func (c *Client) write(p []byte) error {
	if _, err := c.conn.Write(p); err != nil {
		c.Close()
		return cannotConnect(c.dir, err)
	}
	return nil
}

// ReadOutput reads the kept output of an attempt from an offset, as an
// io.ReaderAt does: fewer bytes than asked for come with io.EOF, which only
// means that there is no more yet. An attempt that has written nothing, or was
// cleaned, gives an error that is fs.ErrNotExist.
func (c *Client) ReadOutput(id banto.AttemptID, off int64, p []byte) (int, error) {
	path, err := outputPath(c.dir, id)
	if err != nil {
		return 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := f.ReadAt(p, off)
	if errors.Is(err, io.EOF) {
		return n, io.EOF
	}
	return n, err
}

// Close ends the connection. The keeper and its jobs go on.
func (c *Client) Close() {
	c.once.Do(func() {
		close(c.done)
		c.conn.Close()
	})
}

// outputPath says where the output of an attempt is kept.
func outputPath(dir string, id banto.AttemptID) (string, error) {
	tracker, seq, err := id.Split()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, outputName, string(tracker), strconv.Itoa(seq)+".log"), nil
}
