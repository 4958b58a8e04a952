package api

import (
	"embed"
	"encoding/json"
	"fmt"
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
	doc, err := json.MarshalIndent(s.api.OpenAPI(), "", "  ")
	if err != nil {
		panic(fmt.Sprintf("api: cannot encode the OpenAPI document: %v", err)) // made of our own types: a bug, seen by every test
	}
	yaml, err := s.api.OpenAPI().YAML()
	if err != nil {
		panic(fmt.Sprintf("api: cannot encode the OpenAPI document: %v", err))
	}
	s.serve("/openapi.json", "application/openapi+json", append(doc, '\n'))
	s.serve("/openapi.yaml", "application/openapi+yaml", yaml)
	for path, file := range map[string][2]string{
		"/docs":          {"docs/index.html", "text/html; charset=utf-8"},
		"/docs/page.js":  {"docs/page.js", "text/javascript; charset=utf-8"},
		"/docs/page.css": {"docs/page.css", "text/css; charset=utf-8"},
	} {
		text, err := docsFiles.ReadFile(file[0])
		if err != nil {
			panic(fmt.Sprintf("api: %v", err)) // embedded above
		}
		s.serve(path, file[1], text)
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
