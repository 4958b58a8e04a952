package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerHoldCommand(e *env) *cobra.Command {
	v := mover{e: e, req: banto.MoveRequest{Move: banto.MoveHold}}
	cmd := e.command("hold TRACKER [PART…]", e.say("Keep a tracker or parts of it from starting"), func(cmd *cobra.Command, args []string) error {
		v.parts(args[1:])
		return v.run(cmd, args[0])
	})
	cmd.Long = e.say("Keeps parts that have not started from starting, or the whole tracker when no part is named.\nWhat runs goes on to its end. banto tracker release takes the hold away.")
	cmd.Example = examples("banto tracker hold 20261121-7k3mq0x", `banto tracker hold 20261121-7k3mq0x load close --reason "file is late"`)
	cmd.Args = e.takes(1, -1, "TRACKER [PART…]")
	cmd.ValidArgsFunction = e.completeMove(notEnded, open()...)
	v.flags(cmd)
	return cmd
}
