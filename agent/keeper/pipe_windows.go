package keeper

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// The socket is a named pipe. A UNIX socket would be the same code as
// elsewhere, but Server 2016 has none, and who may open one is then a matter
// of the directory alone. A pipe carries its own access list: the keeper's user
// and nobody else, and nobody over the network. Its name is made anew by each
// keeper, cannot be guessed, and stands in the file keeper.sock: so nobody can
// sit on the name before us, and the file's directory is closed to others.

const (
	pipePrefix = `\\.\pipe\banto-`
	pipeBuffer = 64 << 10
)

func pipeName() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // it never fails
	return pipePrefix + hex.EncodeToString(b[:])
}

// ownAlone gives the attributes of something that only our own user may open.
func ownAlone() (*windows.SecurityAttributes, error) {
	sid, err := ownUser()
	if err != nil {
		return nil, err
	}
	sd, err := windows.SecurityDescriptorFromString("D:P(A;;GA;;;" + sid + ")")
	if err != nil {
		return nil, err
	}
	sa := &windows.SecurityAttributes{SecurityDescriptor: sd}
	sa.Length = uint32(unsafe.Sizeof(*sa))
	return sa, nil
}

// pipeListener is the keeper's end. One instance of the pipe always waits, so
// that whoever connects finds the keeper, or finds that there is none.
type pipeListener struct {
	name    string
	sa      *windows.SecurityAttributes
	closing windows.Handle // an event

	mu     sync.Mutex // held by Accept
	next   windows.Handle
	closed bool
	once   sync.Once
}

// listen opens the socket, which only our own user can connect to.
func listen(dir string) (net.Listener, error) {
	sa, err := ownAlone()
	if err != nil {
		return nil, fmt.Errorf("cannot open the keeper's socket: %w", err)
	}
	l := &pipeListener{name: pipeName(), sa: sa}
	if l.closing, err = windows.CreateEvent(nil, 1, 0, nil); err != nil {
		return nil, fmt.Errorf("cannot open the keeper's socket: %w", err)
	}
	if l.next, err = l.instance(windows.FILE_FLAG_FIRST_PIPE_INSTANCE); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("cannot open the keeper's socket: %w", err)
	}
	// In place: who reads half a name finds nobody, and comes again.
	if err := again(func() error { return os.WriteFile(filepath.Join(dir, socketName), []byte(l.name+"\n"), 0o600) }); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("cannot open the keeper's socket: %w", err)
	}
	return l, nil
}

func (l *pipeListener) instance(flags uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(l.name)
	if err != nil {
		return 0, err
	}
	return windows.CreateNamedPipe(name, windows.PIPE_ACCESS_DUPLEX|windows.FILE_FLAG_OVERLAPPED|flags,
		windows.PIPE_TYPE_BYTE|windows.PIPE_REJECT_REMOTE_CLIENTS, windows.PIPE_UNLIMITED_INSTANCES, pipeBuffer, pipeBuffer, 0, l.sa)
}

// Accept waits for the next connection.
func (l *pipeListener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, net.ErrClosed
	}
	for {
		err := l.connected(l.next)
		if errors.Is(err, net.ErrClosed) {
			l.closed = true
			windows.CloseHandle(l.next)    //nolint:errcheck // it is ours
			windows.CloseHandle(l.closing) //nolint:errcheck // it is ours
			return nil, err
		}
		fresh, failed := l.instance(0)
		if failed != nil {
			return nil, failed
		}
		conn := l.next
		l.next = fresh
		if err == nil {
			return newPipeConn(conn), nil
		}
		windows.CloseHandle(conn) //nolint:errcheck // whoever connected has gone already
	}
}

// connected waits until somebody has connected to an instance.
func (l *pipeListener) connected(pipe windows.Handle) error {
	event, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(event) //nolint:errcheck // it is ours
	over := &windows.Overlapped{HEvent: event}
	switch err := windows.ConnectNamedPipe(pipe, over); {
	case errors.Is(err, windows.ERROR_PIPE_CONNECTED), err == nil:
		return nil
	case !errors.Is(err, windows.ERROR_IO_PENDING):
		return err
	}
	which, err := windows.WaitForMultipleObjects([]windows.Handle{l.closing, event}, false, windows.INFINITE)
	var n uint32
	if err != nil || which == windows.WAIT_OBJECT_0 {
		windows.CancelIoEx(pipe, over)                    //nolint:errcheck // it may have ended by itself
		windows.GetOverlappedResult(pipe, over, &n, true) //nolint:errcheck // only so that over is used no more
		return net.ErrClosed
	}
	return windows.GetOverlappedResult(pipe, over, &n, true)
}

// Close ends Accept, which gives the handles back.
func (l *pipeListener) Close() error {
	l.once.Do(func() { windows.SetEvent(l.closing) }) //nolint:errcheck // it is ours
	return nil
}

// Addr names the pipe.
func (l *pipeListener) Addr() net.Addr { return pipeAddr(l.name) }

type pipeAddr string

// Network is the kind of address.
func (pipeAddr) Network() string { return "pipe" }

// String is the name of the pipe.
func (a pipeAddr) String() string { return string(a) }

// pipeConn is one connection: the file has deadlines, since its handle is one
// for overlapped use.
type pipeConn struct {
	*os.File
	addr pipeAddr
}

func newPipeConn(h windows.Handle) *pipeConn {
	f := os.NewFile(uintptr(h), "keeper")
	return &pipeConn{File: f, addr: pipePrefix}
}

// Read reads; an end that has gone is the end of the stream.
func (c *pipeConn) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	if errors.Is(err, windows.ERROR_PIPE_NOT_CONNECTED) || errors.Is(err, windows.ERROR_BROKEN_PIPE) {
		err = io.EOF
	}
	return n, err
}

// LocalAddr is the pipe.
func (c *pipeConn) LocalAddr() net.Addr { return c.addr }

// RemoteAddr is the pipe, too.
func (c *pipeConn) RemoteAddr() net.Addr { return c.addr }

// dial connects to the keeper of a directory.
func dial(ctx context.Context, dir string) (net.Conn, error) {
	text, err := os.ReadFile(filepath.Join(dir, socketName))
	if err != nil {
		return nil, err
	}
	said, whole := strings.CutSuffix(string(text), "\n")
	if !whole || !strings.HasPrefix(said, pipePrefix) {
		return nil, fs.ErrNotExist // a keeper is about to write it
	}
	name, err := windows.UTF16PtrFromString(said)
	if err != nil {
		return nil, err
	}
	for {
		// The other end learns who we are, and can do nothing in our name.
		h, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.OPEN_EXISTING,
			windows.FILE_FLAG_OVERLAPPED|windows.SECURITY_SQOS_PRESENT|windows.SECURITY_IDENTIFICATION, 0)
		if err == nil {
			return newPipeConn(h), nil
		}
		if !errors.Is(err, windows.ERROR_PIPE_BUSY) {
			return nil, &os.PathError{Op: "open", Path: said, Err: err}
		}
		if err := pause(ctx); err != nil { // others connect at this moment
			return nil, err
		}
	}
}

// nobodyThere says whether a dial failed because no keeper listens.
func nobodyThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// streamPipe makes a pipe: its reading end has deadlines when it is made a file,
// and its writing end can be handed to a child.
func streamPipe() (r, w windows.Handle, err error) {
	sa, err := ownAlone()
	if err != nil {
		return 0, 0, err
	}
	name, err := windows.UTF16PtrFromString(pipeName())
	if err != nil {
		return 0, 0, err
	}
	r, err = windows.CreateNamedPipe(name, windows.PIPE_ACCESS_INBOUND|windows.FILE_FLAG_OVERLAPPED|windows.FILE_FLAG_FIRST_PIPE_INSTANCE,
		windows.PIPE_TYPE_BYTE|windows.PIPE_REJECT_REMOTE_CLIENTS, 1, pipeBuffer, pipeBuffer, 0, sa)
	if err != nil {
		return 0, 0, err
	}
	w, err = windows.CreateFile(name, windows.GENERIC_WRITE, 0, inheritable(), windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		windows.CloseHandle(r) //nolint:errcheck // it is ours
		return 0, 0, err
	}
	return r, w, nil
}
