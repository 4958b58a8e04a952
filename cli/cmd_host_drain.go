package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newHostDrainCommand(e *env) *cobra.Command {
	a := admits{e: e, change: banto.HostChange{Admission: banto.AdmissionDraining}}
	cmd := a.command("drain HOST", e.say("Give a host no new trackers, for patching"), func(h banto.Host) string {
		return e.say("host %s: draining; no new tracker chooses it, what runs: %d", plain(h.Name), h.Running)
	})
	cmd.Long = e.say("Gives a host no new trackers: those that have chosen it go on there to their end, all others choose\nanother host or wait. With --wait the command ends when nothing runs there any more.\nbanto host release ends the draining.")
	cmd.Example = examples(`banto host drain db01 --reason "monthly patches" --wait && reboot`, "banto host release db01")
	cmd.Flags().BoolVar(&a.wait, "wait", false, e.say("wait until nothing runs there"))
	return cmd
}
