package cli

import "github.com/spf13/cobra"

func newJobnetDeleteCommand(e *env) *cobra.Command {
	var g guard
	cmd := e.command("delete JOBNET…", e.say("Take jobnets out of use"), func(cmd *cobra.Command, args []string) error {
		if g.given != "" && len(args) > 1 {
			return e.wrongUse(cmd, e.say("--confirm goes with one jobnet at a time"))
		}
		m, err := e.acting(cmd.Context(), false)
		if err != nil {
			return err
		}
		for _, path := range args {
			if err := e.confirmed(cmd.Context(), m, cmd, g, path, nil); err != nil {
				return err
			}
			if err := m.DeleteJobnet(cmd.Context(), path); err != nil {
				return err
			}
			if err := e.print(e.say("%s is not in use any more; its versions and trackers are kept", plain(path)) + "\n"); err != nil {
				return err
			}
		}
		return nil
	})
	cmd.Long = e.say("Takes jobnets out of use. Versions and trackers are kept; applying one again brings it back.")
	cmd.Example = "  banto jobnet delete backup/old"
	cmd.Args = e.takes(1, -1, "JOBNET")
	cmd.ValidArgsFunction = e.completeJobnets()
	g.flag(e, cmd)
	return cmd
}
