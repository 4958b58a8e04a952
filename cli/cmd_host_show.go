package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newHostShowCommand(e *env) *cobra.Command {
	var asJSON bool
	cmd := e.command("show HOST", e.say("Show a host"), func(cmd *cobra.Command, args []string) error {
		m, err := e.manager()
		if err != nil {
			return err
		}
		h, err := m.Host(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(h)
		}
		return e.writeHost(h)
	})
	cmd.Example = "  banto host show db01"
	cmd.Args = e.takes(1, 1, "HOST")
	cmd.ValidArgsFunction = e.completeHosts()
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

func (e *env) writeHost(h banto.Host) error {
	t := table{columns: []column{{}, {least: 20}}}
	add := func(name, text string, look style) {
		if text != "" {
			t.add(cell{name, styleDim}, cell{text, look})
		}
	}
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(h.Labels)) {
		labels = append(labels, plain(name+"="+h.Labels[name]))
	}
	add(e.say("host"), plain(h.Name), styleNone)
	add(e.say("ID"), string(h.ID), styleNone)
	add(e.say("state"), e.say("%s since %s", e.hostState(h.State), e.moment(h.Since)), hostLook(h.State))
	add(e.say("why"), plain(h.Why), styleNone)
	add(e.say("running"), fmt.Sprintf("%d/%d", h.Running, h.Slots), styleNone)
	add(e.say("labels"), strings.Join(labels, " "), styleNone)
	add(e.say("system"), plain(strings.Trim(h.OS+"/"+h.Arch, "/")), styleNone)
	add(e.say("version"), plain(h.Version), styleNone)
	add(e.say("enrolled"), e.moment(h.EnrolledAt), styleNone)
	if h.ConnectedAt != nil {
		add(e.say("connected"), e.moment(*h.ConnectedAt), styleNone)
	}
	return e.written(t.write(e.std.Out, e.pen(), e.width()))
}
