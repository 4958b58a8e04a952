package cli

import (
	"strings"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newGroupShowCommand(e *env) *cobra.Command {
	var asJSON bool
	cmd := e.command("show GROUP", e.say("Show a host group and the hosts that are in it now"), func(cmd *cobra.Command, args []string) error {
		m, err := e.manager()
		if err != nil {
			return err
		}
		g, err := m.Group(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(g)
		}
		return e.writeGroup(g)
	})
	cmd.Example = examples("banto group show batch-east")
	cmd.Args = e.takes(1, 1, "GROUP")
	cmd.ValidArgsFunction = e.completeGroups()
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

func (e *env) writeGroup(g banto.GroupInfo) error {
	f := facts{}
	f.add(e.say("host group"), plain(g.Name), styleBold)
	f.add(e.say("title"), plain(g.Title), styleNone)
	f.add(e.say("by name"), plain(strings.Join(g.Names, " ")), styleNone)
	f.add(e.say("by labels"), labelText(g.Labels), styleNone)
	f.add(e.say("pick"), plain(g.Pick), styleNone)
	f.add(e.say("hosts now"), first(plain(strings.Join(g.Hosts, " ")), e.say("none")), styleNone)
	f.add(e.say("applied"), e.say("%s by %s", e.moment(g.AppliedAt), plain(g.AppliedBy)), styleNone)
	return e.written(f.write(e))
}
