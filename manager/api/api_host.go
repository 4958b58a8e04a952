package api

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/manager/runner"
)

type listHostsIn struct {
	PageQuery
	Labels []string `query:"label,explode" maxItems:"64" doc:"role=batch, or role for any value; may be given several times, and all must fit"`
	States []string `query:"state,explode" maxItems:"3" enum:"connected,lost,never" doc:"May be given several times"`
}

// listHosts lists the hosts with what runs on them now.
func (s *server) listHosts(ctx context.Context, in *listHostsIn) (*out[banto.Host], error) {
	const what = "cannot list hosts"
	fits, err := in.filter()
	if err != nil {
		return nil, err
	}
	var rows []banto.Host
	for after := in.Cursor; len(rows) <= in.Limit; {
		page, err := s.Store.ListHosts(ctx, after, in.Limit+1)
		if err != nil {
			return nil, storeError(what, "", "", err)
		}
		for _, h := range page {
			if after = h.Name; fits(h) {
				rows = append(rows, h)
			}
		}
		if len(page) <= in.Limit {
			break
		}
	}
	live := s.load(ctx)
	return cut(rows, in.Limit,
		func(h banto.Host) banto.Host { return s.shown(h, live) },
		func(h banto.Host) string { return h.Name }), nil
}

// filter makes of a query what a host must be.
func (in *listHostsIn) filter() (func(banto.Host) bool, error) {
	for _, l := range in.Labels {
		name, value, valued := strings.Cut(l, "=")
		if !jobnet.ValidLabel(name) || (valued && !jobnet.ValidLabel(value)) {
			return nil, banto.Fail(banto.KindInvalid, "cannot list hosts", strconv.Quote(plain(l, 100))+" is no label", "write label=role=batch, or label=role for any value")
		}
	}
	return func(h banto.Host) bool {
		if len(in.States) > 0 && !slices.Contains(in.States, string(h.State)) {
			return false
		}
		for _, l := range in.Labels {
			name, value, valued := strings.Cut(l, "=")
			has, ok := h.Labels[name]
			if !ok || (valued && has != value) {
				return false
			}
		}
		return true
	}, nil
}

// load says what runs on the hosts; nil when the loop is too busy to say.
func (s *server) load(ctx context.Context) map[banto.HostID]runner.HostLive {
	if s.Runner == nil {
		return nil
	}
	ctx, cancel := soon(ctx)
	defer cancel()
	return s.Runner.Hosts(ctx)
}

// shown adds to a host what is not in its row.
func (s *server) shown(h banto.Host, live map[banto.HostID]runner.HostLive) banto.Host {
	if l, ok := live[h.ID]; ok {
		h.Running = l.Running
	}
	if h.Admission == "" {
		h.Admission = banto.AdmissionOpen
	}
	h.Problem = s.problem(h.ID)
	return h
}

// problem says what was last refused of a host.
func (s *server) problem(id banto.HostID) string {
	if s.Problems == nil {
		return ""
	}
	return s.Problems(id)
}

// HostPath names a host.
type HostPath struct {
	Name string `path:"host" maxLength:"255"`
}

func (in *HostPath) object() string { return in.Name }

type hostOut struct{ Body banto.Host }

// getHost reads a host.
func (s *server) getHost(ctx context.Context, in *HostPath) (*hostOut, error) {
	h, err := s.host(ctx, "cannot read host "+in.Name, in.Name)
	if err != nil {
		return nil, err
	}
	return &hostOut{Body: s.shown(h, s.load(ctx))}, nil
}

func (s *server) host(ctx context.Context, what, name string) (banto.Host, error) {
	h, err := s.Store.Host(ctx, name)
	if err != nil {
		return h, storeError(what, "there is no host of that name; it may have been removed", "banto host list shows them", err)
	}
	return h, nil
}

type changeHostIn struct {
	HostPath
	Body banto.HostChange
}

// changeHost changes a host's labels, or whether it takes new work.
func (s *server) changeHost(ctx context.Context, in *changeHostIn) (*hostOut, error) {
	h, err := s.Runner.ChangeHost(ctx, principal(ctx), in.Name, in.Body)
	if err != nil {
		return nil, err
	}
	return &hostOut{Body: s.shown(h, s.load(ctx))}, nil
}

type removeHostIn struct {
	HostPath
	Force  bool   `query:"force" doc:"Also when attempts are, or may be, on it"`
	Reason string `query:"reason" maxLength:"1000" doc:"For the audit trail"`
}

// removeHost removes a host and shuts its key out.
func (s *server) removeHost(ctx context.Context, in *removeHostIn) (*hostOut, error) {
	h, err := s.Runner.RemoveHost(ctx, principal(ctx), in.Name, in.Force, in.Reason)
	if err != nil {
		return nil, err
	}
	return &hostOut{Body: s.shown(h, nil)}, nil
}
