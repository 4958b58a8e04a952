package cli

import (
	"fmt"
	"runtime"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newVersionCommand(e *env) *cobra.Command {
	var asJSON, ask bool
	cmd := e.command("version", e.say("Show the version"), func(cmd *cobra.Command, _ []string) error {
		var answer *banto.VersionInfo
		if ask {
			m, err := e.manager()
			if err != nil {
				return err
			}
			v, err := m.Version(cmd.Context())
			if err != nil {
				return err
			}
			answer = &v
		}
		if asJSON {
			return e.document(versions{e.std.Version, runtime.GOOS, runtime.GOARCH, runtime.Version(), answer})
		}
		if err := e.writeVersion(); err != nil || answer == nil {
			return err
		}
		_, err := fmt.Fprintln(e.std.Out, e.say("manager %s, since %s", plain(answer.Version), e.moment(answer.StartedAt)))
		return e.written(err)
	})
	cmd.Example = "  banto version\n  banto version --manager --json"
	cmd.Args = e.takes(0, 0, "")
	cmd.Flags().BoolVar(&ask, "manager", false, e.say("show the manager's version too"))
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

type versions struct {
	Version string             `json:"version"`
	OS      string             `json:"os"`
	Arch    string             `json:"arch"`
	Go      string             `json:"go"`
	Manager *banto.VersionInfo `json:"manager,omitempty"`
}

func (e *env) writeVersion() error {
	_, err := fmt.Fprintf(e.std.Out, "banto %s (%s/%s, %s)\n", e.std.Version, runtime.GOOS, runtime.GOARCH, runtime.Version())
	return e.written(err)
}
