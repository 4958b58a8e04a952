package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

const (
	maxEvent   = 16 << 20         // bytes of one event
	maxSilence = 45 * time.Second // managers say how often they send a comment; older ones every 15 s
	maxBackoff = 5 * time.Second
	watchTries = 10 // in a row without one event: some 20 s, longer than a take-over
)

// ErrStop is what the function given to Watch returns to end it without error.
var ErrStop = errors.New("client: stop watching")

// Watch calls fn with the tracker and all of its parts that ever left waiting,
// and then with what changed, until the tracker has ended. A connection that
// breaks is made again and goes on behind the last event; parts may come twice
// and always in a newer state. A first message may come in several pieces.
// An error of fn ends the watch and is given back, but for ErrStop.
func (c *Client) Watch(ctx context.Context, id banto.TrackerID, fn func(banto.TrackerEvent) error) error {
	if c.err != nil {
		return c.err
	}
	w := watcher{id: id, fn: fn}
	wait := c.backoff
	for failed := 0; ; {
		before := w.events
		w.c = c.door()
		done, err := w.stream(ctx)
		if done || ctx.Err() != nil {
			return err
		}
		if w.events > before {
			failed, wait = 0, c.backoff
		}
		failed++
		// A stream that breaks off is normal; a manager that is restarting
		// is worth a few more tries.
		kind := banto.KindOf(err)
		if kind != banto.KindUnreachable && kind != banto.KindUnavailable || failed >= watchTries*len(c.urls) || lasting(err) && failed >= len(c.urls) {
			return err
		}
		w.c.next(nil)
		if failed%len(c.urls) != 0 {
			continue // the others first
		}
		if !sleep(ctx, jitter(wait)) {
			return w.c.unreachable(ctx, ctx.Err(), 0)
		}
		wait = min(2*wait, maxBackoff)
	}
}

// watcher is one Watch through all its connections.
type watcher struct {
	c      door
	id     banto.TrackerID
	fn     func(banto.TrackerEvent) error
	lastID string
	events int
}

// stream reads one connection to its end. done says that the watch is over.
func (w *watcher) stream(ctx context.Context) (done bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := maxSilence
	silence := time.AfterFunc(limit, func() { cancel(errSilent) })
	defer silence.Stop()

	header := map[string]string{"Accept": "text/event-stream"}
	if w.lastID != "" {
		header["Last-Event-ID"] = w.lastID
	}
	req, err := w.c.request(ctx, call{method: http.MethodGet, path: trackerPath(w.id) + "/events", header: header}, nil)
	if err != nil {
		return true, err
	}
	res, err := w.c.http.Do(req)
	if err != nil {
		return false, w.broken(ctx, err)
	}
	defer func() { _ = res.Body.Close() }() // a stream has no end worth reading
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20)) // what came is judged by its form
		return false, w.c.refusal(res, text)
	}
	if t, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); t != "text/event-stream" {
		return true, w.c.strange("it sent no event stream")
	}
	if seconds, err := strconv.Atoi(res.Header.Get(banto.AliveHeader)); err == nil && seconds > 0 {
		limit = min(limit, time.Duration(3*seconds)*time.Second)
	}
	return w.read(ctx, res.Body, func() { silence.Reset(limit) })
}

var errSilent = errors.New("nothing was heard for too long")

// broken says why a stream ended, the caller's own context apart.
func (w *watcher) broken(ctx context.Context, err error) *banto.ErrorInfo {
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
		return banto.Fail(banto.KindUnreachable, "lost the manager at "+w.c.base, cause.Error(), "").Because(cause)
	}
	return w.c.unreachable(ctx, err, maxSilence)
}

// read takes events off a stream until it ends.
func (w *watcher) read(ctx context.Context, body io.Reader, heard func()) (done bool, err error) {
	lines := bufio.NewReaderSize(body, 64<<10)
	var data strings.Builder
	id := ""
	for {
		line, err := readLine(lines, maxEvent-data.Len())
		if err != nil {
			if errors.Is(err, errTooLong) {
				return true, w.c.strange("an event is larger than 16 MiB")
			}
			return false, w.broken(ctx, err)
		}
		heard()
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if data.Len() > 0 {
				if done, err := w.event(data.String(), id); done || err != nil {
					return true, err
				}
			}
			data.Reset()
			id = ""
		case field == "data":
			if data.Len() > 0 {
				data.WriteByte('\n')
			}
			data.WriteString(value)
		case field == "id":
			id = value
		}
	}
}

// event hands one event on.
func (w *watcher) event(data, id string) (done bool, err error) {
	var e banto.TrackerEvent
	if err := json.Unmarshal([]byte(data), &e); err != nil {
		return true, w.c.strange("an event cannot be read").Because(err)
	}
	w.events++
	if err := w.fn(e); err != nil {
		if errors.Is(err, ErrStop) {
			return true, nil
		}
		return true, err
	}
	// Only the last piece of a message carries an ID: until it has come,
	// the message must be asked for again.
	if id != "" {
		w.lastID = id
		return e.Tracker.State.Ended(), nil
	}
	return false, nil
}

var errTooLong = errors.New("client: line too long")

// readLine reads a line of at most limit bytes, without its end.
func readLine(r *bufio.Reader, limit int) (string, error) {
	var b strings.Builder
	for {
		piece, err := r.ReadSlice('\n')
		if b.Len()+len(piece) > limit {
			return "", errTooLong
		}
		b.Write(piece)
		switch {
		case err == nil:
			return strings.TrimRight(b.String(), "\r\n"), nil
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			return "", fmt.Errorf("the stream broke off: %w", err)
		}
	}
}
