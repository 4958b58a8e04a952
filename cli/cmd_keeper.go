package cli

import (
	"context"

	"github.com/bantoops/banto/app"
	"github.com/spf13/cobra"
)

func newKeeperCommand(e *env) *cobra.Command {
	var dir string
	cmd := e.command("keeper", e.say("Be the parent of all jobs (the agent starts it)"), func(cmd *cobra.Command, _ []string) error {
		if dir == "" {
			return e.wrongUse(cmd, e.say("it needs %s", "--dir"))
		}
		// A signal that ends the agent must not end the parent of its jobs.
		return app.RunKeeper(context.WithoutCancel(cmd.Context()), dir, e.std.Version)
	})
	cmd.Hidden = true
	cmd.Example = "  banto keeper --dir DIR"
	cmd.Args = e.takes(0, 0, "")
	cmd.Flags().StringVar(&dir, "dir", "", e.say("`directory` of the keeper"))
	return cmd
}
