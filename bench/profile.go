//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// slice is how long one CPU profile looks: what ends with its manager is lost,
// and go tool pprof puts many together.
const slice = 5

// profiled keeps CPU profiles of the manager, one behind the other, for as long
// as it runs.
func (h *House) profiled() error {
	e := h.env
	if e.Profile == "" {
		return nil
	}
	dir := filepath.Join(e.Profile, filepath.Base(e.Dir)+"-"+e.Store)
	if e.Sync > 0 {
		dir += "-slow"
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // nothing in it is secret
		return err
	}
	e.Say("CPU profiles of the manager: go tool pprof -top %s %s/*", e.Binary, dir)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	e.After(func() { cancel(); <-ended })
	server := h.Server
	go func() {
		defer close(ended)
		for i := 0; ctx.Err() == nil; i++ {
			path := filepath.Join(dir, fmt.Sprintf("%d-%03d.pprof", server.PID, i))
			if err := h.profile(ctx, path); err != nil {
				select {
				case <-server.Gone():
				case <-ctx.Done():
				default:
					e.Say("no profile: %v", err)
				}
				return
			}
		}
	}()
	return nil
}

// profile keeps one.
func (h *House) profile(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, (slice+30)*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", h.URL, slice), http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+h.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, body, 0o644) //nolint:gosec // as above
}
