package keeper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

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
