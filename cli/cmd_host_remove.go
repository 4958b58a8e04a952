package cli

import (
	"github.com/spf13/cobra"
)

func newHostRemoveCommand(e *env) *cobra.Command {
	var force, asJSON bool
	var reason string
	var g guard
	cmd := e.command("remove HOST", e.say("Remove a host and shut its key out"), func(cmd *cobra.Command, args []string) error {
		if err := e.fits(cmd, reason, ""); err != nil {
			return err
		}
		m, err := e.acting(cmd.Context(), asJSON)
		if err != nil {
			return err
		}
		if err := e.confirmed(cmd.Context(), m, cmd, g, args[0], nil); err != nil {
			return err
		}
		h, err := m.RemoveHost(cmd.Context(), args[0], force, reason)
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(h)
		}
		return e.print(e.say("host %s is removed; its key is not accepted any more", plain(h.Name)) + "\n")
	})
	cmd.Long = e.say("Removes a host and shuts its key out at once. It is refused while jobs are, or may be, on it; with\n--force they end in error, as lost, though they may still run there.")
	cmd.Example = examples("banto host remove old07", `banto host remove db01 --force --reason "burnt down"`)
	cmd.Args = e.takes(1, 1, "HOST")
	cmd.ValidArgsFunction = e.completeHosts()
	f := cmd.Flags()
	f.BoolVar(&force, "force", false, e.say("also while jobs may be on it: they end in error, as lost"))
	f.StringVar(&reason, "reason", "", e.say("why, in your `words`; kept on record"))
	f.BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	g.flag(e, cmd)
	return cmd
}
