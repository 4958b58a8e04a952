package cli

import (
	"strconv"

	"github.com/spf13/cobra"
)

func newJobnetVersionsCommand(e *env) *cobra.Command {
	var asJSON bool
	cmd := e.command("versions JOBNET", e.say("List the versions of a jobnet, newest first"), func(cmd *cobra.Command, args []string) error {
		m, err := e.manager()
		if err != nil {
			return err
		}
		all, err := m.JobnetVersions(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(listOf(all))
		}
		t := table{columns: []column{
			{title: e.say("VERSION"), right: true},
			{title: e.say("IN USE")},
			{title: e.say("APPLIED")},
			{title: e.say("BY"), least: 5},
			{title: e.say("PARTS"), right: true, drop: 2},
			{title: e.say("TITLE"), least: 10, drop: 3},
			{title: e.say("FILE"), least: 10, drop: 4},
		}}
		for _, v := range all {
			active := cell{}
			if v.Active {
				active = cell{"✓", styleGreen}
			}
			t.add(cell{text: strconv.Itoa(v.Version)}, active, cell{text: e.moment(v.AppliedAt)}, cell{text: plain(v.AppliedBy)},
				cell{text: strconv.Itoa(v.Parts)}, cell{text: plain(v.Title)}, cell{text: plain(v.File)})
		}
		return e.written(t.write(e.std.Out, e.pen(), e.width()))
	})
	cmd.Example = "  banto jobnet versions backup/nightly"
	cmd.Args = e.takes(1, 1, "JOBNET")
	cmd.ValidArgsFunction = e.completeJobnets()
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}
