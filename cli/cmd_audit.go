package cli

import "github.com/spf13/cobra"

func newAuditCommand(e *env) *cobra.Command {
	return e.family("audit", e.say("Show who did what, and when"), newAuditListCommand(e))
}
