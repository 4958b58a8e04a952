package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

// acting gives a client for a command that changes something, and shows a
// person in which environment that is. The answer of a manager that does not
// tell is empty.
func (e *env) acting(ctx context.Context, asJSON bool) (*client.Client, error) {
	m, err := e.manager()
	if err != nil {
		return nil, err
	}
	if _, _, ok := e.size(e.std.Err); !ok || asJSON {
		return m, nil
	}
	info, err := managerInfo(ctx, m)
	if err != nil {
		return nil, err
	}
	if line := e.banner(info, pen{on: e.colours(e.std.Err)}); line != "" {
		// What is shown on the way is not worth an error.
		_, _ = fmt.Fprintln(e.std.Err, line)
	}
	return m, nil
}

// managerInfo asks what a person should know of the manager; one of an older
// version knows nothing of it.
func managerInfo(ctx context.Context, m *client.Client) (banto.ManagerInfo, error) {
	info, err := m.Manager(ctx)
	if banto.KindOf(err) == banto.KindNotFound {
		return banto.ManagerInfo{}, nil
	}
	return info, err
}

// banner shows the environment as something that nobody overlooks; empty when
// the manager has none.
func (e *env) banner(info banto.ManagerInfo, p pen) string {
	if info.Environment == "" {
		return ""
	}
	return p.paint(environmentLook(info), " "+plain(info.Environment)+" ")
}

// environmentLook is a ground of the environment's colour.
func environmentLook(info banto.ManagerInfo) style {
	switch info.Colour {
	case "red":
		return "1;97;41"
	case "yellow":
		return "1;30;43"
	case "green":
		return "1;30;42"
	case "blue":
		return "1;97;44"
	case "magenta":
		return "1;97;45"
	case "cyan":
		return "1;30;46"
	}
	if info.Guarded {
		return "1;97;41"
	}
	return "1;7"
}

// guard is what a command that cannot be undone asks where the manager is
// guarded.
type guard struct {
	given string // with --confirm
}

func (g *guard) flag(e *env, cmd *cobra.Command) {
	cmd.Flags().StringVar(&g.given, "confirm", "", e.say("the `NAME` that a guarded manager asks for: of the tracker, host or jobnet"))
}

// confirmed makes sure that whoever does what cannot be undone means this one:
// where the manager is guarded they type its name, or give it with --confirm.
// What sense refuses is refused before they are asked; nil: nothing is.
func (e *env) confirmed(ctx context.Context, m *client.Client, cmd *cobra.Command, g guard, name string, sense func() error) error {
	what := e.say("cannot run %s", cmd.CommandPath())
	wrong := func(text string) error {
		return banto.Fail(banto.KindInvalid, what, e.say("%q is not %s; nothing was done", text, name), e.say("--confirm %s", name))
	}
	if g.given != "" {
		if g.given != name {
			return wrong(g.given)
		}
		return nil
	}
	info, err := managerInfo(ctx, m)
	if err != nil || !info.Guarded {
		return err
	}
	if sense != nil {
		if err := sense(); err != nil {
			return err
		}
	}
	where := first(plain(info.Environment), e.say("this manager"))
	if !e.asks() {
		return banto.Fail(banto.KindInvalid, what, e.say("it cannot be undone, and %s asks for a confirmation", where), e.say("--confirm %s", name))
	}
	p := pen{on: e.colours(e.std.Err)}
	text, err := e.ask(e.say("This cannot be undone in %s. Type %s to go on:", p.paint(environmentLook(info), " "+where+" "), p.paint(styleBold, plain(name))) + " ")
	if err != nil {
		return err
	}
	if strings.TrimSpace(text) != name {
		return wrong(strings.TrimSpace(text))
	}
	return nil
}
