package keeper

import (
	"fmt"
	"time"

	"github.com/bantoops/banto"
)

// isGone says whether the process has ended.
func (j *job) isGone() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.gone
}

// giveUp ends an attempt whose process the system still holds long after KILL:
// it waits for a disk or a network file system that does not answer, and no
// signal reaches it. It may still be there; whether it goes is watched on.
func (k *keeper) giveUp(fx *effects, j *job, now time.Time) {
	id := j.claim.Attempt
	if k.jobs[id] != j || j.isGone() || !j.started.alive() {
		return
	}
	delete(k.jobs, id)
	k.stuck[id] = j
	at := j.started.At
	rest := &kept{path: j.out.path, want: headWanted(j.claim), encoding: j.claim.Encoding}
	rest.resume()
	e := Ended{Attempt: id, StartedAt: &at, At: now, Reason: banto.ReasonUnkillable, OutputSize: rest.size.Load(), OutputHead: rest.headText(),
		Message: fmt.Sprintf("KILL was sent, and %s later the system still holds its process %d%s: it may go on, or be gone once what it waits for answers",
			k.opt.Unkillable, j.started.PID, j.started.state())}
	k.log.Warn("an attempt cannot be killed", "attempt", id, "pid", j.started.PID, "state", j.started.state())
	k.claims.end(fx, e)
}
