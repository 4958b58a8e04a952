package api

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
)

var update = flag.Bool("update", false, "write openapi.json anew")

// concrete fills in the parameters of a path.
func concrete(path string) string {
	return strings.NewReplacer("{path}", "a%2Fb", "{tracker}", "20261121-7k3mq0x", "{attempt}", "20261121-7k3mq0x.1", "{host}", "db01",
		"{group}", "batch", "{account}", "nightly").Replace(path)
}

func TestEveryRouteHasItsWallAndItsLine(t *testing.T) {
	w := newWorld(t)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string           `json:"operationId"`
			Security    []map[string]any `json:"security"`
			Responses   map[string]any   `json:"responses"`
		} `json:"paths"`
	}
	_, _, text := w.call(http.MethodGet, "/openapi.json", "")
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range w.server.routes() {
		op, ok := doc.Paths[r.path][strings.ToLower(r.method)]
		if !ok || op.OperationID != r.id || (len(op.Security) == 0) != (r.access == auth.Public) || op.Responses["default"] == nil {
			t.Errorf("%s %s: in the document %v, %+v", r.method, r.path, ok, op)
		}
		if seen[r.id] || r.summary == "" || r.access.String() == "none" {
			t.Errorf("%s: an ID that is there twice, or no summary or class", r.id)
		}
		seen[r.id] = true
		if change := r.access > auth.Read && r.method != http.MethodGet; change != (r.action != "") {
			t.Errorf("%s: a change has an action for the audit trail, and nothing else has", r.id)
		}
		if r.action != "" && r.by != leaderOnly {
			t.Errorf("%s: a change is the active manager's alone", r.id)
		}
		for _, token := range []string{"", "Bearer ", "Bearer banto_" + strings.Repeat("A", 43), "Basic cm9vdA=="} {
			status, header, body := w.call(r.method, concrete(r.path), "{}", "Authorization", token)
			if r.access == auth.Public {
				want := http.StatusOK
				if r.id == "join" {
					want = http.StatusUnprocessableEntity // its credential is in the body, and there is none
				}
				if status != want {
					t.Errorf("%s %s without a token: %d %s", r.method, r.path, status, body)
				}
				continue
			}
			if status != http.StatusUnauthorized || header.Get("WWW-Authenticate") == "" || !isProblem(t, header, body, banto.KindUnauthenticated) {
				t.Errorf("%s %s with token %q: %d %s", r.method, r.path, token, status, body)
			}
		}
		if status, header, body := w.call(r.method, concrete(r.path), "{}", "Host", "evil.example"); status != http.StatusForbidden || !isProblem(t, header, body, banto.KindDenied) {
			t.Errorf("%s %s under another name: %d %s", r.method, r.path, status, body)
		}
		if r.method != http.MethodGet {
			status, header, body := w.call(r.method, concrete(r.path), "{}", "Content-Type", "text/plain")
			if status != http.StatusUnsupportedMediaType || !isProblem(t, header, body, banto.KindInvalid) {
				t.Errorf("%s %s as plain text: %d %s", r.method, r.path, status, body)
			}
		}
		if r.access > auth.Read {
			status, header, body := w.call(r.method, concrete(r.path), "{}", "Authorization", "Bearer "+w.reader)
			if status != http.StatusForbidden || !isProblem(t, header, body, banto.KindDenied) {
				t.Errorf("%s %s by one who may only read: %d %s", r.method, r.path, status, body)
			}
		}
	}
	for path := range doc.Paths {
		for method := range doc.Paths[path] {
			if !seen[doc.Paths[path][method].OperationID] {
				t.Errorf("%s %s is in the document and not in the table", method, path)
			}
		}
	}
}

// isProblem says whether an answer is an RFC 9457 problem of a kind.
func isProblem(t *testing.T, header http.Header, body string, kind banto.Kind) bool {
	t.Helper()
	var p refusal
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Errorf("not JSON: %s", body)
		return false
	}
	return header.Get("Content-Type") == "application/problem+json" && p.Kind == kind && p.What != "" &&
		p.Title != "" && p.Status != 0 && p.Type == "urn:banto:problem:"+string(kind) && p.Detail != ""
}

func TestOpenAPIDocumentIsTheOneWeKnow(t *testing.T) {
	w := newWorld(t)
	status, header, got := w.call(http.MethodGet, "/openapi.json", "", "Authorization", "")
	if status != http.StatusOK || header.Get("Content-Type") != "application/openapi+json" {
		t.Fatalf("%d %v", status, header)
	}
	if *update {
		if err := os.WriteFile("openapi.json", []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the API has changed; if that is meant: go test ./manager/api -update\n%s", diff)
	}
	status, _, yaml := w.call(http.MethodGet, "/openapi.yaml", "", "Authorization", "")
	if status != http.StatusOK || !strings.Contains(yaml, "openapi: 3.1.0") {
		t.Errorf("openapi.yaml: %d %.100s", status, yaml)
	}
}

func TestDocsPageLoadsNothingFromElsewhere(t *testing.T) {
	w := newWorld(t)
	for path, contentType := range map[string]string{"/docs": "text/html", "/docs/page.js": "text/javascript", "/docs/page.css": "text/css"} {
		status, header, body := w.call(http.MethodGet, path, "", "Authorization", "")
		if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), contentType) {
			t.Errorf("%s: %d %s", path, status, header.Get("Content-Type"))
		}
		if strings.Contains(body, "://") || strings.Contains(body, "innerHTML") {
			t.Errorf("%s names another place, or writes markup", path)
		}
		if !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: policy %q", path, header.Get("Content-Security-Policy"))
		}
	}
}
