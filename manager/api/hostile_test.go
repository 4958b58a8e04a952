package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

func TestHostileRequests(t *testing.T) {
	w := newWorld(t)
	w.apply(chain, "jobnet: w\nparts:\n  archive:\n    job: wait\n")
	id, waiting := string(w.submit("ops/chain").ID), string(w.submit("w").ID)
	w.ended(banto.TrackerID(id))
	host := strings.TrimPrefix(w.url, "http://")
	deep := `{"jobnet":"a","params":` + strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_001)
	tests := []struct {
		name, method, path, body string
		header                   []string
		status                   int
		kind                     banto.Kind
	}{
		{"another host", "GET", "/api/v1/version", "", []string{"Host", "evil.example"}, 403, banto.KindDenied},
		{"no host", "GET", "/api/v1/version", "", []string{"Host", ":80"}, 403, banto.KindDenied},
		{"an allowed host", "GET", "/api/v1/version", "", []string{"Host", "banto.example.com"}, 200, ""},
		{"a foreign page", "POST", "/api/v1/trackers", "{}", []string{"Origin", "http://evil.example"}, 403, banto.KindDenied},
		{"a page without origin", "GET", "/api/v1/jobnets", "", []string{"Origin", "null"}, 403, banto.KindDenied},
		{"our own page", "GET", "/api/v1/jobnets", "", []string{"Origin", "http://" + host}, 200, ""},
		{"a form", "POST", "/api/v1/trackers", "jobnet=a", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, banto.KindInvalid},
		{"plain text", "POST", "/api/v1/trackers", `{"jobnet":"a"}`, []string{"Content-Type", "text/plain"}, 415, banto.KindInvalid},
		{"JSON of another kind", "POST", "/api/v1/trackers", `{"jobnet":"a"}`, []string{"Content-Type", "application/problem+json"}, 415, banto.KindInvalid},
		{"no type", "POST", "/api/v1/trackers", `{"jobnet":"a"}`, []string{"Content-Type", ""}, 415, banto.KindInvalid},
		{"a type with a charset", "POST", "/api/v1/trackers", `{"jobnet":"none"}`, []string{"Content-Type", "application/json; charset=utf-8"}, 404, banto.KindNotFound},
		{"2 MB", "POST", "/api/v1/trackers", `{"jobnet":"` + strings.Repeat("x", 2_000_000) + `"}`, nil, 413, banto.KindInvalid},
		{"deep JSON", "POST", "/api/v1/trackers", deep, nil, 400, banto.KindInvalid},
		{"no JSON", "POST", "/api/v1/trackers", `{"jobnet":`, nil, 400, banto.KindInvalid},
		{"two documents", "POST", "/api/v1/trackers", `{"jobnet":"a"}{"jobnet":"b"}`, nil, 400, banto.KindInvalid},
		{"nothing", "POST", "/api/v1/trackers", "", nil, 400, banto.KindInvalid},
		{"a list", "POST", "/api/v1/trackers", `[]`, nil, 422, banto.KindInvalid},
		{"null", "POST", "/api/v1/trackers", `null`, nil, 422, banto.KindInvalid},
		{"an unknown field", "POST", "/api/v1/trackers", `{"jobnet":"ops/chain","jobnets":1}`, nil, 422, banto.KindInvalid},
		{"a missing field", "POST", "/api/v1/trackers", `{}`, nil, 422, banto.KindInvalid},
		{"a wrong type", "POST", "/api/v1/trackers", `{"jobnet":1}`, nil, 422, banto.KindInvalid},
		{"a wrong date", "POST", "/api/v1/trackers", `{"jobnet":"ops/chain","date":"2026-02-30"}`, nil, 422, banto.KindInvalid},
		{"a NUL", "POST", "/api/v1/trackers", `{"jobnet":"ops/chain","reason":"a\u0000b"}`, nil, 422, banto.KindInvalid},
		{"what is not UTF-8", "POST", "/api/v1/trackers", "{\"jobnet\":\"ops/chain\",\"reason\":\"a\xffb\"}", nil, 400, banto.KindInvalid},
		{"a long key", "POST", "/api/v1/trackers", `{"jobnet":"ops/chain"}`, []string{"Idempotency-Key", strings.Repeat("k", 201)}, 422, banto.KindInvalid},
		{"files that are null", "POST", "/api/v1/apply", `{"files":null}`, nil, 422, banto.KindInvalid},
		{"no files", "POST", "/api/v1/apply", `{"files":[]}`, nil, 422, banto.KindInvalid},
		{"an ID with slashes", "GET", "/api/v1/trackers/" + url.PathEscape("../../etc/passwd"), "", nil, 404, banto.KindNotFound},
		{"an attempt with slashes", "GET", "/api/v1/attempts/" + url.PathEscape("../"+id+".1") + "/output", "", nil, 404, banto.KindNotFound},
		{"an attempt that is none", "GET", "/api/v1/attempts/" + id + ".01/output", "", nil, 404, banto.KindNotFound},
		{"a path with a NUL", "GET", "/api/v1/jobnets/a%00b", "", nil, 404, banto.KindNotFound},
		{"a path that is not UTF-8", "GET", "/api/v1/jobnets/a%ff", "", nil, 404, banto.KindNotFound},
		{"a long path", "GET", "/api/v1/jobnets/" + strings.Repeat("a", 2000), "", nil, 422, banto.KindInvalid},
		{"a negative offset", "GET", "/api/v1/attempts/" + id + ".1/output?offset=-1", "", nil, 422, banto.KindInvalid},
		{"a far offset", "GET", "/api/v1/attempts/" + id + ".1/output?offset=9000000000000000000", "", nil, 200, ""},
		{"an offset beyond numbers", "GET", "/api/v1/attempts/" + id + ".1/output?offset=99999999999999999999", "", nil, 422, banto.KindInvalid},
		{"a long wait", "GET", "/api/v1/attempts/" + id + ".1/output?wait=3600", "", nil, 422, banto.KindInvalid},
		{"a huge limit", "GET", "/api/v1/trackers?limit=1000000", "", nil, 422, banto.KindInvalid},
		{"no limit", "GET", "/api/v1/trackers?limit=0", "", nil, 422, banto.KindInvalid},
		{"a negative cursor", "GET", "/api/v1/trackers?cursor=-5", "", nil, 422, banto.KindInvalid},
		{"a cursor of letters", "GET", "/api/v1/trackers/" + id + "/parts?cursor=x", "", nil, 422, banto.KindInvalid},
		{"a cursor behind the end", "GET", "/api/v1/trackers/" + id + "/parts?cursor=" + partCursor{index: 1 << 40}.String(), "", nil, 200, ""},
		{"a cursor behind an item that is none", "GET", "/api/v1/trackers/" + id + "/parts?cursor=" + partCursor{item: "first[\x00]"}.String(), "", nil, 200, ""},
		{"a cursor that is a number", "GET", "/api/v1/trackers/" + id + "/parts?cursor=5", "", nil, 422, banto.KindInvalid},
		{"a label that is none", "GET", "/api/v1/hosts?label=a%00b", "", nil, 422, banto.KindInvalid},
		{"a label without a name", "GET", "/api/v1/hosts?label==x", "", nil, 422, banto.KindInvalid},
		{"a state of hosts that is none", "GET", "/api/v1/hosts?state=fine", "", nil, 422, banto.KindInvalid},
		{"many labels", "GET", "/api/v1/hosts?" + strings.Repeat("label=a&", 65), "", nil, 422, banto.KindInvalid},
		{"a host that nobody has", "GET", "/api/v1/hosts/db%00", "", nil, 404, banto.KindNotFound},
		{"a change of a host with a NUL", "PATCH", "/api/v1/hosts/local", `{"labels":{"a":"b\u0000"}}`, nil, 422, banto.KindInvalid},
		{"a label with a space", "PATCH", "/api/v1/hosts/local", `{"labels":{"a b":"c"}}`, nil, 422, banto.KindInvalid},
		{"a change to nothing", "PATCH", "/api/v1/hosts/local", `{}`, nil, 422, banto.KindInvalid},
		{"an admission that is none", "PATCH", "/api/v1/hosts/local", `{"admission":"maybe"}`, nil, 422, banto.KindInvalid},
		{"the host beside the manager removed", "DELETE", "/api/v1/hosts/local?force=true", "", nil, 409, banto.KindConflict},
		{"a move that is none", "POST", "/api/v1/trackers/" + id + "/moves", `{"move":"explode"}`, nil, 422, banto.KindInvalid},
		{"a part that is none", "POST", "/api/v1/trackers/" + waiting + "/moves", `{"move":"hold","parts":["nowhere"]}`, nil, 404, banto.KindNotFound},
		{"a part with a NUL", "POST", "/api/v1/trackers/" + waiting + "/moves", `{"move":"hold","parts":["a\u0000"]}`, nil, 422, banto.KindInvalid},
		{"too many parts", "POST", "/api/v1/trackers/" + waiting + "/moves", `{"move":"hold","parts":["a"` + strings.Repeat(`,"a"`, 100_000) + `]}`, nil, 422, banto.KindInvalid},
		{"as many parts as may be, and none of them there", "POST", "/api/v1/trackers/" + waiting + "/moves", `{"move":"hold","parts":["a"` + strings.Repeat(`,"a"`, 99_999) + `]}`, nil, 404, banto.KindNotFound},
		{"17 MB of parts", "POST", "/api/v1/trackers/" + waiting + "/moves", `{"move":"hold","parts":["` + strings.Repeat("x", 17<<20) + `"]}`, nil, 413, banto.KindInvalid},
		{"a long comment", "POST", "/api/v1/trackers/" + waiting + "/moves", `{"move":"comment","reason":"` + strings.Repeat("長", 1001) + `"}`, nil, 422, banto.KindInvalid},
		{"a long name of a host", "POST", "/api/v1/hosts/enrolments", `{"name":"` + strings.Repeat("a", 254) + `"}`, nil, 422, banto.KindInvalid},
		{"a name of a host with a slash", "POST", "/api/v1/hosts/enrolments", `{"name":"../db"}`, nil, 422, banto.KindInvalid},
		{"a label of an enrolment", "POST", "/api/v1/hosts/enrolments", `{"labels":{"":"x"}}`, nil, 422, banto.KindInvalid},
		{"a token for years", "POST", "/api/v1/hosts/enrolments", `{"expires":2592001}`, nil, 422, banto.KindInvalid},
		{"a token that has ended", "POST", "/api/v1/hosts/enrolments", `{"expires":-1}`, nil, 422, banto.KindInvalid},
		{"a token in the clear", "POST", "/api/v1/hosts/enrolments", `{"url":"http://banto.example.com:8600"}`, nil, 422, banto.KindInvalid},
		{"a token for somewhere", "POST", "/api/v1/hosts/enrolments", `{"url":"javascript:alert(1)"}`, nil, 422, banto.KindInvalid},
		{"again, and nobody knows it", "POST", "/api/v1/hosts/enrolments", `{"again":"nobody"}`, nil, 404, banto.KindNotFound},
		{"a machine with a long secret", "POST", "/api/v1/join", `{"secret":"` + strings.Repeat("s", 201) + `","name":"a","public_key":"U"}`, nil, 422, banto.KindInvalid},
		{"a machine that says too much", "POST", "/api/v1/join", `{"secret":"` + strings.Repeat("s", 20_000) + `","name":"a","public_key":"U"}`, nil, 413, banto.KindInvalid},
		{"a machine with a key that is none", "POST", "/api/v1/join", `{"secret":"s","name":"a","public_key":"U"}`, nil, 422, banto.KindInvalid},
		{"a machine with a secret that is none", "POST", "/api/v1/join", `{"secret":"s\u0000","name":"a","public_key":"UAX6WVPJYOHCMHDHADPF4M4F7SS2OTUN4XA4HT2JZTSLF2CLOOMWOYDT"}`, nil, 422, banto.KindInvalid},
		{"a group that nobody has", "GET", "/api/v1/groups/a%00", "", nil, 404, banto.KindNotFound},
		{"an account that nobody has", "POST", "/api/v1/accounts/nobody/release", "{}", nil, 404, banto.KindNotFound},
		{"an account with a NUL", "POST", "/api/v1/accounts/a%00/release", "{}", nil, 422, banto.KindInvalid},
		{"a huge attempt cursor", "GET", "/api/v1/trackers/" + id + "/attempts?cursor=9000000000000000000", "", nil, 200, ""},
		{"an unknown state", "GET", "/api/v1/trackers?state=fine", "", nil, 422, banto.KindInvalid},
		{"an unknown parameter", "GET", "/api/v1/trackers?stat=ok", "", nil, 422, banto.KindInvalid},
		{"a time that is none", "GET", "/api/v1/trackers?from=yesterday", "", nil, 422, banto.KindInvalid},
		{"a wrong version", "GET", "/api/v1/jobnets/ops%2Fchain?version=-1", "", nil, 422, banto.KindInvalid},
		{"no route", "GET", "/api/v1/secrets", "", nil, 404, banto.KindNotFound},
		{"the path of a jobnet with a slash", "GET", "/api/v1/jobnets/ops/chain", "", nil, 404, banto.KindNotFound},
		{"the head of a stream that does not end", "HEAD", "/api/v1/trackers/" + waiting + "/events", "", nil, 200, ""},
		{"another method", "PUT", "/api/v1/trackers", "{}", nil, 405, banto.KindInvalid},
		{"a token twice as long", "GET", "/api/v1/jobnets", "", []string{"Authorization", "Bearer " + strings.Repeat(w.admin, 100)}, 401, banto.KindUnauthenticated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, header, body := w.call(tt.method, tt.path, tt.body, tt.header...)
			if status != tt.status {
				t.Fatalf("status %d, want %d: %.300s", status, tt.status, body)
			}
			if tt.kind != "" && !isProblem(t, header, body, tt.kind) {
				t.Errorf("no problem of kind %s: %v %.300s", tt.kind, header, body)
			}
			if len(body) > 10_000 {
				t.Errorf("the answer echoes %d bytes", len(body))
			}
			for _, name := range []string{"X-Request-Id", "Content-Security-Policy"} {
				if header.Get(name) == "" {
					t.Errorf("no header %s", name)
				}
			}
			if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", header)
			}
		})
	}
	if page, err := w.client.Trackers(t.Context(), client.TrackerQuery{}); err != nil || len(page.Items) != 2 {
		t.Errorf("there are %d trackers, want the two, %v", len(page.Items), err)
	}
}

func TestInvalidFieldsAreNamed(t *testing.T) {
	w := newWorld(t)
	_, _, body := w.call(http.MethodPost, "/api/v1/trackers", `{"jobnet":1,"more":2}`)
	var p refusal
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, problem := range p.Problems {
		got[problem.Path] = true
	}
	if len(got) != 2 || !got["body.jobnet"] || !got["body.more"] {
		t.Errorf("problems %+v", p.Problems)
	}
}

func TestPanicIsAProblemWithARequestID(t *testing.T) {
	w := newWorld(t)
	h := w.server.walls(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic("boom") //nolint:forbidigo // what the test is about
	}))
	req := httptest.NewRequest(http.MethodGet, "http://localhost/healthz", nil)
	res := httptest.NewRecorder()
	h.ServeHTTP(res, req)
	var p refusal
	if err := json.Unmarshal(res.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	id := res.Header().Get("X-Request-Id")
	if res.Code != http.StatusInternalServerError || p.Kind != banto.KindInternal || id == "" ||
		p.Instance != "urn:banto:request:"+id || strings.Contains(res.Body.String(), "boom") {
		t.Errorf("%d %s", res.Code, res.Body)
	}
}

func TestApplyTellsAllProblemsOfAllFiles(t *testing.T) {
	w := newWorld(t)
	_, err := w.client.Apply(t.Context(), banto.ApplyRequest{Files: []banto.File{
		{Name: "a.yaml", Text: "jobnet: a\npartz:\n  x:\n    job: ok\n"},
		{Name: "b.yaml", Text: "jobnet: b\nparts:\n  x:\n    job: ok\n    after: y\n"},
	}})
	if banto.KindOf(err) != banto.KindInvalid {
		t.Fatalf("got %v", err)
	}
	files := map[string]bool{}
	for _, p := range problemsOf(err) {
		files[p.File] = true
		if p.Line == 0 || p.Column == 0 {
			t.Errorf("a problem without a place: %+v", p)
		}
	}
	if !files["a.yaml"] || !files["b.yaml"] {
		t.Errorf("problems %+v", problemsOf(err))
	}
}

func TestPartsOfALargeTracker(t *testing.T) {
	if raceEnabled {
		t.Skip("a hundred thousand parts under the race detector take longer than a test may")
	}
	const n = 100_000
	w := newWorld(t)
	var b strings.Builder
	b.WriteString("jobnet: large\nparts:\n  p0:\n    job: wait\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "  p%d:\n    after: p%d\n    job: ok\n", i, i/2)
	}
	w.apply(b.String())
	tr := w.submit("large")
	w.host.started(t, "p0")
	parts, err := w.client.Parts(t.Context(), tr.ID)
	if err != nil || len(parts) != n {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	for i, p := range parts {
		want := banto.PartWaiting
		if i == 0 {
			want = p.State // starting or running
		}
		if p.Index != i || p.Key != banto.PartKey(fmt.Sprintf("p%d", i)) || p.State != want {
			t.Fatalf("part %d is %+v", i, p)
		}
	}
}

// Those who send their definitions slowly hold up nobody else's.
func TestSlowSendersHoldUpNoApply(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		body, _ := io.Pipe() // nothing ever comes
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/api/v1/apply", body)
		if err != nil {
			t.Fatal(err)
		}
		sent := make(chan struct{})
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{WroteHeaders: func() { close(sent) }}))
		req.Header.Set("Authorization", "Bearer "+w.admin)
		req.Header.Set("Content-Type", "application/json")
		go func() {
			if res, err := http.DefaultClient.Do(req); err == nil {
				res.Body.Close()
			}
		}()
		<-sent
	}
	w.apply("jobnet: quick\nparts:\n  a:\n    job: \"true\"\n")
}
