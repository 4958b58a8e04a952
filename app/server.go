package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/internal/ids"
	"github.com/bantoops/banto/manager/api"
	"github.com/bantoops/banto/manager/designs"
	"github.com/bantoops/banto/manager/gateway"
	"github.com/bantoops/banto/manager/outputs"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqlite"
)

// Server is the manager process.
type Server struct {
	opts    Options
	store   store.Store
	outputs *outputs.Store
	fabric  *fabric.Server
	runner  *runner.Runner
	gateway *gateway.Gateway
	http    *http.Server
	listen  net.Listener
	reach   *reach
	parts   *group
	local   banto.Host // the host beside the manager
}

// NewServer opens the store, the ports and the keys. Nothing runs yet; when it
// fails, nothing is left open.
func NewServer(ctx context.Context, o Options) (_ *Server, err error) {
	o, err = o.complete()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o}
	defer func() {
		if err != nil {
			s.closeAll()
		}
	}()
	kept, err := sqlite.Open(ctx, filepath.Join(o.Data, "store"), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	s.store = kept
	if s.reach, err = newReach(&s.opts); err != nil {
		return nil, err
	}
	if s.listen, err = listen(ctx, o.HTTP); err != nil {
		return nil, err
	}
	if s.outputs, err = outputs.Open(filepath.Join(o.Data, "outputs")); err != nil {
		return nil, err
	}
	if err = s.startFabric(ctx); err != nil {
		return nil, err
	}
	epoch, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	if s.local, err = s.enrolLocal(ctx); err != nil {
		return nil, err
	}
	if err = s.assemble(ctx, epoch); err != nil {
		return nil, err
	}
	return s, nil
}

// assemble makes the manager's rooms and ties them together.
func (s *Server) assemble(ctx context.Context, epoch int64) error {
	incarnation, err := s.store.Incarnation(ctx)
	if err != nil {
		return err
	}
	conn, err := s.fabric.Client()
	if err != nil {
		return err
	}
	log := s.opts.Log
	s.gateway = gateway.New(gateway.Options{
		Conn: conn, Outputs: s.outputs, Epoch: epoch, Incarnation: incarnation, Now: time.Now, Log: log.With("room", "gateway"),
		Owns: s.owns, Scripts: s.store.Script, Connection: s.fabric.Connection,
	})
	s.runner = runner.New(runner.Options{
		Store: s.store, Hosts: s.gateway, LocalHost: s.local.ID, Now: time.Now, Removed: s.revoke,
		IDs: ids.Source{Rand: rand.Reader, Now: time.Now}, Log: log.With("room", "runner"),
	})
	s.gateway.Attach(s.runner)
	catalogue := designs.New(designs.Options{Store: s.store, Now: time.Now, KnownHost: s.knownName, Changed: s.reload})
	entry := door{s.reach, s.fabric, s.listen.Addr()}
	options := api.Options{
		Store: s.store, Runner: s.runner, Designs: catalogue, Outputs: s.outputs,
		Auth: auth.Authenticator{Tokens: s.store}, Now: time.Now, Log: log.With("room", "api"),
		Version:     banto.VersionInfo{Version: s.opts.Version, API: "v1", StartedAt: time.Now().UTC()},
		Environment: s.opts.Environment, Colour: s.opts.Colour, Guarded: s.opts.guarded(),
		AllowedHosts: s.reach.names(), URL: entry.publicURL(), Fingerprint: s.reach.Fingerprint(), Enrol: entry,
		Problems: s.gateway.Problem, Local: s.local.ID, Data: s.opts.Data, Fabric: s.fabric.Websocket(),
	}
	if s.reach.certs != nil {
		options.Certificate = s.reach.certs.Leaf
	}
	handler := api.New(options)
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return nil
}

// Start runs the manager and returns once it answers. Stop ends it, also when
// this failed half way.
func (s *Server) Start(ctx context.Context) error {
	s.parts = newGroup(ctx)
	s.parts.run("runner", s.runner.Run)
	select {
	case <-s.runner.Ready():
	case <-s.parts.failed():
		return errors.New("cannot rebuild the trackers")
	}
	s.parts.run("gateway", s.gateway.Run)
	s.parts.run("http", func(ctx context.Context) error {
		// Streams end with this context; calls get a moment to end by themselves.
		s.http.BaseContext = func(net.Listener) context.Context { return ctx }
		stop := context.AfterFunc(ctx, s.shutdownHTTP)
		defer stop()
		if err := s.http.Serve(s.reach.secure(s.listen)); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return s.writeConfig(ctx)
}

// shutdownHTTP lets calls end for a moment; streams are cut.
func (s *Server) shutdownHTTP() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close() // what is still open after that ends with the process
	}
}

// Failed is closed when a part of the manager has failed.
func (s *Server) Failed() <-chan struct{} { return s.parts.failed() }

// URL is where the manager answers.
func (s *Server) URL() string { return s.reach.localURL(s.listen.Addr()) }

func (s *Server) running() Running {
	return Running{
		URL: s.URL(), FabricURL: s.fabric.URL(), Host: s.local.Name,
		Data: s.opts.Data, Config: s.opts.Config, Version: s.opts.Version, Fingerprint: s.reach.Fingerprint(),
	}
}

// Stop ends the manager in the order opposite to the start, and gives the
// reason if a part of it had failed.
func (s *Server) Stop() error {
	err := s.parts.stop()
	s.closeAll()
	return err
}

func (s *Server) closeAll() {
	if s.fabric != nil {
		s.fabric.Close()
	}
	if s.outputs != nil {
		if err := s.outputs.Close(); err != nil {
			s.opts.Log.Error("cannot close the outputs", "error", err)
		}
	}
	if s.listen != nil {
		s.listen.Close()
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.opts.Log.Error("cannot close the store", "error", err)
		}
	}
}

// startFabric starts what hosts connect to; keys that were revoked stay so.
func (s *Server) startFabric(ctx context.Context) error {
	revoked, err := s.store.Revoked(ctx)
	if err != nil {
		return err
	}
	o := fabric.ServerOptions{
		Listen: loopback(s.opts.Fabric), Dir: filepath.Join(s.opts.Data, "fabric"), Log: s.opts.Log, TLS: s.reach.tlsFor(s.opts.Fabric),
	}
	for _, r := range revoked {
		o.Revoked = append(o.Revoked, r.PublicKey)
	}
	s.fabric, err = fabric.StartServer(o)
	return err
}

// revoke shuts a key out at once.
func (s *Server) revoke(r store.RevokedKey) {
	if err := s.fabric.Revoke(r.PublicKey); err != nil {
		s.opts.Log.Error("a key that was revoked can be used until the next start", "host", r.Name, "error", err)
	}
}

// reload tells the runner that groups or accounts have changed.
func (s *Server) reload() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.runner.Reload(ctx); err != nil {
		s.opts.Log.Error("groups and accounts are used as they were before", "error", err)
	}
}

// owns says whether the attempt was given to the host. A store that hangs
// holds the host's loop up no longer than that; the host tells it again.
func (s *Server) owns(host banto.HostID, attempt banto.AttemptID) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	a, err := s.store.Attempt(ctx, attempt)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && a.HostID == host, err
}

func (s *Server) knownName(ctx context.Context, name string) (bool, error) {
	_, err := s.store.Host(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// listen opens the HTTP port.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", loopback(addr))
	if err != nil {
		return nil, banto.Fail(banto.KindInvalid, "cannot listen on "+addr, reasonOf(err),
			"stop what uses the port, or choose another with --http; :0 takes a free one").Because(err)
	}
	return l, nil
}

// holder names this process in the lease.
func holder() string {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	return fmt.Sprintf("%s/%d", name, os.Getpid())
}
