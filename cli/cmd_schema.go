package cli

import (
	"bytes"

	"github.com/bantoops/banto/job/jobnet/jobyaml"
	"github.com/spf13/cobra"
)

func newSchemaCommand(e *env) *cobra.Command {
	cmd := e.command("schema", e.say("Print the JSON Schema of definitions, for editors"), func(*cobra.Command, []string) error {
		_, err := e.std.Out.Write(append(bytes.TrimRight(jobyaml.Schema(), "\n"), '\n'))
		return e.written(err)
	})
	cmd.Example = "  banto schema > banto.schema.json"
	cmd.Args = e.takes(0, 0, "")
	return cmd
}
