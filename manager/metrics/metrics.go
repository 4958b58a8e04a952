package metrics

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/manager/runner"
)

// Metrics are the figures of one manager. It is a runner.Observer, and safe for
// use from any goroutine.
type Metrics struct {
	registry *prometheus.Registry
	handler  http.Handler
	recent   recent

	submitted prometheus.Counter
	dispatch  prometheus.Histogram
	start     prometheus.Histogram
	lateness  prometheus.Histogram
	commits   prometheus.Histogram
	inputs    prometheus.Histogram
	failures  prometheus.Counter
	audits    prometheus.Counter
	lost      prometheus.Counter
	found     prometheus.Counter
	attempts  *prometheus.CounterVec
	trackers  *prometheus.CounterVec
	refusals  *prometheus.CounterVec
	calls     *prometheus.CounterVec
	callTime  *prometheus.HistogramVec
	takeOvers prometheus.Counter
	profiles  prometheus.Counter
	streams   prometheus.Gauge
}

// Options are what Metrics need.
type Options struct {
	Version string
	Sources Sources
	Now     func() time.Time // nil: time.Now
}

// seconds are the buckets of what should take milliseconds.
func seconds() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
}

// New makes the figures of a manager.
func New(o Options) *Metrics {
	if o.Now == nil {
		o.Now = time.Now
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	}
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		recent:    recent{now: o.Now},
		submitted: counter("banto_submissions_total", "Submissions that made a tracker."),
		dispatch:  histogram("banto_dispatch_seconds", "From a part that wants a place to its start sent to a host.", seconds()),
		start:     histogram("banto_start_seconds", "From an attempt made to its process started, by the host's clock put right.", seconds()),
		lateness:  histogram("banto_lateness_seconds", "From a submission to the start of the first process of its tracker.", seconds()),
		commits:   histogram("banto_commit_seconds", "Transactions of the loop that were written.", seconds()),
		inputs:    histogram("banto_commit_inputs", "Inputs that shared a transaction of the loop.", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}),
		failures:  counter("banto_commit_failures_total", "Tries to use the store that failed."),
		audits:    counter("banto_audit_entries_total", "Audit rows that the loop has written."),
		lost:      counter("banto_attempts_lost_total", "Attempts whose host could not be reached any more."),
		found:     counter("banto_attempts_found_total", "Attempts that were lost and still run."),
		attempts:  counters("banto_attempts_ended_total", "Attempts that have ended.", "outcome"),
		trackers:  counters("banto_trackers_ended_total", "Trackers that have ended.", "outcome"),
		refusals:  counters("banto_refusals_total", "Calls that were turned away because there were too many (429).", "reason"),
		calls:     counters("banto_http_requests_total", "Calls that were answered, by route and class of the status.", "route", "class"),
		callTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "banto_http_request_seconds", Help: "How long calls took, but for streams.", Buckets: []float64{.001, .005, .025, .1, .5, 2.5, 10, 60},
		}, []string{"route"}),
		takeOvers: counter("banto_manager_takeovers_total", "How often this process has become the active manager."),
		profiles:  counter("banto_profiles_total", "Profiles of this process that were taken."),
		streams:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "banto_event_streams", Help: "Event streams that are open."}),
	}
	m.zero()
	m.registry.MustRegister(m.submitted, m.dispatch, m.start, m.lateness, m.commits, m.inputs, m.failures, m.audits, m.lost, m.found,
		m.attempts, m.trackers, m.refusals, m.calls, m.callTime, m.takeOvers, m.profiles, m.streams,
		&standing{sources: o.Sources, now: o.Now, version: o.Version, runtime: runtime.Version()},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
	return m
}

// zero shows what has not happened yet: an alert on a rate needs the zero before
// the one.
func (m *Metrics) zero() {
	for _, s := range []banto.AttemptState{banto.AttemptOK, banto.AttemptWarning, banto.AttemptError, banto.AttemptCancelled} {
		m.attempts.WithLabelValues(string(s))
	}
	for _, s := range []banto.TrackerState{banto.TrackerOK, banto.TrackerWarning, banto.TrackerError, banto.TrackerCancelled} {
		m.trackers.WithLabelValues(string(s))
	}
	for _, r := range []runner.Refusal{runner.RefusedCalls, runner.RefusedWaiting, runner.RefusedOpen, runner.RefusedRate, RefusedStreams, RefusedJoins} {
		m.refusals.WithLabelValues(string(r))
	}
}

// Refusals of the API, beside those of the loop.
const (
	RefusedStreams runner.Refusal = "streams" // too many event streams are open
	RefusedJoins   runner.Refusal = "joins"   // machines ask to join too often
)

// ServeHTTP shows the figures in the form of Prometheus.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }

// Gatherer gives the figures to a program.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Committed implements runner.Observer.
func (m *Metrics) Committed(c *runner.Commit) {
	if c.Wrote {
		m.commits.Observe(c.Took.Seconds())
		m.inputs.Observe(float64(c.Inputs))
	}
	m.audits.Add(float64(c.Audits))
	m.submitted.Add(float64(c.Submitted))
	observe(m.dispatch, c.Sent)
	observe(m.start, c.Started)
	observe(m.lateness, c.First)
	for _, s := range c.Ended {
		m.attempts.WithLabelValues(string(s)).Inc()
	}
	for _, s := range c.Trackers {
		m.trackers.WithLabelValues(string(s)).Inc()
	}
	lost := 0
	for i := range c.Events {
		switch c.Events[i].Kind {
		case runner.AttemptLost:
			lost++
			m.lost.Inc()
		case runner.AttemptFound:
			m.found.Inc()
		}
	}
	m.recent.committed(c, lost)
}

func observe(h prometheus.Histogram, all []time.Duration) {
	for _, d := range all {
		h.Observe(d.Seconds())
	}
}

// Ailing implements runner.Observer.
func (m *Metrics) Ailing(err error) {
	if err != nil {
		m.failures.Inc()
	}
}

// Refused implements runner.Observer.
func (m *Metrics) Refused(what runner.Refusal) {
	m.refusals.WithLabelValues(string(what)).Inc()
	m.recent.refused()
}

// Called counts a call that was answered. Route is the name of the route, and
// stream says that it lasted as long as the caller liked.
func (m *Metrics) Called(route string, status int, took time.Duration, stream bool) {
	m.calls.WithLabelValues(route, class(status)).Inc()
	if !stream {
		m.callTime.WithLabelValues(route).Observe(took.Seconds())
	}
}

// class gives that of a status: 200 is 2xx.
func class(status int) string {
	if status < 100 || status > 599 {
		return "none" // the caller went before it was answered
	}
	return string(rune('0'+status/100)) + "xx"
}

// Activated counts that this process has become the active manager.
func (m *Metrics) Activated() { m.takeOvers.Inc() }

// Profiled counts a profile that was taken.
func (m *Metrics) Profiled() { m.profiles.Inc() }

// Streaming counts event streams that are opened (1) and that end (-1).
func (m *Metrics) Streaming(n int) { m.streams.Add(float64(n)) }
