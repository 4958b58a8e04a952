//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// simAgentsArg is the first argument of this program when it is to be a process
// of simulated agents.
const simAgentsArg = "-simagents"

// simFleet is a process of simulated agents, as the row sees it.
type simFleet struct {
	*Process
	mu   sync.Mutex
	news simNews
	told chan struct{} // closed and made anew with each news
}

// simFleet starts simulated agents that join a house, in a process of their own:
// what the manager costs stays the manager's. It returns at once.
func (e *Env) simFleet(h *House, order simOrder) (*simFleet, error) {
	order.URL, order.Token = h.URL, h.Token
	f := &simFleet{Process: &Process{Name: "simagents", log: filepath.Join(e.Dir, "simagents.log"), gone: make(chan struct{})}, told: make(chan struct{})}
	cmd := exec.CommandContext(context.Background(), "/proc/self/exe", simAgentsArg) // it ends by After
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = e.Log
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := onThreadForEver(cmd.Start); err != nil {
		return nil, fmt.Errorf("cannot start simulated agents: %w", err)
	}
	f.cmd, f.PID = cmd, cmd.Process.Pid
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		f.listen(out)
	}()
	go func() {
		<-heard
		f.how = cmd.Wait()
		close(f.gone)
	}()
	e.After(func() {
		_ = in.Close()
		_ = f.end(10 * time.Second)
	})
	return f, json.NewEncoder(in).Encode(order)
}

func (f *simFleet) listen(out io.Reader) {
	lines := json.NewDecoder(out)
	for {
		var n simNews
		if err := lines.Decode(&n); err != nil {
			return
		}
		f.mu.Lock()
		f.news = n
		close(f.told)
		f.told = make(chan struct{})
		f.mu.Unlock()
	}
}

// until waits until the agents stand as is wanted.
func (f *simFleet) until(ctx context.Context, what string, patience time.Duration, so func(simNews) bool) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		f.mu.Lock()
		news, told := f.news, f.told
		f.mu.Unlock()
		if news.Failed != "" {
			return fmt.Errorf("simulated agents: %s", news.Failed)
		}
		if so(news) {
			return nil
		}
		select {
		case <-told:
		case <-f.gone:
			return fmt.Errorf("the simulated agents have ended: %w", f.how)
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return fmt.Errorf("waited in vain until %s: %d have joined, %d are taken on", what, news.Enrolled, news.Sessions)
		}
	}
}

// connected waits until so many agents are taken on by the manager.
func (f *simFleet) connected(ctx context.Context, n int, patience time.Duration) error {
	return f.until(ctx, fmt.Sprintf("%d agents are taken on", n), patience, func(s simNews) bool { return s.Sessions >= n })
}
