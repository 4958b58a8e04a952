package cli

import "github.com/spf13/cobra"

func newHostCommand(e *env) *cobra.Command {
	return e.family("host", e.say("Enrol hosts, look at them, and say what work they take"),
		newHostListCommand(e),
		newHostShowCommand(e),
		newHostEnrolCommand(e),
		newHostLabelCommand(e),
		newHostHoldCommand(e),
		newHostReleaseCommand(e),
		newHostDrainCommand(e),
		newHostRemoveCommand(e),
	)
}
