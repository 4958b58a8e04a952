//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/internal/config"
)

// House is a manager of the real binary, and what belongs to it.
type House struct {
	Client *client.Client
	URL    string // of the API
	Fabric string // the address that agents dial
	Data   string // of the manager, and of the agent beside it
	Token  string // of the administrator
	Server *Process
	Agent  *Process // nil before StartAgent

	env  *Env
	args []string // of the manager
}

// House starts a manager on the row's store, with flags, and an agent beside it.
func (e *Env) House(ctx context.Context, flags ...string) (*House, error) {
	h, err := e.Manager(ctx, flags...)
	if err != nil {
		return nil, err
	}
	return h, h.StartAgent(ctx)
}

// Manager starts a manager alone on the row's store, with flags.
func (e *Env) Manager(ctx context.Context, flags ...string) (*House, error) {
	dir, err := e.newDir("house")
	if err != nil {
		return nil, err
	}
	api, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	fabric, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	h := &House{env: e, URL: "http://" + api, Fabric: fabric, Data: dir}
	h.args = []string{"server", "--data", dir, "--http", api, "--fabric", fabric}
	if e.Store == "postgres" {
		_, url, err := e.Database()
		if err != nil {
			return nil, err
		}
		h.args = append(h.args, "--store", url)
	}
	h.args = append(h.args, flags...)
	return h, h.StartServer(ctx)
}

// StartServer starts the manager, the first time or after it was ended, and
// returns when it answers.
func (h *House) StartServer(ctx context.Context) error {
	p, err := h.env.Start("server", h.args, "BANTO_CONFIG="+h.config())
	if err != nil {
		return err
	}
	h.Server = p
	if err := h.answers(ctx); err != nil {
		return err
	}
	return h.profiled()
}

func (h *House) config() string { return filepath.Join(h.Data, "caller.json") }

// answers waits until the manager does.
func (h *House) answers(ctx context.Context) error {
	err := until(ctx, "the manager answers", 2*time.Millisecond, time.Minute, func() bool {
		select {
		case <-h.Server.Gone():
			return true
		default:
		}
		if h.Client == nil {
			c, err := config.Load(h.config())
			if err != nil || c.Token == "" {
				return false
			}
			h.Token = c.Token
			h.Client = client.New(h.URL, c.Token, client.WithPatience(time.Minute), client.WithTimeout(time.Minute), client.WithUserAgent("banto-bench"))
		}
		return h.ready(ctx)
	})
	select {
	case <-h.Server.Gone():
		return fmt.Errorf("the manager has ended: %w\n%s", h.Server.how, h.Server.Tail())
	default:
		return err
	}
}

// ready asks the manager once.
func (h *House) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := client.New(h.URL, h.Token, client.WithPatience(0)).Manager(ctx)
	return err == nil
}

// StartAgent starts the agent on the manager's own host, and returns when it is
// connected.
func (h *House) StartAgent(ctx context.Context, flags ...string) error {
	args := append([]string{"agent", "--data", h.Data}, flags...)
	if os.Geteuid() == 0 {
		args = append(args, "--allow-root")
	}
	p, err := h.env.Start("agent", args, "BANTO_CONFIG="+h.config())
	if err != nil {
		return err
	}
	h.Agent = p
	err = until(ctx, "the agent is connected", 10*time.Millisecond, time.Minute, func() bool {
		hosts, err := h.Client.FindHosts(ctx, client.HostQuery{States: []banto.HostState{banto.HostConnected}})
		return err == nil && len(hosts) > 0
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, p.Tail())
	}
	return nil
}

// Keeper finds the process that is the parent of the jobs.
func (h *House) Keeper() (*Process, error) {
	for _, pid := range descendants(os.Getpid()) {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		if args := strings.Split(string(b), "\x00"); err == nil && len(args) > 3 && args[1] == "keeper" && strings.HasPrefix(args[3], h.Data) {
			return &Process{Name: "keeper", PID: pid}, nil
		}
	}
	return nil, fmt.Errorf("there is no keeper in %s", h.Data)
}

// Apply makes definitions.
func (h *House) Apply(ctx context.Context, text string) error {
	_, err := h.Client.Apply(ctx, banto.ApplyRequest{Files: []banto.File{{Name: "bench.yaml", Text: text}}})
	return err
}

// Run submits a jobnet, waits until its tracker has ended, and gives it with the
// time from before the submission to the end that the manager says.
func (h *House) Run(ctx context.Context, jobnet string, params map[string]string) (banto.Tracker, time.Duration, error) {
	from := time.Now()
	t, _, err := h.Client.Submit(ctx, banto.SubmitRequest{Jobnet: jobnet, Params: params}, client.NewKey())
	if err != nil {
		return t, 0, err
	}
	t, err = h.Ended(ctx, t.ID, 50*time.Millisecond)
	if err != nil {
		return t, 0, err
	}
	return t, t.EndedAt.Sub(from.Round(0)), nil
}

// Ended waits until a tracker has ended well.
func (h *House) Ended(ctx context.Context, id banto.TrackerID, every time.Duration) (banto.Tracker, error) {
	var t banto.Tracker
	var last error
	err := until(ctx, "the tracker ends", every, 10*time.Minute, func() bool {
		t, last = h.Client.Tracker(ctx, id)
		return last != nil || t.State.Ended()
	})
	switch {
	case last != nil:
		return t, last
	case err != nil:
		return t, err
	case t.State != banto.TrackerOK || t.EndedAt == nil:
		return t, fmt.Errorf("the tracker %s of %s ended %s: %s %v", id, t.Jobnet, t.State, t.Message, t.Counts)
	}
	return t, nil
}
