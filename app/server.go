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
	"sync"
	"sync/atomic"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/lease"
	"github.com/bantoops/banto/manager/outputs"
	"github.com/bantoops/banto/notice"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/postgres"
	"github.com/bantoops/banto/store/sqlite"
)

// Server is the manager process: its API answers always, and while it is the
// active manager its rooms stand behind it (active.go). On a store of its own it
// is always active.
type Server struct {
	opts    Options
	store   kept
	outputs store.Outputs
	listen  net.Listener
	reach   *reach
	http    *http.Server
	front   atomic.Pointer[http.Handler] // what answers now
	parts   *group
	lease   *lease.Holder
	peers   *peers
	handing chan handing // hand-overs that were asked for
	watch   *watching

	scrapeDue atomic.Bool // the token of who scrapes could not be made

	stopping atomic.Bool // no lease is wanted any more
	holder   string      // names this process in the lease

	mu       sync.Mutex
	active   *active       // nil while another manager is
	led      chan struct{} // closed when it has been active once
	recover  string        // how the first start is to be, at a second site
	started  time.Time
	fabricAt string    // the address that the fabric listens on, while it is active
	since    time.Time // when the lease was renewed last before ours, for a second site
}

// kept is what the manager keeps.
type kept interface {
	store.Store
	store.Archive
	store.Copier
}

// NewServer opens the store, the port of the API and the certificates. Nothing
// runs yet; when it fails, nothing is left open.
func NewServer(ctx context.Context, o Options) (_ *Server, err error) {
	o, err = o.complete()
	if err != nil {
		return nil, err
	}
	s := &Server{
		opts: o, holder: holder(), recover: o.RecoverSite, handing: make(chan handing), led: make(chan struct{}), started: time.Now().UTC(),
	}
	defer func() {
		if err != nil {
			s.closeAll()
		}
	}()
	if err = s.openStore(ctx); err != nil {
		return nil, err
	}
	if s.reach, err = newReach(&s.opts, s.shareCA(ctx)); err != nil {
		return nil, err
	}
	if s.listen, err = listen(ctx, o.HTTP); err != nil {
		return nil, err
	}
	if s.fabricAt, err = reserve(ctx, o.Fabric); err != nil {
		return nil, err
	}
	if s.watch, err = newWatching(s); err != nil {
		return nil, err
	}
	s.lease, err = lease.New(lease.Options{
		Store: s.store, Holder: s.holder, Name: o.Name, URL: s.publicURL(), Log: o.Log.With("room", "lease"),
	})
	if err != nil {
		return nil, err
	}
	s.peers = &peers{server: s}
	s.serve()
	return s, nil
}

// openStore opens what the manager keeps: a directory of its own, or a database
// that managers share.
func (s *Server) openStore(ctx context.Context) error {
	if s.opts.Store == "" {
		kept, err := sqlite.Open(ctx, filepath.Join(s.opts.Data, "store"), sqlite.Options{})
		if err != nil {
			return err
		}
		s.store = kept
		s.outputs, err = outputs.Open(filepath.Join(s.opts.Data, "outputs"))
		return err
	}
	kept, err := postgres.Open(ctx, s.opts.Store, postgres.Options{Holder: s.holder, Log: s.opts.Log.With("room", "store")})
	if err != nil {
		return err
	}
	s.store, s.outputs = kept, kept.Outputs()
	return nil
}

// serve prepares the server of the API.
func (s *Server) serve() {
	s.http = &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*s.front.Load()).ServeHTTP(w, r) }),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug),
	}
}

// settle is how long a start waits for the lease of a manager that has died
// before it stands by.
const settle = 3 * time.Second

// Start runs the manager and returns once it answers. Stop ends it, also when
// this failed half way.
func (s *Server) Start(ctx context.Context) error {
	s.parts = newGroup(ctx)
	s.watch.start(s.parts)
	s.answer(s.standby())
	if !s.store.Shared() {
		s.since = s.renewed(ctx)
		epoch, err := s.store.Take(ctx, store.TakeOver{Holder: s.holder, URL: s.publicURL(), Name: s.opts.Name, Force: true})
		if err == nil {
			err = s.activate(ctx, epoch)
		}
		if err != nil {
			return err
		}
		a := s.leads()
		s.parts.run("active", func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return nil
			case <-a.parts.failed():
				return a.parts.why()
			}
		})
	} else if err := s.lead(ctx); err != nil {
		return err
	}
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
	s.watch.begin(s.parts)
	if s.leads() == nil {
		s.watch.notices.Tell(notice.ManagerStandsBy, "manager", s.opts.Name, "active", s.peers.leader(ctx))
		return s.pointAt()
	}
	return s.writeConfig(ctx)
}

// renewed gives when the lease was renewed last; zero: never, or nobody knows.
func (s *Server) renewed(ctx context.Context) time.Time {
	l, err := s.store.Lease(ctx)
	if err != nil {
		return time.Time{}
	}
	return l.RenewedAt
}

// answer makes a handler the one that answers from now on.
func (s *Server) answer(h http.Handler) { s.front.Store(&h) }

// leads gives what stands behind the API while this manager is the active one.
func (s *Server) leads() *active {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active
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

// Led is closed once this manager has been the active one.
func (s *Server) Led() <-chan struct{} { return s.led }

// waitLed waits until this manager has been the active one, if its host has not
// joined: its agent is enrolled then.
func (s *Server) waitLed(ctx context.Context) error {
	if _, err := credentials(s.opts.Data); err == nil {
		return nil
	}
	select {
	case <-s.led:
		return nil
	case <-s.Failed():
		return errors.New("the manager has failed before it was the active one")
	case <-ctx.Done():
		return nil
	}
}

// readable is the outputs as the API reads them.
type readable struct{ store.Outputs }

// LastLine gives the last line of an attempt's output.
func (r readable) LastLine(id banto.AttemptID) string { return outputs.LastLine(r.Outputs, id) }

// URL is where the manager answers.
func (s *Server) URL() string { return s.reach.localURL(s.listen.Addr()) }

// publicURL is where other managers reach its API.
func (s *Server) publicURL() string {
	if url := (door{s.reach, s.fabricAt, s.listen.Addr()}).publicURL(); url != "" {
		return url
	}
	return s.URL()
}

func (s *Server) running() Running {
	r := Running{
		URL: s.URL(), Data: s.opts.Data, Config: s.opts.Config, Version: s.opts.Version, Fingerprint: s.reach.Fingerprint(),
	}
	if a := s.leads(); a != nil {
		r.FabricURL, r.Host = a.fabric.URL(), a.local.Name
	} else {
		r.Standby, r.Leader = true, s.peers.leader(context.Background())
	}
	return r
}

// Stop ends the manager in the order opposite to the start, and gives the
// reason if a part of it had failed. Another manager of the store may follow at
// once.
func (s *Server) Stop() error {
	s.stopping.Store(true)
	s.watch.leaving.Store(true)
	s.watch.stops()
	err := s.retire("")
	err = errors.Join(s.parts.stop(), err)
	err = errors.Join(err, s.retire("")) // it may have become the active one just then
	if s.store.Shared() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if gone := s.store.Withdraw(ctx, s.opts.Name); gone != nil {
			s.opts.Log.Warn("the manager's row stays in the store", "error", gone)
		}
	}
	s.closeAll()
	return err
}

func (s *Server) closeAll() {
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

// reserve finds out which port the fabric will have: a manager that stands by
// tells it before it listens there.
func reserve(ctx context.Context, addr string) (string, error) {
	host, port, err := net.SplitHostPort(loopback(addr))
	if err != nil || port != "0" {
		return loopback(addr), nil //nolint:nilerr // it was checked, and is told where it is used
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", banto.Fail(banto.KindInvalid, "cannot listen on "+addr, reasonOf(err), "choose another with --fabric").Because(err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// holder names this process in the lease: no other one has the name, also where
// machines or containers are called alike.
func holder() string {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	return fmt.Sprintf("%.30s/%d/%.6s", name, os.Getpid(), rand.Text())
}
