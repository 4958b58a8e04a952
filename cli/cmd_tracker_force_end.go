package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerForceEndCommand(e *env) *cobra.Command {
	v := mover{e: e, req: banto.MoveRequest{Move: banto.MoveForceEnd}}
	var outcome string
	cmd := e.command("force-end TRACKER PART… --outcome OUTCOME", e.say("Give parts the outcome that you say"), func(cmd *cobra.Command, args []string) error {
		switch v.req.Outcome = banto.Outcome(outcome); v.req.Outcome {
		case banto.OK, banto.Warning, banto.Error:
		case "":
			return e.wrongUse(cmd, e.say("it needs %s", "--outcome ok|warning|error"))
		default:
			return e.wrongUse(cmd, e.say("%q is not an outcome; those are %s", outcome, joined(outcomes())))
		}
		v.parts(args[1:])
		return v.run(cmd, args[0])
	})
	cmd.Long = e.say("Gives parts the outcome that you say, whatever they did or would do; what is behind them goes on\nby it. A part that runs is killed first. A part whose host is lost is given up: its job may still run there.")
	cmd.Example = examples(`banto tracker force-end 20261121-7k3mq0x load --outcome ok --reason "by hand"`,
		"banto tracker force-end 20261121-7k3mq0x judge --outcome ok --outlet big",
		"banto tracker force-end 20261121-7k3mq0x poll --outcome error --dry-run")
	cmd.Args = e.takes(2, -1, "TRACKER PART…")
	cmd.ValidArgsFunction = e.completeMove(func(banto.PartState) bool { return true }, open()...)
	cmd.Flags().StringVar(&v.req.Outlet, "outlet", "", e.say("the `way` that branches take, unless their outcome is error"))
	cmd.Flags().StringVar(&outcome, "outcome", "", e.say("the `outcome` that the parts get: ok, warning or error"))
	completesFlag(cmd, "outcome", outcomes())
	v.flags(cmd)
	v.wait.flags(e, cmd.Flags())
	v.undone(cmd)
	return cmd
}

func outcomes() []banto.Outcome { return []banto.Outcome{banto.OK, banto.Warning, banto.Error} }
