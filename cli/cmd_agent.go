package cli

import (
	"github.com/bantoops/banto/app"
	"github.com/spf13/cobra"
)

func newAgentCommand(e *env) *cobra.Command {
	var flags processFlags
	cmd := e.command("agent", e.say("Start the agent of this host"), func(cmd *cobra.Command, _ []string) error {
		o, done, err := flags.options(e, cmd)
		if err != nil {
			return err
		}
		defer done()
		return app.RunAgent(cmd.Context(), o, e.greet)
	})
	cmd.Long = e.say("Starts the agent of this host. With --join it first joins the manager that made the token (banto host\nenrol); a token that was used here already is not used again. Without, it has the identity that an\nearlier join, or banto server on the same data directory, has given it. It dials out only.")
	cmd.Example = examples("banto agent --join banto-join-1.eyJ…", "banto agent --data /var/lib/banto --settings /etc/banto/agent.yaml",
		"banto agent --proxy http://proxy.example.com:3128 --account batch", "banto agent install --user banto --settings /etc/banto/agent.yaml")
	cmd.Args = e.takes(0, 0, "")
	cmd.Annotations = map[string]string{alone: "yes"}
	flags.register(e, cmd)
	flags.registerHost(e, cmd)
	flags.registerAgent(e, cmd)
	cmd.AddCommand(newAgentInstallCommand(e), newAgentUninstallCommand(e))
	return cmd
}
