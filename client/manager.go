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

// Managers gives the managers that share the store, by name.
func (c *Client) Managers(ctx context.Context) ([]banto.ManagerState, error) {
	var all []banto.ManagerState
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/managers"}, &all)
	return all, err
}

// HandOver lets another manager take over at once. It returns when that is
// certain to happen; Managers tells when it has.
func (c *Client) HandOver(ctx context.Context, h banto.HandOver) error {
	_, err := c.do(ctx, call{method: http.MethodPost, path: "/managers/handover", body: h}, nil)
	return err
}

// Recovery tells what a manager that started held has found.
func (c *Client) Recovery(ctx context.Context) (banto.Recovery, error) {
	var r banto.Recovery
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/recovery"}, &r)
	return r, err
}

// ConfirmRecovery lets a manager that started held go on, or says what would
// come of it.
func (c *Client) ConfirmRecovery(ctx context.Context, req banto.RecoveryConfirm) (banto.Recovery, error) {
	var r banto.Recovery
	_, err := c.do(ctx, call{method: http.MethodPost, path: "/recovery/confirm", body: req, timeout: applyTimeout}, &r)
	return r, err
}
