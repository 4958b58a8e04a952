package cli

import (
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newServerListCommand(e *env) *cobra.Command {
	var asJSON bool
	cmd := e.command("list", e.say("List the managers that share the store"), func(cmd *cobra.Command, _ []string) error {
		m, err := e.manager()
		if err != nil {
			return err
		}
		all, err := m.Managers(cmd.Context())
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(listOf(all))
		}
		return e.writeManagers(all)
	})
	cmd.Example = examples("banto server list", "banto server list --json")
	cmd.Args = e.takes(0, 0, "")
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

// role says what a manager does.
func (e *env) role(m banto.ManagerState) (string, style) {
	switch {
	case m.Active:
		return e.say("active"), styleGreen
	case m.Silent > 0:
		return e.say("silent"), styleRed
	}
	return e.say("standing by"), styleNone
}

func (e *env) writeManagers(all []banto.ManagerState) error {
	t := table{columns: []column{
		{title: e.say("MANAGER"), least: 8},
		{title: e.say("ROLE")},
		{title: e.say("HEARD"), drop: 1},
		{title: e.say("SINCE"), drop: 2},
		{title: e.say("VERSION"), least: 6, drop: 3},
		{title: e.say("URL"), least: 16, drop: 4},
	}}
	for _, m := range all {
		role, look := e.role(m)
		heard := e.say("%s ago", short(max(0, e.std.Now().Sub(m.SeenAt)).Truncate(time.Second)))
		if m.Silent > 0 {
			heard = e.say("%s ago", short(time.Duration(m.Silent)*time.Millisecond))
		}
		started := m.StartedAt
		t.add(cell{text: first(plain(m.Name), "-")}, cell{role, look}, cell{text: heard}, cell{text: e.clock(&started)},
			cell{text: plain(m.Version)}, cell{text: plain(m.URL)})
	}
	if err := e.written(t.write(e.std.Out, e.pen(), e.width())); err != nil {
		return err
	}
	for _, m := range all {
		if m.Unreached == "" {
			continue
		}
		if err := e.print("\n" + plain(m.Name) + ": " + plain(m.Unreached) + "\n"); err != nil {
			return err
		}
	}
	var urls []string
	for _, m := range all {
		if m.URL != "" {
			urls = append(urls, m.URL)
		}
	}
	if a, err := e.address(); err == nil && len(urls) > 1 && len(urls) == len(all) && !among(urls, strings.Split(a.URL, ",")) {
		return e.print("\n" + e.say("Your commands know one of them alone. banto login %s makes them know all.", plain(strings.Join(urls, " "))) + "\n")
	}
	return nil
}
