package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/bantoops/banto"
)

// Groups gives all host groups by name, with the hosts that are in them now.
func (c *Client) Groups(ctx context.Context) ([]banto.GroupInfo, error) {
	return pages(func(cursor string) (banto.Page[banto.GroupInfo], error) {
		var p banto.Page[banto.GroupInfo]
		_, err := c.do(ctx, call{method: http.MethodGet, path: "/groups", query: list(cursor, 500)}, &p)
		return p, err
	})
}

// Group gives a host group by its name.
func (c *Client) Group(ctx context.Context, name string) (banto.GroupInfo, error) {
	var g banto.GroupInfo
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/groups/" + url.PathEscape(name)}, &g)
	return g, err
}

// DeleteGroup takes a host group out of use.
func (c *Client) DeleteGroup(ctx context.Context, name string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: "/groups/" + url.PathEscape(name)}, nil)
	return err
}

// Accounts gives all accounts by name.
func (c *Client) Accounts(ctx context.Context) ([]banto.AccountInfo, error) {
	return pages(func(cursor string) (banto.Page[banto.AccountInfo], error) {
		var p banto.Page[banto.AccountInfo]
		_, err := c.do(ctx, call{method: http.MethodGet, path: "/accounts", query: list(cursor, 500)}, &p)
		return p, err
	})
}

// Account gives an account by its name.
func (c *Client) Account(ctx context.Context, name string) (banto.AccountInfo, error) {
	var a banto.AccountInfo
	_, err := c.do(ctx, call{method: http.MethodGet, path: accountPath(name)}, &a)
	return a, err
}

// DeleteAccount takes an account out of use.
func (c *Client) DeleteAccount(ctx context.Context, name string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: accountPath(name)}, nil)
	return err
}

// ReleaseAccount lets an account be tried again that too many failed logons
// had blocked.
func (c *Client) ReleaseAccount(ctx context.Context, name string) error {
	_, err := c.do(ctx, call{method: http.MethodPost, path: accountPath(name) + "/release"}, nil)
	return err
}

func accountPath(name string) string { return "/accounts/" + url.PathEscape(name) }
