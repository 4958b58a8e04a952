package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newHostReleaseCommand(e *env) *cobra.Command {
	a := admits{e: e, change: banto.HostChange{Admission: banto.AdmissionOpen}}
	cmd := a.command("release HOST", e.say("Let a held or draining host take work again"), func(h banto.Host) string {
		return e.say("host %s: takes work again", plain(h.Name))
	})
	cmd.Example = examples("banto host release db01")
	return cmd
}
