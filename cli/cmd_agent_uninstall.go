package cli

import (
	"github.com/bantoops/banto/app"
	"github.com/spf13/cobra"
)

func newAgentUninstallCommand(e *env) *cobra.Command {
	cmd := e.command("uninstall", e.say("Stop the agent's service and take it away"), func(*cobra.Command, []string) error {
		if err := app.UninstallAgent(); err != nil {
			return err
		}
		return e.print(e.say("the service is gone; jobs that run go on to their end, and the data directory stays") + "\n")
	})
	cmd.Example = examples("banto agent uninstall")
	cmd.Args = e.takes(0, 0, "")
	return cmd
}
