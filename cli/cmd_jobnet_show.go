package cli

import (
	"strconv"
	"strings"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newJobnetShowCommand(e *env) *cobra.Command {
	var asJSON, source bool
	var version int
	cmd := e.command("show JOBNET", e.say("Show a jobnet and its text"), func(cmd *cobra.Command, args []string) error {
		m, err := e.manager()
		if err != nil {
			return err
		}
		j, err := m.Jobnet(cmd.Context(), args[0], version)
		switch {
		case err != nil:
			return err
		case asJSON:
			return e.document(j)
		case source:
			return e.print(strings.TrimRight(j.Source, "\n") + "\n")
		}
		return e.writeJobnet(j)
	})
	cmd.Example = "  banto jobnet show backup/nightly\n  banto jobnet show backup/nightly --version 3 --source > nightly.yaml"
	cmd.Args = e.takes(1, 1, "JOBNET")
	cmd.ValidArgsFunction = e.completeJobnets()
	f := cmd.Flags()
	f.IntVar(&version, "version", 0, e.say("`number` of the version; the one in use if left out"))
	f.BoolVar(&source, "source", false, e.say("print the text alone, as it was applied"))
	f.BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

func (e *env) writeJobnet(j banto.JobnetDetail) error {
	var b strings.Builder
	t := table{columns: []column{{}, {least: 20}}}
	add := func(name, text string) {
		if text != "" {
			t.add(cell{name, styleDim}, cell{text: text})
		}
	}
	add(e.say("jobnet"), plain(j.Path))
	add(e.say("title"), plain(j.Title))
	add(e.say("version"), strconv.Itoa(j.Version))
	add(e.say("parts"), strconv.Itoa(j.Parts))
	add(e.say("applied"), e.say("%s by %s", e.moment(j.AppliedAt), plain(j.AppliedBy)))
	add(e.say("file"), plain(j.File))
	// Writing to a strings.Builder cannot fail.
	_ = t.write(&b, e.pen(), e.width())
	b.WriteString("\n")
	for line := range strings.Lines(strings.TrimRight(j.Source, "\n")) {
		b.WriteString(harmless(strings.TrimRight(line, "\r\n")) + "\n")
	}
	return e.print(b.String())
}

// harmless is plain for a line whose tabs mean something.
func harmless(line string) string {
	pieces := strings.Split(line, "\t")
	for i, piece := range pieces {
		pieces[i] = plain(piece)
	}
	return strings.Join(pieces, "\t")
}
