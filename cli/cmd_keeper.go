package cli

import (
	"context"

	"github.com/bantoops/banto/app"
	"github.com/spf13/cobra"
)

func newKeeperCommand(e *env) *cobra.Command {
	var o app.KeeperOptions
	cmd := e.command("keeper", e.say("Be the parent of all jobs (the agent starts it)"), func(cmd *cobra.Command, _ []string) error {
		if o.Dir == "" && !o.Check {
			return e.wrongUse(cmd, e.say("it needs %s", "--dir"))
		}
		// A signal that ends the agent must not end the parent of its jobs.
		o.Version = e.std.Version
		return app.RunKeeper(context.WithoutCancel(cmd.Context()), o)
	})
	cmd.Hidden = true
	cmd.Example = "  banto keeper --dir DIR"
	cmd.Args = e.takes(0, 0, "")
	cmd.Flags().StringVar(&o.Dir, "dir", "", e.say("`directory` of the keeper"))
	cmd.Flags().StringArrayVar(&o.Accounts, "account", nil, e.say("OS `user` that jobs may run as, besides the keeper's own (may be repeated)"))
	cmd.Flags().BoolVar(&o.AllowRoot, "allow-root", false, e.say("jobs may run as root when the keeper does"))
	cmd.Flags().BoolVar(&o.Check, "check", false, e.say("only say whether this binary can be a keeper"))
	return cmd
}
