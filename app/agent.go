package app

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/agent/link"
	"github.com/bantoops/banto/fabric"
)

// Agent is the agent process of a host.
type Agent struct {
	opts  Options
	creds fabric.Credentials
	link  *link.Link
	parts *group
}

// NewAgent reads the identity and credentials in the agent's directory. The
// keeper is started when the agent starts, if none runs yet.
func NewAgent(o Options) (*Agent, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	dir := agentDir(o.Data)
	identity, err := fabric.LoadOrCreateIdentity(dir)
	if err != nil {
		return nil, err
	}
	creds, err := fabric.LoadCredentials(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, banto.Fail(banto.KindInvalid, "cannot start the agent", "no manager has enrolled this host in "+o.Data,
			"start banto server on the same data directory first").Because(err)
	}
	if err != nil {
		return nil, err
	}
	connect := func(ctx context.Context) (link.Keeper, error) {
		return keeper.Connect(ctx, keeper.ClientOptions{Dir: filepath.Join(dir, "keeper"), Exe: o.Exe, Version: o.Version})
	}
	a := &Agent{opts: o, creds: creds}
	a.link = link.New(link.Options{
		URL: creds.URL, HostID: creds.Host, Name: creds.Name, JWT: creds.JWT, Seed: identity.Seed,
		Keeper: connect, Slots: o.Slots, Version: o.Version, Now: time.Now, Log: o.Log.With("room", "link"),
	})
	return a, nil
}

// Start runs the agent; it connects by itself, now and again.
func (a *Agent) Start(ctx context.Context) {
	a.parts = newGroup(ctx)
	a.parts.run("agent", a.link.Run)
}

// Failed is closed when the agent cannot go on.
func (a *Agent) Failed() <-chan struct{} { return a.parts.failed() }

// Stop ends the agent. Jobs that run go on under the keeper; a keeper without
// jobs ends too.
func (a *Agent) Stop() error { return a.parts.stop() }

func (a *Agent) running() Running {
	return Running{FabricURL: a.creds.URL, Host: a.creds.Name, Data: a.opts.Data, Version: a.opts.Version}
}

func agentDir(data string) string { return filepath.Join(data, "agent") }
