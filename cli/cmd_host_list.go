package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/spf13/cobra"
)

func newHostListCommand(e *env) *cobra.Command {
	var asJSON bool
	var labels, states []string
	cmd := e.command("list", e.say("List the hosts"), func(cmd *cobra.Command, _ []string) error {
		q := client.HostQuery{Labels: map[string]string{}}
		for _, text := range labels {
			key, value, _ := strings.Cut(text, "=")
			if _, twice := q.Labels[key]; twice || key == "" {
				return e.wrongUse(cmd, e.say("label %q is given twice", key))
			}
			q.Labels[key] = value
		}
		for _, s := range states {
			state := banto.HostState(s)
			if !slices.Contains(hostStates(), state) {
				return e.wrongUse(cmd, e.say("%q is not the state of a host; those are %s", s, joined(hostStates())))
			}
			q.States = append(q.States, state)
		}
		m, err := e.manager()
		if err != nil {
			return err
		}
		all, err := m.FindHosts(cmd.Context(), q)
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(listOf(all))
		}
		if len(all) == 0 && len(labels)+len(states) > 0 {
			return e.print(e.say("no host has that label or state") + "\n")
		}
		return e.writeHosts(all)
	})
	cmd.Example = examples("banto host list", "banto host list --state lost", "banto host list --label role=db --json")
	cmd.Args = e.takes(0, 0, "")
	f := cmd.Flags()
	f.StringArrayVar(&labels, "label", nil, e.say("only those with this label: `key[=value]`; may be given again"))
	f.StringArrayVar(&states, "state", nil, e.say("only those in this `state`; may be given again"))
	f.BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	completesFlag(cmd, "state", hostStates())
	return cmd
}

func hostStates() []banto.HostState {
	return []banto.HostState{banto.HostConnected, banto.HostLost, banto.HostNever}
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

// labelText writes labels in the order of their keys.
func labelText(labels map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, plain(name+"="+labels[name]))
	}
	return strings.Join(all, " ")
}

func (e *env) writeHosts(all []banto.Host) error {
	if len(all) == 0 {
		return e.print(e.say("no host is known") + "\n")
	}
	t := table{columns: []column{
		{title: e.say("HOST"), least: 10},
		{title: e.say("STATE")},
		{title: e.say("SINCE"), drop: 2},
		{title: e.say("WORK"), drop: 1},
		{title: e.say("RUNNING"), right: true},
		{title: e.say("LABELS"), least: 8, drop: 4},
		{title: e.say("SYSTEM"), drop: 5},
		{title: e.say("VERSION"), least: 6, drop: 6},
		{title: e.say("WHY"), least: 10, drop: 3},
	}}
	for _, h := range all {
		system := h.OS
		if h.Arch != "" {
			system += "/" + h.Arch
		}
		work, look := e.admission(h.Admission)
		t.add(cell{text: plain(h.Name)}, cell{e.hostState(h.State), hostLook(h.State)}, cell{text: e.clock(&h.Since)}, cell{work, look},
			cell{text: fmt.Sprintf("%d/%d", h.Running, h.Slots)}, cell{text: labelText(h.Labels)}, cell{text: plain(system)},
			cell{text: plain(h.Version)}, cell{text: plain(first(h.Why, h.AdmissionWhy, h.Problem))})
	}
	return e.written(t.write(e.std.Out, e.pen(), e.width()))
}
