package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerCommentCommand(e *env) *cobra.Command {
	v := mover{e: e, req: banto.MoveRequest{Move: banto.MoveComment}}
	cmd := e.command("comment TRACKER TEXT", e.say("Leave a note at a tracker"), func(cmd *cobra.Command, args []string) error {
		v.req.Reason = args[1]
		return v.run(cmd, args[0])
	})
	cmd.Long = e.say("Leaves a note at a tracker, for those who come after you. banto tracker show shows it.")
	cmd.Example = examples(`banto tracker comment 20261121-7k3mq0x "called Sato, the file comes at 3"`)
	cmd.Args = e.takes(2, 2, "TRACKER TEXT")
	cmd.ValidArgsFunction = e.completeTrackers()
	cmd.Flags().BoolVar(&v.req.DryRun, "dry-run", false, e.say("say what would change, and change nothing"))
	cmd.Flags().BoolVar(&v.json, "json", false, e.say("write one JSON document"))
	return cmd
}
