package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerSkipCommand(e *env) *cobra.Command {
	v := mover{e: e, req: banto.MoveRequest{Move: banto.MoveSkip}}
	cmd := e.command("skip TRACKER PART…", e.say("Count parts as done without running them"), func(cmd *cobra.Command, args []string) error {
		v.parts(args[1:])
		return v.run(cmd, args[0])
	})
	cmd.Long = e.say("Counts parts as done without running them; what is behind them goes on. Parts that run are not\nskipped: kill them, or say their outcome with force-end.")
	cmd.Example = examples(`banto tracker skip 20261121-7k3mq0x mail --reason "nobody reads it today"`, "banto tracker skip 20261121-7k3mq0x load --dry-run")
	cmd.Args = e.takes(2, -1, "TRACKER PART…")
	cmd.ValidArgsFunction = e.completeMove(func(banto.PartState) bool { return true }, open()...)
	v.flags(cmd)
	v.wait.flags(e, cmd.Flags())
	v.undone(cmd)
	return cmd
}
