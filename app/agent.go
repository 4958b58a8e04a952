package app

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/agent/link"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/internal/dirlock"
)

// Agent is the agent process of a host.
type Agent struct {
	opts  Options
	creds fabric.Credentials
	link  *link.Link
	lock  *os.File // the directory is this agent's while it is open
	watch outlets
	parts *group
}

// NewAgent reads the identity and credentials in the agent's directory, after
// joining a manager if there is a token for that. The keeper is started when
// the agent starts, if none runs yet.
func NewAgent(ctx context.Context, o Options) (*Agent, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	dir := agentDir(o.Data)
	a := &Agent{opts: o}
	if a.watch, err = newOutlets(o); err != nil {
		return nil, err
	}
	if a.lock, err = lockAgent(dir); err != nil {
		return nil, err
	}
	if err := a.prepare(ctx, dir); err != nil {
		a.lock.Close()
		return nil, err
	}
	return a, nil
}

// prepare makes the link out of what the directory holds.
func (a *Agent) prepare(ctx context.Context, dir string) (err error) {
	o := a.opts
	if o.Join != "" {
		if err := join(ctx, o, dir); err != nil {
			return err
		}
	}
	identity, err := fabric.LoadOrCreateIdentity(dir)
	if err != nil {
		return err
	}
	if a.creds, err = credentials(o.Data); err != nil {
		return err
	}
	connect := func(ctx context.Context) (link.Keeper, error) {
		k, err := keeper.Connect(ctx, keeper.ClientOptions{
			Dir: filepath.Join(dir, "keeper"), Exe: o.Exe, Version: o.Version, Allow: keeper.Allow{Accounts: o.Accounts, Root: o.AllowRoot},
		})
		if err != nil {
			return nil, err
		}
		if why := k.NotReplaced(); why != "" {
			o.Log.Warn("a keeper of another version is used as it is", "why", why)
		}
		return k, nil
	}
	house, err := loadHouse(dir)
	if err != nil {
		return err
	}
	a.link = link.New(link.Options{
		Endpoints: a.creds.Where(), CA: a.creds.CA, Proxy: o.Proxy, HostID: a.creds.Host, Name: a.creds.Name, JWT: a.creds.JWT, Seed: identity.Seed,
		House: house, Obeys: func(h link.House) error { return keepHouse(dir, h) },
		Managers: func(endpoints []string) { a.keepEndpoints(dir, endpoints) }, Keeper: connect, Slots: o.Slots, Version: o.Version, Now: time.Now, Log: o.Log.With("room", "link"),
	})
	return nil
}

// houseFile holds whom the host obeys (link.House), in the agent's directory.
const houseFile = "house.json"

// loadHouse reads whom the host obeys; nobody yet where there is no file. One
// that cannot be read is no reason to obey just anybody.
func loadHouse(dir string) (link.House, error) {
	var h link.House
	body, err := os.ReadFile(filepath.Join(dir, houseFile))
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err == nil {
		err = json.Unmarshal(body, &h)
	}
	if err != nil {
		return h, banto.Fail(banto.KindInvalid, "cannot start the agent in "+dir, houseFile+" cannot be read: "+reasonOf(err),
			"it says which managers are over; take it away if you know that there are none").Because(err)
	}
	return h, nil
}

// keepHouse writes whom the host obeys, whole and on disk.
func keepHouse(dir string, h link.House) error {
	body, err := json.Marshal(h)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, houseFile)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(body, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// keepEndpoints keeps where the managers are for the next start.
func (a *Agent) keepEndpoints(dir string, endpoints []string) {
	a.creds.Endpoints = endpoints
	if err := a.creds.Save(dir); err != nil {
		a.opts.Log.Warn("where the managers are is not kept for the next start", "error", err)
	}
}

// Start runs the agent; it connects by itself, now and again.
func (a *Agent) Start(ctx context.Context) {
	a.parts = newGroup(ctx)
	a.parts.run("agent", a.link.Run)
	a.parts.run("status", a.tellStatus)
	a.watch.start(a.parts)
	a.parts.run("watch", a.watchLink)
	a.watch.signs(a.parts, a.opts, a.well)
}

// Failed is closed when the agent cannot go on.
func (a *Agent) Failed() <-chan struct{} { return a.parts.failed() }

// Stop ends the agent. Jobs that run go on under the keeper; a keeper without
// jobs ends too.
func (a *Agent) Stop() error {
	defer a.lock.Close()
	return a.parts.stop()
}

// lockAgent refuses a second agent with the identity in this directory.
func lockAgent(dir string) (*os.File, error) {
	f, err := dirlock.Take(dir)
	var held *dirlock.HeldError
	if errors.As(err, &held) {
		return nil, banto.Fail(banto.KindInvalid, "cannot start the agent in "+dir, held.Who("another agent")+" uses it",
			"stop that one; banto up has an agent of its own").Because(err)
	}
	if err != nil {
		return nil, banto.Fail(banto.KindInvalid, "cannot start the agent in "+dir, reasonOf(err), "change its owner, or name another with --data").Because(err)
	}
	return f, nil
}

func (a *Agent) running() Running {
	return Running{FabricURL: a.creds.URL, Host: a.creds.Name, Data: a.opts.Data, Version: a.opts.Version}
}

func agentDir(data string) string { return filepath.Join(data, "agent") }
