package api

import (
	"embed"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/bantoops/banto"
)

//go:embed docs/index.html docs/page.js docs/page.css
var docsFiles embed.FS

var eventType = reflect.TypeFor[banto.TrackerEvent]()

// serveDocs serves the OpenAPI document and a page that shows it; both are
// public and load nothing from elsewhere. It comes after all routes.
func (s *server) serveDocs() {
	openapi := s.api.OpenAPI()
	indented := func() ([]byte, error) {
		text, err := json.MarshalIndent(openapi, "", "  ")
		return append(text, '\n'), err
	}
	embedded := func(name string) func() ([]byte, error) {
		return func() ([]byte, error) { return docsFiles.ReadFile("docs/" + name) }
	}
	for _, page := range []struct {
		path, contentType string
		text              func() ([]byte, error)
	}{
		{"/openapi.json", "application/openapi+json", indented},
		{"/openapi.yaml", "application/openapi+yaml", openapi.YAML},
		{"/docs", "text/html; charset=utf-8", embedded("index.html")},
		{"/docs/page.js", "text/javascript; charset=utf-8", embedded("page.js")},
		{"/docs/page.css", "text/css; charset=utf-8", embedded("page.css")},
	} {
		text, err := page.text()
		if err != nil { // all is made from our own types and files: tests see it
			s.Log.Error("cannot serve a page of the documentation", "path", page.path, "error", err)
			continue
		}
		s.serve(page.path, page.contentType, text)
	}
}

// serve answers a path with a fixed text.
func (s *server) serve(path, contentType string, text []byte) {
	s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Security-Policy",
			"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		_, _ = w.Write(text) // the caller is gone if this fails
	})
}
