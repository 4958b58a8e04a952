package cli

import (
	"strconv"
	"strings"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newJobnetListCommand(e *env) *cobra.Command {
	var asJSON bool
	cmd := e.command("list [FOLDER]", e.say("List the jobnets in use"), func(cmd *cobra.Command, args []string) error {
		m, err := e.manager()
		if err != nil {
			return err
		}
		folder := ""
		if len(args) > 0 {
			folder = strings.Trim(args[0], "/")
		}
		all, err := m.AllJobnets(cmd.Context(), folder)
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(listOf(all))
		}
		return e.writeJobnets(all)
	})
	cmd.Example = "  banto jobnet list\n  banto jobnet list backup\n  banto jobnet list --json"
	cmd.Args = e.takes(0, 1, "FOLDER")
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

// listOf makes the document of a whole list: {"items": […]}.
func listOf[T any](items []T) banto.Page[T] {
	if items == nil {
		items = []T{}
	}
	return banto.Page[T]{Items: items}
}

func (e *env) writeJobnets(all []banto.JobnetInfo) error {
	if len(all) == 0 {
		return e.print(e.say("no jobnet is in use (banto apply -f FILE)") + "\n")
	}
	t := table{columns: []column{
		{title: e.say("JOBNET"), least: 12},
		{title: e.say("TITLE"), least: 10, drop: 2},
		{title: e.say("VERSION"), right: true},
		{title: e.say("PARTS"), right: true, drop: 3},
		{title: e.say("APPLIED"), drop: 4},
		{title: e.say("BY"), least: 5, drop: 5},
	}}
	for _, j := range all {
		t.add(cell{text: plain(j.Path)}, cell{text: plain(j.Title)}, cell{text: strconv.Itoa(j.Version)},
			cell{text: strconv.Itoa(j.Parts)}, cell{text: e.clock(&j.AppliedAt)}, cell{text: plain(j.AppliedBy)})
	}
	return e.written(t.write(e.std.Out, e.pen(), e.width()))
}
