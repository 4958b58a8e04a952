package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/spf13/cobra"
)

func newTrackerListCommand(e *env) *cobra.Command {
	var asJSON bool
	var states []string
	var limit int
	q := client.TrackerQuery{}
	cmd := e.command("list [JOBNET|FOLDER/]", e.say("List trackers, newest first"), func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			q.Jobnet = args[0]
		}
		for _, s := range states {
			state := banto.TrackerState(s)
			if !slices.Contains(trackerStates(), state) {
				return e.wrongUse(cmd, e.say("%q is not the state of a tracker; those are %s", s, joined(trackerStates())))
			}
			q.States = append(q.States, state)
		}
		if limit < 1 {
			return e.wrongUse(cmd, e.say("--limit wants a number from 1 on"))
		}
		m, err := e.manager()
		if err != nil {
			return err
		}
		page, err := upTo(limit, q.Cursor, func(cursor string, limit int) (banto.Page[banto.Tracker], error) {
			q.Cursor, q.Limit = cursor, limit
			return m.Trackers(cmd.Context(), q)
		})
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(page)
		}
		return e.writeTrackers(page)
	})
	cmd.Example = "  banto tracker list\n  banto tracker list backup/ --state error --state blocked\n  banto tracker list --limit 100 --json"
	cmd.Args = e.takes(0, 1, "JOBNET|FOLDER/")
	cmd.ValidArgsFunction = e.completeJobnets()
	f := cmd.Flags()
	f.StringArrayVar(&states, "state", nil, e.say("only those in this `state`; may be given again"))
	f.IntVar(&limit, "limit", 20, e.say("list at most this `number`"))
	f.StringVar(&q.Cursor, "after", "", e.say("go on behind this `cursor`, which the list before gave"))
	f.BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	completesFlag(cmd, "state", trackerStates())
	return cmd
}

func trackerStates() []banto.TrackerState {
	return []banto.TrackerState{banto.TrackerPlanned, banto.TrackerQueued, banto.TrackerRunning, banto.TrackerHeld, banto.TrackerBlocked,
		banto.TrackerOK, banto.TrackerWarning, banto.TrackerError, banto.TrackerCancelled}
}

func joined[S ~string](all []S) string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}

func (e *env) writeTrackers(page banto.Page[banto.Tracker]) error {
	if len(page.Items) == 0 {
		return e.print(e.say("no tracker fits (banto submit JOBNET makes one)") + "\n")
	}
	t := table{columns: []column{
		{title: e.say("TRACKER")},
		{title: e.say("STATE")},
		{title: e.say("JOBNET"), least: 12, drop: 1},
		{title: e.say("PARTS"), right: true, drop: 4},
		{title: e.say("SUBMITTED"), drop: 5},
		{title: e.say("TIME"), right: true, drop: 3},
		{title: e.say("BY"), least: 5, drop: 6},
		{title: e.say("MESSAGE"), least: 20, drop: 7},
	}}
	for _, r := range page.Items {
		t.add(cell{text: string(r.ID)}, e.trackerStands(r), cell{text: plain(r.Jobnet)},
			cell{text: partsDone(r)}, cell{text: e.clock(&r.SubmittedAt)}, cell{text: e.lasted(r.StartedAt, r.EndedAt)},
			cell{text: plain(r.SubmittedBy)}, cell{text: plain(r.Message)})
	}
	if err := t.write(e.std.Out, e.pen(), e.width()); err != nil {
		return e.written(err)
	}
	return e.writeMore(page.Next)
}

// trackerStands is the state of a tracker, and whether attempts of it are lost.
func (e *env) trackerStands(t banto.Tracker) cell {
	if lost := t.Counts[banto.PartLost]; lost > 0 && !t.State.Ended() {
		return cell{e.say("%s, %d lost", e.trackerState(t.State), lost), styleYellow}
	}
	return cell{e.trackerState(t.State), trackerLook(t.State)}
}

// partsDone tells how many parts have come to their end, of how many.
func partsDone(t banto.Tracker) string {
	done := 0
	for state, n := range t.Counts {
		if state.Ended() {
			done += n
		}
	}
	return fmt.Sprintf("%d/%d", done, t.Parts)
}
