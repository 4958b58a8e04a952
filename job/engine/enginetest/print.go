package enginetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
)

// snapshot is what the rows last said, to print transitions.
type snapshot struct {
	tracker  banto.Tracker
	parts    map[banto.PartKey]banto.Part
	attempts map[banto.AttemptID]banto.Attempt
}

// print writes effects, one a line.
func (s *scenario) print(effects []engine.Effect) []string {
	if s.before.parts == nil {
		s.before.parts = map[banto.PartKey]banto.Part{}
		s.before.attempts = map[banto.AttemptID]banto.Attempt{}
	}
	var out []string
	for _, e := range effects {
		out = append(out, s.effect(e))
	}
	return indent(out)
}

func (s *scenario) effect(e engine.Effect) string {
	switch e := e.(type) {
	case engine.SaveTracker:
		return s.trackerLine(e.Tracker)
	case engine.SavePart:
		return s.partLine(e.Part)
	case engine.SaveAttempt:
		return s.attemptLine(e.Attempt)
	case engine.WantPlace:
		return fmt.Sprintf("want a place for %s on %q", e.Part, e.Host) + wantText(e)
	case engine.Unchoose:
		return fmt.Sprintf("choose anew for %q", e.Target)
	case engine.Withdraw:
		return fmt.Sprintf("withdraw %s", e.Part)
	case engine.Start:
		return "start " + s.name(e.Attempt.ID) + " on " + string(e.Attempt.HostID) + specText(e.Spec)
	case engine.Call:
		return "call " + e.Jobnet + " as " + s.name(e.Attempt.ID) + paramText(e.Params)
	case engine.HoldCall:
		if e.Held {
			return fmt.Sprintf("hold tracker %s", e.Child)
		}
		return fmt.Sprintf("release tracker %s", e.Child)
	case engine.Kill:
		if e.Child != "" {
			return fmt.Sprintf("cancel tracker %s of %s (%s)", e.Child, s.name(e.Attempt), e.Reason)
		}
		return fmt.Sprintf("kill %s on %s (%s)", s.name(e.Attempt), e.HostID, e.Reason)
	case engine.FreePlace:
		return fmt.Sprintf("free the place of %s on %s", s.name(e.Attempt), e.HostID)
	case engine.WakeAt:
		return fmt.Sprintf("wake %s at %s", e.Part, s.at(e.At))
	case engine.TrackerEnded:
		work := "remove"
		if e.KeepWork {
			work = "keep"
		}
		return fmt.Sprintf("%s the work directories on %v", work, e.Hosts)
	}
	return fmt.Sprintf("%T", e)
}

func (s *scenario) trackerLine(t banto.Tracker) string {
	was := s.before.tracker
	s.before.tracker = t
	var b strings.Builder
	b.WriteString("tracker " + change(string(was.State), string(t.State)))
	if t.Rerun != was.Rerun {
		fmt.Fprintf(&b, " rerun %d", t.Rerun)
	}
	if t.Restarts != was.Restarts {
		fmt.Fprintf(&b, " restarts %d", t.Restarts)
	}
	if t.Version != was.Version && was.Version != 0 {
		fmt.Fprintf(&b, " version %d", t.Version)
	}
	if t.Cancelling {
		b.WriteString(" cancelling")
	}
	if t.Held != was.Held {
		fmt.Fprintf(&b, " held %t", t.Held)
	}
	for _, target := range slices.Sorted(maps.Keys(t.Places)) {
		if t.Places[target] != was.Places[target] {
			fmt.Fprintf(&b, " %s is %s", target, t.Places[target])
		}
	}
	for _, target := range slices.Sorted(maps.Keys(was.Places)) {
		if t.Places[target] == "" {
			fmt.Fprintf(&b, " %s is open", target)
		}
	}
	var counts []string
	for _, k := range slices.Sorted(maps.Keys(t.Counts)) {
		counts = append(counts, fmt.Sprintf("%d %s", t.Counts[k], k))
	}
	b.WriteString(": " + strings.Join(counts, ", "))
	if t.Message != "" {
		fmt.Fprintf(&b, "; %q", t.Message)
	}
	return b.String()
}

func (s *scenario) partLine(p banto.Part) string {
	was, known := s.before.parts[p.Key]
	if !known {
		was.State = banto.PartWaiting
	}
	s.before.parts[p.Key] = p
	var b strings.Builder
	fmt.Fprintf(&b, "part %s %s", p.Key, change(string(was.State), string(p.State)))
	if p.Attempt != was.Attempt {
		fmt.Fprintf(&b, " attempt %d", p.Attempt)
	}
	if p.Tries > 1 {
		fmt.Fprintf(&b, " try %d", p.Tries)
	}
	if p.Rerun > 0 {
		fmt.Fprintf(&b, " rerun %d", p.Rerun)
	}
	if p.Outlet != "" {
		fmt.Fprintf(&b, " by %s", p.Outlet)
	}
	if p.Via != "" {
		fmt.Fprintf(&b, " via %s", p.Via)
	}
	if p.Exit != nil {
		fmt.Fprintf(&b, " exit %d", *p.Exit)
	}
	if p.Reason != "" {
		fmt.Fprintf(&b, " (%s)", p.Reason)
	}
	for _, k := range slices.Sorted(maps.Keys(p.Vars)) {
		fmt.Fprintf(&b, " %s=%s", k, p.Vars[k])
	}
	if p.Output != "" {
		fmt.Fprintf(&b, " output %q", p.Output)
	}
	if p.Healed {
		b.WriteString(" healed")
	}
	if p.Forced != "" {
		fmt.Fprintf(&b, " forced %s", p.Forced)
	}
	if p.State == banto.PartSkipped && p.EndedAt == nil {
		b.WriteString(" to come")
	}
	if p.RetryAt != nil {
		b.WriteString(" until " + s.at(*p.RetryAt))
	}
	if p.Message != "" {
		fmt.Fprintf(&b, "; %q", p.Message)
	}
	return b.String()
}

func (s *scenario) attemptLine(a banto.Attempt) string {
	was := s.before.attempts[a.ID]
	s.before.attempts[a.ID] = a
	text := fmt.Sprintf("attempt %s %s", s.name(a.ID), change(string(was.State), string(a.State)))
	if a.Killing {
		text += " killing"
	}
	if a.DeadBy != nil {
		text += " dead by " + s.at(*a.DeadBy)
	}
	if a.Reason != "" {
		text += fmt.Sprintf(" (%s)", a.Reason)
	}
	if a.Message != "" && a.Message != "was killed" && (a.Killing || a.Reason == banto.ReasonLost || a.Reason == banto.ReasonKilled) {
		text += fmt.Sprintf("; %q", a.Message)
	}
	return text
}

// name writes an attempt as part/number.
func (s *scenario) name(id banto.AttemptID) string {
	a := s.before.attempts[id]
	return fmt.Sprintf("%s/%d", a.Part, a.Number)
}

// at writes a time from the beginning of the scenario.
func (s *scenario) at(t time.Time) string { return "+" + t.Sub(s.zero).String() }

func change(was, is string) string {
	if was == is || was == "" {
		return is
	}
	return was + " -> " + is
}

// wantText writes what a part wants of its place beside the host.
func wantText(w engine.WantPlace) string {
	text := ""
	if w.Chosen != "" {
		text += " chosen " + string(w.Chosen)
	}
	if w.PerPart {
		text += " per part"
	}
	if w.Account != "" {
		text += " account " + w.Account
	}
	if w.Shell != "" {
		text += " shell " + w.Shell
	}
	return text
}

// specText writes of a Spec what the definition says.
func specText(s banto.Spec) string {
	var b strings.Builder
	if s.Script != "" {
		fmt.Fprintf(&b, " script %q", s.Script)
	}
	if s.Args != nil {
		fmt.Fprintf(&b, " run %q", s.Args)
	}
	for _, e := range s.Env {
		fmt.Fprintf(&b, " %s", e)
	}
	for _, f := range []struct{ name, value string }{{"dir", s.Dir}, {"shell", s.Shell}, {"account", s.Account}, {"encoding", s.Encoding}} {
		if f.value != "" {
			fmt.Fprintf(&b, " %s=%s", f.name, f.value)
		}
	}
	if s.DeadManMS > 0 {
		fmt.Fprintf(&b, " dead-man=%dms", s.DeadManMS)
	}
	if s.TimeoutMS > 0 {
		fmt.Fprintf(&b, " timeout=%dms", s.TimeoutMS)
	}
	if s.Limits != nil {
		fmt.Fprintf(&b, " limits=%+v", *s.Limits)
	}
	if s.WantOutput {
		b.WriteString(" want-output")
	}
	return b.String()
}

// paramText writes the values of a call, by name.
func paramText(params map[string]string) string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(params)) {
		text += fmt.Sprintf(" %s=%q", name, params[name])
	}
	return text
}
