package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/fabric"
)

// request is what is known of a request beyond HTTP. It is made at the outer
// wall, filled in on the way, and used by one goroutine.
type request struct {
	id        string
	w         *recorder
	remote    string // the caller's address
	host, url string // under which the manager was called
	shown     string // the header Authorization
	principal banto.Principal
}

func newRequest(w http.ResponseWriter, r *http.Request) *request {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return &request{
		id: newRequestID(), w: &recorder{ResponseWriter: w}, remote: r.RemoteAddr, host: r.Host, url: scheme + "://" + r.Host, shown: r.Header.Get("Authorization"),
	}
}

// token is what the caller shows; empty: none.
func (r *request) token() string {
	token, _ := strings.CutPrefix(r.shown, "Bearer ")
	return strings.TrimSpace(token)
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// bodyIsRead takes back the deadline for reading the body: left in place it
// would end the request's context while the request is still worked on.
func (r *request) bodyIsRead() {
	if r != nil {
		_ = http.NewResponseController(r.w).SetReadDeadline(time.Time{}) // not every transport has deadlines
	}
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// walls stand before every route: names, headers, Host and Origin, panics, log.
func (s *server) walls(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.Now()
		req := newRequest(w, r)
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, req))
		secureHeaders(w.Header(), req.id)
		route, stream := "unknown", false
		defer func() {
			s.Metrics.Called(route, req.w.status, s.Now().Sub(start), stream)
			s.Log.Debug("request", "request", req.id, "method", r.Method, "path", r.URL.Path, "status", req.w.status,
				"bytes", req.w.bytes, "took", s.Now().Sub(start), "principal", req.principal.Name, "remote", r.RemoteAddr,
				"forwarded", plain(strings.Join(r.Header["X-Forwarded-For"], ", "), 200))
		}()
		defer s.caught(r, req)
		if err := s.checkHost(r); err != nil {
			s.refuse(r.Context(), err).write(req.w)
			return
		}
		if err := auth.CheckOrigin(r.Header.Get("Origin"), r.Host); err != nil {
			s.refuse(r.Context(), err).write(req.w)
			return
		}
		_, pattern := s.mux.Handler(r)
		if pattern == "" {
			s.unknown(r).write(req.w)
			return
		}
		route, stream = s.named(pattern)
		next.ServeHTTP(req.w, r)
	})
}

// checkHost refuses a request for a name that is none of the manager's. A name
// of its certificate is one: no other site can have it.
func (s *server) checkHost(r *http.Request) error {
	err := auth.CheckHost(r.Host, s.AllowedHosts)
	if err == nil || s.Certificate == nil || r.TLS == nil {
		return err
	}
	leaf := s.Certificate()
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return auth.CheckHost(r.Host, names)
}

// fabricPath is where agents connect that may use no other port.
const fabricPath = fabric.SocketPath

// fabric hands a WebSocket to the fabric. None of the walls around documents is
// here: the fabric asks for a credential of its own, and a connection lasts as
// long as the agent does.
func (s *server) fabric(w http.ResponseWriter, r *http.Request) {
	req := newRequest(w, r)
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, req))
	err := s.checkHost(r)
	if err == nil {
		err = auth.CheckOrigin(r.Header.Get("Origin"), r.Host)
	}
	if err != nil {
		secureHeaders(w.Header(), req.id)
		s.refuse(r.Context(), err).write(req.w)
		return
	}
	if s.Fabric == nil || !s.leads() {
		secureHeaders(w.Header(), req.id)
		s.notTaken(r.Context(), req, s.leader.current(r.Context()), nil)
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // not every transport has deadlines
	_ = control.SetWriteDeadline(time.Time{})
	s.Log.Debug("fabric", "request", req.id, "remote", r.RemoteAddr)
	s.Fabric.ServeHTTP(w, r)
}

// secureHeaders are on every answer.
func secureHeaders(h http.Header, id string) {
	h.Set("X-Request-Id", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
}

// caught answers a panic; it is to be deferred.
func (s *server) caught(r *http.Request, req *request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // a panic's value, compared as net/http does
		panic(p) //nolint:forbidigo // net/http's own way to cut a connection
	}
	s.Log.Error("panic", "request", req.id, "method", r.Method, "path", r.URL.Path,
		"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	if req.w.status != 0 {
		panic(http.ErrAbortHandler) //nolint:forbidigo // half an answer must not look like a whole one
	}
	e := banto.Fail(banto.KindInternal, "the manager failed", "a fault of ours", "the manager's log says more under request "+req.id)
	newRefusal(e, 0, req.id).write(req.w)
}

// unknown says that there is no such route, or no such method on it.
func (s *server) unknown(r *http.Request) *refusal {
	what := "cannot answer " + r.Method + " " + plain(r.URL.Path, 200)
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		e := banto.Fail(banto.KindInvalid, what, "the path takes "+strings.Join(allowed, " and "), "GET /openapi.json lists the routes")
		return newRefusal(e, http.StatusMethodNotAllowed, requestOf(r.Context()).id)
	}
	e := banto.Fail(banto.KindNotFound, what, "there is no such route", "GET /openapi.json lists the routes")
	return newRefusal(e, 0, requestOf(r.Context()).id)
}

// guard lets only those in whom the route's access class lets in.
func (s *server) guard(r route) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		req := requestOf(ctx.Context())
		if r.open && s.openTo(ctx, req) {
			next(ctx)
			return
		}
		who, err := s.who(ctx.Context(), r, req.token())
		if err != nil {
			s.refuse(ctx.Context(), err).write(req.w)
			return
		}
		req.principal = who
		if err := r.access.Allows(who); err != nil {
			if r.action != "" {
				u := ctx.URL()
				s.auditRefusal(ctx.Context(), r.action, u.Path, err)
			}
			s.refuse(ctx.Context(), err).write(req.w)
			return
		}
		next(ctx)
	}
}

// frame gives a request its content type, its time and its turn.
func (s *server) frame(r route) func(huma.Context, func(huma.Context)) {
	timeout := r.timeout
	if timeout == 0 {
		timeout = callTimeout
	}
	return func(ctx huma.Context, next func(huma.Context)) {
		httpReq, _ := humago.Unwrap(ctx)
		req := requestOf(ctx.Context())
		if err := checkContentType(httpReq); err != nil {
			newRefusal(err, http.StatusUnsupportedMediaType, req.id).write(req.w)
			return
		}
		control := http.NewResponseController(req.w)
		if timeout == stream {
			_ = control.SetWriteDeadline(time.Time{}) // a stream sets its own for each event
			next(ctx)
			return
		}
		inner, cancel := context.WithTimeout(ctx.Context(), timeout)
		defer cancel()
		_ = control.SetWriteDeadline(s.Now().Add(timeout + callTimeout)) // not every transport has deadlines
		if r.alone {
			readAhead(control, httpReq, r.limit, s.Now().Add(timeout))
			select {
			case s.applying <- struct{}{}:
				defer func() { <-s.applying }()
			case <-inner.Done():
				e := banto.Fail(banto.KindUnavailable, "cannot take the request", "another one of its kind takes long", "try again in a moment")
				newRefusal(e, 0, req.id).write(req.w)
				return
			}
		}
		next(huma.WithContext(ctx, inner))
	}
}

// readAhead takes the body in, so that nobody who sends slowly holds the turn.
// What is beyond the limit, or an error, is left for the reader that follows.
func readAhead(control *http.ResponseController, r *http.Request, limit int64, until time.Time) {
	_ = control.SetReadDeadline(until) // not every transport has deadlines
	body := r.Body
	head, err := io.ReadAll(io.LimitReader(body, limit+1))
	rest := io.Reader(body)
	if err != nil {
		rest = failed{err}
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), rest), body}
}

// failed is a reader that has failed.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// checkContentType wants JSON where there is a body: another type is what a
// web page can send without being asked for leave.
func checkContentType(r *http.Request) *banto.ErrorInfo {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return nil
	case http.MethodDelete:
		if r.ContentLength == 0 && r.Header.Get("Content-Type") == "" {
			return nil
		}
	}
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && t == "application/json" {
		return nil
	}
	return banto.Fail(banto.KindInvalid, "cannot read the request", "its content type is not application/json",
		"send the header Content-Type: application/json")
}
