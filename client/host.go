package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/bantoops/banto"
)

// Hosts gives all hosts by name.
func (c *Client) Hosts(ctx context.Context) ([]banto.Host, error) {
	return c.FindHosts(ctx, HostQuery{})
}

// HostQuery says which hosts to list. Zero fields leave it open.
type HostQuery struct {
	Labels map[string]string // all of these; an empty value: any
	States []banto.HostState // any of these
}

// FindHosts gives the hosts that a query asks for, by name.
func (c *Client) FindHosts(ctx context.Context, q HostQuery) ([]banto.Host, error) {
	return pages(func(cursor string) (banto.Page[banto.Host], error) {
		v := list(cursor, 500)
		for name, value := range q.Labels {
			if value != "" {
				name += "=" + value
			}
			v.Add("label", name)
		}
		for _, s := range q.States {
			v.Add("state", string(s))
		}
		var p banto.Page[banto.Host]
		_, err := c.do(ctx, call{method: http.MethodGet, path: "/hosts", query: v}, &p)
		return p, err
	})
}

// Host gives a host by its name.
func (c *Client) Host(ctx context.Context, name string) (banto.Host, error) {
	var h banto.Host
	_, err := c.do(ctx, call{method: http.MethodGet, path: hostPath(name)}, &h)
	return h, err
}

func hostPath(name string) string { return "/hosts/" + url.PathEscape(name) }

// ChangeHost changes how a host is kept: its labels, whether it takes work.
func (c *Client) ChangeHost(ctx context.Context, name string, change banto.HostChange) (banto.Host, error) {
	var h banto.Host
	_, err := c.do(ctx, call{method: http.MethodPatch, path: hostPath(name), body: change}, &h)
	return h, err
}

// RemoveHost removes a host, cuts its agent's connection and takes its key
// back. Attempts on it forbid that, unless it is forced: then they end in
// error, as lost.
func (c *Client) RemoveHost(ctx context.Context, name string, force bool, reason string) (banto.Host, error) {
	v := url.Values{}
	if force {
		v.Set("force", "true")
	}
	set(v, "reason", reason)
	var h banto.Host
	_, err := c.do(ctx, call{method: http.MethodDelete, path: hostPath(name), query: v}, &h)
	return h, err
}

// Enrol makes a token with which one machine joins, once.
func (c *Client) Enrol(ctx context.Context, req banto.EnrolRequest) (banto.JoinToken, error) {
	var t banto.JoinToken
	_, err := c.do(ctx, call{method: http.MethodPost, path: "/hosts/enrolments", body: req}, &t)
	return t, err
}

// Join takes this machine in. It needs no token but the secret in the request.
// The same secret with the same key gives the same host, so a call that got no
// answer is sent again a few times.
func (c *Client) Join(ctx context.Context, req banto.JoinRequest) (banto.JoinResult, error) {
	var r banto.JoinResult
	_, err := c.do(ctx, call{method: http.MethodPost, path: "/join", body: req, again: true}, &r)
	return r, err
}

// AuditQuery says which entries of the audit trail to list, newest first.
type AuditQuery struct {
	Object string // empty: all
	Cursor string
	Limit  int
}

// Audit gives one page of the audit trail.
func (c *Client) Audit(ctx context.Context, q AuditQuery) (banto.Page[banto.AuditEntry], error) {
	v := list(q.Cursor, q.Limit)
	set(v, "object", q.Object)
	var p banto.Page[banto.AuditEntry]
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/audit", query: v}, &p)
	return p, err
}
