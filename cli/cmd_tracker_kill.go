package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerKillCommand(e *env) *cobra.Command {
	v := mover{e: e, req: banto.MoveRequest{Move: banto.MoveKill}}
	cmd := e.command("kill TRACKER [PART…]", e.say("End running jobs with all their processes"), func(cmd *cobra.Command, args []string) error {
		v.parts(args[1:])
		return v.run(cmd, args[0])
	})
	cmd.Long = e.say("Ends the running jobs of parts with all their processes, or all that run when no part is named:\nTERM first, KILL after 10 seconds. They end in error, and the tracker goes on by that.")
	cmd.Example = examples(`banto tracker kill 20261121-7k3mq0x load --reason "hangs since 02:00"`, "banto tracker kill 20261121-7k3mq0x --dry-run")
	cmd.Args = e.takes(1, -1, "TRACKER [PART…]")
	cmd.ValidArgsFunction = e.completeMove(banto.PartState.Live, open()...)
	v.flags(cmd)
	v.wait.flags(e, cmd.Flags())
	v.undone(cmd)
	return cmd
}
