package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/app"
	"github.com/spf13/cobra"
)

func newDoctorCommand(e *env) *cobra.Command {
	var asJSON bool
	var flags processFlags
	cmd := e.command("doctor", e.say("Say why an agent is not connected, and what else is wrong"), func(cmd *cobra.Command, _ []string) error {
		o, done, err := flags.options(e, cmd)
		if err != nil {
			return err
		}
		defer done()
		found, err := e.examine(cmd.Context(), o)
		if err != nil {
			return err
		}
		if asJSON {
			err = e.document(listOf(found))
		} else {
			err = e.writeFindings(found)
		}
		if err != nil {
			return err
		}
		for _, f := range found {
			if !f.OK {
				return exit(exitBad)
			}
		}
		return nil
	})
	cmd.Long = e.say("Looks at this machine's agent, if it has one, and asks the manager, if one is configured: name, port,\nproxy, TLS, token, key, clock, a second agent with the same identity, version. What is wrong stands with\nwhat to do. It changes nothing. Exit code 0 when all is well, 1 when something is wrong.")
	cmd.Example = examples("banto doctor", "banto doctor --data /var/lib/banto --json")
	cmd.Args = e.takes(0, 0, "")
	f := cmd.Flags()
	f.StringVar(&flags.data, "data", "", e.say("data `directory` ($BANTO_DATA, else ~/.local/state/banto)"))
	f.StringVar(&flags.settings, "settings", "", e.say("read settings from this `FILE`; flags win over it"))
	f.StringVar(&flags.proxy, "proxy", "", e.say("`URL` of an HTTP proxy that takes CONNECT; else as the environment says"))
	f.BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

// examine gathers what there is to say: of the agent here, and of the manager
// that the caller's configuration names.
func (e *env) examine(ctx context.Context, o app.Options) ([]banto.Finding, error) {
	a, err := e.address()
	if err != nil {
		return nil, err
	}
	// A machine where nobody is a manager's user is a host, or is to be one.
	host := a.Token == ""
	var found []banto.Finding
	if host || app.HasAgent(o.Data) {
		if found, err = app.DoctorAgent(ctx, o); err != nil {
			return nil, err
		}
	}
	if host {
		return found, nil
	}
	m, err := e.manager()
	if err != nil {
		return nil, err
	}
	theirs, err := m.Doctor(ctx)
	if err != nil {
		info := banto.Fail(banto.KindInternal, err.Error(), "", "")
		_ = errors.As(err, &info)
		why := info.What
		if info.Why != "" {
			why += ": " + info.Why
		}
		return append(found, banto.Finding{Check: "manager", Object: a.URL, Found: why, Advice: info.Hint}), nil
	}
	return append(found, theirs...), nil
}

func (e *env) writeFindings(found []banto.Finding) error {
	if len(found) == 0 {
		return e.print(e.say("there is nothing to look at") + "\n")
	}
	var b strings.Builder
	p, width := e.pen(), e.width()
	check, object := textWidth(e.say("CHECK")), textWidth(e.say("OBJECT"))
	for _, f := range found {
		check, object = max(check, textWidth(plain(f.Check))), max(object, textWidth(plain(f.Object)))
	}
	row := func(sign, name, what, text string, look style) {
		head := sign + " " + pad(name, check) + "  " + pad(what, object)
		line := p.paint(look, head) + "  " + text
		if width > 0 && textWidth(head)+gap+textWidth(text) > width {
			// What was found is never cut: it goes below.
			line = p.paint(look, cut(strings.TrimRight(head, " "), width)) + "\n" + indented(text, width)
		}
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	row(" ", e.say("CHECK"), e.say("OBJECT"), e.say("FOUND"), styleBold)
	bad := 0
	for _, f := range found {
		sign, look := "✓", styleGreen
		if !f.OK {
			sign, look = "✗", styleRed
			bad++
		}
		row(sign, plain(f.Check), plain(f.Object), plain(f.Found), look)
		if f.Advice != "" {
			b.WriteString(indented("→ "+plain(f.Advice), width))
		}
	}
	if bad == 0 {
		b.WriteString("\n" + e.say("all is well: %d checks", len(found)) + "\n")
	} else {
		b.WriteString("\n" + e.say("wrong: %d of %d checks", bad, len(found)) + "\n")
	}
	return e.print(b.String())
}

// indented writes a sentence in lines that stand a little to the right.
func indented(text string, width int) string {
	const lead = "    "
	var b strings.Builder
	for _, line := range wrap(text, width-len(lead)) {
		b.WriteString(lead + line + "\n")
	}
	return b.String()
}
