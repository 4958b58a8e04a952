package client

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/bantoops/banto"
)

// NewKey makes an idempotency key for Submit.
func NewKey() string { return rand.Text() }

// Submit asks for a run of a jobnet. The same key always gives the same
// tracker, so a call that got no answer is sent again a few times; created is
// false when the tracker was already there. An empty key makes a new one.
func (c *Client) Submit(ctx context.Context, req banto.SubmitRequest, key string) (t banto.Tracker, created bool, err error) {
	if key == "" {
		key = NewKey()
	}
	status, err := c.do(ctx, call{
		method: http.MethodPost, path: "/trackers", body: req, again: true,
		header: map[string]string{"Idempotency-Key": key},
	}, &t)
	return t, status == http.StatusCreated, err
}

// TrackerQuery says which trackers to list, newest first. Zero fields leave
// it open.
type TrackerQuery struct {
	Jobnet   string // a path, or a folder with a slash at its end
	States   []banto.TrackerState
	From, To time.Time // by time of submission
	Cursor   string
	Limit    int
}

// Trackers gives one page of trackers.
func (c *Client) Trackers(ctx context.Context, q TrackerQuery) (banto.Page[banto.Tracker], error) {
	v := list(q.Cursor, q.Limit)
	set(v, "jobnet", q.Jobnet)
	for _, s := range q.States {
		v.Add("state", string(s))
	}
	if !q.From.IsZero() {
		v.Set("from", q.From.Format(time.RFC3339Nano))
	}
	if !q.To.IsZero() {
		v.Set("to", q.To.Format(time.RFC3339Nano))
	}
	var p banto.Page[banto.Tracker]
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/trackers", query: v}, &p)
	return p, err
}

// Tracker gives a tracker as it stands now, with what it waits for.
func (c *Client) Tracker(ctx context.Context, id banto.TrackerID) (banto.Tracker, error) {
	var t banto.Tracker
	_, err := c.do(ctx, call{method: http.MethodGet, path: trackerPath(id)}, &t)
	return t, err
}

// PartsPage gives one page of a tracker's parts in the order of the
// definition, those that still wait among them.
func (c *Client) PartsPage(ctx context.Context, id banto.TrackerID, cursor string, limit int) (banto.Page[banto.PartView], error) {
	var p banto.Page[banto.PartView]
	_, err := c.do(ctx, call{method: http.MethodGet, path: trackerPath(id) + "/parts", query: list(cursor, limit)}, &p)
	return p, err
}

// Parts gives all parts of a tracker in the order of the definition.
func (c *Client) Parts(ctx context.Context, id banto.TrackerID) ([]banto.PartView, error) {
	return pages(func(cursor string) (banto.Page[banto.PartView], error) {
		return c.PartsPage(ctx, id, cursor, 500)
	})
}

// Attempts gives all attempts of a tracker in their order, of one part if it
// is not empty.
func (c *Client) Attempts(ctx context.Context, id banto.TrackerID, part banto.PartKey) ([]banto.Attempt, error) {
	return pages(func(cursor string) (banto.Page[banto.Attempt], error) {
		v := list(cursor, 500)
		set(v, "part", string(part))
		var p banto.Page[banto.Attempt]
		_, err := c.do(ctx, call{method: http.MethodGet, path: trackerPath(id) + "/attempts", query: v}, &p)
		return p, err
	})
}

// Attempt gives one attempt.
func (c *Client) Attempt(ctx context.Context, id banto.AttemptID) (banto.Attempt, error) {
	var a banto.Attempt
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/attempts/" + url.PathEscape(string(id))}, &a)
	return a, err
}

// Output gives a piece of an attempt's output from an offset on. When nothing
// is there yet it waits for as long as wait says, at most 30 seconds. It is as
// it was printed, in the attempt's encoding.
func (c *Client) Output(ctx context.Context, id banto.AttemptID, offset int64, wait time.Duration) (banto.Output, error) {
	return c.output(ctx, id, offset, wait, url.Values{})
}

// OutputText gives a piece of an attempt's output as Output does, but as
// UTF-8. It never ends within a character; go on reading at Next.
func (c *Client) OutputText(ctx context.Context, id banto.AttemptID, offset int64, wait time.Duration) (banto.Output, error) {
	return c.output(ctx, id, offset, wait, url.Values{"text": {"true"}})
}

func (c *Client) output(ctx context.Context, id banto.AttemptID, offset int64, wait time.Duration, v url.Values) (banto.Output, error) {
	v.Set("offset", strconv.FormatInt(offset, 10))
	seconds := int(min(wait, 30*time.Second).Round(time.Second).Seconds())
	if wait > 0 {
		seconds = max(seconds, 1)
		v.Set("wait", strconv.Itoa(seconds))
	}
	var o banto.Output
	_, err := c.do(ctx, call{
		method: http.MethodGet, path: "/attempts/" + url.PathEscape(string(id)) + "/output", query: v, again: true,
		timeout: c.timeout + time.Duration(seconds)*time.Second,
	}, &o)
	return o, err
}

// Move does what an operator asks of a tracker or of parts of it, or says what
// it would do.
func (c *Client) Move(ctx context.Context, id banto.TrackerID, req banto.MoveRequest) (banto.MoveResult, error) {
	var r banto.MoveResult
	_, err := c.do(ctx, call{method: http.MethodPost, path: trackerPath(id) + "/moves", body: req}, &r)
	return r, err
}

// TrackerHistory gives what people did to a tracker, newest first.
func (c *Client) TrackerHistory(ctx context.Context, id banto.TrackerID) ([]banto.AuditEntry, error) {
	return pages(func(cursor string) (banto.Page[banto.AuditEntry], error) {
		var p banto.Page[banto.AuditEntry]
		_, err := c.do(ctx, call{method: http.MethodGet, path: trackerPath(id) + "/history", query: list(cursor, 500)}, &p)
		return p, err
	})
}

// Rerun runs parts of a tracker again.
func (c *Client) Rerun(ctx context.Context, id banto.TrackerID, req banto.RerunRequest) (banto.Tracker, error) {
	var t banto.Tracker
	_, err := c.do(ctx, call{method: http.MethodPost, path: trackerPath(id) + "/rerun", body: req}, &t)
	return t, err
}

// Cancel kills what runs in a tracker and starts nothing more.
func (c *Client) Cancel(ctx context.Context, id banto.TrackerID, req banto.CancelRequest) (banto.Tracker, error) {
	var t banto.Tracker
	_, err := c.do(ctx, call{method: http.MethodPost, path: trackerPath(id) + "/cancel", body: req}, &t)
	return t, err
}

func trackerPath(id banto.TrackerID) string { return "/trackers/" + url.PathEscape(string(id)) }
