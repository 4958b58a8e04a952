package cli

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerShowCommand(e *env) *cobra.Command {
	var asJSON, attempts, history bool
	cmd := e.command("show TRACKER", e.say("Show a tracker, its parts and what it waits for"), func(cmd *cobra.Command, args []string) error {
		id, err := e.trackerID(cmd, args[0])
		if err != nil {
			return err
		}
		m, err := e.manager()
		if err != nil {
			return err
		}
		var d trackerDocument
		if d.Tracker, err = m.Tracker(cmd.Context(), id); err != nil {
			return err
		}
		if d.Parts, err = m.Parts(cmd.Context(), id); err != nil {
			return err
		}
		if attempts {
			if d.Attempts, err = m.Attempts(cmd.Context(), id, ""); err != nil {
				return err
			}
		}
		rows, err := m.TrackerHistory(cmd.Context(), id)
		if err != nil {
			return err
		}
		d.History, d.earlier = movesOf(rows, history)
		if asJSON {
			return e.document(d)
		}
		return e.writeTracker(d)
	})
	cmd.Example = "  banto tracker show 20261121-7k3mq0x\n  banto tracker show 20261121-7k3mq0x --attempts\n  banto tracker show 20261121-7k3mq0x --history\n  banto tracker show 20261121-7k3mq0x --json"
	cmd.Args = e.takes(1, 1, "TRACKER")
	cmd.ValidArgsFunction = e.completeTrackers()
	cmd.Flags().BoolVar(&attempts, "attempts", false, e.say("list all attempts too"))
	cmd.Flags().BoolVar(&history, "history", false, e.say("list all that people did to it, not only the last of it"))
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

// trackerDocument is what programs read of a tracker.
type trackerDocument struct {
	Tracker  banto.Tracker    `json:"tracker"`
	Parts    []banto.PartView `json:"parts"`
	Attempts []banto.Attempt  `json:"attempts,omitempty"`

	History []banto.AuditEntry `json:"history,omitempty"` // moves and comments, oldest first
	earlier int
}

func (e *env) writeTracker(d trackerDocument) error {
	var b strings.Builder
	p, width := e.pen(), e.width()
	e.trackerFacts(&b, d.Tracker, p, width)
	b.WriteString("\n")
	e.writeTree(&b, newView(d.Tracker, d.Parts), p, width)
	b.WriteString("\n" + e.counts(d.Tracker, p) + "\n")
	e.waitsFor(&b, d.Tracker)
	e.writeHistory(&b, d, p, width)
	if len(d.Attempts) > 0 {
		b.WriteString("\n")
		e.writeAttempts(&b, d.Attempts, p, width)
	}
	return e.print(b.String())
}

func (e *env) trackerFacts(b *strings.Builder, r banto.Tracker, p pen, width int) {
	t := table{columns: []column{{}, {least: 20}}}
	add := func(name, text string, look style) {
		if text != "" {
			t.add(cell{name, styleDim}, cell{text, look})
		}
	}
	var params []string
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		params = append(params, plain(name+"="+r.Params[name]))
	}
	state := e.trackerState(r.State)
	if r.Held && r.State != banto.TrackerHeld {
		state += ", " + e.say("held")
	}
	if r.Cancelling {
		state = e.say("being cancelled")
	}
	add(e.say("tracker"), string(r.ID), styleBold)
	add(e.say("jobnet"), plain(r.Jobnet)+" "+e.say("(version %d)", r.Version), styleNone)
	add(e.say("title"), plain(r.Title), styleNone)
	if r.Parent != "" {
		add(e.say("run by"), e.say("%s of %s", plain(string(r.ParentPart)), r.Parent), styleNone)
	}
	add(e.say("state"), state, trackerLook(r.State))
	add(e.say("message"), plain(r.Message), styleNone)
	add(e.say("base day"), r.Date.String(), styleNone)
	add(e.say("parameters"), strings.Join(params, " "), styleNone)
	add(e.say("submitted"), e.say("%s by %s", e.moment(r.SubmittedAt), plain(r.SubmittedBy)), styleNone)
	add(e.say("reason"), plain(r.Reason), styleNone)
	if r.StartedAt != nil {
		add(e.say("started"), e.moment(*r.StartedAt), styleNone)
	}
	if r.EndedAt != nil {
		add(e.say("ended"), e.moment(*r.EndedAt), styleNone)
	}
	add(e.say("time"), e.lasted(r.StartedAt, r.EndedAt), styleNone)
	if r.Rerun > 0 {
		add(e.say("reruns"), strconv.Itoa(r.Rerun), styleNone)
	}
	// Writing to a strings.Builder cannot fail.
	_ = t.write(b, p, width)
}

func (e *env) writeAttempts(b *strings.Builder, all []banto.Attempt, p pen, width int) {
	t := table{columns: []column{
		{title: e.say("ATTEMPT")},
		{title: e.say("PART"), least: 10},
		{title: e.say("NUMBER"), right: true, drop: 5},
		{title: e.say("RERUN"), right: true, drop: 6},
		{title: e.say("STATE")},
		{title: e.say("HOST"), least: 6, drop: 3},
		{title: e.say("STARTED"), drop: 2},
		{title: e.say("TIME"), right: true, drop: 1},
		{title: e.say("OUTPUT"), right: true, drop: 4},
		{title: e.say("MESSAGE"), least: 12, drop: 7},
	}}
	for _, a := range all {
		exit := a.Exit
		why := e.why(banto.Part{State: banto.PartState(a.State), Message: a.Message, Exit: exit, Reason: a.Reason})
		_, look := partLook(banto.PartState(a.State))
		t.add(cell{text: string(a.ID)}, cell{text: plain(string(a.Part))}, cell{text: strconv.Itoa(a.Number)},
			cell{text: strconv.Itoa(a.Rerun)}, cell{e.partState(banto.PartState(a.State)), look}, cell{text: plain(a.Host)},
			cell{text: e.clock(a.StartedAt)}, cell{text: e.lasted(a.StartedAt, a.EndedAt)}, cell{text: size(a.OutputSize)},
			cell{text: plain(why)})
	}
	// Writing to a strings.Builder cannot fail.
	_ = t.write(b, p, width)
}
