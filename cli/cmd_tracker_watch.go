package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerWatchCommand(e *env) *cobra.Command {
	var blocked, plainly bool
	cmd := e.command("watch TRACKER", e.say("Show a tracker live until it has ended"), func(cmd *cobra.Command, args []string) error {
		id, err := e.trackerID(cmd, args[0])
		if err != nil {
			return err
		}
		m, err := e.manager()
		if err != nil {
			return err
		}
		if !plainly && e.consoles() {
			return e.console(cmd.Context(), m, id)
		}
		if m, err = e.acting(cmd.Context(), false); err != nil {
			return err
		}
		how := showBest
		if plainly {
			how = showLines
		}
		t, err := e.watch(cmd.Context(), m, id, blocked, how)
		if err != nil {
			return err
		}
		if code := outcomeCode(t.State); code != 0 {
			return code
		}
		return nil
	})
	cmd.Long = e.say("Shows a tracker live on the whole terminal: its flow as a tree, with keys to hold, release, skip, kill,\nrun again and more (? lists them). It ends with the tracker when that ended well, else with q.\nWhere no terminal is, or with --plain, each change is a line until it has ended or is blocked.\nExit code 0 when it ended ok or with a warning, 1 when in error, cancelled or blocked.")
	cmd.Example = examples("banto tracker watch 20261121-7k3mq0x", "banto tracker watch 20261121-7k3mq0x --plain")
	cmd.Args = e.takes(1, 1, "TRACKER")
	cmd.ValidArgsFunction = e.completeTrackers(banto.TrackerRunning, banto.TrackerBlocked, banto.TrackerQueued, banto.TrackerHeld)
	cmd.Flags().BoolVar(&plainly, "plain", false, e.say("write each change as a line, and take no keys"))
	cmd.Flags().BoolVar(&blocked, "wait-blocked", false, e.say("go on waiting when the tracker is blocked, until someone acts"))
	return cmd
}

// consoles says whether there is a terminal to draw on and keys to press.
func (e *env) consoles() bool {
	_, _, draws := e.terminal()
	return draws && e.std.Keyboard != nil && e.std.Env("TERM") != "dumb"
}
