package cli

import (
	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/spf13/cobra"
)

func newAuditListCommand(e *env) *cobra.Command {
	var asJSON bool
	var limit int
	q := client.AuditQuery{}
	cmd := e.command("list [OBJECT]", e.say("List changes, newest first"), func(cmd *cobra.Command, args []string) error {
		if limit < 1 {
			return e.wrongUse(cmd, e.say("--limit wants a number from 1 on"))
		}
		m, err := e.manager()
		if err != nil {
			return err
		}
		if len(args) > 0 {
			q.Object = args[0]
		}
		page, err := upTo(limit, q.Cursor, func(cursor string, limit int) (banto.Page[banto.AuditEntry], error) {
			q.Cursor, q.Limit = cursor, limit
			return m.Audit(cmd.Context(), q)
		})
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(page)
		}
		return e.writeAudit(page)
	})
	cmd.Example = "  banto audit list\n  banto audit list backup/nightly\n  banto audit list --limit 100 --json"
	cmd.Args = e.takes(0, 1, "OBJECT")
	f := cmd.Flags()
	f.IntVar(&limit, "limit", 30, e.say("list at most this `number`"))
	f.StringVar(&q.Cursor, "after", "", e.say("go on behind this `cursor`, which the list before gave"))
	f.BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

func (e *env) writeAudit(page banto.Page[banto.AuditEntry]) error {
	if len(page.Items) == 0 {
		return e.print(e.say("nothing is on record") + "\n")
	}
	t := table{columns: []column{
		{title: e.say("TIME")},
		{title: e.say("WHO"), least: 5, drop: 1},
		{title: e.say("ACTION"), least: 10},
		{title: e.say("OBJECT"), least: 10},
		{title: e.say("OUTCOME"), drop: 2},
		{title: e.say("DETAIL"), least: 10, drop: 3},
	}}
	for _, a := range page.Items {
		outcome := cell{text: e.say("done")}
		if a.Outcome != "done" {
			outcome = cell{e.say("refused"), styleRed}
		}
		t.add(cell{text: e.clock(&a.At)}, cell{text: plain(a.Principal)}, cell{text: plain(a.Action)},
			cell{text: plain(a.Object)}, outcome, cell{text: plain(a.Detail)})
	}
	if err := t.write(e.std.Out, e.pen(), e.width()); err != nil {
		return e.written(err)
	}
	return e.writeMore(page.Next)
}

// writeMore tells how to see the next page of a list.
func (e *env) writeMore(next string) error {
	if next == "" {
		return nil
	}
	return e.print(e.say("there is more: --after %s", plain(next)) + "\n")
}
