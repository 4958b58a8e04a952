package cli

import "github.com/spf13/cobra"

func newAccountReleaseCommand(e *env) *cobra.Command {
	cmd := e.command("release ACCOUNT", e.say("Let an account be tried again after failed logons"), func(cmd *cobra.Command, args []string) error {
		m, err := e.acting(cmd.Context(), false)
		if err != nil {
			return err
		}
		if err := m.ReleaseAccount(cmd.Context(), args[0]); err != nil {
			return err
		}
		return e.print(e.say("account %s is tried again", plain(args[0])) + "\n")
	})
	cmd.Long = e.say("After too many failed logons in a row nothing starts under an account any more, so that the directory\ndoes not lock it. Mend the password or the user first, then release it.")
	cmd.Example = examples("banto account release nightly")
	cmd.Args = e.takes(1, 1, "ACCOUNT")
	cmd.ValidArgsFunction = e.completeAccounts()
	return cmd
}
