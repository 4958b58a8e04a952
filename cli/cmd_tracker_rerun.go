package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerRerunCommand(e *env) *cobra.Command {
	var from []string
	var req banto.RerunRequest
	var asJSON bool
	var wait waiting
	cmd := e.command("rerun TRACKER", e.say("Run parts of a tracker again"), func(cmd *cobra.Command, args []string) error {
		id, err := e.trackerID(cmd, args[0])
		if err != nil {
			return err
		}
		for _, part := range from {
			req.From = append(req.From, banto.PartKey(part))
		}
		m, err := e.manager()
		if err != nil {
			return err
		}
		t, err := m.Rerun(cmd.Context(), id, req)
		if err != nil {
			return err
		}
		if !asJSON {
			if err := e.print(e.say("tracker %s: rerun %d of %s", t.ID, t.Rerun, plain(t.Jobnet)) + "\n"); err != nil {
				return err
			}
		}
		return e.afterwards(cmd.Context(), m, t, wait, asJSON)
	})
	cmd.Long = e.say("Runs parts of a tracker again: the failed, cancelled and unreached ones, or those named with\n--from and all that is behind them. All earlier attempts are kept.")
	cmd.Example = "  banto tracker rerun 20261121-7k3mq0x --wait\n  banto tracker rerun 20261121-7k3mq0x --latest --reason \"path fixed\"\n  banto tracker rerun 20261121-7k3mq0x --from restore"
	cmd.Args = e.takes(1, 1, "TRACKER")
	cmd.ValidArgsFunction = e.completeTrackers(banto.TrackerError, banto.TrackerBlocked, banto.TrackerCancelled, banto.TrackerWarning)
	f := cmd.Flags()
	f.StringArrayVar(&from, "from", nil, e.say("run this `PART` again and all behind it; may be given again"))
	f.BoolVar(&req.Latest, "latest", false, e.say("use the definition that is in use now"))
	f.StringVar(&req.Reason, "reason", "", e.say("why, in your `words`; kept with the tracker"))
	wait.flags(e, f)
	f.BoolVar(&asJSON, "json", false, e.say("write one JSON document: tracker and state"))
	// A flag that nobody registered cannot be completed; this one is above.
	_ = cmd.RegisterFlagCompletionFunc("from", e.completeParts(1))
	return cmd
}
