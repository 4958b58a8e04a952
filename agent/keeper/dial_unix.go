//go:build unix

package keeper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// maxSocketPath is what fits into a socket address on every system.
const maxSocketPath = 100

// socketPath gives a path of the keeper's socket that is short enough for a
// socket address, and a function to call once it was used. A long one is
// reached through a link in a fresh directory that only we can enter.
func socketPath(dir string) (string, func(), error) {
	path := filepath.Join(dir, socketName)
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	tmp, err := os.MkdirTemp("", "banto-")
	if err != nil {
		return "", nil, fmt.Errorf("cannot make a short way to %s: %w", path, err)
	}
	done := func() { os.RemoveAll(tmp) }
	link := filepath.Join(tmp, "d")
	if err := os.Symlink(dir, link); err != nil {
		done()
		return "", nil, fmt.Errorf("cannot make a short way to %s: %w", path, err)
	}
	return filepath.Join(link, socketName), done, nil
}

func dial(ctx context.Context, dir string) (net.Conn, error) {
	path, done, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

// nobodyThere says whether a dial failed because no keeper listens.
func nobodyThere(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED)
}

// dialOrStart dials, and starts a keeper when none listens. A keeper that
// finds another one before it says so, and that one is dialled.
func dialOrStart(ctx context.Context, opt ClientOptions) (net.Conn, error) {
	for {
		conn, err := dial(ctx, opt.Dir)
		if err == nil || !nobodyThere(err) {
			return conn, err
		}
		err = startKeeper(ctx, opt)
		if err != nil && !errors.Is(err, ErrBusy) {
			return nil, err
		}
		if err == nil {
			continue
		}
		if late := pause(ctx); late != nil {
			return nil, fmt.Errorf("%w: %w", err, late)
		}
	}
}

// startKeeper starts a detached keeper and waits until it serves, or has said
// why not.
func startKeeper(ctx context.Context, opt ClientOptions) error {
	exe := opt.Exe
	if exe == "" {
		var err error
		if exe, err = os.Executable(); err != nil {
			return fmt.Errorf("cannot find the banto binary: %w", err)
		}
	}
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the keeper's directory: %w", err)
	}
	log, err := openLog(opt.Dir)
	if err != nil {
		return err
	}
	defer log.Close()
	ready, tell, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot start a keeper: %w", err)
	}
	defer ready.Close()
	closeOnExec() // what the agent itself was handed is not for the keeper

	// Not CommandContext: the keeper outlives the context.
	cmd := exec.Command(exe, "keeper", "--dir", opt.Dir) //nolint:noctx // it outlives the context
	cmd.Dir = opt.Dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{tell} // number 3
	cmd.Env = append(os.Environ(), readyEnv+"=3")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	tell.Close()
	if err != nil {
		return fmt.Errorf("cannot start a keeper: %w", err)
	}
	go cmd.Wait() //nolint:errcheck // it only takes the exit status, should we live longer
	return awaitReady(ctx, ready, opt.Dir)
}

// awaitReady reads what a new keeper says about itself.
func awaitReady(ctx context.Context, ready *os.File, dir string) error {
	stop := context.AfterFunc(ctx, func() { ready.SetReadDeadline(time.Unix(1, 0)) }) //nolint:errcheck // a pipe has deadlines
	defer stop()
	said, err := io.ReadAll(io.LimitReader(ready, 4<<10))
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("the keeper was not ready in time: %w", ctx.Err())
		}
		return fmt.Errorf("cannot hear the new keeper: %w", err)
	}
	switch text := strings.TrimSpace(string(said)); text {
	case readyWord:
		return nil
	case ErrBusy.Error():
		return ErrBusy
	case "":
		return fmt.Errorf("the new keeper ended at once%s", lastWords(dir))
	default:
		return errors.New(text)
	}
}

// lastWords gives the last line of the keeper's log.
func lastWords(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, logName))
	if err != nil {
		return ""
	}
	text = bytes.TrimSpace(text)
	line := text[bytes.LastIndexByte(text, '\n')+1:]
	if len(line) == 0 {
		return ""
	}
	return ": " + string(line[:min(len(line), 500)])
}
