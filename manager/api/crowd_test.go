package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/manager/runner"
)

// A flood that is refused leaves two rows for a minute: its first refusal, and
// the number of the others.
func TestAFloodOnRecord(t *testing.T) {
	w := newWorld(t, func(o *runner.Options) { o.Limits.PerJobnet = 1 })
	var later []func()
	w.server.crowd.after = func(d time.Duration, fn func()) {
		if d != crowdRest {
			t.Errorf("counted for %s", d)
		}
		later = append(later, fn)
	}
	for _, name := range []string{"a", "b"} {
		w.apply("jobnet: " + name + "\nparts:\n  one: {job: wait}\n")
		w.submit(name)
	}
	refused := func() (rows []string) {
		t.Helper()
		page, err := w.client.Audit(t.Context(), client.AuditQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Items { // the newest first
			if e.Outcome == "refused" && e.Action == "tracker.submit" {
				rows = append([]string{e.Object + ": " + e.Detail}, rows...)
			}
		}
		return rows
	}
	flood := func(jobnet string, times int) {
		t.Helper()
		for range times {
			if status, _, body := w.call("POST", "/api/v1/trackers", `{"jobnet":"`+jobnet+`"}`); status != http.StatusTooManyRequests {
				t.Fatalf("%d %s", status, body)
			}
		}
	}
	flood("a", 5)
	flood("b", 1)
	if rows := refused(); len(rows) != 2 || len(later) != 2 {
		t.Errorf("at once: %q, and %d counts under way", rows, len(later))
	}
	for _, fn := range later {
		fn()
	}
	rows := refused()
	if len(rows) != 3 || !strings.HasPrefix(rows[2], "a: 4 more within a minute: cannot submit") {
		t.Errorf("after a minute: %q", rows)
	}
	flood("a", 1)
	if rows := refused(); len(rows) != 4 {
		t.Errorf("the next minute: %q", rows)
	}
}

func TestCrowdsAreBounded(t *testing.T) {
	c := newCrowd()
	var later []func()
	c.after = func(_ time.Duration, fn func()) { later = append(later, fn) }
	firsts := 0
	counted := func(of refused, n int) {
		if of != (refused{}) || n != maxCrowds-1 {
			t.Errorf("%d of %q are laid at one door", n, of.by.Name)
		}
	}
	for i := range 2 * maxCrowds {
		if c.first(refused{by: banto.Principal{Name: strings.Repeat("x", i+1)}}, counted) {
			firsts++
		}
	}
	if firsts > maxCrowds+1 || len(c.more) > maxCrowds+1 {
		t.Errorf("%d rows, %d counted", firsts, len(c.more))
	}
	for _, fn := range later {
		fn()
	}
	if len(c.more) > 0 {
		t.Errorf("%d are counted for ever", len(c.more))
	}
}
