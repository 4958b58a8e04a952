package cli

import (
	"fmt"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newHostListCommand(e *env) *cobra.Command {
	var asJSON bool
	cmd := e.command("list", e.say("List the hosts"), func(cmd *cobra.Command, _ []string) error {
		m, err := e.manager()
		if err != nil {
			return err
		}
		all, err := m.Hosts(cmd.Context())
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(listOf(all))
		}
		return e.writeHosts(all)
	})
	cmd.Example = "  banto host list\n  banto host list --json"
	cmd.Args = e.takes(0, 0, "")
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

func hostLook(s banto.HostState) style {
	switch s {
	case banto.HostConnected:
		return styleGreen
	case banto.HostLost:
		return styleRed
	}
	return styleDim
}

func (e *env) writeHosts(all []banto.Host) error {
	if len(all) == 0 {
		return e.print(e.say("no host is known") + "\n")
	}
	t := table{columns: []column{
		{title: e.say("HOST"), least: 10},
		{title: e.say("STATE")},
		{title: e.say("SINCE"), drop: 2},
		{title: e.say("RUNNING"), right: true},
		{title: e.say("SYSTEM"), drop: 3},
		{title: e.say("VERSION"), least: 6, drop: 4},
		{title: e.say("WHY"), least: 10, drop: 5},
	}}
	for _, h := range all {
		system := h.OS
		if h.Arch != "" {
			system += "/" + h.Arch
		}
		t.add(cell{text: plain(h.Name)}, cell{e.hostState(h.State), hostLook(h.State)}, cell{text: e.clock(&h.Since)},
			cell{text: fmt.Sprintf("%d/%d", h.Running, h.Slots)}, cell{text: plain(system)}, cell{text: plain(h.Version)},
			cell{text: plain(h.Why)})
	}
	return e.written(t.write(e.std.Out, e.pen(), e.width()))
}
