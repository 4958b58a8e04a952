package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// When the doctor finds something to say.
const (
	clockOff       = 2 * time.Second
	certificateEnd = 30 * 24 * time.Hour
	tokenEnd       = 24 * time.Hour
	diskFree       = 1 << 30 // bytes
	diskPercent    = 5
	maxFindings    = 1000 // of hosts
)

type doctorOut struct{ Body []banto.Finding }

// doctor tells what is wrong, and what is right. It asks nobody: what hosts
// can say of themselves is for the doctor at their end.
func (s *server) doctor(ctx context.Context, _ *none) (*doctorOut, error) {
	d := &doctor{s: s, now: s.Now(), found: []banto.Finding{}}
	d.store(ctx)
	d.managers(ctx)
	d.figures()
	d.disk()
	d.certificate()
	d.fabric()
	if err := d.hosts(ctx); err != nil {
		return nil, storeError("cannot look at the hosts", "", "", err)
	}
	d.accounts(ctx)
	d.tokens(ctx)
	return &doctorOut{Body: d.found}, nil
}

// doctor collects findings.
type doctor struct {
	s     *server
	now   time.Time
	found []banto.Finding
}

func (d *doctor) good(check, found string) {
	d.found = append(d.found, banto.Finding{Check: check, OK: true, Found: found})
}

func (d *doctor) bad(check, object, found, advice string) {
	d.found = append(d.found, banto.Finding{Check: check, Object: object, Found: found, Advice: advice})
}

func (d *doctor) store(ctx context.Context) {
	known := len(d.found)
	d.runner(ctx)
	if _, err := d.s.Store.Incarnation(ctx); err != nil {
		d.s.Log.Warn("the store does not answer", "error", err)
		d.bad("store", "", "the store does not answer", "the manager's log says more")
		return
	}
	for _, f := range d.found[known:] {
		if f.Check == "store" {
			return // that it answers is no comfort when it takes nothing
		}
	}
	d.good("store", "the store answers")
}

// runner says what keeps the active manager from taking work.
func (d *doctor) runner(ctx context.Context) {
	if d.s.Runner == nil {
		return
	}
	switch {
	case !d.s.rebuilt():
		d.bad("manager", "", "the trackers are being rebuilt", "wait a moment")
		return
	case d.s.Runner.Held(ctx):
		d.bad("recovery", "", "nothing starts: the store was restored, or this is a second site, and nobody has confirmed what was found",
			"banto recovery show, then banto recovery confirm")
		return
	}
	if err := d.s.writable(ctx); err != nil {
		d.bad("store", "", "no work is taken: "+shortly(err), "make room, or see to the store; nothing is lost meanwhile")
	}
}

func (d *doctor) disk() {
	if d.s.Data == "" {
		return
	}
	free, size, err := FreeSpace(d.s.Data)
	if err != nil {
		d.bad("disk", d.s.Data, "its free space cannot be read: "+err.Error(), "is the directory there?")
		return
	}
	found := fmt.Sprintf("%s of %s are free", gigabytes(free), gigabytes(size))
	if DiskShort(free, size) {
		d.bad("disk", d.s.Data, found, "make room: a manager that cannot write takes no work")
		return
	}
	d.good("disk", found+" under "+d.s.Data)
}

// DiskShort says whether so little of a disk is free that somebody should make
// room.
func DiskShort(free, size uint64) bool { return free < diskFree || free < size/100*diskPercent }

func gigabytes(n uint64) string {
	if n < 1<<30 {
		return strconv.FormatUint(n>>20, 10) + " MiB"
	}
	const tenth = 1 << 30 / 10
	return strconv.FormatFloat(float64(n/tenth)/10, 'f', 1, 64) + " GiB"
}

func (d *doctor) certificate() {
	if d.s.Certificate == nil {
		d.good("tls", "the manager answers without TLS, on loopback only")
		return
	}
	leaf := d.s.Certificate()
	until := leaf.NotAfter.UTC().Format("2006-01-02")
	advice := "put a new one in its place; the files are read again by themselves"
	if d.s.Fingerprint != "" {
		advice = "it should have been renewed long ago: the manager's log says why it was not"
	}
	switch left := leaf.NotAfter.Sub(d.now); {
	case left <= 0:
		d.bad("tls", "", "the manager's certificate ended on "+until, advice)
	case left <= certificateEnd:
		d.bad("tls", "", fmt.Sprintf("the manager's certificate ends on %s, in %d days", until, int(left.Hours()/24)), advice)
	default:
		d.good("tls", "the manager's certificate holds until "+until)
	}
}

func (d *doctor) fabric() {
	if d.s.Runner == nil {
		return // a standby has none
	}
	if d.s.Enrol == nil {
		d.good("fabric", "this manager takes no hosts in but the one beside it")
		return
	}
	endpoints := d.s.Enrol.Endpoints("")
	if len(endpoints) == 0 {
		d.bad("fabric", "", "there is no address that agents could be told", "start the manager with an address that other machines reach")
		return
	}
	d.good("fabric", "agents are told to connect to "+strings.Join(endpoints, ", then "))
}

// hosts looks at every host.
func (d *doctor) hosts(ctx context.Context) error {
	all, connected, told, untold := 0, 0, 0, 0
	clocks, versions := true, true
	beside, bare := d.beside(ctx), []string(nil)
	for after := ""; ; {
		page, err := d.s.Store.ListHosts(ctx, after, 500)
		if err != nil {
			return err
		}
		for _, h := range page {
			after = h.Name
			all++
			switch {
			case h.State == banto.HostConnected:
				connected++
			case h.State == banto.HostNever && beside(h):
				all--
				bare = append(bare, h.Name)
				continue
			}
			before := len(d.found)
			if told >= maxFindings {
				untold++
				continue
			}
			clocks = d.clock(h) && clocks
			versions = d.version(h) && versions
			d.connection(h)
			told += len(d.found) - before
		}
		if len(page) < 500 {
			break
		}
	}
	if untold > 0 {
		d.bad("host", "", fmt.Sprintf("%d more hosts were not looked at", untold), "begin with those above; banto host list shows all")
	}
	if connected == all {
		found := fmt.Sprintf("all hosts are connected (%d)", all)
		if len(bare) > 0 && d.s.Store.Shared() {
			found += "; no agent has run yet beside " + strings.Join(bare, ", ") + ", and nothing waits for one there"
		}
		d.good("host", found)
	}
	if clocks {
		d.good("clock", "the clocks of the hosts that are connected are right within "+clockOff.String())
	}
	if versions {
		d.good("version", "the agents' versions work with the manager's ("+d.s.Version.Version+")")
	}
	return nil
}

// beside gives which hosts are those beside managers, which enrol them by
// themselves and need no agent there, and for which nothing waits.
func (d *doctor) beside(ctx context.Context) func(banto.Host) bool {
	names := map[string]bool{}
	if all, err := d.s.managers(ctx); err == nil {
		for _, m := range all {
			names[m.Name] = true
		}
	}
	live := d.s.load(ctx)
	return func(h banto.Host) bool { return (h.ID == d.s.Local || names[h.Name]) && live[h.ID].Waiting == 0 }
}

// connection says why a host is not connected, and what is refused of its
// identity.
func (d *doctor) connection(h banto.Host) {
	problem := d.s.problem(h.ID)
	advice := "on that machine, banto doctor says what is in the way"
	switch h.State {
	case banto.HostConnected:
		if problem != "" {
			d.bad("identity", h.Name, "it is connected, but: "+problem, advice)
		}
		return
	case banto.HostNever:
		d.bad("host", h.Name, join("it has not connected since it was enrolled, "+d.since(h.EnrolledAt), problem), "is its agent running? "+advice)
		return
	}
	found := "it is not connected since " + d.since(h.Since)
	if h.Endpoint != "" {
		found += ", last by " + h.Endpoint
	}
	d.bad("host", h.Name, join(found, h.Why, problem), advice)
}

// join strings reasons together.
func join(first string, more ...string) string {
	for _, m := range more {
		if m != "" && !strings.Contains(first, m) {
			first += ": " + m
		}
	}
	return first
}

func (d *doctor) since(t time.Time) string {
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

func (d *doctor) clock(h banto.Host) bool {
	off := time.Duration(h.ClockMS) * time.Millisecond
	if h.State != banto.HostConnected || off.Abs() <= clockOff {
		return true
	}
	side := "ahead of"
	if off < 0 {
		side = "behind"
	}
	d.bad("clock", h.Name, fmt.Sprintf("its clock is %s %s the manager's", off.Abs(), side), "let it take its time from where the manager does (chrony, w32time)")
	return false
}

func (d *doctor) version(h banto.Host) bool {
	if banto.VersionsFit(d.s.Version.Version, h.Version) {
		return true
	}
	d.bad("version", h.Name, "its agent is "+h.Version+", and the manager "+d.s.Version.Version, "update the older one: they are to be at most two minor versions apart")
	return false
}

// accounts looks for those that are blocked.
func (d *doctor) accounts(ctx context.Context) {
	states := d.s.logons(ctx)
	for _, name := range slices.Sorted(maps.Keys(states)) {
		if state := states[name]; state.Blocked != nil {
			d.bad("account", name, join(fmt.Sprintf("nothing starts under it since %s, after %d failed logons", d.since(*state.Blocked), state.Failures), state.Why),
				"mend its password or its rights, then: banto account release "+name)
		}
	}
}

// tokens looks for those with which nobody joined in time.
func (d *doctor) tokens(ctx context.Context) {
	for _, t := range d.s.tokens.ended(d.now, tokenEnd) {
		j, err := d.s.Store.Join(ctx, t.hash)
		if errors.Is(err, store.ErrNotFound) || (err == nil && j.UsedAt != nil) {
			continue
		}
		whose := "a join token"
		if t.name != "" {
			whose += " for " + t.name
		}
		d.bad("token", t.name, whose+" ended at "+d.since(t.ends)+", and nobody had joined with it",
			"if the machine is still to join, make a new one: banto host enrol")
	}
}
