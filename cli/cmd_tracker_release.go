package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerReleaseCommand(e *env) *cobra.Command {
	v := mover{e: e, req: banto.MoveRequest{Move: banto.MoveRelease}}
	cmd := e.command("release TRACKER [PART…]", e.say("Take the hold of a tracker or of parts away"), func(cmd *cobra.Command, args []string) error {
		v.parts(args[1:])
		return v.run(cmd, args[0])
	})
	cmd.Long = e.say("Lets held parts start when their turn comes. When no part is named it takes all holds away: that of the\ntracker and those of its parts.")
	cmd.Example = examples("banto tracker release 20261121-7k3mq0x --wait", "banto tracker release 20261121-7k3mq0x load")
	cmd.Args = e.takes(1, -1, "TRACKER [PART…]")
	cmd.ValidArgsFunction = e.completeMove(func(s banto.PartState) bool { return s == banto.PartHeld }, open()...)
	v.flags(cmd)
	v.wait.flags(e, cmd.Flags())
	return cmd
}
