package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newAccountShowCommand(e *env) *cobra.Command {
	var asJSON bool
	cmd := e.command("show ACCOUNT", e.say("Show an account and who it is on which host"), func(cmd *cobra.Command, args []string) error {
		m, err := e.manager()
		if err != nil {
			return err
		}
		a, err := m.Account(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(a)
		}
		return e.writeAccount(a)
	})
	cmd.Example = examples("banto account show nightly")
	cmd.Args = e.takes(1, 1, "ACCOUNT")
	cmd.ValidArgsFunction = e.completeAccounts()
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

func (e *env) writeAccount(a banto.AccountInfo) error {
	f := facts{}
	state, look := e.accountState(a)
	f.add(e.say("account"), plain(a.Name), styleBold)
	f.add(e.say("title"), plain(a.Title), styleNone)
	if a.Blocked != nil {
		state = e.say("%s since %s", state, e.moment(*a.Blocked))
	}
	f.add(e.say("state"), state, look)
	f.add(e.say("why"), plain(a.BlockedBy), styleNone)
	for _, u := range a.Users {
		hosts := first(plain(u.Hosts), e.say("all hosts"))
		f.add(e.say("user"), e.say("%s on %s", plain(u.User), hosts), styleNone)
	}
	f.add(e.say("applied"), e.say("%s by %s", e.moment(a.AppliedAt), plain(a.AppliedBy)), styleNone)
	if err := e.written(f.write(e)); err != nil || a.Blocked == nil {
		return err
	}
	return e.print(e.say("banto account release %s lets it be tried again", plain(a.Name)) + "\n")
}
