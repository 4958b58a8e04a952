package runner

import (
	"fmt"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
)

// hostUpIn says that a host's session is open.
type hostUpIn struct{ HostSession }

// hostDownIn says that a host's session is gone.
type hostDownIn struct {
	id  banto.HostID
	why string
	at  time.Time
	// contact is the last time at which the host can have counted on contact, and
	// silent the same by Clock.
	contact time.Time
	silent  time.Duration
}

// HostUp says that a host's session is open.
func (r *Runner) HostUp(up HostSession) {
	h := &up.Hello
	for _, s := range []*string{&h.Name, &h.Version, &h.OS, &h.Arch, &h.BootID, &h.Generation, &h.Endpoint} {
		*s = clean(*s, maxHostText)
	}
	r.inbox.report(hostUpIn{up})
}

// HostDown says that a host's session is gone, and why in words.
func (r *Runner) HostDown(id banto.HostID, why string, at, contact time.Time) {
	contact, silent := r.lastContact(at, contact)
	r.inbox.report(hostDownIn{id: id, why: clean(why, maxHostText), at: at, contact: contact, silent: silent})
}

// maxHostText is how much of a text that a host says of itself is kept.
const maxHostText = 300

// clean makes a text that every store keeps: UTF-8 without NUL, and not longer
// than limit bytes.
func clean(s string, limit int) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
	if limit > 0 && len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return s
}

func (hostUpIn) droppable() bool   { return false }
func (hostUpIn) refuse(error)      {}
func (hostDownIn) droppable() bool { return false }
func (hostDownIn) refuse(error)    {}

func (in hostUpIn) from() banto.HostID   { return in.ID }
func (in hostDownIn) from() banto.HostID { return in.id }

// step notes the session and settles what the store believes to be on the host
// with what its keeper says.
func (in hostUpIn) step(b *batch) error {
	row, known := b.mem.hosts[in.ID]
	if !known {
		b.r.log.Warn("a host that is not known has connected", "host", in.ID, "name", in.Hello.Name)
		return nil
	}
	if err := b.recallHello(in.HostSession); err != nil {
		return err
	}
	before := row
	at := in.At
	if row.State != banto.HostConnected {
		row.Since = at
	}
	b.cameUp(before, in.ClockMS)
	row.State, row.Why, row.ConnectedAt = banto.HostConnected, "", &at
	row.Slots = max(in.Hello.Slots, 1)
	row.Version, row.OS, row.Arch = in.Hello.Version, in.Hello.OS, in.Hello.Arch
	row.Endpoint, row.ClockMS = in.Hello.Endpoint, notedClock(in.ClockMS)
	if in.Hello.Generation != before.Generation {
		row.Claims = 0 // it counts anew
	}
	row.Claims = max(row.Claims, in.Hello.Claims)
	row.BootID, row.Generation = in.Hello.BootID, in.Hello.Generation
	b.putHost(row)
	b.mem.connected(in.HostSession)
	delete(b.r.silent, row.ID)
	b.mem.setHost(row, true, row.ID == b.r.opt.LocalHost)
	b.mem.timers.drop(timerKey{host: row.ID})
	b.up = append(b.up, upNow{id: row.ID, session: &in.HostSession})
	in.settle(b, before)
	return nil
}

// putHost writes a host's row. Who is allowed in under it is told to the
// gateway once it is durable.
func (b *batch) putHost(row banto.Host) {
	row.Running, row.Problem = 0, "" // made when it is read
	b.hosts.put(row.ID, hostRow{host: row})
}

// settle compares attempts: those that the keeper runs are found, or started;
// of the others the results follow, or the starts are sent again, unless the
// keeper does not know them (doubt.go). A start that was not confirmed is the
// agent's to refuse, if it was meant for claims that are lost.
func (in hostUpIn) settle(b *batch, before banto.Host) {
	runs := make(map[banto.AttemptID]bool, len(in.Hello.Running))
	for _, a := range in.Hello.Running {
		runs[a] = true
	}
	ends := make(map[banto.AttemptID]bool, len(in.Hello.Ended))
	for _, a := range in.Hello.Ended {
		ends[a] = true
	}
	claimsLost := before.Generation != "" && before.Generation != in.Hello.Generation
	var doubtful []banto.AttemptID
	for _, a := range b.mem.attemptsOn(in.ID) {
		id, t := b.mem.trackerOf(a)
		if t == nil {
			continue
		}
		was := b.mem.live[a]
		account := accountOf(t, was.part)
		b.mem.board.Under(a, account)
		if runs[a] {
			b.proveLogon(account)
		}
		switch {
		case runs[a] && was.state == banto.AttemptStarting:
			b.dropOrder(startOrder(a))
			b.mustStep(id, t, engine.Started{Attempt: a, At: in.At})
		case runs[a]:
			b.dropOrder(startOrder(a))
			b.mustStep(id, t, engine.Found{Attempt: a})
		case b.r.held() || ends[a] || b.mem.startUnconfirmed(a):
		case claimsLost && !in.asked():
			b.dropOrder(killOrder(a))
			b.mustStep(id, t, in.forgotten(a, before))
		default:
			doubtful = append(doubtful, a)
		}
		delete(runs, a)
	}
	in.doubt(b, before, doubtful)
	for _, a := range in.Hello.Running {
		if _, dying := b.mem.outbox[killOrder(a)]; runs[a] && !dying {
			b.r.log.Warn("a host runs an attempt that is not expected there", "host", in.ID, "attempt", a)
		}
	}
}

// forgotten is the end of an attempt that was started and that the keeper does
// not know any more.
func (in hostUpIn) forgotten(a banto.AttemptID, before banto.Host) engine.Ended {
	end := engine.Ended{
		Attempt: a, At: in.At, Reason: banto.ReasonKeeperDied,
		Message: "the keeper of the host has lost its records, and the result with them",
	}
	if before.BootID != in.Hello.BootID {
		end.Reason = banto.ReasonHostRestarted
		end.Message = "the host was started anew and has no record of the attempt"
	}
	return end
}

// mustStep steps a tracker with an input that cannot be refused.
func (b *batch) mustStep(id banto.TrackerID, t *engine.Tracker, in engine.Input) {
	if err := b.stepTracker(id, t, in); err != nil {
		b.r.log.Error("an input was refused that cannot be", "tracker", id, "input", fmt.Sprintf("%T", in), "error", err)
	}
}

// step makes the host lost, and with it what ran there: it may live on.
func (in hostDownIn) step(b *batch) error {
	row, ok := b.mem.hosts[in.id]
	if !ok {
		return nil // it was removed
	}
	delete(b.r.doubts, in.id)
	if row.State == banto.HostLost {
		return nil
	}
	row.State, row.Since, row.Why = banto.HostLost, in.at, in.why
	b.event(Event{Kind: HostLost, Host: row.Name, Text: in.why})
	b.putHost(row)
	b.mem.gone(row.ID)
	contact := b.silentSince(in)
	b.mem.setHost(row, false, row.ID == b.r.opt.LocalHost)
	b.mem.timers.drop(timerKey{host: row.ID})
	b.up = append(b.up, upNow{id: row.ID})
	for _, a := range b.mem.attemptsOn(in.id) {
		if b.mem.live[a].state == banto.AttemptStarting {
			b.mem.board.Under(a, "") // what tries its account need not wait until the host comes back
		}
		b.lose(a, contact)
	}
	return nil
}

// wakeIn is a timer that is due.
type wakeIn struct{ timerKey }

func (wakeIn) droppable() bool { return true } // the rebuild sets the timer again
func (wakeIn) refuse(error)    {}

func (in wakeIn) from() banto.HostID { return in.host }

func (in wakeIn) step(b *batch) error {
	if in.host != "" {
		if _, up := b.mem.shells[in.host]; up { // it may have come in this very batch
			b.lookAgain(in.host)
			return nil
		}
		if b.mem.hosts[in.host].State != banto.HostConnected {
			return nil
		}
		return hostDownIn{id: in.host, why: "it has not come back since the manager started", at: b.now, contact: b.r.started, silent: b.r.begun}.step(b)
	}
	if t := b.mem.trackers[in.tracker]; t != nil && !b.tooEarly(in.timerKey) {
		b.mustStep(in.tracker, t, engine.Wake{Part: in.part})
	}
	return nil
}
