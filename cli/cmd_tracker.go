package cli

import (
	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newTrackerCommand(e *env) *cobra.Command {
	return e.family("tracker", e.say("Look at trackers, and act on them"),
		newTrackerListCommand(e),
		newTrackerShowCommand(e),
		newTrackerWatchCommand(e),
		newTrackerOutputCommand(e),
		newTrackerHoldCommand(e),
		newTrackerReleaseCommand(e),
		newTrackerSkipCommand(e),
		newTrackerForceEndCommand(e),
		newTrackerKillCommand(e),
		newTrackerRerunCommand(e),
		newTrackerCancelCommand(e),
		newTrackerCommentCommand(e),
	)
}

// trackerID reads a tracker's ID as a person wrote it.
func (e *env) trackerID(cmd *cobra.Command, text string) (banto.TrackerID, error) {
	id := banto.TrackerID(text)
	if !id.Valid() {
		return "", e.wrongUse(cmd, e.say("%q is not the ID of a tracker; one looks like 20261121-7k3mq0x", text))
	}
	return id, nil
}
