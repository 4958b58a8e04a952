package app

import (
	"context"
	"errors"
	"os"

	"github.com/bantoops/banto/agent/keeper"
)

// Running says where everything is, once a manager answers.
type Running struct {
	URL       string // of the manager
	FabricURL string // that agents dial
	Host      string // name of the host beside the manager
	Data      string // the data directory
	Config    string // where URL and token were written; may be empty
	Version   string
	Standby   bool   // another manager of its store is the active one
	Leader    string // where that one answers, if it is known

	Fingerprint string // of the manager's own CA; empty when it has none
}

// Up runs manager and agent in this process until ctx ends, and calls ready
// once both have started. Jobs belong to a keeper of its own, and go on when
// this process ends.
func Up(ctx context.Context, o Options, ready func(Running) error) error {
	return serve(ctx, o, func(s *Server) (func() error, <-chan struct{}, error) {
		o := s.opts
		o.AllowRoot = true                                                // on a laptop, who starts it is who runs the jobs
		o.Syslog, o.EventLog, o.AliveFile, o.AliveURL = "", false, "", "" // the manager tells for both
		if err := s.waitLed(ctx); err != nil {
			return nil, nil, err
		}
		agent, err := NewAgent(ctx, o)
		if err != nil {
			return nil, nil, err
		}
		agent.Start(ctx)
		return agent.Stop, agent.Failed(), nil
	}, ready)
}

// RunServer runs the manager alone.
func RunServer(ctx context.Context, o Options, ready func(Running) error) error {
	return serve(ctx, o, func(*Server) (func() error, <-chan struct{}, error) {
		return func() error { return nil }, nil, nil
	}, ready)
}

// serve runs a manager with what stands beside it.
func serve(ctx context.Context, o Options, beside func(*Server) (func() error, <-chan struct{}, error), ready func(Running) error) error {
	defer headroom(serverHeadroom)()
	server, err := NewServer(ctx, o)
	if err != nil {
		return err
	}
	if err := server.Start(ctx); err != nil {
		return errors.Join(err, server.Stop())
	}
	stop, failed, err := beside(server)
	if err != nil {
		return errors.Join(err, server.Stop())
	}
	if err := ready(server.running()); err != nil {
		return errors.Join(err, stop(), server.Stop())
	}
	select {
	case <-ctx.Done():
	case <-server.Failed():
	case <-failed:
	}
	server.watch.leaving.Store(true)
	return errors.Join(stop(), server.Stop())
}

// RunAgent runs the agent of a host that has joined a manager, or that
// `RunServer` on the same data directory has enrolled.
func RunAgent(ctx context.Context, o Options, ready func(Running) error) error {
	quiet := func(Running) error { return nil } // a service has no output that could be written to
	if service, err := asService(func(ctx context.Context) error { return runAgent(ctx, o, quiet) }, o.Log); service {
		return err
	}
	return runAgent(ctx, o, ready)
}

func runAgent(ctx context.Context, o Options, ready func(Running) error) error {
	defer headroom(agentHeadroom)()
	agent, err := NewAgent(ctx, o)
	if err != nil {
		return err
	}
	agent.Start(ctx)
	if err := ready(agent.running()); err != nil {
		return errors.Join(err, agent.Stop())
	}
	select {
	case <-ctx.Done():
	case <-agent.Failed():
	}
	return agent.Stop()
}

// KeeperOptions of RunKeeper.
type KeeperOptions struct {
	Dir       string
	Version   string
	Accounts  []string // OS users that jobs may run as, besides the keeper's own
	AllowRoot bool     // jobs may run as root when the keeper does
	Check     bool     // only say whether this binary can be a keeper, and end
}

// RunKeeper is the process that is the parent of all jobs.
func RunKeeper(ctx context.Context, o KeeperOptions) error {
	opt := keeper.Options{Dir: o.Dir, Version: o.Version, Allow: keeper.Allow{Accounts: o.Accounts, Root: o.AllowRoot}}
	if o.Check {
		return keeper.Check(os.Stdout, opt)
	}
	defer headroom(keeperHeadroom)()
	return keeper.Main(ctx, opt)
}
