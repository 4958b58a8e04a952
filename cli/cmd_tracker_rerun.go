package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerRerunCommand(e *env) *cobra.Command {
	v := mover{e: e, req: banto.MoveRequest{Move: banto.MoveRerun}}
	var from, params []string
	cmd := e.command("rerun TRACKER [PART…]", e.say("Run parts of a tracker again"), func(cmd *cobra.Command, args []string) error {
		v.parts(args[1:])
		v.parts(from)
		if v.req.Only && len(v.req.Parts) == 0 {
			return e.wrongUse(cmd, e.say("--only needs the names of parts"))
		}
		var err error
		if v.req.Params, err = e.params(cmd, params); err != nil {
			return err
		}
		v.guarded = len(v.req.Parts) == 0 // what was named one by one was meant
		return v.run(cmd, args[0])
	})
	cmd.Long = e.say("Runs parts of a tracker again: the failed, cancelled and unreached ones, or those that are named\nand all that is behind them. All earlier attempts are kept. Parts that say rerun: ask want --yes.")
	cmd.Example = "  banto tracker rerun 20261121-7k3mq0x --wait\n  banto tracker rerun 20261121-7k3mq0x --latest --reason \"path fixed\"\n  banto tracker rerun 20261121-7k3mq0x restore\n  banto tracker rerun 20261121-7k3mq0x mail --only\n  banto tracker rerun 20261121-7k3mq0x -p source=/srv2"
	cmd.Args = e.takes(1, -1, "TRACKER [PART…]")
	cmd.ValidArgsFunction = e.completeMove(banto.PartState.Ended, banto.TrackerError, banto.TrackerBlocked, banto.TrackerCancelled, banto.TrackerWarning, banto.TrackerRunning)
	f := cmd.Flags()
	f.StringArrayVar(&from, "from", nil, e.say("run this `PART` again and all behind it; may be given again"))
	f.BoolVar(&v.req.Only, "only", false, e.say("only the named parts, not what is behind them"))
	f.StringArrayVarP(&params, "param", "p", nil, e.say("change a parameter: `name=value`; may be given again"))
	f.BoolVar(&v.req.Latest, "latest", false, e.say("use the definition that is in use now"))
	f.BoolVar(&v.req.Yes, "yes", false, e.say("also parts that want to be asked for (rerun: ask)"))
	v.flags(cmd)
	v.wait.flags(e, f)
	v.undone(cmd)
	// A flag that nobody registered cannot be completed; this one is above.
	_ = cmd.RegisterFlagCompletionFunc("from", e.completeParts(-1))
	return cmd
}
