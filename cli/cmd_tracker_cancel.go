package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerCancelCommand(e *env) *cobra.Command {
	var reason string
	var asJSON bool
	wait := waiting{cancels: true}
	cmd := e.command("cancel TRACKER", e.say("Kill what runs in a tracker and start nothing more"), func(cmd *cobra.Command, args []string) error {
		id, err := e.trackerID(cmd, args[0])
		if err != nil {
			return err
		}
		m, err := e.manager()
		if err != nil {
			return err
		}
		t, err := m.Cancel(cmd.Context(), id, banto.CancelRequest{Reason: reason})
		if err != nil {
			return err
		}
		if !asJSON {
			text := e.say("tracker %s: what runs is being killed, and nothing more is started", id)
			if t.State.Ended() {
				text = e.say("tracker %s: %s", id, e.trackerState(t.State))
			}
			if err := e.print(text + "\n"); err != nil {
				return err
			}
		}
		return e.afterwards(cmd.Context(), m, t, wait, asJSON)
	})
	cmd.Long = e.say("Kills what runs in a tracker, with all its processes, and starts nothing more.\nA rerun can go on from there. With --wait: exit code 0 when it ended cancelled, ok or with a warning.")
	cmd.Example = "  banto tracker cancel 20261121-7k3mq0x --reason \"wrong day\""
	cmd.Args = e.takes(1, 1, "TRACKER")
	cmd.ValidArgsFunction = e.completeTrackers(banto.TrackerRunning, banto.TrackerBlocked, banto.TrackerQueued, banto.TrackerHeld)
	f := cmd.Flags()
	f.StringVar(&reason, "reason", "", e.say("why, in your `words`; kept with the tracker"))
	wait.flags(e, f)
	f.BoolVar(&asJSON, "json", false, e.say("write one JSON document: tracker and state"))
	return cmd
}
