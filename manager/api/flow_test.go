package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

func problemsOf(err error) []banto.Problem {
	var e *banto.ErrorInfo
	if errors.As(err, &e) {
		return e.Problems
	}
	return nil
}

const chain = `
jobnet: ops/chain
title: 連鎖
params:
  n: {type: integer, default: 3, min: 1, max: 9}
parts:
  first:
    job: print hello
  second:
    after: first
    job: ok
  third:
    after: [second.ended]
    job: ok
`

func TestSubmitAndRead(t *testing.T) {
	w := newWorld(t)
	w.apply(chain)
	ctx := t.Context()
	req := banto.SubmitRequest{Jobnet: "ops/chain", Params: map[string]string{"n": "4"}, Reason: "to see"}
	tr, created, err := w.client.Submit(ctx, req, "key-1")
	if err != nil || !created {
		t.Fatalf("%v, created %v", err, created)
	}
	if tr.Params["n"] != "4" || tr.SubmittedBy != "root" || tr.Date.IsZero() || tr.Reason != "to see" || tr.Version != 1 {
		t.Errorf("tracker %+v", tr)
	}
	again, created, err := w.client.Submit(ctx, req, "key-1")
	if err != nil || created || again.ID != tr.ID {
		t.Errorf("the same key gave %s, created %v, %v", again.ID, created, err)
	}
	req.Params["n"] = "5"
	if _, _, err := w.client.Submit(ctx, req, "key-1"); banto.KindOf(err) != banto.KindConflict {
		t.Errorf("the key of another request gave %v", err)
	}

	if end := w.ended(tr.ID); end.State != banto.TrackerOK || end.Counts[banto.PartOK] != 3 {
		t.Errorf("ended %+v", end)
	}
	got, err := w.client.Tracker(ctx, tr.ID)
	if err != nil || got.State != banto.TrackerOK {
		t.Errorf("tracker %+v, %v", got, err)
	}
	parts, err := w.client.Parts(ctx, tr.ID)
	if err != nil {
		t.Fatal(err)
	}
	var line []string
	for _, p := range parts {
		line = append(line, fmt.Sprintf("%d %s %s %v", p.Index, p.Key, p.State, p.After))
	}
	if got, want := strings.Join(line, "; "), "0 first ok []; 1 second ok [first]; 2 third ok [second.ended]"; got != want {
		t.Errorf("parts %s, want %s", got, want)
	}
	attempts, err := w.client.Attempts(ctx, tr.ID, "")
	if err != nil || len(attempts) != 3 {
		t.Fatalf("attempts %v, %v", attempts, err)
	}
	only, err := w.client.Attempts(ctx, tr.ID, "second")
	if err != nil || len(only) != 1 || only[0].Part != "second" {
		t.Errorf("attempts of one part %v, %v", only, err)
	}
	o, err := w.client.Output(ctx, attempts[0].ID, 2, 0)
	if err != nil || string(o.Data) != "llo" || !o.Ended || o.Size != 5 {
		t.Errorf("output %+v %q, %v", o, o.Data, err)
	}
	list, err := w.client.Trackers(ctx, client.TrackerQuery{Jobnet: "ops/", States: []banto.TrackerState{banto.TrackerOK, banto.TrackerError}, From: time.Now().Add(-time.Hour), Limit: 1})
	if err != nil || len(list.Items) != 1 || list.Items[0].ID != tr.ID {
		t.Errorf("list %+v, %v", list, err)
	}
}

func TestSubmitRefusedIsAudited(t *testing.T) {
	w := newWorld(t)
	w.apply(chain)
	ctx := t.Context()
	_, _, err := w.client.Submit(ctx, banto.SubmitRequest{Jobnet: "ops/chain", Params: map[string]string{"n": "200"}}, "")
	if banto.KindOf(err) != banto.KindInvalid || len(problemsOf(err)) != 1 || !strings.Contains(err.Error(), "parameter n") {
		t.Errorf("got %v", problems(err))
	}
	_, _, err = w.client.Submit(ctx, banto.SubmitRequest{Jobnet: "ops/none"}, "")
	if banto.KindOf(err) != banto.KindNotFound {
		t.Errorf("got %v", err)
	}
	if _, err := w.client.Cancel(ctx, "20261121-7k3mq0x", banto.CancelRequest{}); banto.KindOf(err) != banto.KindNotFound {
		t.Errorf("got %v", err)
	}
	if err := w.client.DeleteJobnet(ctx, "ops/none"); banto.KindOf(err) != banto.KindNotFound {
		t.Errorf("got %v", err)
	}
	tr := w.submit("ops/chain")
	w.ended(tr.ID)
	if _, err := w.client.Cancel(ctx, tr.ID, banto.CancelRequest{}); banto.KindOf(err) != banto.KindConflict {
		t.Errorf("got %v", err)
	}
	if _, err := w.client.Cancel(ctx, tr.ID, banto.CancelRequest{Reason: "\x00"}); banto.KindOf(err) != banto.KindInvalid {
		t.Errorf("got %v", err)
	}
	if _, err := w.client.Cancel(ctx, tr.ID, banto.CancelRequest{Reason: strings.Repeat("長", 1001)}); banto.KindOf(err) != banto.KindInvalid {
		t.Errorf("a long reason: %v", err)
	}
	page, err := w.client.Audit(ctx, client.AuditQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, e := range page.Items {
		got[e.Action+" "+e.Outcome]++
		if e.Outcome == "refused" && strings.Contains(e.Detail, "200") {
			t.Errorf("the entry tells a value: %s", e.Detail)
		}
	}
	want := map[string]int{
		"jobnet.apply done": 1, "tracker.submit done": 1, "tracker.submit refused": 2,
		"tracker.cancel refused": 3, "jobnet.delete refused": 1,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("audit %v, want %v", got, want)
	}
}

func TestRerunWithTheLatestDefinition(t *testing.T) {
	w := newWorld(t)
	w.apply("jobnet: a\nparts:\n  archive:\n    job: ok\n  copy:\n    after: archive\n    job: fail\n")
	ctx := t.Context()
	tr := w.submit("a")
	if end := w.ended(tr.ID); end.State != banto.TrackerError {
		t.Fatalf("ended %s", end.State)
	}
	w.apply("jobnet: a\nparts:\n  archive:\n    job: ok\n  copy:\n    after: archive\n    job: ok\n")
	again, err := w.client.Rerun(ctx, tr.ID, banto.RerunRequest{Latest: true, Reason: "mended"})
	if err != nil || again.Rerun != 1 || again.Version != 2 {
		t.Fatalf("rerun %+v, %v", again, err)
	}
	if end := w.ended(tr.ID); end.State != banto.TrackerOK {
		t.Errorf("ended %s", end.State)
	}
	attempts, err := w.client.Attempts(ctx, tr.ID, "copy")
	if err != nil || len(attempts) != 2 {
		t.Errorf("attempts %v, %v", attempts, err)
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	w.apply("jobnet: a\nparts:\n  archive:\n    job: wait\n")
	tr := w.submit("a")
	w.host.started(t, "archive")
	hosts, err := w.client.Hosts(t.Context())
	if err != nil || len(hosts) != 1 || hosts[0].Running != 1 {
		t.Errorf("hosts %+v, %v", hosts, err)
	}
	if _, err := w.client.Cancel(t.Context(), tr.ID, banto.CancelRequest{Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	if end := w.ended(tr.ID); end.State != banto.TrackerCancelled {
		t.Errorf("ended %s", end.State)
	}
}

func TestOutputIsFollowed(t *testing.T) {
	w := newWorld(t)
	w.apply("jobnet: a\nparts:\n  archive:\n    job: wait\n")
	tr := w.submit("a")
	id := w.host.started(t, "archive")
	o, err := w.client.Output(t.Context(), id, 0, 0)
	if err != nil || len(o.Data) != 0 || o.Ended {
		t.Fatalf("before: %+v, %v", o, err)
	}
	go w.host.print(id, "line 1\n")
	o, err = w.client.Output(t.Context(), id, 0, 10*time.Second)
	if err != nil || string(o.Data) != "line 1\n" || o.Ended {
		t.Fatalf("then: %+v, %v", o, err)
	}
	w.until(tr.ID, func(t banto.Tracker) bool { return t.Counts[banto.PartRunning] == 1 })
	parts, err := w.client.Parts(t.Context(), tr.ID)
	if err != nil || parts[0].Progress != "line 1" {
		t.Errorf("parts %+v, %v", parts, err)
	}
	go w.host.end(id, 0, "")
	o, err = w.client.Output(t.Context(), id, o.Size, 10*time.Second)
	if err != nil || len(o.Data) != 0 || !o.Ended {
		t.Errorf("at the end: %+v, %v", o, err)
	}
}

// sse opens an event stream and gives its lines.
func (w *world) sse(id banto.TrackerID, lastID string) *bufio.Scanner {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+"/api/v1/trackers/"+string(id)+"/events", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.admin)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		w.t.Fatalf("status %d, %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	s := bufio.NewScanner(res.Body)
	s.Buffer(nil, 1<<20)
	return s
}

func TestEventsResume(t *testing.T) {
	w := newWorld(t)
	w.apply("jobnet: a\nparts:\n  archive:\n    job: ok\n  copy:\n    after: archive\n    job: wait\n")
	tr := w.submit("a")
	id := w.host.started(t, "copy")
	running := w.until(tr.ID, func(t banto.Tracker) bool { return t.Counts[banto.PartRunning] == 1 })
	last := fmt.Sprint(running.Revision)

	// A new reader gets all rows at once, one that has seen them gets none.
	text := readEvent(t, w.sse(tr.ID, ""))
	if !strings.HasPrefix(text, "id: "+last+"\n") || !strings.Contains(text, `"key":"archive"`) || !strings.Contains(text, `"key":"copy"`) {
		t.Errorf("first event of a new reader: %s", text)
	}
	resumed := w.sse(tr.ID, last)
	if text := readEvent(t, resumed); strings.Contains(text, `"key"`) {
		t.Errorf("first event of a reader that goes on: %s", text)
	}
	// What it prints comes without an ID.
	w.host.print(id, "half\n")
	if text := readEvent(t, resumed); strings.Contains(text, "id: ") || !strings.Contains(text, `"progress":"half"`) {
		t.Errorf("progress: %s", text)
	}
	w.host.end(id, 0, "")
	var ends string
	for !strings.Contains(ends, `"counts":{"ok":2}`) {
		ends = readEvent(t, resumed)
		if strings.Contains(ends, `"key":"archive"`) {
			t.Errorf("a part that did not change came again: %s", ends)
		}
	}
	if resumed.Scan() {
		t.Errorf("the stream goes on behind the end: %s", resumed.Text())
	}
	// An ID from another life of the store means from the beginning.
	if text := readEvent(t, w.sse(tr.ID, "999999999")); !strings.Contains(text, `"key":"archive"`) {
		t.Errorf("event of a reader from the future: %s", text)
	}
}

// readEvent reads to the end of an event.
func readEvent(t *testing.T, s *bufio.Scanner) string {
	t.Helper()
	var b strings.Builder
	for s.Scan() {
		if s.Text() == "" {
			if b.Len() > 0 && !strings.HasPrefix(b.String(), ":") {
				return b.String()
			}
			b.Reset()
			continue
		}
		b.WriteString(s.Text() + "\n")
	}
	t.Fatalf("the stream ended behind %q: %v", b.String(), s.Err())
	return ""
}

func TestStreamShowsThatItLives(t *testing.T) {
	w := newWorld(t)
	w.server.keepAlive = 10 * time.Millisecond
	w.apply("jobnet: a\nparts:\n  archive:\n    job: wait\n")
	tr := w.submit("a")
	w.host.started(t, "archive")
	s := w.sse(tr.ID, "")
	for s.Scan() {
		if s.Text() == ": still here" {
			return
		}
	}
	t.Errorf("no sign of life: %v", s.Err())
}

func TestJobnets(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.apply(chain, "jobnet: b\nparts:\n  archive:\n    job: ok\n", "folder: ops\ntitle: 運用\n")
	w.apply(strings.Replace(chain, "max: 9", "max: 10", 1))
	page, err := w.client.Jobnets(ctx, client.JobnetQuery{Limit: 1})
	if err != nil || len(page.Items) != 1 || page.Items[0].Path != "b" || page.Next != "b" {
		t.Errorf("first page %+v, %v", page, err)
	}
	all, err := w.client.AllJobnets(ctx, "ops")
	if err != nil || len(all) != 1 || all[0].Path != "ops/chain" || all[0].Version != 2 || all[0].Parts != 3 || all[0].Title != "連鎖" || all[0].AppliedBy != "root" {
		t.Errorf("folder %+v, %v", all, err)
	}
	versions, err := w.client.JobnetVersions(ctx, "ops/chain")
	if err != nil || len(versions) != 2 || versions[0].Version != 2 || !versions[0].Active || versions[1].Active {
		t.Errorf("versions %+v, %v", versions, err)
	}
	old, err := w.client.Jobnet(ctx, "ops/chain", 1)
	if err != nil || old.Version != 1 || !strings.Contains(old.Source, "max: 9") || old.File != "f0.yaml" {
		t.Errorf("version 1 %+v, %v", old, err)
	}
	diff, err := w.client.JobnetDiff(ctx, "ops/chain", banto.DiffRequest{})
	if err != nil || diff.From != 1 || diff.To != 2 || len(diff.Lines) != 1 {
		t.Errorf("diff %+v, %v", diff, err)
	}
	diff, err = w.client.JobnetDiff(ctx, "ops/chain", banto.DiffRequest{File: &banto.File{Name: "x", Text: chain}})
	if err != nil || diff.From != 2 || diff.To != 0 || len(diff.Lines) != 1 {
		t.Errorf("diff with a file %+v, %v", diff, err)
	}
	if err := w.client.DeleteJobnet(ctx, "ops/chain"); err != nil {
		t.Error(err)
	}
	if _, err := w.client.Jobnet(ctx, "ops/chain", 0); banto.KindOf(err) != banto.KindNotFound {
		t.Errorf("after the delete: %v", err)
	}
	if _, _, err := w.client.Submit(ctx, banto.SubmitRequest{Jobnet: "ops/chain"}, ""); banto.KindOf(err) != banto.KindNotFound {
		t.Errorf("submit after the delete: %v", err)
	}
}

func TestALargeMessageComesInPieces(t *testing.T) {
	const n = 1200
	w := newWorld(t)
	var b strings.Builder
	b.WriteString("jobnet: wide\nparts:\n")
	for i := range n {
		fmt.Fprintf(&b, "  p%d:\n    job: ok\n", i)
	}
	w.apply(b.String())
	tr := w.submit("wide")
	w.ended(tr.ID)
	seen := map[banto.PartKey]bool{}
	events := 0
	err := w.client.Watch(t.Context(), tr.ID, func(e banto.TrackerEvent) error {
		events++
		for _, p := range e.Parts {
			seen[p.Key] = true
		}
		return nil
	})
	if err != nil || len(seen) != n || events != 3 {
		t.Errorf("%d parts in %d events, %v", len(seen), events, err)
	}
	// Pages of parts are as long as asked for, and end where the parts do.
	page, err := w.client.PartsPage(t.Context(), tr.ID, partCursor{index: 1149}.String(), 100)
	if err != nil || len(page.Items) != 50 || page.Next != "" || page.Items[0].Key != "p1150" {
		t.Errorf("page of %d, next %q, %v", len(page.Items), page.Next, err)
	}
}

func TestOneApplyAtATime(t *testing.T) {
	w := newWorld(t)
	w.server.applying <- struct{}{}
	done := make(chan error, 1)
	go func() {
		_, err := w.client.Apply(context.Background(), banto.ApplyRequest{Files: []banto.File{{Name: "a", Text: chain}}})
		done <- err
	}()
	// Others are served while it waits.
	if _, err := w.client.Jobnets(t.Context(), client.JobnetQuery{}); err != nil {
		t.Error(err)
	}
	<-w.server.applying
	if err := <-done; err != nil {
		t.Error(err)
	}
}
