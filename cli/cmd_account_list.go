package cli

import (
	"strings"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newAccountListCommand(e *env) *cobra.Command {
	var asJSON bool
	cmd := e.command("list", e.say("List the accounts"), func(cmd *cobra.Command, _ []string) error {
		m, err := e.manager()
		if err != nil {
			return err
		}
		all, err := m.Accounts(cmd.Context())
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(listOf(all))
		}
		return e.writeAccounts(all)
	})
	cmd.Example = examples("banto account list", "banto account list --json")
	cmd.Args = e.takes(0, 0, "")
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

func (e *env) writeAccounts(all []banto.AccountInfo) error {
	if len(all) == 0 {
		return e.print(e.say("there is no account (banto apply -f FILE)") + "\n")
	}
	t := table{columns: []column{
		{title: e.say("ACCOUNT"), least: 10},
		{title: e.say("STATE")},
		{title: e.say("SINCE"), drop: 2},
		{title: e.say("USERS"), least: 12, drop: 1},
		{title: e.say("WHY"), least: 12, drop: 3},
		{title: e.say("TITLE"), least: 8, drop: 4},
	}}
	for _, a := range all {
		state, look := e.accountState(a)
		var users []string
		for _, u := range a.Users {
			users = append(users, plain(u.User))
		}
		t.add(cell{text: plain(a.Name)}, cell{state, look}, cell{text: e.clock(a.Blocked)}, cell{text: strings.Join(users, " ")},
			cell{text: plain(a.BlockedBy)}, cell{text: plain(a.Title)})
	}
	return e.written(t.write(e.std.Out, e.pen(), e.width()))
}

// accountState says whether jobs start under an account.
func (e *env) accountState(a banto.AccountInfo) (string, style) {
	switch {
	case a.Blocked != nil:
		return e.say("no logon"), styleRed
	case a.Failures > 0:
		return e.say("failed logons: %d", a.Failures), styleYellow
	}
	return e.say("ok"), styleGreen
}
