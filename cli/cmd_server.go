package cli

import (
	"github.com/bantoops/banto/app"
	"github.com/spf13/cobra"
)

func newServerCommand(e *env) *cobra.Command {
	var flags processFlags
	cmd := e.command("server", e.say("Start the manager alone"), func(cmd *cobra.Command, _ []string) error {
		o, done, err := flags.options(e, cmd)
		if err != nil {
			return err
		}
		defer done()
		return app.RunServer(cmd.Context(), o, e.greet)
	})
	cmd.Long = e.say("Starts the manager alone. On addresses that other machines can reach it speaks TLS, with a certificate\nof its own CA unless --cert gives another. Managers that share a PostgreSQL store (--store) follow each\nother: one is active, the others stand by.")
	cmd.Example = examples("banto server", "banto server --data /var/lib/banto",
		"banto server --http 0.0.0.0:8600 --fabric 0.0.0.0:8601 \\\n    --san banto.example.com --environment production",
		"BANTO_STORE=postgres://banto:…@db/banto \\\n    banto server --http 0.0.0.0:8600 --fabric 0.0.0.0:8601")
	cmd.Args = e.takes(0, 0, "")
	cmd.Annotations = map[string]string{alone: "yes"}
	flags.register(e, cmd)
	flags.registerServer(e, cmd)
	flags.registerManagers(e, cmd)
	cmd.AddCommand(newServerListCommand(e), newServerHandOverCommand(e))
	return cmd
}
