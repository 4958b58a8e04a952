package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bantoops/banto"
)

// refusal is an error as the API tells it: an RFC 9457 problem with the fields
// of banto.ErrorInfo beside the standard ones.
type refusal struct {
	Type     string          `json:"type" doc:"urn:banto:problem: and the kind"`
	Title    string          `json:"title" doc:"The kind of problem, in words"`
	Status   int             `json:"status"`
	Detail   string          `json:"detail" doc:"What happened and why"`
	Instance string          `json:"instance,omitempty" doc:"The request, as the manager's log names it"`
	Kind     banto.Kind      `json:"kind" enum:"invalid,unauthenticated,denied,not-found,conflict,too-many,unavailable,internal"`
	What     string          `json:"what" doc:"What could not be done"`
	Why      string          `json:"why,omitempty"`
	Hint     string          `json:"hint,omitempty" doc:"What to do"`
	Problems []banto.Problem `json:"problems,omitempty" doc:"Each fault with its place"`
	// RetryAfterMS is of a refusal that another try may not meet.
	RetryAfterMS int64 `json:"retry_after_ms,omitempty" doc:"When trying again makes sense, in milliseconds"`

	header http.Header
}

// GetHeaders gives the headers that go with it.
func (r *refusal) GetHeaders() http.Header { return r.header }

// Error makes it an error for huma.
func (r *refusal) Error() string { return r.Detail }

// GetStatus gives the HTTP status.
func (r *refusal) GetStatus() int { return r.Status }

// ContentType is always that of a problem.
func (r *refusal) ContentType(string) string { return "application/problem+json" }

var (
	errorModelType = reflect.TypeFor[huma.ErrorModel]()
	refusalType    = reflect.TypeFor[refusal]()
)

// statusOf gives the HTTP status of a kind of error.
func statusOf(k banto.Kind) int {
	switch k {
	case banto.KindInvalid:
		return http.StatusUnprocessableEntity
	case banto.KindUnauthenticated:
		return http.StatusUnauthorized
	case banto.KindDenied:
		return http.StatusForbidden
	case banto.KindNotFound:
		return http.StatusNotFound
	case banto.KindConflict:
		return http.StatusConflict
	case banto.KindTooMany:
		return http.StatusTooManyRequests
	case banto.KindUnavailable, banto.KindUnreachable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// newRefusal makes a problem of an error; status 0 follows from its kind.
func newRefusal(e *banto.ErrorInfo, status int, request string) *refusal {
	if status == 0 {
		status = statusOf(e.Kind)
	}
	r := &refusal{
		Type: "urn:banto:problem:" + string(e.Kind), Title: http.StatusText(status), Status: status,
		Detail: e.What, Kind: e.Kind, What: e.What, Why: e.Why, Hint: e.Hint, Problems: e.Problems,
		RetryAfterMS: e.RetryAfterMS,
	}
	if e.Why != "" {
		r.Detail += ": " + e.Why
	}
	if request != "" {
		r.Instance = "urn:banto:request:" + request
	}
	return r
}

// refuse turns any error of a handler into a problem. What is not meant for
// people goes to the log, and they get the request's name to ask for it.
func (s *server) refuse(ctx context.Context, err error) *refusal {
	request := ""
	if r := requestOf(ctx); r != nil {
		request = r.id
	}
	var e *banto.ErrorInfo
	if !errors.As(err, &e) {
		e = banto.Fail(banto.KindInternal, "the manager failed", "a fault of ours", "the manager's log says more under request "+request)
	}
	if e.Kind == banto.KindInternal && ctx.Err() == nil {
		s.Log.Error("request failed", "request", request, "error", err, "cause", errors.Unwrap(e))
	}
	r := newRefusal(e, 0, request)
	r.header = http.Header{}
	if e.Kind == banto.KindTooMany || e.RetryAfterMS > 0 {
		r.header.Set("Retry-After", retryAfter(e))
	}
	if r.Status >= http.StatusInternalServerError && s.Runner != nil && !s.leads() {
		r.header.Set(standbyHeader, banto.StandbyBrokeOff) // it ceased to be the active one while it worked
	}
	return r
}

// retryRest is how many seconds who is refused for asking too often waits,
// unless the refusal says it.
const retryRest = 5

// retryAfter gives the seconds after which it is worth asking again.
func retryAfter(e *banto.ErrorInfo) string {
	seconds := (e.RetryAfterMS + 999) / 1000
	if seconds <= 0 {
		seconds = retryRest
	}
	return strconv.FormatInt(seconds, 10)
}

// write sends a problem outside of huma.
func (r *refusal) write(w http.ResponseWriter) {
	h := w.Header()
	maps.Copy(h, r.header)
	h.Set("Content-Type", "application/problem+json")
	if r.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="banto"`)
	}
	w.WriteHeader(r.Status)
	b, err := json.Marshal(r)
	if err != nil {
		return // only strings and numbers: cannot happen
	}
	_, _ = w.Write(append(b, '\n')) // the caller is gone if this fails
}

// convertError is a huma transformer: huma's own errors get our form. What
// was sent is not echoed.
func convertError(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	request := ""
	if r := requestOf(ctx.Context()); r != nil {
		request = r.id
	}
	return fromHuma(m, request), nil
}

func fromHuma(m *huma.ErrorModel, request string) *refusal {
	e := banto.Fail(banto.KindInvalid, "cannot read the request", m.Detail, "GET /openapi.json describes the requests")
	for _, d := range m.Errors {
		if d == nil {
			continue
		}
		message := d.Message
		if d.Location == "body" && m.Status == http.StatusBadRequest {
			message = "not valid JSON: " + message
		}
		e.Problems = append(e.Problems, banto.Problem{Path: plain(d.Location, 200), Message: plain(message, 500)})
		if len(e.Problems) == 100 {
			break
		}
	}
	if len(e.Problems) == 1 {
		e.Why = strings.TrimPrefix(e.Problems[0].Path+": ", ": ") + e.Problems[0].Message
	}
	switch {
	case m.Status == http.StatusRequestEntityTooLarge:
		e.Hint = "send less at a time"
	case m.Status == http.StatusRequestTimeout:
		e.Kind, e.Hint = banto.KindUnavailable, "send it faster, or in smaller pieces"
	case m.Status >= http.StatusInternalServerError:
		e.Kind, e.Hint = banto.KindInternal, "the manager's log says more under request "+request
	}
	return newRefusal(e, m.Status, request)
}

// plain makes a text fit to be stored and shown: valid, without NUL, short.
func plain(s string, limit int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}
