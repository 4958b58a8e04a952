package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bantoops/banto"
)

const (
	// patience is longer than a take-over takes.
	patience    = 20 * time.Second
	dialTimeout = 3 * time.Second // when there are others to ask
	// firstTimeout is how long a call that may be sent again waits for the first
	// of several managers, which may be one that was stopped. It grows.
	firstTimeout = 5 * time.Second
	// storePatience is for how long a call that may be sent again waits for the
	// store of the active manager, which gives itself up when that takes longer.
	storePatience = 8 * time.Second
	maxWait       = 2 * time.Second // between two tries
	noticeAfter   = 2 * time.Second
)

// URLs gives the URLs of a list of managers: commas or blanks stand between
// them. A slash at the end of one is taken away.
func URLs(list string) []string {
	var all []string
	for _, text := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }) {
		all = append(all, strings.TrimRight(text, "/"))
	}
	return all
}

// WithPatience sets for how long a call is sent again while no manager is the
// active one; 0: never again.
func WithPatience(d time.Duration) Option { return func(c *Client) { c.patient = d } }

// WithNotice names who is told, once for each call, that a manager is waited for
// and why.
func WithNotice(fn func(error)) Option { return func(c *Client) { c.waiting = fn } }

// door is one of the managers that a client may ask.
type door struct {
	*Client
	base string
	at   int64
}

// door gives the manager that is asked now.
func (c *Client) door() door {
	at := c.at.Load()
	return door{Client: c, base: c.urls[at%int64(len(c.urls))], at: at}
}

// next turns to another manager, unless somebody else has done so. Those that
// were silent come only when all were.
func (c door) next(silent map[string]bool) {
	at, n := c.at+1, int64(len(c.urls))
	for range n {
		if !silent[c.urls[at%n]] {
			break
		}
		at++
	}
	c.Client.at.CompareAndSwap(c.at, at)
}

// unsentError is the cause of an error of a call that no manager has done
// anything about.
type unsentError struct{ error }

func (e unsentError) Unwrap() error { return e.error }

// movedError is the cause of an error of a manager that is not the active one
// any more, or of a load balancer that has none.
type movedError struct{ error }

func (e movedError) Unwrap() error { return e.error }

// passingError is the cause of an error of a manager that cannot do it now, and
// said when it could.
type passingError struct{ error }

func (e passingError) Unwrap() error { return e.error }

// sending tells whether a request has got a connection to go out on.
func sending(ctx context.Context) (context.Context, *atomic.Bool) {
	var sent atomic.Bool
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }}), &sent
}

// unsent marks an error of a call that never went out.
func unsent(e *banto.ErrorInfo, sent *atomic.Bool) *banto.ErrorInfo {
	if sent.Load() {
		return e
	}
	return e.Because(unsentError{e.Unwrap()})
}

// changing marks the refusal of a manager that is not the active one, or cannot
// use its store.
func (c door) changing(e *banto.ErrorInfo, res *http.Response) *banto.ErrorInfo {
	switch res.Header.Get(banto.StandbyHeader) {
	case "":
		if e.Kind == banto.KindUnavailable && e.RetryAfterMS > 0 {
			return e.Because(passingError{errors.New(res.Status)})
		}
		return e
	case banto.StandbyNotTaken:
		return e.Because(unsentError{movedError{errors.New(res.Status)}})
	}
	return e.Because(movedError{errors.New(res.Status)})
}

// tries is one call through all its tries.
type tries struct {
	c       *Client
	in      call
	made    int
	lasting int       // tries in a row that another one at the same manager would not mend
	until   time.Time // zero before the first failure
	wait    time.Duration
	told    bool
	// silent are managers that have let a try run out: one that answers, though it
	// cannot help yet, is asked again before one of those.
	silent map[string]bool
}

func (c *Client) trying(in call) *tries {
	return &tries{c: c, in: in, wait: c.backoff, silent: map[string]bool{}}
}

// timeout is how long the next try may take.
func (t *tries) timeout() time.Duration {
	switch {
	case t.in.timeout != 0:
		return t.in.timeout
	case len(t.c.urls) > 1 && t.in.repeats():
		return min(t.c.timeout, firstTimeout<<min(t.made/len(t.c.urls), 10))
	}
	return t.c.timeout
}

// another says whether a call that failed is worth another try, and waits until
// it is.
func (t *tries) another(ctx context.Context, d door, err error) bool {
	t.made++
	now := time.Now()
	if t.until.IsZero() {
		t.until = now.Add(t.c.patient)
	}
	if ctx.Err() != nil || !t.worth(err) || (!now.Before(t.until) && t.made > 1) {
		return false
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.silent[d.base] = true
	}
	if len(t.silent) == len(t.c.urls) {
		clear(t.silent)
	}
	d.next(t.silent)
	if len(t.silent) == 0 && t.made%len(t.c.urls) != 0 {
		return true // the others first
	}
	if !t.told && t.until.Sub(now) <= t.c.patient-noticeAfter {
		t.told = true
		t.c.waiting(err)
	}
	wait := jitter(t.wait)
	t.wait = min(2*t.wait, maxWait)
	return sleep(ctx, min(wait, max(0, t.until.Sub(now))))
}

// worth says whether a try with this error can be followed by another.
func (t *tries) worth(err error) bool {
	var unsent unsentError
	var moved movedError
	var passing passingError
	certain, changing := errors.As(err, &unsent), errors.As(err, &moved)
	several, unreachable := len(t.c.urls) > 1, banto.KindOf(err) == banto.KindUnreachable
	if lasting(err) {
		// Nothing was asked of it, and others may be right.
		if t.lasting++; t.lasting >= len(t.c.urls) {
			return false
		}
		return true
	}
	t.lasting = 0
	if errors.As(err, &passing) {
		return t.in.repeats() && t.c.patient > 0 && time.Now().Before(t.until.Add(min(0, storePatience-t.c.patient)))
	}
	switch {
	case t.c.patient <= 0, !changing && !unreachable, !certain && !t.in.repeats():
		return false
	case several || changing:
		return true
	case !t.in.again:
		return false
	}
	return t.made < maxTries
}
