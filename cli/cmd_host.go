package cli

import "github.com/spf13/cobra"

func newHostCommand(e *env) *cobra.Command {
	return e.family("host", e.say("List and show hosts"), newHostListCommand(e), newHostShowCommand(e))
}
