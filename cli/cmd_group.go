package cli

import "github.com/spf13/cobra"

func newGroupCommand(e *env) *cobra.Command {
	return e.family("group", e.say("List and show host groups"), newGroupListCommand(e), newGroupShowCommand(e))
}
