package cli

import (
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/spf13/cobra"
)

func newSubmitCommand(e *env) *cobra.Command {
	var in struct {
		params       []string
		date, reason string
		key          string
		wait         waiting
		hold, json   bool
	}
	cmd := e.command("submit JOBNET [-p name=value]…", e.say("Ask for a run of a jobnet now"), func(cmd *cobra.Command, args []string) error {
		if err := e.fits(cmd, in.reason, ""); err != nil {
			return err
		}
		req := banto.SubmitRequest{Jobnet: args[0], Reason: in.reason, Hold: in.hold}
		var err error
		if req.Params, err = e.params(cmd, in.params); err != nil {
			return err
		}
		if in.date != "" {
			date, err := banto.ParseDate(in.date)
			if err != nil {
				return e.wrongUse(cmd, err.Error())
			}
			req.Date = date
		}
		m, err := e.acting(cmd.Context(), in.json)
		if err != nil {
			return err
		}
		t, created, err := m.Submit(cmd.Context(), req, first(in.key, client.NewKey()))
		if err != nil {
			return err
		}
		if !in.json {
			if err := e.print(e.submitted(t, created)); err != nil {
				return err
			}
		}
		return e.afterwards(cmd.Context(), m, t, in.wait, in.json)
	})
	cmd.Long = e.say("Asks for a run of a jobnet now. The tracker that is printed is never lost once it is printed.\nWith --wait: exit code 0 when it ended ok or with a warning, 1 when it ended in error, was\ncancelled, or is blocked.")
	cmd.Example = "  banto submit backup/nightly\n  banto submit backup/nightly -p source=/srv -p generations=3 --wait\n  banto submit backup/nightly --date 2026-11-30 --reason \"month end\" --json\n  banto submit backup/nightly --hold"
	cmd.Args = e.takes(1, 1, "JOBNET")
	cmd.ValidArgsFunction = e.completeJobnets()
	f := cmd.Flags()
	f.StringArrayVarP(&in.params, "param", "p", nil, e.say("set a parameter: `name=value`; may be given again"))
	f.StringVar(&in.date, "date", "", e.say("base `day`, such as 2026-11-30; today in the jobnet's time zone if left out"))
	f.StringVar(&in.reason, "reason", "", e.say("why, in your `words`; kept with the tracker"))
	f.StringVar(&in.key, "key", "", e.say("idempotency `key`: the same one never submits twice"))
	// It fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("param", e.completeParams())
	f.BoolVar(&in.hold, "hold", false, e.say("start nothing of it until banto tracker release"))
	in.wait.flags(e, f)
	f.BoolVar(&in.json, "json", false, e.say("write one JSON document: tracker and state"))
	return cmd
}

func (e *env) submitted(t banto.Tracker, created bool) string {
	text := e.say("submitted %s: tracker %s", plain(t.Jobnet), t.ID)
	if !created {
		text = e.say("submitted before: tracker %s of %s", t.ID, plain(t.Jobnet))
	}
	return fmt.Sprintln(text)
}
