package cli

import (
	"strings"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newJobnetDiffCommand(e *env) *cobra.Command {
	var asJSON bool
	var file string
	cmd := e.command("diff JOBNET [FROM [TO]]", e.say("Compare two versions of a jobnet, or one with a file"), func(cmd *cobra.Command, args []string) error {
		var req banto.DiffRequest
		for i, into := range []*int{&req.From, &req.To} {
			if len(args) <= i+1 {
				break
			}
			n, ok := positive(args[i+1])
			if !ok {
				return e.wrongUse(cmd, e.say("%q is not the number of a version", args[i+1]))
			}
			*into = n
		}
		if file != "" {
			files, err := e.readToSend([]string{file})
			switch {
			case err != nil:
				return err
			case len(files) != 1:
				return e.wrongUse(cmd, e.say("-f takes one file"))
			case req.To > 0:
				return e.wrongUse(cmd, e.say("-f stands in place of TO"))
			}
			req.File = &files[0]
		}
		m, err := e.manager()
		if err != nil {
			return err
		}
		d, err := m.JobnetDiff(cmd.Context(), args[0], req)
		if err != nil {
			return err
		}
		if asJSON {
			return e.document(d)
		}
		return e.writeDiff(d)
	})
	cmd.Long = e.say("Compares two versions of a jobnet by what they mean, not by their text: the one in use with\nthe one before it, FROM with the one in use, FROM with TO, or one with a file.")
	cmd.Example = "  banto jobnet diff backup/nightly\n  banto jobnet diff backup/nightly 3 5\n  banto jobnet diff backup/nightly -f nightly.yaml"
	cmd.Args = e.takes(1, 3, "JOBNET [FROM [TO]]")
	cmd.ValidArgsFunction = e.completeJobnets()
	cmd.Flags().StringVarP(&file, "file", "f", "", e.say("compare with this `FILE`"))
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

func (e *env) writeDiff(d banto.DiffResult) error {
	to := e.say("the file")
	if d.To > 0 {
		to = e.say("version %d", d.To)
	}
	from := e.say("version %d", d.From)
	if len(d.Lines) == 0 {
		return e.print(e.say("%s: no difference between %s and %s", plain(d.Path), from, to) + "\n")
	}
	var b strings.Builder
	p := e.pen()
	b.WriteString(p.paint(styleBold, plain(d.Path)+": "+from+" → "+to) + "\n")
	value := func(sign string, look style, text string) {
		lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
		for _, line := range lines {
			b.WriteString("    " + p.paint(look, sign+" "+harmless(line)) + "\n")
		}
	}
	for _, c := range d.Lines {
		b.WriteString("  " + plain(c.Path) + "\n")
		if c.Op != "added" {
			value("-", styleRed, c.Old)
		}
		if c.Op != "removed" {
			value("+", styleGreen, c.New)
		}
	}
	if len(d.Lines) == 1 {
		b.WriteString(e.say("1 difference") + "\n")
	} else {
		b.WriteString(e.say("%d differences", len(d.Lines)) + "\n")
	}
	return e.print(b.String())
}
