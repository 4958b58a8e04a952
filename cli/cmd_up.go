package cli

import (
	"github.com/bantoops/banto/app"
	"github.com/spf13/cobra"
)

func newUpCommand(e *env) *cobra.Command {
	var flags processFlags
	cmd := e.command("up", e.say("Start manager and agent on this machine"), func(cmd *cobra.Command, _ []string) error {
		o, done, err := flags.options(e, cmd)
		if err != nil {
			return err
		}
		defer done()
		return app.Up(cmd.Context(), o, e.greet)
	})
	cmd.Example = "  banto up\n  banto up --data /tmp/try --http :0 --fabric :0"
	cmd.Args = e.takes(0, 0, "")
	flags.register(e, cmd)
	flags.registerServer(e, cmd)
	flags.registerHost(e, cmd)
	return cmd
}
