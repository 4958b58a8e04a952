package cli

import (
	"strconv"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newGroupListCommand(e *env) *cobra.Command {
	var asJSON bool
	cmd := e.command("list", e.say("List the host groups"), func(cmd *cobra.Command, _ []string) error {
		m, err := e.manager()
		if err != nil {
			return err
		}
		all, err := m.Groups(cmd.Context())
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(listOf(all))
		}
		return e.writeGroups(all)
	})
	cmd.Example = examples("banto group list", "banto group list --json")
	cmd.Args = e.takes(0, 0, "")
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

func (e *env) writeGroups(all []banto.GroupInfo) error {
	if len(all) == 0 {
		return e.print(e.say("there is no host group (banto apply -f FILE)") + "\n")
	}
	t := table{columns: []column{
		{title: e.say("GROUP"), least: 10},
		{title: e.say("HOSTS"), right: true},
		{title: e.say("PICK"), drop: 1},
		{title: e.say("BY LABELS"), least: 8, drop: 2},
		{title: e.say("TITLE"), least: 8, drop: 3},
		{title: e.say("APPLIED"), drop: 4},
		{title: e.say("BY"), least: 5, drop: 5},
	}}
	for _, g := range all {
		t.add(cell{text: plain(g.Name)}, cell{text: strconv.Itoa(len(g.Hosts))}, cell{text: plain(g.Pick)}, cell{text: labelText(g.Labels)},
			cell{text: plain(g.Title)}, cell{text: e.clock(&g.AppliedAt)}, cell{text: plain(g.AppliedBy)})
	}
	return e.written(t.write(e.std.Out, e.pen(), e.width()))
}
