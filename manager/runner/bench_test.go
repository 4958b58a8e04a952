package runner

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// prompt is a host that ends every attempt at once.
type prompt struct {
	inbox  Inbox
	ended  atomic.Int64
	wanted atomic.Int64  // how many are to end
	all    chan struct{} // has one when they have
}

func (p *prompt) Deliver(host banto.HostID, orders []fabric.Order) {
	var ids []string
	var ended []engine.Ended
	for _, o := range orders {
		ids = append(ids, o.ID)
		if o.Start != nil {
			ended = append(ended, engine.Ended{Attempt: o.Start.Attempt, StartedAt: new(timeOfBench), At: timeOfBench, Exit: new(int)})
		}
	}
	p.inbox.Confirmed(host, ids, 0)
	if len(ended) > 0 {
		p.inbox.HostEnded(host, ended)
	}
}

func (p *prompt) Acknowledge(_ banto.HostID, attempts []banto.AttemptID) {
	if p.ended.Add(int64(len(attempts))) == p.wanted.Load() {
		p.all <- struct{}{}
	}
}

func (p *prompt) Enrolled(banto.HostID, string, int64) {}
func (p *prompt) Removed(banto.HostID, string)         {}
func (p *prompt) Recall(time.Time)                     {}
func (p *prompt) RecallFrom(banto.HostID, time.Time)   {}

// manyParts makes a flow of independent jobs, or of jobs in a row.
func manyParts(b *testing.B, n int, chain bool) *jobnet.Flow {
	j := &jobnet.Jobnet{Path: "bench/many"}
	for i := range n {
		p := jobnet.Part{Name: fmt.Sprintf("p%d", i), Kind: jobnet.KindJob, Script: "true"}
		if chain && i > 0 {
			p.After = []jobnet.After{{Part: fmt.Sprintf("p%d", i-1), Outlet: jobnet.OutletDone}}
		}
		j.Parts = append(j.Parts, p)
	}
	return compiled(b, j)
}

func benchJobs(b *testing.B, parts, slots int, chain bool) {
	w := newWorld(b)
	host := &prompt{}
	w.run(func(o *Options) { o.Hosts = host })
	host.inbox = w.r
	defer w.close()
	w.r.HostUp(HostSession{ID: hostA, Hello: fabric.Hello{Name: "local", Slots: slots}, At: timeOfBench})
	s := submission(manyParts(b, parts, chain), "")
	jobs := 0
	for b.Loop() {
		row, _, err := w.r.Submit(context.Background(), s)
		if err != nil {
			b.Fatal(err)
		}
		changed, stop := w.r.Watch(row.ID)
		for !w.tracker(row.ID).State.Ended() {
			<-changed
		}
		stop()
		jobs += parts
	}
	b.ReportMetric(float64(jobs)/b.Elapsed().Seconds(), "jobs/s")
}

func BenchmarkIndependentJobs(b *testing.B) { benchJobs(b, 5000, 16, false) }

func BenchmarkJobsInARow(b *testing.B) { benchJobs(b, 500, 16, true) }

// BenchmarkSubmissions has ten thousand jobnets of one job submitted at once, by
// as many callers as a burst has, each with a key.
func BenchmarkSubmissions(b *testing.B) {
	w := newWorld(b)
	host := &prompt{all: make(chan struct{}, 1)}
	w.run(func(o *Options) { o.Hosts, o.Limits = host, Limits{PerJobnet: 1 << 20, Rate: 1e9, Burst: 1 << 20} })
	host.inbox = w.r
	defer w.close()
	w.r.HostUp(HostSession{ID: hostA, Hello: fabric.Hello{Name: "local", Slots: 16}, At: timeOfBench})
	flow := manyParts(b, 1, false)
	const callers, each = 64, 156
	n := 0
	for b.Loop() {
		host.wanted.Add(callers * each)
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				for k := range each {
					if _, _, err := w.r.Submit(context.Background(), submission(flow, fmt.Sprintf("key-%d-%d-%d", n, i, k))); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		n++
		<-host.all
	}
	b.ReportMetric(float64(n*callers*each)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkRebuild reads 1,000 trackers of 100 parts back.
func BenchmarkRebuild(b *testing.B) {
	w := newWorld(b)
	w.run()
	s := submission(manyParts(b, 100, false), "")
	for range 1000 {
		if _, _, err := w.r.Submit(context.Background(), s); err != nil {
			b.Fatal(err)
		}
	}
	w.end()
	for b.Loop() {
		w.prepare()
		if err := w.r.rebuild(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(w.r.mem.trackers)), "trackers")
	w.start()
	w.close()
}

var timeOfBench = time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC)
