package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/spf13/cobra"
)

// admits is a command that says what work a host takes.
type admits struct {
	e      *env
	change banto.HostChange
	json   bool
	wait   bool // until nothing runs there
}

// command makes it under a name; said tells what holds then.
func (a *admits) command(use, short string, said func(banto.Host) string) *cobra.Command {
	e := a.e
	cmd := e.command(use, short, func(cmd *cobra.Command, args []string) error {
		if err := e.fits(cmd, a.change.Reason, ""); err != nil {
			return err
		}
		m, err := e.acting(cmd.Context(), a.json)
		if err != nil {
			return err
		}
		h, err := m.ChangeHost(cmd.Context(), args[0], a.change)
		if err != nil {
			return err
		}
		if !a.json {
			if err := e.print(said(h) + "\n"); err != nil {
				return err
			}
		}
		if a.wait {
			if h, err = a.empty(cmd.Context(), m, h); err != nil {
				return err
			}
		}
		switch {
		case a.json:
			return e.document(h)
		case a.wait:
			return e.print(e.say("host %s: nothing runs there any more", plain(h.Name)) + "\n")
		}
		return nil
	})
	cmd.Args = e.takes(1, 1, "HOST")
	cmd.ValidArgsFunction = e.completeHosts()
	cmd.Flags().StringVar(&a.change.Reason, "reason", "", e.say("why, in your `words`; shown wherever something waits for the host"))
	cmd.Flags().BoolVar(&a.json, "json", false, e.say("write one JSON document"))
	return cmd
}

// drainLook is how often a drain looks what still runs.
const drainLook = time.Second

// empty waits until nothing runs on a host, and tells how many still do.
func (a *admits) empty(ctx context.Context, m *client.Client, h banto.Host) (banto.Host, error) {
	e := a.e
	width, _, terminal := e.size(e.std.Err)
	tick := time.NewTicker(drainLook)
	defer tick.Stop()
	for last := -1; h.Running > 0; {
		line := e.say("%s: still running: %d", plain(h.Name), h.Running)
		// What is told on the way is not worth an error.
		if terminal {
			_, _ = fmt.Fprint(e.std.Err, "\r\x1b[K"+cut(line, width-1))
		} else if h.Running != last {
			_, _ = fmt.Fprintln(e.std.Err, line)
		}
		last = h.Running
		select {
		case <-ctx.Done():
			if terminal {
				_, _ = fmt.Fprintln(e.std.Err)
			}
			return h, ctx.Err()
		case <-tick.C:
		}
		next, err := m.Host(ctx, h.Name)
		switch kind := banto.KindOf(err); {
		case err == nil:
			h = next
		case kind != banto.KindUnreachable && kind != banto.KindUnavailable: // a manager that restarts comes back
			return h, err
		}
	}
	if terminal {
		_, _ = fmt.Fprint(e.std.Err, "\r\x1b[K")
	}
	return h, nil
}
