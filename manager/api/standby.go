package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bantoops/banto"
)

const (
	// hopHeader marks a request that a standby has passed on: it is not passed on
	// a second time.
	hopHeader = "Banto-Hop"
	// standbyHeader is on the answer of a manager that is not the active one, or
	// ceased to be while it worked: what has become of the request.
	standbyHeader = banto.StandbyHeader

	dialActive  = 3 * time.Second
	leaderFresh = 500 * time.Millisecond // how long a leader's URL is taken for known
	leaderLook  = time.Second            // how often a request that waits looks whether it has changed
	leaderless  = 3                      // such looks after which one that has given up is not waited for
	leaderHangs = 3 * time.Second        // who has not renewed its lease for so long is not asked, nor waited for
	aloneAfter  = 3 * time.Second        // when a standby answers itself what it can
	passGrace   = 5 * time.Second        // what an answer that is passed on may take longer
)

// leads says whether this manager is the active one.
func (s *server) leads() bool {
	return s.Runner != nil && (s.Leading == nil || s.Leading())
}

// leaders knows where the active manager answers.
type leaders struct {
	ask func(ctx context.Context) string
	now func() time.Time

	mu     sync.Mutex
	asking chan struct{} // closed when the question under way is answered; nil: there is none
	at     time.Time     // of the answer
	url    string
}

// current gives the URL of the active manager; empty when nobody knows. One
// question is under way at a time, for all who want to know: nobody waits for it
// longer than their own context, and it does not end with whoever began it.
func (l *leaders) current(ctx context.Context) string {
	if l.ask == nil {
		return ""
	}
	l.mu.Lock()
	if now := l.now(); !l.at.IsZero() && now.Sub(l.at) < leaderFresh && !now.Before(l.at) {
		defer l.mu.Unlock()
		return l.url
	}
	if l.asking == nil {
		l.asking = make(chan struct{})
		go l.question(context.WithoutCancel(ctx))
	}
	answered := l.asking
	l.mu.Unlock()
	select {
	case <-answered:
	case <-ctx.Done():
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.url
}

// question asks who leads, and tells all who wait for it.
func (l *leaders) question(ctx context.Context) {
	ctx, cancel := soon(ctx)
	defer cancel()
	url := l.ask(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.url, l.at = url, l.now()
	close(l.asking)
	l.asking = nil
}

// target gives the URL as something that a request can be passed on to.
func target(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil
	}
	return u
}

var (
	errMoved      = errors.New("another manager has taken over")
	errNotLeading = errors.New("it is not the active one either")
	errSlow       = errors.New("no answer came in time")
	errHangs      = errors.New("it does not renew its lease")
)

// newCarrier makes the connections on which requests are passed on.
func (s *server) newCarrier() *http.Transport {
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialActive}).DialContext,
		TLSHandshakeTimeout: dialActive, MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second,
		DisableCompression: true,
	}
	if s.ProxyTLS != nil {
		t.TLSClientConfig = s.ProxyTLS.Clone()
	}
	return t
}

// standing passes on to the active manager what this one, standing by, cannot
// answer itself.
func (s *server) standing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.leads() {
			next.ServeHTTP(w, r)
			return
		}
		_, pattern := s.mux.Handler(r)
		route := s.byPattern[pattern]
		if route.by == anyone {
			next.ServeHTTP(w, r)
			return
		}
		if s.pass(w, r, route) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// pass passes a request on. It gives false when nothing was answered and this
// manager is to answer from the store alone.
func (s *server) pass(w http.ResponseWriter, r *http.Request, route route) bool {
	req := requestOf(r.Context())
	alone := route.by == leaderFirst && s.answersAlone(route)
	leader := s.leader.current(r.Context())
	to := target(leader)
	if hangs := s.leaderHangs(); to == nil || hangs || r.Header.Get(hopHeader) != "" {
		if alone {
			return false
		}
		var err error
		if hangs && to != nil {
			err = errHangs
		}
		s.notTaken(r.Context(), req, leader, err)
		return true
	}
	p := &passing{s: s, req: req, route: route, leader: leader, to: to, alone: alone}
	p.serve(w, r)
	return !p.unanswered
}

// leaderHangs says that the active manager has not renewed its lease for long: it
// was stopped, or cannot reach the store. It is followed soon, or goes on.
func (s *server) leaderHangs() bool {
	return s.Unrenewed != nil && s.Unrenewed() >= leaderHangs
}

// answersAlone says whether a standby has what it needs for a route.
func (s *server) answersAlone(r route) bool {
	return r.id != "backup" || s.Backup != nil
}

// passing is one request on its way to the active manager.
type passing struct {
	s     *server
	req   *request
	route route
	alone bool

	leader string // as it was told
	to     *url.URL

	client     context.Context //nolint:containedctx // of the request as it came, which says whether somebody still waits
	sent       atomic.Bool     // it may have reached the active manager
	headed     atomic.Bool     // an answer has begun
	unanswered bool            // this manager is to answer
}

func (p *passing) serve(w http.ResponseWriter, r *http.Request) {
	p.client = r.Context()
	ctx, cancel := context.WithCancelCause(p.client)
	defer cancel(nil)
	stop := p.bounded(cancel, r)
	defer stop()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { p.sent.Store(true) }})
	control := http.NewResponseController(w)
	r = r.WithContext(ctx)
	r.Body = p.body(control, r)
	proxy := &httputil.ReverseProxy{
		Rewrite: p.rewrite, Transport: p.s.carrier, FlushInterval: -1,
		ErrorHandler: p.failed, ModifyResponse: p.answered,
		ErrorLog: slog.NewLogLogger(p.s.Log.Handler(), slog.LevelDebug),
	}
	_ = control.SetWriteDeadline(time.Time{}) // each piece has its own
	proxy.ServeHTTP(&paced{ResponseWriter: w, control: control, now: p.s.Now}, r)
}

// bounded ends the request when it takes too long, and when the active manager
// is another one: who has been followed may never answer.
func (p *passing) bounded(cancel context.CancelCauseFunc, r *http.Request) (stop func()) {
	done := make(chan struct{})
	go func() {
		late := time.NewTimer(p.limit())
		defer late.Stop()
		silent := time.NewTimer(aloneAfter + waits(r))
		defer silent.Stop()
		look := time.NewTicker(leaderLook)
		defer look.Stop()
		unknown := 0
		for {
			select {
			case <-done:
				return
			case <-late.C:
				cancel(errSlow)
				return
			case <-silent.C:
				if p.alone && !p.headed.Load() {
					cancel(errSlow)
					return
				}
			case <-look.C:
				if p.s.leaderHangs() && !p.headed.Load() {
					cancel(errHangs)
					return
				}
				switch p.s.leader.current(p.client) {
				case p.leader:
					unknown = 0
					continue
				case "":
					// It has given up, and may still end what it works on; or this manager
					// follows it.
					if unknown++; unknown < leaderless {
						continue
					}
				}
				cancel(errMoved)
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(done) })
}

// limit is how long the request may take; a stream has no limit worth naming.
func (p *passing) limit() time.Duration {
	switch p.route.timeout {
	case 0:
		return callTimeout + passGrace
	case stream:
		return 30 * 24 * time.Hour
	}
	return p.route.timeout + passGrace
}

// waits is how long the answer is to wait for something to tell.
func waits(r *http.Request) time.Duration {
	seconds, err := strconv.Atoi(r.URL.Query().Get("wait"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 30)) * time.Second
}

// body bounds what is passed on as the route itself would, and takes the
// deadline for reading it back once it is read.
func (p *passing) body(control *http.ResponseController, r *http.Request) io.ReadCloser {
	if r.Body == nil || r.Body == http.NoBody {
		return r.Body
	}
	limit, within := p.route.limit, callTimeout
	if limit == 0 {
		limit = bodyLimit
	}
	if limit > bodyLimit {
		within = applyTimeout
	}
	_ = control.SetReadDeadline(p.s.Now().Add(within)) // not every transport has deadlines
	return &whole{ReadCloser: http.MaxBytesReader(p.req.w, r.Body, limit), read: p.req.bodyIsRead}
}

// whole tells when a body has been read to its end.
type whole struct {
	io.ReadCloser
	read func()
}

func (b *whole) Read(buf []byte) (int, error) {
	n, err := b.ReadCloser.Read(buf)
	if errors.Is(err, io.EOF) {
		b.read()
	}
	return n, err
}

// paced gives every piece of an answer its own time.
type paced struct {
	http.ResponseWriter
	control *http.ResponseController
	now     func() time.Time
}

func (w *paced) Write(b []byte) (int, error) {
	_ = w.control.SetWriteDeadline(w.now().Add(writeLimit)) // not every transport has deadlines
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *paced) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// rewrite makes of the request the one that the active manager gets: by its own
// name, with the token as it came, and with who asked.
func (p *passing) rewrite(pr *httputil.ProxyRequest) {
	pr.Out.Header["X-Forwarded-For"] = pr.In.Header["X-Forwarded-For"]
	pr.SetURL(p.to)
	pr.SetXForwarded()
	pr.Out.Header.Set(hopHeader, "1")
	pr.Out.Header.Del("Origin") // it has been checked here, and names this manager
}

// answered looks at an answer before it is passed back. Its headers are the
// active manager's, ours would be there twice.
func (p *passing) answered(res *http.Response) error {
	if p.alone && res.Header.Get(standbyHeader) != "" {
		return errNotLeading
	}
	p.headed.Store(true)
	for name := range res.Header {
		p.req.w.Header().Del(name)
	}
	return nil
}

// failed says that there is no answer.
func (p *passing) failed(_ http.ResponseWriter, r *http.Request, err error) {
	if cause := context.Cause(r.Context()); cause != nil && errors.Is(err, context.Canceled) {
		err = cause
	}
	var large *http.MaxBytesError
	ctx := context.WithoutCancel(r.Context())
	switch {
	case p.client.Err() != nil:
		// Nobody waits for an answer any more.
	case errors.As(err, &large):
		e := banto.Fail(banto.KindInvalid, "cannot read the request", "it is larger than this route takes", "send less at a time")
		newRefusal(e, http.StatusRequestEntityTooLarge, p.req.id).write(p.req.w)
	case p.alone:
		p.s.Log.Debug("answered without the active manager", "request", p.req.id, "error", err)
		p.unanswered = true
	case !p.sent.Load():
		p.s.notTaken(ctx, p.req, p.to.String(), err)
	default:
		p.s.brokeOff(ctx, p.req, p.to.String(), err)
	}
}

// notTaken answers that nobody has done anything about a request.
func (s *server) notTaken(ctx context.Context, req *request, leader string, err error) {
	why, hint := "this manager stands by, and no other is active yet", "try again in a moment"
	switch {
	case errors.Is(err, errHangs):
		why = "this manager stands by, and the active one at " + leader + " does not renew its lease"
	case err != nil:
		why, hint = "this manager stands by, and the active one at "+leader+" cannot be reached from it: "+innermost(err), "try again in a moment, or ask "+leader
	case leader != "":
		why, hint = "this manager stands by", "ask the active one at "+leader
	}
	req.w.Header().Set(standbyHeader, banto.StandbyNotTaken)
	s.refuse(ctx, banto.Fail(banto.KindUnavailable, "cannot answer here", why, hint)).write(req.w)
}

// brokeOff answers that the active manager may have done what was asked for.
func (s *server) brokeOff(ctx context.Context, req *request, leader string, err error) {
	s.Log.Warn("the active manager broke off", "request", req.id, "leader", leader, "error", err)
	why := "the active manager at " + leader + " broke off while it worked on the request: " + innermost(err)
	req.w.Header().Set(standbyHeader, banto.StandbyBrokeOff)
	s.refuse(ctx, banto.Fail(banto.KindUnavailable, "no answer came", why, "it may have been done: look before you ask again")).write(req.w)
}

// innermost gives the last error of a chain: what the system said.
func innermost(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return strings.TrimPrefix(err.Error(), "net/http: ")
		}
		err = next
	}
}
