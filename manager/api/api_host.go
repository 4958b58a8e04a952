package api

import (
	"context"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/manager/runner"
)

// listHosts lists the hosts with what runs on them now.
func (s *server) listHosts(ctx context.Context, in *PageQuery) (*out[banto.Host], error) {
	rows, err := s.Store.ListHosts(ctx, in.Cursor, in.Limit+1)
	if err != nil {
		return nil, storeError("cannot list hosts", "", "", err)
	}
	live := s.load(ctx)
	return cut(rows, in.Limit,
		func(h banto.Host) banto.Host { return withLoad(h, live) },
		func(h banto.Host) string { return h.Name }), nil
}

// load says what runs on the hosts; nil when the loop is too busy to say.
func (s *server) load(ctx context.Context) map[banto.HostID]runner.HostLive {
	ctx, cancel := soon(ctx)
	defer cancel()
	return s.Runner.Hosts(ctx)
}

func withLoad(h banto.Host, live map[banto.HostID]runner.HostLive) banto.Host {
	if l, ok := live[h.ID]; ok {
		h.Running = l.Running
	}
	return h
}

type hostName struct {
	Name string `path:"host" maxLength:"255"`
}

type hostOut struct{ Body banto.Host }

// getHost reads a host.
func (s *server) getHost(ctx context.Context, in *hostName) (*hostOut, error) {
	h, err := s.Store.Host(ctx, in.Name)
	if err != nil {
		return nil, storeError("cannot read host "+in.Name, "there is no host of that name", "banto host list", err)
	}
	return &hostOut{Body: withLoad(h, s.load(ctx))}, nil
}
