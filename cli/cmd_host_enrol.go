package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newHostEnrolCommand(e *env) *cobra.Command {
	var req banto.EnrolRequest
	var labels []string
	expires := duration(time.Hour)
	var asJSON bool
	cmd := e.command("enrol", e.say("Make a token with which a machine joins"), func(cmd *cobra.Command, _ []string) error {
		var err error
		if req.Labels, err = e.labels(cmd, labels); err != nil {
			return err
		}
		for _, name := range []string{"name", "again", "manager"} {
			if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
				return e.wrongUse(cmd, e.say("--%s is empty; leave it out", name))
			}
		}
		if good := time.Duration(expires); good < time.Minute || good > 30*24*time.Hour {
			return e.wrongUse(cmd, e.say("--expires wants a time from 1m to 30d"))
		}
		req.Expires = int64(time.Duration(expires) / time.Second)
		req.URL = strings.TrimRight(req.URL, "/")
		m, err := e.acting(cmd.Context(), asJSON)
		if err != nil {
			return err
		}
		t, err := m.Enrol(cmd.Context(), req)
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(t)
		}
		return e.writeJoin(t, req.Again)
	})
	cmd.Long = e.say("Makes a token with which one machine joins this manager, once: type the command that is printed\non that machine. The token holds the manager's address and the fingerprint of its CA, so that the\nmachine knows whom it trusts; it is shown once and not kept.")
	cmd.Example = examples("banto host enrol --name db01 --label role=db --label area=east",
		"banto host enrol --expires 24h --manager https://banto.example.com:8600",
		"banto host enrol --again db01")
	cmd.Args = e.takes(0, 0, "")
	f := cmd.Flags()
	f.StringVar(&req.Name, "name", "", e.say("`name` that the host gets; its own if left out"))
	f.StringArrayVar(&labels, "label", nil, e.say("give it a label: `key=value`; may be given again"))
	f.Var(&expires, "expires", e.say("`time` that the token is good for, such as 24h"))
	f.StringVar(&req.Again, "again", "", e.say("take this `HOST` in again, with a new key; its old one ends"))
	f.StringVar(&req.URL, "manager", "", e.say("`URL` of the manager as that machine sees it; the one of this call if left out"))
	f.BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	// It fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("again", e.completes(-1, e.askHosts()))
	return cmd
}

// labels reads key=value flags.
func (e *env) labels(cmd *cobra.Command, given []string) (map[string]string, error) {
	all := map[string]string{}
	for _, text := range given {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, e.wrongUse(cmd, e.say("%q is not a label; write it as key=value", text))
		}
		if _, twice := all[key]; twice {
			return nil, e.wrongUse(cmd, e.say("label %q is given twice", key))
		}
		all[key] = value
	}
	return all, nil
}

func (e *env) writeJoin(t banto.JoinToken, again string) error {
	var b strings.Builder
	name := first(t.Name, again)
	if name == "" {
		name = e.say("a host by its own name")
	}
	b.WriteString(e.say("A token for %s. It works once, until %s.", plain(name), e.moment(t.ExpiresAt)) + "\n\n")
	// Not cut: these are to be copied.
	fmt.Fprintf(&b, "%s\n\n  %s\n\n", e.say("Type on that machine:"), plain(t.Command))
	fmt.Fprintf(&b, "%s\n\n  %s\n\n", e.say("The token alone, for $BANTO_JOIN or a file:"), plain(t.Token))
	b.WriteString(e.say("Whoever has it can join in place of that machine: do not send it through a chat.") + "\n")
	return e.print(b.String())
}
