package cli

import "github.com/spf13/cobra"

func newJobnetCommand(e *env) *cobra.Command {
	return e.family("jobnet", e.say("List, show, compare and delete jobnets"),
		newJobnetListCommand(e),
		newJobnetShowCommand(e),
		newJobnetVersionsCommand(e),
		newJobnetDiffCommand(e),
		newJobnetDeleteCommand(e),
	)
}
