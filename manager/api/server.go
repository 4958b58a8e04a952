package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/internal/seldom"
	"github.com/bantoops/banto/manager/metrics"
	"github.com/bantoops/banto/store"
)

// maxStreams is how many event streams may be open at once.
const maxStreams = 1000

type server struct {
	Options
	api      huma.API
	mux      *http.ServeMux
	applying chan struct{} // one apply at a time: a large one takes memory
	streams  chan struct{}
	backups  chan struct{} // one at a time
	profiles chan struct{} // one at a time
	joins    *limiter
	tokens   *issued
	probe    *probe
	crowd    *crowd
	seldom   *seldom.Log

	byPattern map[string]route // of the mux
	leader    *leaders
	carrier   *http.Transport // to the active manager

	keepAlive time.Duration // of event streams
}

// New makes the handler of the HTTP API. Event streams end with the context
// of their request: give the http.Server a BaseContext to end them at a stop.
func New(o Options) http.Handler { return build(o).handler() }

// handler gives the whole of it, with its walls.
func (s *server) handler() http.Handler {
	routes := s.walls(s.standing(s.mux))
	if s.Fabric == nil && s.Runner != nil {
		return routes
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == fabricPath {
			s.fabric(w, r)
			return
		}
		routes.ServeHTTP(w, r)
	})
}

// build makes the server without its walls.
func build(o Options) *server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = metrics.New(metrics.Options{Now: o.Now})
	}
	if o.Scrapers == nil {
		o.Scrapers = &Scrapers{}
	}
	s := &server{
		Options: o, mux: http.NewServeMux(),
		applying: make(chan struct{}, 1), streams: make(chan struct{}, maxStreams),
		backups: make(chan struct{}, 1), profiles: make(chan struct{}, 1),
		keepAlive: keepAlive, joins: newLimiter(o.Now), tokens: &issued{}, probe: &probe{}, crowd: newCrowd(), seldom: seldom.New(o.Log, nil),
		byPattern: map[string]route{}, leader: &leaders{ask: o.Leader, now: o.Now},
	}
	s.carrier = s.newCarrier()
	s.api = humago.New(s.mux, s.config())
	for _, r := range s.routes() {
		s.register(r)
	}
	s.listsAreLists()
	s.serveDocs()
	return s
}

// listsAreLists takes null out of the types of lists: we never send it, and
// never take it.
func (s *server) listsAreLists() {
	for _, schema := range s.api.OpenAPI().Components.Schemas.Map() {
		for _, field := range schema.Properties {
			if field.Type == huma.TypeArray {
				field.Nullable = false
			}
		}
	}
	for _, item := range s.api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			for _, p := range op.Parameters {
				p.Schema.Nullable = false
			}
		}
	}
}

// config is huma's: JSON only, errors in our form, and no pages of its own.
func (s *server) config() huma.Config {
	c := huma.DefaultConfig("Banto", "v1")
	c.Info.Description = "Runs the operations of a company's servers. " +
		"Every call but the public ones carries a token: Authorization: Bearer TOKEN. " +
		"Lists come in pages: pass next as cursor. Errors are RFC 9457 problems with kind, hint and problems."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil
	c.Formats = map[string]huma.Format{"application/json": strictJSON(), "json": strictJSON()}
	c.Transformers = []huma.Transformer{convertError}
	c.RejectUnknownQueryParameters = true
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "A token of a principal"},
	}
	c.Components.Schemas.RegisterTypeAlias(errorModelType, refusalType)
	return c
}

// strictJSON refuses what is not UTF-8: encoding/json would change it in
// silence, and a job would be given another value than the one that was sent.
func strictJSON() huma.Format {
	return huma.Format{
		Marshal: huma.DefaultJSONFormat.Marshal,
		Unmarshal: func(data []byte, v any) error {
			if !utf8.Valid(data) {
				return errors.New("it is not UTF-8")
			}
			return huma.DefaultJSONFormat.Unmarshal(data, v)
		},
	}
}

// principal gives who asks.
func principal(ctx context.Context) banto.Principal {
	if r := requestOf(ctx); r != nil {
		return r.principal
	}
	return banto.Principal{}
}

// auditRefusal keeps that a change was refused.
func (s *server) auditRefusal(ctx context.Context, action audit.Action, object string, err error) {
	if !s.leads() {
		return // only the active manager writes
	}
	switch banto.KindOf(err) {
	case banto.KindInvalid, banto.KindDenied, banto.KindNotFound, banto.KindConflict:
		s.putRefusal(ctx, principal(ctx), action, object, reasonFor(err))
	case banto.KindTooMany:
		s.auditCrowd(ctx, action, object, err)
	default: // not a judgement on what was asked
	}
}

// putRefusal puts a refusal on record.
func (s *server) putRefusal(ctx context.Context, by banto.Principal, action audit.Action, object string, why error) {
	entry := audit.Refused(s.Now(), by, action, object, why)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := s.Store.Write(ctx, func(tx store.Tx) error { return tx.PutAudit(entry) }); err != nil {
		s.Log.Error("cannot store the audit entry of a refusal", "action", action, "object", object, "error", err)
	}
}

// reasonFor gives an error that can go into the audit trail: of wrong values
// only the places, as a value may be nobody's business.
func reasonFor(err error) error {
	var e *banto.ErrorInfo
	if !errors.As(err, &e) || len(e.Problems) == 0 {
		return err
	}
	places := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		place := p.Path
		if p.File != "" {
			place = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
		}
		if place != "" && len(places) < 20 {
			places = append(places, place)
		}
	}
	return fmt.Errorf("%s: %d problems at %s", e.What, len(e.Problems), strings.Join(places, ", "))
}

// storeError turns an error of the store into one that people are told.
func storeError(what, missing, hint string, err error) error {
	var e *banto.ErrorInfo
	switch {
	case errors.As(err, &e):
		return err
	case errors.Is(err, store.ErrNotFound):
		return banto.Fail(banto.KindNotFound, what, missing, hint).Because(err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return banto.Fail(banto.KindUnavailable, what, "it took too long", "try again in a moment").Because(err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// soon limits a question to the loop: what only adds to an answer must not
// hold it up.
func soon(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 2*time.Second)
}

// waitsFor says what a tracker waits for.
func (s *server) waitsFor(ctx context.Context, id banto.TrackerID) []string {
	if s.Runner == nil {
		return nil
	}
	ctx, cancel := soon(ctx)
	defer cancel()
	return s.Runner.WaitsFor(ctx, id)
}

// newRequestID makes a short name for a request.
func newRequestID() string { return rand.Text()[:12] }
