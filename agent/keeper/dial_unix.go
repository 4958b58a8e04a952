//go:build unix

package keeper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
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
	cmd := exec.Command(exe, keeperArgs(opt.Dir, opt.Allow)...) //nolint:noctx // it outlives the context
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
