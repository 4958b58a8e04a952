package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/internal/ids"
	"github.com/bantoops/banto/manager/api"
	"github.com/bantoops/banto/manager/designs"
	"github.com/bantoops/banto/manager/gateway"
	"github.com/bantoops/banto/manager/retention"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/store"
)

// active is what a manager has while it is the active one.
type active struct {
	*Server
	epoch   int64
	fabric  *fabric.Server
	runner  *runner.Runner
	gateway *gateway.Gateway
	local   banto.Host // the host beside the manager
	parts   *group
	// retiring says that it is about to stop: nothing is said to a host any more,
	// and callers are told to ask again elsewhere.
	retiring atomic.Bool
	stopping sync.Once
	stopped  error
}

// leading says whether this is the active manager still.
func (a *active) leading() bool { return !a.retiring.Load() && a.lease.Leading() }

// activate makes this the active manager under an epoch that was taken. When it
// fails, nothing of it is left.
func (s *Server) activate(ctx context.Context, epoch int64) (err error) {
	a := &active{Server: s, epoch: epoch, parts: newGroup(ctx)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.stop())
		}
	}()
	if err = a.record(ctx); err != nil {
		return err
	}
	if err = a.startFabric(ctx); err != nil {
		return err
	}
	if a.local, err = a.enrolLocal(ctx); err != nil {
		return err
	}
	handler, err := a.assemble(ctx)
	if err != nil {
		return err
	}
	a.parts.run("runner", a.runner.Run)
	select {
	case <-a.runner.Ready():
	case <-a.parts.failed():
		return errors.New("cannot rebuild the trackers")
	case <-ctx.Done():
		return fmt.Errorf("cannot become the active manager: %w", context.Cause(ctx))
	}
	a.parts.run("gateway", a.gateway.Run)
	a.parts.run("memory", a.tidy)
	a.parts.run("retention", a.retention().Run)
	s.mu.Lock()
	s.active, s.recover = a, ""
	s.mu.Unlock()
	s.watch.leadsNow(a)
	s.scrapeToken(ctx)
	s.answer(handler)
	select {
	case <-s.led:
	default:
		close(s.led)
	}
	return nil
}

// assemble makes the manager's rooms and ties them together.
func (a *active) assemble(ctx context.Context) (http.Handler, error) {
	incarnation, err := a.incarnation(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := a.fabric.Client()
	if err != nil {
		return nil, err
	}
	log := a.opts.Log
	g := gateway.Options{
		Conn: conn, Outputs: a.outputs, Epoch: a.epoch, Incarnation: incarnation, Now: time.Now, Log: log.With("room", "gateway"),
		Owns: a.owns, Scripts: a.store.Script, Connection: a.fabric.Connection, Refused: a.watch.agentRefused, Beats: a.fabric.Quiet,
	}
	if a.store.Shared() {
		g.Leading, g.Proved, g.Managers = a.leading, a.store.ProvedAt, a.peers.endpoints
	}
	a.gateway = gateway.New(g)
	a.runner = runner.New(runner.Options{
		Store: a.store, Hosts: a.gateway, LocalHost: a.local.ID, Now: time.Now, Removed: a.revoke,
		IDs: ids.Source{Rand: rand.Reader, Now: time.Now}, Log: log.With("room", "runner"), Observer: a.watch,
		Limits:  runner.Limits{PerJobnet: a.opts.MaxTrackers, Rate: a.opts.SubmitRate},
		Recover: runner.Recover(a.Server.recover), Since: a.since,
	})
	a.gateway.Attach(a.runner)
	options := a.apiOptions()
	options.Runner = a.runner
	if a.store.Shared() {
		options.Leading = a.leading
	}
	options.Designs = a.designs(a.reload)
	options.Enrol = entrance{door{a.reach, a.fabricAt, a.listen.Addr()}, a.fabric, a.peers.endpoints}
	options.Problems, options.Local, options.Fabric = a.gateway.Problem, a.local.ID, a.fabric.Websocket()
	return api.New(options), nil
}

// siteMark is the store's mark that names the site which has taken over.
const siteMark = "site"

// incarnation names to agents the house that this store is. At a second site it
// is another one: what the first site's managers say on their copy of the store
// is not obeyed any more, whatever epoch they reach.
func (a *active) incarnation(ctx context.Context) (string, error) {
	name, err := a.store.Incarnation(ctx)
	if err != nil {
		return "", err
	}
	if a.Server.recover != "" {
		site := rand.Text()
		if err := a.store.Write(ctx, func(tx store.Tx) error { return tx.PutMark(siteMark, site) }); err != nil {
			return "", err
		}
		return name + "." + site, nil
	}
	site, err := a.store.Mark(ctx, siteMark)
	if err == nil && site != "" {
		name += "." + site
	}
	return name, err
}

// designs gives the way to definitions. changed is told of groups and accounts.
func (s *Server) designs(changed func()) *designs.Designs {
	return designs.New(designs.Options{
		Store: s.store, Now: time.Now, Version: s.opts.Version, KnownHost: s.knownName, Changed: changed,
	})
}

// apiOptions are what the API has whether or not this manager is the active one.
func (s *Server) apiOptions() api.Options {
	o := api.Options{
		Store: s.store, Outputs: readable{s.outputs}, Auth: auth.Authenticator{Tokens: s.store}, Now: time.Now, Log: s.opts.Log.With("room", "api"),
		Version:     banto.VersionInfo{Version: s.opts.Version, API: "v1", StartedAt: s.started},
		Environment: s.opts.Environment, Colour: s.opts.Colour, Guarded: s.opts.guarded(),
		AllowedHosts: s.reach.names(), URL: door{s.reach, s.fabricAt, s.listen.Addr()}.publicURL(), Fingerprint: s.reach.Fingerprint(),
		Data: s.opts.Data, Name: s.opts.Name, Managers: s.peers.states, Backup: s.backup,
		Metrics: s.watch.metrics, OpenMetrics: s.opts.OpenMetrics, Scrapers: &s.watch.scrapers, Notices: s.watch.notices,
	}
	if s.reach.certs != nil {
		o.Certificate = s.reach.certs.Leaf
	}
	if s.store.Shared() {
		o.Leading, o.Leader, o.HandOver, o.ProxyTLS = s.lease.Leading, s.peers.leader, s.handOver, s.reach.trust()
		o.Unrenewed = s.peers.unrenewed
		if b, ok := s.store.(interface{ Blocker() (store.Blocker, bool) }); ok {
			o.Blocker = b.Blocker
		}
	}
	return o
}

// standby gives what answers while another manager is the active one.
func (s *Server) standby() http.Handler {
	o := s.apiOptions()
	o.Designs = s.designs(func() {})
	return api.New(o)
}

func (a *active) retention() *retention.Retention {
	return retention.New(retention.Options{
		Store: a.store, Outputs: a.outputs, Keep: a.designs(func() {}).Keep, Claim: a.runner.Drop, WhileEnded: a.runner.WhileEnded, Archive: a.opts.Archive, Now: time.Now, Log: a.opts.Log.With("room", "retention"),
	})
}

// stop ends what stands behind the API. Hosts are let go first: they need not
// wait for a transaction that hangs.
func (a *active) stop() error {
	a.retiring.Store(true)
	a.stopping.Do(func() {
		a.parts.cancel()
		if a.fabric != nil {
			a.fabric.Close()
		}
		a.stopped = a.parts.stop()
	})
	return a.stopped
}

// record leaves on record that this process is the active manager.
func (a *active) record(ctx context.Context) error {
	detail := fmt.Sprintf("version %s as %s, epoch %d", a.opts.Version, a.holder, a.epoch)
	err := a.store.Write(ctx, func(tx store.Tx) error {
		return tx.PutAudit(audit.Done(time.Now().UTC(), starter(), audit.ManagerStart, "manager", detail))
	})
	if err != nil {
		return fmt.Errorf("cannot record the manager's start: %w", err)
	}
	return nil
}

// startFabric starts what hosts connect to; keys that were revoked stay so.
func (a *active) startFabric(ctx context.Context) error {
	dir := filepath.Join(a.opts.Data, "fabric")
	if err := a.shareFabric(ctx, dir); err != nil {
		return err
	}
	revoked, err := a.store.Revoked(ctx)
	if err != nil {
		return err
	}
	o := fabric.ServerOptions{Listen: a.fabricAt, Dir: dir, Log: a.opts.Log, TLS: a.reach.tlsFor(a.opts.Fabric)}
	for _, r := range revoked {
		o.Revoked = append(o.Revoked, r.PublicKey)
	}
	if err := a.eachHost(ctx, func(banto.Host) { o.Hosts++ }); err != nil {
		return err
	}
	a.fabric, err = fabric.StartServer(o)
	return err
}

// revoke shuts a key out at once.
func (a *active) revoke(r store.RevokedKey) {
	if err := a.fabric.Revoke(r.PublicKey); err != nil {
		a.opts.Log.Error("a key that was revoked can be used until the next start", "host", r.Name, "error", err)
	}
}

// reload tells the runner that groups or accounts have changed.
func (a *active) reload() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := a.runner.Reload(ctx); err != nil {
		a.opts.Log.Error("groups and accounts are used as they were before", "error", err)
	}
}

// owns says whether the attempt was given to the host. A store that hangs
// holds the host's loop up no longer than that; the host tells it again.
func (a *active) owns(host banto.HostID, attempt banto.AttemptID) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	got, err := a.store.Attempt(ctx, attempt)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && got.HostID == host, err
}
