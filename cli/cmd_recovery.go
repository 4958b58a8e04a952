package cli

import (
	"github.com/spf13/cobra"
)

func newRecoveryCommand(e *env) *cobra.Command {
	show := newRecoveryShowCommand(e)
	cmd := e.family("recovery", e.say("See what ran after a restored backup, and let the manager go on"), show, newRecoveryConfirmCommand(e))
	cmd.Long = e.say("A manager that was started on a restored store, or at a second site, starts nothing by itself: it asks all\nhosts what their keepers know, and holds everything until a person has looked at that and confirmed it.")
	refuse := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return refuse(cmd, args)
		}
		return show.RunE(cmd, args)
	}
	return cmd
}
