package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newHostHoldCommand(e *env) *cobra.Command {
	a := admits{e: e, change: banto.HostChange{Admission: banto.AdmissionHeld}}
	cmd := a.command("hold HOST", e.say("Start nothing more on a host"), func(h banto.Host) string {
		return e.say("host %s: held; nothing starts there, what runs (%d) goes on", plain(h.Name), h.Running)
	})
	cmd.Long = e.say("Starts nothing more on a host until banto host release. What runs there goes on to its end; what\nwants it waits, and says so.")
	cmd.Example = examples(`banto host hold db01 --reason "disk is being changed"`)
	return cmd
}
