package cli

import (
	"strings"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newHostLabelCommand(e *env) *cobra.Command {
	var asJSON bool
	var reason string
	cmd := e.command("label HOST KEY=VALUE|KEY-…", e.say("Set labels of a host, or take them away"), func(cmd *cobra.Command, args []string) error {
		labels := map[string]*string{}
		for _, text := range args[1:] {
			key, value, set := strings.Cut(text, "=")
			if !set {
				var away bool
				if key, away = strings.CutSuffix(text, "-"); !away {
					return e.wrongUse(cmd, e.say("%q is no change of a label; write key=value, or key- to take it away", text))
				}
			}
			if _, twice := labels[key]; twice || key == "" {
				return e.wrongUse(cmd, e.say("label %q is given twice", key))
			}
			labels[key] = nil
			if set {
				labels[key] = &value
			}
		}
		m, err := e.acting(cmd.Context(), asJSON)
		if err != nil {
			return err
		}
		h, err := m.ChangeHost(cmd.Context(), args[0], banto.HostChange{Labels: labels, Reason: reason})
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(h)
		}
		return e.print(e.say("host %s: labels: %s", plain(h.Name), first(labelText(h.Labels), "-")) + "\n")
	})
	cmd.Long = e.say("Sets labels of a host, or takes them away (KEY-). Groups and jobnets choose hosts by them, from the\nnext choice on; trackers that have chosen a host keep it.")
	cmd.Example = examples("banto host label db01 role=db area=east", "banto host label db01 area-")
	cmd.Args = e.takes(2, -1, "HOST KEY=VALUE|KEY-")
	cmd.ValidArgsFunction = e.completeHosts()
	cmd.Flags().StringVar(&reason, "reason", "", e.say("why, in your `words`; kept on record"))
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}
