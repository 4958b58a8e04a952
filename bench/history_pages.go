//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

// asked is a page of the API, with chance in what is asked for.
type asked struct {
	name string
	path func(chance *rand.Rand) string
}

// questions are all lists and searches that grow with the past.
func (h *history) questions() []asked {
	span := h.newest.Sub(h.oldest)
	moment := func(c *rand.Rand) time.Time { return h.oldest.Add(time.Duration(c.Int64N(int64(span)))) }
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
	jobnet := func(c *rand.Rand) string { return historyPath(c.IntN(historyJobnets)) }
	folder := func(c *rand.Rand) string { return fmt.Sprintf("history/area%02d/", c.IntN(historyFolders)) }
	trackers := func(pairs ...string) string { return "trackers?" + query(pairs...) }
	day := func(c *rand.Rand) []string {
		from := moment(c)
		return []string{"from", at(from), "to", at(from.Add(24 * time.Hour))}
	}
	tracker := func(c *rand.Rand) string { return "trackers/" + string(h.ids[c.IntN(len(h.ids))]) }
	attempt := func(c *rand.Rand) string {
		return "attempts/" + string(banto.NewAttemptID(h.ids[c.IntN(len(h.ids))], 1+c.IntN(historyJobs)))
	}
	return []asked{
		{"newest trackers", func(*rand.Rand) string { return trackers() }},
		{"newest 500 trackers", func(*rand.Rand) string { return trackers("limit", "500") }},
		{"trackers before a moment", func(c *rand.Rand) string { return trackers("to", at(moment(c))) }},
		{"trackers of a day", func(c *rand.Rand) string { return trackers(day(c)...) }},
		{"trackers in error", func(*rand.Rand) string { return trackers("state", "error") }},
		{"trackers in error before a moment", func(c *rand.Rand) string { return trackers("state", "error", "to", at(moment(c))) }},
		{"trackers in states that hardly any is in", func(*rand.Rand) string { return trackers("state", "running", "state", "blocked", "state", "cancelled") }},
		{"trackers of a day in error or cancelled", func(c *rand.Rand) string { return trackers(append(day(c), "state", "error", "state", "cancelled")...) }},
		{"trackers of a jobnet", func(c *rand.Rand) string { return trackers("jobnet", jobnet(c)) }},
		{"trackers of a jobnet before a moment", func(c *rand.Rand) string { return trackers("jobnet", jobnet(c), "to", at(moment(c))) }},
		{"trackers of a jobnet in error", func(c *rand.Rand) string { return trackers("jobnet", jobnet(c), "state", "error") }},
		{"trackers of a jobnet of a day in several states", func(c *rand.Rand) string {
			return trackers(append(day(c), "jobnet", jobnet(c), "state", "error", "state", "warning", "state", "ok")...)
		}},
		{"trackers of a folder", func(c *rand.Rand) string { return trackers("jobnet", folder(c)) }},
		{"trackers of a folder before a moment", func(c *rand.Rand) string { return trackers("jobnet", folder(c), "to", at(moment(c))) }},
		{"trackers of a folder in error", func(c *rand.Rand) string { return trackers("jobnet", folder(c), "state", "error") }},
		{"trackers of the widest folder in error or warning", func(*rand.Rand) string { return trackers("jobnet", "history/", "state", "error", "state", "warning") }},
		{"trackers of a folder of a day in error", func(c *rand.Rand) string { return trackers(append(day(c), "jobnet", folder(c), "state", "error")...) }},
		{"a jobnet that never ran", func(*rand.Rand) string { return trackers("jobnet", "history/area00/none") }},
		{"a tracker", tracker},
		{"parts of a tracker", func(c *rand.Rand) string { return tracker(c) + "/parts" }},
		{"attempts of a tracker", func(c *rand.Rand) string { return tracker(c) + "/attempts" }},
		{"attempts of a part", func(c *rand.Rand) string { return tracker(c) + "/attempts?" + query("part", "job03") }},
		{"history of a tracker", func(c *rand.Rand) string { return tracker(c) + "/history" }},
		{"an attempt", attempt},
		{"output of an attempt", func(c *rand.Rand) string { return attempt(c) + "/output" }},
		{"audit, newest", func(*rand.Rand) string { return "audit" }},
		{"audit, 500 from far back", func(c *rand.Rand) string {
			return "audit?" + query("limit", "500", "cursor", fmt.Sprint(1+c.IntN(h.trackers)))
		}},
		{"audit of a tracker", func(c *rand.Rand) string { return "audit?" + query("object", string(h.ids[c.IntN(len(h.ids))])) }},
		{"audit of a jobnet", func(c *rand.Rand) string { return "audit?" + query("object", jobnet(c)) }},
		{"jobnets", func(*rand.Rand) string { return "jobnets" }},
		{"jobnets of a folder", func(c *rand.Rand) string { return "jobnets?" + query("folder", strings.TrimSuffix(folder(c), "/")) }},
		{"hosts", func(*rand.Rand) string { return "hosts" }},
	}
}

func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// pages asks each question many times, a different page each time.
func (h *history) pages(ctx context.Context, calls int) ([]Measure, error) {
	type timed struct {
		name string
		p95  float64
	}
	var all []timed
	total := 0
	for _, q := range h.questions() {
		chance := rand.New(rand.NewPCG(95, 1)) //nolint:gosec // the same pages each time
		var took []float64
		for range calls {
			d, err := h.h.page(ctx, q.path(chance))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", q.name, err)
			}
			took = append(took, float64(d.Microseconds())/1000)
		}
		slices.Sort(took)
		total += calls
		all = append(all, timed{q.name, percentile(took, 95)})
		h.e.Say("%-52s p50 %7.1f ms, p95 %7.1f ms, longest %7.1f ms", q.name, percentile(took, 50), percentile(took, 95), took[len(took)-1])
	}
	slices.SortFunc(all, func(a, b timed) int { return int(1000 * (b.p95 - a.p95)) })
	var rest []string
	for _, t := range all[1:min(5, len(all))] {
		rest = append(rest, fmt.Sprintf("%s %.1f", t.name, t.p95))
	}
	return []Measure{
		{What: "slowest page p95", Value: all[0].p95, Unit: "ms", Goal: atMost(100), Beside: "then " + strings.Join(rest, ", "),
			Note: fmt.Sprintf("%s; of %d lists and searches, %d calls each", all[0].name, len(all), calls)},
		{What: "median page p95", Value: all[len(all)/2].p95, Unit: "ms"},
	}, nil
}

// page asks for one page of the API and reads it to its end.
func (h *House) page(ctx context.Context, path string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/api/v1/"+path, http.NoBody)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+h.Token)
	from := time.Now()
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	took := time.Since(from)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, answer.Status, body[:min(len(body), 300)])
	}
	return took, err
}
