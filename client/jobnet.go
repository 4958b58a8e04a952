package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/bantoops/banto"
)

// Version tells what answers. It needs no token.
func (c *Client) Version(ctx context.Context) (banto.VersionInfo, error) {
	var v banto.VersionInfo
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/version"}, &v)
	return v, err
}

// Apply makes definitions the ones in use, all or none.
func (c *Client) Apply(ctx context.Context, req banto.ApplyRequest) (banto.ApplyResult, error) {
	var r banto.ApplyResult
	total := 0
	for _, f := range req.Files {
		total += len(f.Text)
	}
	if total > banto.MaxApply {
		return r, banto.Fail(banto.KindInvalid, "cannot apply", "the files hold more than 64 MiB", "apply them folder by folder")
	}
	_, err := c.do(ctx, call{method: http.MethodPost, path: "/apply", body: req, timeout: applyTimeout}, &r)
	return r, err
}

// JobnetQuery says which jobnets to list, by path.
type JobnetQuery struct {
	Folder string // this folder and below; empty: all
	Cursor string
	Limit  int // 0: the manager's
}

// Jobnets gives one page of the jobnets in use.
func (c *Client) Jobnets(ctx context.Context, q JobnetQuery) (banto.Page[banto.JobnetInfo], error) {
	v := list(q.Cursor, q.Limit)
	set(v, "folder", q.Folder)
	var p banto.Page[banto.JobnetInfo]
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/jobnets", query: v}, &p)
	return p, err
}

// AllJobnets gives all jobnets in use in a folder and below; empty: all.
func (c *Client) AllJobnets(ctx context.Context, folder string) ([]banto.JobnetInfo, error) {
	return pages(func(cursor string) (banto.Page[banto.JobnetInfo], error) {
		return c.Jobnets(ctx, JobnetQuery{Folder: folder, Cursor: cursor})
	})
}

// Jobnet gives one version of a jobnet with its text; 0 is the one in use.
func (c *Client) Jobnet(ctx context.Context, path string, version int) (banto.JobnetDetail, error) {
	v := url.Values{}
	if version != 0 {
		v.Set("version", strconv.Itoa(version))
	}
	var d banto.JobnetDetail
	_, err := c.do(ctx, call{method: http.MethodGet, path: jobnetPath(path), query: v}, &d)
	return d, err
}

// JobnetVersions gives the versions of a jobnet, newest first.
func (c *Client) JobnetVersions(ctx context.Context, path string) ([]banto.JobnetVersion, error) {
	var p banto.Page[banto.JobnetVersion]
	_, err := c.do(ctx, call{method: http.MethodGet, path: jobnetPath(path) + "/versions"}, &p)
	return p.Items, err
}

// JobnetDiff gives the difference between two versions of a jobnet, or
// between one and a text.
func (c *Client) JobnetDiff(ctx context.Context, path string, req banto.DiffRequest) (banto.DiffResult, error) {
	var r banto.DiffResult
	_, err := c.do(ctx, call{method: http.MethodPost, path: jobnetPath(path) + "/diff", body: req}, &r)
	return r, err
}

// DeleteJobnet takes a jobnet out of use. Its versions and trackers stay.
func (c *Client) DeleteJobnet(ctx context.Context, path string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: jobnetPath(path)}, nil)
	return err
}

func jobnetPath(path string) string { return "/jobnets/" + url.PathEscape(path) }
