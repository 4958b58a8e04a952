package cli

import (
	"fmt"
	"strings"
	"time"

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
	f := facts{}
	f.add(e.say("host"), plain(h.Name), styleBold)
	f.add(e.say("ID"), string(h.ID), styleNone)
	f.add(e.say("state"), e.say("%s since %s", e.hostState(h.State), e.moment(h.Since)), hostLook(h.State))
	f.add(e.say("why"), plain(h.Why), styleNone)
	f.add(e.say("note"), plain(h.Problem), styleYellow)
	f.add(e.say("work"), e.admissionText(h), admissionLook(h.Admission))
	f.add(e.say("running"), fmt.Sprintf("%d/%d", h.Running, h.Slots), styleNone)
	f.add(e.say("labels"), labelText(h.Labels), styleNone)
	f.add(e.say("system"), plain(strings.Trim(h.OS+"/"+h.Arch, "/")), styleNone)
	f.add(e.say("version"), plain(h.Version), styleNone)
	f.add(e.say("reached at"), plain(h.Endpoint), styleNone)
	f.add(e.say("clock"), e.clockText(h.ClockMS), styleYellow)
	f.add(e.say("claims"), counter(h.Claims), styleNone)
	f.add(e.say("key"), plain(h.PublicKey), styleNone)
	f.add(e.say("enrolled"), e.moment(h.EnrolledAt), styleNone)
	if h.ConnectedAt != nil {
		f.add(e.say("connected"), e.moment(*h.ConnectedAt), styleNone)
	}
	return e.written(f.write(e))
}

func counter(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// clockText says how a host's clock goes; empty when it goes right.
func (e *env) clockText(ms int64) string {
	off := time.Duration(ms) * time.Millisecond
	switch {
	case ms > 0:
		return e.say("%s ahead of the manager's", short(off))
	case ms < 0:
		return e.say("%s behind the manager's", short(-off))
	}
	return ""
}

// admission says in a word what work a host takes; nothing when it takes all.
func (e *env) admission(a banto.Admission) (string, style) {
	switch a {
	case banto.AdmissionDraining:
		return e.say("draining"), admissionLook(a)
	case banto.AdmissionHeld:
		return e.say("held"), admissionLook(a)
	}
	return "", styleNone
}

func admissionLook(a banto.Admission) style {
	if a == banto.AdmissionDraining || a == banto.AdmissionHeld {
		return styleYellow
	}
	return styleNone
}

// admissionText says it in a sentence, with who and why.
func (e *env) admissionText(h banto.Host) string {
	word, _ := e.admission(h.Admission)
	if word == "" {
		return ""
	}
	if h.AdmissionSince != nil {
		word = e.say("%s since %s by %s", word, e.moment(*h.AdmissionSince), plain(h.AdmissionBy))
	}
	if h.AdmissionWhy != "" {
		word += ": " + plain(h.AdmissionWhy)
	}
	return word
}
