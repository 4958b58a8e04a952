package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bantoops/banto/manager/runner"
)

// Sources say how things stand. Each may be nil, and none may wait.
type Sources struct {
	// Loop gives the figures of the loop; false: this manager stands by.
	Loop func() (runner.Figures, bool)
	// Lead tells of this manager's part among those of its store.
	Lead func() Lead
	// Room tells what was last seen of the store and the disk.
	Room func() Room
	// Connections is how many agents have a connection to the fabric.
	Connections func() int
	// Notices counts notices by their ID.
	Notices func() map[string]int64
	// SyslogDropped is how many notices no syslog server has got.
	SyslogDropped func() int64
	// CertificateEnds is when the manager's certificate does; zero: it has none.
	CertificateEnds func() time.Time
}

// Lead is a manager's part among those of its store.
type Lead struct {
	Active bool
	Epoch  int64         // under which it leads; 0: it does not
	Proved time.Duration // since its lease was last proved; negative: that does not matter
	Held   bool          // a recovery waits to be confirmed
	Ailing bool          // the store cannot be used
}

// Room is what the store and its disk take.
type Room struct {
	Store      int64 // bytes; 0: not known
	Free, Disk uint64
}

// standing shows how things stand when it is asked.
type standing struct {
	sources          Sources
	now              func() time.Time
	version, runtime string
}

// Describe describes nothing: what is shown depends on the manager's part.
func (s *standing) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s *standing) Collect(out chan<- prometheus.Metric) {
	c := shower{out}
	c.gauge("banto_build_info", "The version of this manager; always 1.", 1, "version", s.version, "goversion", s.runtime)
	if s.sources.Lead != nil {
		s.lead(c, s.sources.Lead())
	}
	if s.sources.Loop != nil {
		if f, ok := s.sources.Loop(); ok {
			s.loop(c, f)
		}
	}
	if s.sources.Room != nil {
		s.room(c, s.sources.Room())
	}
	if s.sources.Connections != nil {
		c.gauge("banto_fabric_connections", "Connections of agents to the fabric.", float64(s.sources.Connections()))
	}
	if s.sources.Notices != nil {
		for id, n := range s.sources.Notices() {
			c.counter("banto_notices_total", "Notices, told or held back, by their ID.", float64(n), "id", id)
		}
	}
	if s.sources.SyslogDropped != nil {
		c.counter("banto_syslog_dropped_total", "Notices that the syslog server has not got.", float64(s.sources.SyslogDropped()))
	}
	if s.sources.CertificateEnds != nil {
		if end := s.sources.CertificateEnds(); !end.IsZero() {
			c.gauge("banto_certificate_end_timestamp_seconds", "When the manager's certificate ends.", float64(end.Unix()))
		}
	}
}

func (s *standing) lead(c shower, l Lead) {
	c.gauge("banto_manager_active", "1 if this manager is the active one.", one(l.Active))
	c.gauge("banto_recovery_held", "1 while nothing starts until a recovery is confirmed.", one(l.Held))
	c.gauge("banto_store_ailing", "1 while the store cannot be used.", one(l.Ailing))
	if l.Active {
		c.gauge("banto_lease_epoch", "The epoch under which this manager leads.", float64(l.Epoch))
	}
	if l.Proved >= 0 {
		c.gauge("banto_lease_proof_age_seconds", "Since the lease of this manager was last proved.", l.Proved.Seconds())
	}
}

func (s *standing) loop(c shower, f runner.Figures) {
	c.gauge("banto_parts_ready", "Parts that want a place on a host.", float64(f.Ready))
	c.gauge("banto_trackers_open", "Trackers that have not ended.", float64(f.Trackers))
	c.gauge("banto_trackers_blocked", "Trackers that wait for somebody to act.", float64(f.Blocked))
	c.gauge("banto_attempts_live", "Attempts that are, or may be, on a host.", float64(f.Attempts))
	c.gauge("banto_attempts_lost", "Attempts whose host cannot be reached now.", float64(f.Lost))
	c.gauge("banto_outbox_orders", "Orders that hosts have not confirmed.", float64(f.Outbox))
	c.gauge("banto_accounts_blocked", "Accounts under which nothing starts after failed logons.", float64(f.Accounts))
	const inbox = "Inputs that wait for the loop; submissions are calls too."
	c.gauge("banto_inbox_waiting", inbox, float64(f.Calls), "kind", "calls")
	c.gauge("banto_inbox_waiting", inbox, float64(f.Submissions), "kind", "submissions")
	c.gauge("banto_inbox_waiting", inbox, float64(f.Reports), "kind", "reports")
	const hosts = "Hosts by their state."
	c.gauge("banto_hosts", hosts, float64(f.Connected), "state", "connected")
	c.gauge("banto_hosts", hosts, float64(f.Gone), "state", "lost")
	c.gauge("banto_hosts", hosts, float64(f.Never), "state", "never")
	if !f.Turned.IsZero() {
		c.gauge("banto_loop_turn_timestamp_seconds", "When the loop ended its last turn.", float64(f.Turned.UnixMilli())/1000)
	}
}

func (s *standing) room(c shower, r Room) {
	if r.Store > 0 {
		c.gauge("banto_store_size_bytes", "What the store takes on its disk.", float64(r.Store))
	}
	if r.Disk > 0 {
		c.gauge("banto_disk_free_bytes", "Free space under the manager's data directory.", float64(r.Free))
		c.gauge("banto_disk_size_bytes", "Size of the disk of the manager's data directory.", float64(r.Disk))
	}
}

// shower sends metrics. Labels are given as names and values in turn.
type shower struct{ out chan<- prometheus.Metric }

func (c shower) gauge(name, help string, value float64, labels ...string) {
	c.show(prometheus.GaugeValue, name, help, value, labels)
}

func (c shower) counter(name, help string, value float64, labels ...string) {
	c.show(prometheus.CounterValue, name, help, value, labels)
}

func (c shower) show(kind prometheus.ValueType, name, help string, value float64, labels []string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	c.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, value, values...)
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
