package cli

import (
	"io"
	"strings"

	"github.com/bantoops/banto/job/jobnet/jobyaml"
	"github.com/spf13/cobra"
)

func newReferenceCommand(e *env) *cobra.Command {
	cmd := e.command("reference", e.say("Print all keys of definitions, as Markdown"), func(*cobra.Command, []string) error {
		_, err := io.WriteString(e.std.Out, strings.TrimRight(jobyaml.Reference(string(e.lang)), "\n")+"\n")
		return e.written(err)
	})
	cmd.Example = "  banto reference | less\n  banto reference --lang ja"
	cmd.Args = e.takes(0, 0, "")
	return cmd
}
