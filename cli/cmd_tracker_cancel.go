package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerCancelCommand(e *env) *cobra.Command {
	v := mover{e: e, req: banto.MoveRequest{Move: banto.MoveCancel}, wait: waiting{cancels: true}}
	cmd := e.command("cancel TRACKER", e.say("Kill what runs in a tracker and start nothing more"), func(cmd *cobra.Command, args []string) error {
		return v.run(cmd, args[0])
	})
	cmd.Long = e.say("Kills what runs in a tracker, with all its processes, and starts nothing more.\nA rerun can go on from there. With --wait: exit code 0 when it ended cancelled, ok or with a warning.")
	cmd.Example = examples(`banto tracker cancel 20261121-7k3mq0x --reason "wrong day"`, "banto tracker cancel 20261121-7k3mq0x --dry-run")
	cmd.Args = e.takes(1, 1, "TRACKER")
	cmd.ValidArgsFunction = e.completeTrackers(open()...)
	v.flags(cmd)
	v.wait.flags(e, cmd.Flags())
	v.undone(cmd)
	return cmd
}
