package cli

import "github.com/spf13/cobra"

func newAccountCommand(e *env) *cobra.Command {
	return e.family("account", e.say("List, show and release accounts"), newAccountListCommand(e), newAccountShowCommand(e), newAccountReleaseCommand(e))
}
