package runner

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bantoops/banto"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// found lists what is known of the hosts and of their attempts: all that the
// store believes to be on hosts, whether they have answered or not, and what
// keepers know besides. kill is what the confirmation is asked for.
func (r *Runner) found(m *memory, kill bool) banto.Recovery {
	rec := r.recovery.rec
	rec.Hosts, rec.Items, rec.Counts = r.foundHosts(m), nil, make(map[banto.RecoveryFound]int)
	rec.Cut = r.recovery.cut
	r.eachFound(m, func(item banto.RecoveryItem, ended bool) {
		item.Then = r.then(item, ended, kill)
		rec.Counts[item.Found]++
		rec.Items = append(rec.Items, item)
	})
	slices.SortFunc(rec.Items, func(a, b banto.RecoveryItem) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Tracker, b.Tracker), compareAttempts(a.Attempt, b.Attempt))
	})
	if len(rec.Items) > maxFound {
		rec.Items, rec.Cut = rec.Items[:maxFound], true
	}
	return rec
}

func compareAttempts(a, b banto.AttemptID) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) // of one tracker
}

// foundHosts lists the hosts that may know something.
func (r *Runner) foundHosts(m *memory) []banto.RecoveryHost {
	var out []banto.RecoveryHost
	for _, name := range sortedKeys(m.names) {
		row := m.hosts[m.names[name]]
		q := r.recovery.hosts[row.ID]
		if row.State == banto.HostNever && row.ConnectedAt == nil && len(m.onHost[row.ID]) == 0 && q == nil {
			continue
		}
		h := banto.RecoveryHost{Name: row.Name, ID: row.ID}
		if q != nil {
			h.Answered, h.Whole = q.answered, q.whole
		}
		_, up := m.shells[row.ID]
		switch {
		case h.Answered && !h.Whole:
			h.Why = "its keeper has forgotten a part of that time, or its agent is of a version that cannot tell"
		case h.Answered:
		case up:
			h.Why = "it is connected and has not answered yet"
		default:
			h.Why = "it is not connected"
		}
		out = append(out, h)
	}
	return out
}

// eachFound gives every attempt of the list, in any order; ended says that its
// tracker has ended in the store, or is not known there.
func (r *Runner) eachFound(m *memory, each func(item banto.RecoveryItem, ended bool)) {
	for a, l := range m.live {
		id, t := m.trackerOf(a)
		if t == nil {
			continue
		}
		item := banto.RecoveryItem{
			Tracker: id, Jobnet: t.Flow().Jobnet, Attempt: a, Part: l.part, Host: m.hosts[l.host].Name, State: l.state,
			Found: banto.FoundUnknown, At: l.since(),
		}
		_, up := m.shells[l.host]
		q, told := r.recovery.hosts[l.host], recalled{}
		if q != nil {
			told = q.attempts[a]
		}
		switch {
		case told.State == recalledRunning:
			item.Found, item.Running, item.At = banto.FoundRunning, true, told.StartedAt
		case told.State == recalledEnded:
			item.Found, item.Exit, item.At = banto.FoundEnded, told.Exit, told.At
		case told.State == recalledTold:
			item.Found, item.Exit, item.At = banto.FoundTold, told.Exit, told.At
		case !r.held() && up && l.state == banto.AttemptRunning:
			item.Found, item.Running = banto.FoundRunning, true
		case q != nil && q.answered && q.whole && m.startUnconfirmed(a):
			item.Found = banto.FoundNotStarted
		}
		each(item, false)
	}
	for host, q := range r.recovery.hosts {
		for a, told := range q.attempts {
			if _, live := m.live[a]; live {
				continue
			}
			id, t := m.trackerOf(a)
			item := banto.RecoveryItem{
				Tracker: id, Jobnet: told.jobnet, Attempt: a, Part: told.Part, Host: m.hosts[host].Name,
				Running: told.State == recalledRunning, Exit: told.Exit, At: told.At,
			}
			if item.Running {
				item.At = told.StartedAt
			}
			switch {
			case told.known:
				item.Found, item.Running = banto.FoundEnded, false
			case told.jobnet != "":
				item.Found = banto.FoundAfter
			default:
				item.Found = banto.FoundStranger
			}
			each(item, t == nil)
		}
	}
}

// since is when an attempt was started, or else was to be; nil: that is not known.
func (l live) since() *time.Time {
	at := l.started
	if at.IsZero() {
		at = l.created
	}
	if at.IsZero() {
		return nil
	}
	return &at
}

// then says in words what comes of an attempt.
func (r *Runner) then(item banto.RecoveryItem, ended, kill bool) string {
	const decide = "; its tracker is held until you have decided: skip, force-end or rerun the part, then release it"
	mode := Recover(r.recovery.rec.Mode)
	if mode == RecoverWarm || mode == RecoverCold {
		switch {
		case item.Found == banto.FoundAfter, item.Found == banto.FoundStranger:
			return "nothing: nobody asks for it any more"
		case item.State == "":
			return "nothing: its result is in the store"
		case mode == RecoverCold:
			return "it is killed with its tracker"
		case item.Found == banto.FoundUnknown:
			return "if its host does not come back it is lost, and its own on-lost decides"
		}
		return "it goes on"
	}
	switch item.Found {
	case banto.FoundRunning:
		return "it goes on"
	case banto.FoundEnded:
		if item.State != "" {
			return "its result is taken when its host tells it"
		}
		return "nothing: its result is in the store"
	case banto.FoundTold:
		return "it ends with " + outcomeOf(item.Exit) + ", which its keeper remembers; the rest of its result is gone"
	case banto.FoundNotStarted:
		return "it is started"
	case banto.FoundUnknown:
		return "it stays lost" + decide
	}
	what := "nothing"
	switch {
	case item.Running && kill:
		what = "it is killed"
	case item.Running:
		what = "it runs on, and nobody takes its result"
	}
	if item.Found == banto.FoundAfter && !ended {
		return what + decide
	}
	return what
}

// outcomeOf says an exit code in words.
func outcomeOf(exit *int) string {
	if exit == nil {
		return "no exit code"
	}
	return fmt.Sprintf("exit code %d", *exit)
}

// became says in words what is known of an attempt, for whoever decides.
func became(item banto.RecoveryItem) string {
	what := fmt.Sprintf("%s (%s on %s) ", item.Part, item.Attempt, item.Host)
	if item.Part == "" {
		what = fmt.Sprintf("%s on %s ", item.Attempt, item.Host)
	}
	at := ""
	if item.At != nil {
		at = " at " + item.At.UTC().Format(time.RFC3339)
	}
	switch {
	case item.Found == banto.FoundUnknown:
		return what + "is not known to any keeper that has answered"
	case item.Running:
		return what + "runs since then"
	}
	return what + "ended" + at + " with " + outcomeOf(item.Exit)
}
