package cli

import (
	"github.com/bantoops/banto/app"
	"github.com/spf13/cobra"
)

func newAgentCommand(e *env) *cobra.Command {
	var flags processFlags
	cmd := e.command("agent", e.say("Start the agent of the host beside the manager"), func(cmd *cobra.Command, _ []string) error {
		return app.RunAgent(cmd.Context(), flags.options(e), e.greet)
	})
	cmd.Long = e.say("Starts the agent with the identity that banto server made for the host it runs on.")
	cmd.Example = "  banto agent\n  banto agent --data /var/lib/banto --slots 200"
	cmd.Args = e.takes(0, 0, "")
	flags.register(e, cmd)
	flags.registerHost(e, cmd)
	return cmd
}
