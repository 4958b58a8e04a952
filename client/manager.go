package client

import (
	"context"
	"net/http"

	"github.com/bantoops/banto"
)

// Manager tells what a person should know of the manager: its version and the
// environment it works in.
func (c *Client) Manager(ctx context.Context) (banto.ManagerInfo, error) {
	var m banto.ManagerInfo
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/manager"}, &m)
	return m, err
}

// Doctor gives what the manager finds wrong, and right, with itself and with
// its hosts.
func (c *Client) Doctor(ctx context.Context) ([]banto.Finding, error) {
	var f []banto.Finding
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/doctor"}, &f)
	return f, err
}
