package api

import (
	"context"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bantoops/banto"
)

// mountMetrics mounts the page of figures.
func mountMetrics(s *server, _ route, op huma.Operation) {
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The figures of this manager; each manager of a store has its own.",
		Content:     map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	huma.Register(s.api, op, func(context.Context, *none) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			s.Metrics.ServeHTTP(w, r)
		}}, nil
	})
}

// ofProxies are headers by which proxies tell of themselves. One that adds none
// looks like a caller of this machine: the guide says so.
var ofProxies = [...]string{"X-Forwarded-For", "Forwarded", "Via", "X-Real-Ip", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "Cf-Connecting-Ip", "True-Client-Ip"}

// openTo says whether a caller needs no token: it is on this machine, and came
// from nowhere else by way of a proxy. Who sends a token is judged by it.
func (s *server) openTo(hc huma.Context, req *request) bool {
	if !s.OpenMetrics || hc.Header("Authorization") != "" {
		return false
	}
	for _, trace := range ofProxies {
		if hc.Header(trace) != "" {
			return false
		}
	}
	from, err := netip.ParseAddrPort(req.remote)
	if err != nil || !from.Addr().Unmap().IsLoopback() {
		return false
	}
	req.principal = banto.Principal{Name: "metrics"}
	return true
}

// named gives a route its name in the figures, and whether it lasts as long as
// the caller likes.
func (s *server) named(pattern string) (name string, lasts bool) {
	r, ok := s.byPattern[pattern]
	if !ok {
		return "docs", false
	}
	return r.id, r.timeout == stream
}
