package keeper

import (
	"fmt"
	"time"
)

// lowRoom is how many bytes must be free for new starts. What is left below it
// is for the results of what runs.
const lowRoom = 4 << 20

// troubleEvery is how often a lack of room is told while it lasts.
const troubleEvery = 5 * time.Second

// unwritable is told while not even the journal can be written.
const unwritable = "the keeper's records cannot be written, so that starts and results wait: "

// room is what the keeper knows of its disk. The loop owns it.
type room struct {
	problem string // why nothing new is started; "" if nothing is wrong
	timer   *time.Timer
}

// lookForRoom says why nothing new can be started now.
func (k *keeper) lookForRoom() string {
	problem := ""
	if free, ok := freeBytes(k.opt.Dir); ok && free < lowRoom {
		problem = fmt.Sprintf("the disk of %s is full: %d KiB are free, and %d KiB are needed to start anything", k.opt.Dir, free>>10, lowRoom>>10)
	}
	before := k.room.problem
	k.room.problem = problem
	switch {
	case problem != "" && before == "":
		k.log.Error("nothing new is started", "why", problem)
		k.tellTrouble(problem)
	case problem == "" && before != "":
		k.log.Info("there is room again: starts go on")
		k.journal.keepReserve()
	}
	return problem
}

// tellTrouble says to all agents why nothing new is started, and looks again
// soon.
func (k *keeper) tellTrouble(problem string) {
	for s := range k.sessions {
		s.tell(Event{Problem: problem})
	}
	k.room.timer.Reset(troubleEvery)
}
