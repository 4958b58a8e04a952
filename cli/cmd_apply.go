package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newApplyCommand(e *env) *cobra.Command {
	var in struct {
		files               []string
		dryRun, prune, json bool
	}
	cmd := e.command("apply -f FILE|DIR", e.say("Make definitions the ones in use"), func(cmd *cobra.Command, args []string) error {
		if len(in.files) == 0 {
			return e.wrongUse(cmd, e.say("it needs -f FILE|DIR"))
		}
		files, err := e.readToSend(in.files)
		if err != nil {
			return err
		}
		return e.apply(cmd.Context(), banto.ApplyRequest{Files: files, DryRun: in.dryRun, Prune: in.prune}, in.json)
	})
	cmd.Long = e.say("Makes definitions the ones in use, all of the files or, when anything is wrong, none.\nWhat has not changed keeps its version. Trackers that run go on with what they started with.")
	cmd.Example = "  banto apply -f nightly.yaml\n  banto apply -f jobnets/ --dry-run\n  banto apply -f jobnets/ --prune\n  generate | banto apply -f -"
	cmd.Args = e.takes(0, 0, "")
	f := cmd.Flags()
	f.StringArrayVarP(&in.files, "file", "f", nil, e.say("`FILE|DIR` to apply; - for standard input; may be given again"))
	f.BoolVar(&in.dryRun, "dry-run", false, e.say("say what would change, and change nothing"))
	f.BoolVar(&in.prune, "prune", false, e.say("delete the jobnets of the applied folders that the files do not hold"))
	f.BoolVar(&in.json, "json", false, e.say("write one JSON document"))
	return cmd
}

func (e *env) apply(ctx context.Context, req banto.ApplyRequest, asJSON bool) error {
	m, err := e.acting(ctx, asJSON)
	if err != nil {
		return err
	}
	var result banto.ApplyResult
	total := 0
	for _, f := range req.Files {
		total += len(f.Text)
	}
	err = e.during(e.say("applying %d files (%s)", len(req.Files), size(int64(total))), func() error {
		var err error
		result, err = m.Apply(ctx, req)
		return err
	})
	if err != nil {
		return err
	}
	if asJSON {
		return e.document(result)
	}
	var b strings.Builder
	changed := 0
	t := table{columns: []column{{}, {}, {least: 10}, {right: true}}}
	for _, c := range result.Changes {
		sign, word, look := e.action(c.Action)
		if c.Action != "unchanged" {
			changed++
		}
		version := ""
		if c.Version > 0 {
			version = e.say("version %d", c.Version)
		}
		t.add(cell{sign + " " + word, look}, cell{text: e.kind(c.Kind)}, cell{text: plain(c.Path)}, cell{text: version})
	}
	// Writing to a strings.Builder cannot fail.
	_ = t.write(&b, e.pen(), e.width())
	if result.DryRun {
		fmt.Fprintln(&b, e.say("nothing was changed (--dry-run); %d of %d definitions would be", changed, len(result.Changes)))
	} else {
		fmt.Fprintln(&b, e.say("%d of %d definitions changed", changed, len(result.Changes)))
	}
	return e.print(b.String())
}

func (e *env) action(action string) (sign, word string, look style) {
	switch action {
	case "created":
		return "+", e.say("created"), styleGreen
	case "changed":
		return "~", e.say("changed"), styleYellow
	case "deleted":
		return "-", e.say("deleted"), styleRed
	case "unchanged":
		return "=", e.say("unchanged"), styleDim
	}
	return " ", plain(action), styleNone
}

func (e *env) kind(kind string) string {
	switch kind {
	case "jobnet":
		return e.say("jobnet")
	case "folder":
		return e.say("folder")
	case "group":
		return e.say("host group")
	case "account":
		return e.say("account")
	}
	return plain(kind)
}
