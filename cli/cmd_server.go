package cli

import (
	"github.com/bantoops/banto/app"
	"github.com/spf13/cobra"
)

func newServerCommand(e *env) *cobra.Command {
	var flags processFlags
	cmd := e.command("server", e.say("Start the manager alone"), func(cmd *cobra.Command, _ []string) error {
		return app.RunServer(cmd.Context(), flags.options(e), e.greet)
	})
	cmd.Example = "  banto server\n  banto server --data /var/lib/banto"
	cmd.Args = e.takes(0, 0, "")
	flags.register(e, cmd)
	flags.registerPorts(e, cmd)
	return cmd
}
