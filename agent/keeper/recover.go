package keeper

import (
	"slices"
	"time"

	"github.com/bantoops/banto"
)

// takeOver deals with the attempts that an earlier keeper left behind. No
// start of that keeper is still under way: a child holds the lock of the
// directory from its fork until its exec, and we have it now.
func (k *keeper) takeOver(fx *effects) {
	left := slices.DeleteFunc(k.claims.liveClaims(), func(cl *claim) bool { return k.handed[cl.claimed.Attempt] })
	unknown := unknownStarts(left, k.hello.BootID)
	var found map[banto.AttemptID]startedRecord
	if len(unknown) > 0 {
		found = findStarted(k.opt.Dir, unknown)
	}
	for _, cl := range left {
		if s, ok := found[cl.claimed.Attempt]; ok {
			k.claims.launched(fx, s)
		}
		k.takeOverOne(fx, cl)
	}
	// Nobody listens yet; the records alone matter, and are written at once.
	for _, kill := range fx.kill {
		k.kill(kill)
	}
	for _, tracker := range sortedKeys(k.claims.trackers) {
		if t := k.claims.trackers[tracker]; t.clean != nil && len(t.open) == 0 {
			k.clean(*t.clean)
		}
	}
	for _, cl := range k.cleaned {
		k.claims.cleaned(fx, cl)
	}
	k.cleaned = nil
}

// unknownStarts gives the attempts of which it is not known whether a process
// was made in this boot.
func unknownStarts(left []*claim, boot string) map[banto.AttemptID]bool {
	unknown := make(map[banto.AttemptID]bool)
	for _, cl := range left {
		if cl.started == nil && cl.claimed.BootID == boot {
			unknown[cl.claimed.Attempt] = true
		}
	}
	return unknown
}

func (k *keeper) takeOverOne(fx *effects, cl *claim) {
	e, lives := cl.orphaned(k.hello.BootID, k.opt.Now(), (*startedRecord).alive)
	if lives {
		k.adopt(fx, cl)
		return
	}
	if path, err := outputPath(k.opt.Dir, e.Attempt); err == nil {
		rest := &kept{path: path, want: headWanted(cl.claimed), encoding: cl.claimed.Encoding}
		rest.resume()
		e.OutputSize, e.OutputHead = rest.size.Load(), rest.headText()
	}
	k.log.Warn("an attempt of an earlier keeper has ended", "attempt", e.Attempt, "reason", e.Reason)
	k.claims.end(fx, e)
}

// orphaned says whether an attempt of an earlier keeper lives on, and gives its
// result if not.
func (cl *claim) orphaned(boot string, now time.Time, alive func(*startedRecord) bool) (e Ended, lives bool) {
	e = Ended{Attempt: cl.claimed.Attempt, At: now, Reason: banto.ReasonKeeperDied}
	if cl.started != nil {
		at := cl.started.At
		e.StartedAt = &at
	}
	switch {
	case cl.claimed.BootID != "" && cl.claimed.BootID != boot:
		e.Reason = banto.ReasonHostRestarted
		e.Message = "the host was restarted while it ran"
		if cl.started == nil {
			e.Message = "the host was restarted while it was being started; it may not have run"
		}
	case cl.started == nil:
		e.Message = "its keeper died while it was being started; it may not have run, and does not run now"
	case alive(cl.started):
		return e, true
	default:
		e.Message = "its keeper died while it ran: it has ended, but how is not known"
	}
	return e, false
}

// adopt goes on with a process that an earlier keeper made. It is not our
// child: its end can be seen, its exit status only on Windows. Its output is
// taken up again where the system lets us; what it wrote while there was no
// keeper hit a broken pipe, or, on Windows, waits in the pipe.
func (k *keeper) adopt(fx *effects, cl *claim) {
	j := k.newJob(cl.claimed)
	j.adopted, j.started = true, *cl.started
	j.uid = k.files.own.uid
	if acc, no := k.files.own.find(cl.claimed.Account); no == nil {
		j.uid = acc.uid
	}
	j.out.resume()
	j.regain(k.opt.Dir)
	k.add(j)
	if cl.kill != nil {
		fx.kill = append(fx.kill, *cl.kill)
	}
	k.log.Info("an attempt of an earlier keeper goes on", "attempt", cl.claimed.Attempt, "pid", cl.started.PID)
	go j.watchAdopted()
	go k.stay(j)
}
