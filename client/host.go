package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/bantoops/banto"
)

// Hosts gives all hosts by name.
func (c *Client) Hosts(ctx context.Context) ([]banto.Host, error) {
	return pages(func(cursor string) (banto.Page[banto.Host], error) {
		var p banto.Page[banto.Host]
		_, err := c.do(ctx, call{method: http.MethodGet, path: "/hosts", query: list(cursor, 500)}, &p)
		return p, err
	})
}

// Host gives a host by its name.
func (c *Client) Host(ctx context.Context, name string) (banto.Host, error) {
	var h banto.Host
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/hosts/" + url.PathEscape(name)}, &h)
	return h, err
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
