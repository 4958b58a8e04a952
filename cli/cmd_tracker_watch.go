package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerWatchCommand(e *env) *cobra.Command {
	var blocked bool
	cmd := e.command("watch TRACKER", e.say("Show a tracker live until it has ended"), func(cmd *cobra.Command, args []string) error {
		id, err := e.trackerID(cmd, args[0])
		if err != nil {
			return err
		}
		m, err := e.manager()
		if err != nil {
			return err
		}
		t, err := e.watch(cmd.Context(), m, id, blocked, false)
		if err != nil {
			return err
		}
		if code := outcomeCode(t.State); code != 0 {
			return code
		}
		return nil
	})
	cmd.Long = e.say("Shows a tracker live until it has ended or is blocked: its flow as a tree, and below what failed\nand why. Where no terminal is, each change is a line.\nExit code 0 when it ended ok or with a warning, 1 when in error, cancelled or blocked.")
	cmd.Example = "  banto tracker watch 20261121-7k3mq0x"
	cmd.Args = e.takes(1, 1, "TRACKER")
	cmd.ValidArgsFunction = e.completeTrackers(banto.TrackerRunning, banto.TrackerBlocked, banto.TrackerQueued, banto.TrackerHeld)
	cmd.Flags().BoolVar(&blocked, "wait-blocked", false, e.say("go on waiting when the tracker is blocked, until someone acts"))
	return cmd
}
