package cli

import (
	"context"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/spf13/cobra"
)

// confirmer is one confirmation of a recovery.
type confirmer struct {
	e      *env
	req    banto.RecoveryConfirm
	guard  guard
	yes    bool
	asJSON bool
}

func newRecoveryConfirmCommand(e *env) *cobra.Command {
	c := confirmer{e: e}
	cmd := e.command("confirm", e.say("Let a manager that started held go on"), func(cmd *cobra.Command, _ []string) error {
		if err := e.fits(cmd, c.req.Reason, ""); err != nil {
			return err
		}
		m, err := e.acting(cmd.Context(), c.asJSON)
		if err != nil {
			return err
		}
		return c.run(cmd, m)
	})
	cmd.Long = e.say("Shows what comes of it, asks, and lets the manager go on. Trackers of which more ran after the backup than\nthe store knows stay held, for you to skip, force-end or release their parts. What nobody knows stays lost.")
	cmd.Example = examples("banto recovery confirm --dry-run", "banto recovery confirm", `banto recovery confirm --unanswered --yes --reason "db07 burnt down"`)
	cmd.Args = e.takes(0, 0, "")
	f := cmd.Flags()
	f.BoolVar(&c.req.Kill, "kill", false, e.say("end what runs and is not known to the store"))
	f.BoolVar(&c.req.Unanswered, "unanswered", false, e.say("go on although hosts have not answered; their attempts stay lost"))
	f.BoolVar(&c.req.DryRun, "dry-run", false, e.say("say what would come of it, and change nothing"))
	f.BoolVarP(&c.yes, "yes", "y", false, e.say("do not ask"))
	f.StringVar(&c.req.Reason, "reason", "", e.say("why, in your `words`; kept on record"))
	f.BoolVar(&c.asJSON, "json", false, e.say("write one JSON document"))
	c.guard.flag(e, cmd)
	return cmd
}

func (c *confirmer) run(cmd *cobra.Command, m *client.Client) error {
	e, ctx := c.e, cmd.Context()
	if c.req.DryRun || !c.asJSON {
		done, err := c.preview(ctx, m)
		if done || err != nil {
			return err
		}
	}
	info, err := managerInfo(ctx, m)
	if err != nil {
		return err
	}
	switch {
	case info.Guarded:
		err = e.confirmed(ctx, m, cmd, c.guard, "recovery", nil)
	case !c.yes && !e.asks():
		err = e.wrongUse(cmd, e.say("nobody is here to be asked; --yes goes on without"))
	case !c.yes:
		var text string
		if text, err = e.ask("\n" + e.say("Let the manager go on like this? [y/N]") + " "); err == nil && !yes(text) {
			err = banto.Fail(banto.KindConflict, e.say("the recovery is not confirmed"), e.say("you did not say yes; everything stays held"), "")
		}
	}
	if err != nil {
		return err
	}
	r, err := m.ConfirmRecovery(ctx, c.req)
	if err != nil {
		return err
	}
	if c.asJSON {
		return e.document(r)
	}
	held := r.Counts[banto.FoundAfter]
	text := e.say("confirmed: the manager goes on")
	if held > 0 {
		text = e.say("confirmed: the manager goes on; look at the trackers that stay held: banto tracker list --state held")
	}
	return e.print("\n" + text + "\n")
}

// preview shows what would come of it; done says that this was all that was
// asked for.
func (c *confirmer) preview(ctx context.Context, m *client.Client) (done bool, err error) {
	try := c.req
	try.DryRun = true
	r, err := m.ConfirmRecovery(ctx, try)
	if err != nil {
		return true, err
	}
	if c.asJSON {
		return true, c.e.document(r)
	}
	if err := c.e.writeRecovery(r); err != nil {
		return true, err
	}
	if c.req.DryRun {
		return true, c.e.print("\n" + c.e.say("nothing was changed (--dry-run)") + "\n")
	}
	return false, nil
}
