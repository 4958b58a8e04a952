package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/engine"
)

// numbersApart is by how much the numbers of attempts are raised of trackers of
// which a host that has not answered, or has forgotten, may know more.
const numbersApart = 1000

// maxUntold is how many hosts that have not answered the mark keeps.
const maxUntold = 1000

// confirmIn lifts the hold of a recovery.
type confirmIn struct {
	caller
	by   banto.Principal
	c    banto.RecoveryConfirm
	what string
	// final is what was answered when it was tried: it may have been written.
	final *banto.Recovery
}

// Confirm lifts the hold of a recovery, or says what that would do. All of it
// is one transaction.
func (r *Runner) Confirm(ctx context.Context, by banto.Principal, c banto.RecoveryConfirm) (banto.Recovery, error) {
	in, err := newConfirmIn(by, c)
	if err != nil {
		return banto.Recovery{}, err
	}
	a, err := r.call(ctx, in.what, in.caller, in)
	return a.recovery, err
}

// PostConfirm is Confirm for a caller that does not wait: then is called by the
// loop, once. An error says that it never will be.
func (r *Runner) PostConfirm(by banto.Principal, c banto.RecoveryConfirm, then func(banto.Recovery, error)) error {
	in, err := newConfirmIn(by, c)
	if err != nil {
		return err
	}
	in.then = func(a answer) { then(a.recovery, a.err) }
	return r.inbox.call(in)
}

func newConfirmIn(by banto.Principal, c banto.RecoveryConfirm) (*confirmIn, error) {
	in := &confirmIn{caller: newCaller(), by: by, c: c, what: "cannot confirm the recovery"}
	return in, storable(in.what, by.Name, c.Reason)
}

func (in *confirmIn) step(b *batch) error {
	if !b.r.held() {
		if done := b.r.recovery; in.final != nil && done.rec.Confirmed != nil && done.rec.Confirmed.Equal(*in.final.Confirmed) {
			in.done(b)
			return nil
		}
		b.refuse(in, banto.Fail(banto.KindConflict, in.what, "there is none that waits for it", ""))
		return nil
	}
	found := b.r.found(b.mem, in.c.Kill)
	if in.c.DryRun {
		b.after(func() { in.answer(answer{recovery: found}) })
		return nil
	}
	if silent := untold(found.Hosts, func(h banto.RecoveryHost) bool { return !h.Answered }); len(silent) > 0 && !in.c.Unanswered {
		b.refuse(in, banto.Fail(banto.KindConflict, in.what,
			fmt.Sprintf("%d hosts have not answered: %s", len(silent), listed(silent)),
			"wait for them, or go on without them with --unanswered: what they know stays unknown, and the trackers of it are held"))
		return nil
	}
	outgrown, err := b.outgrown()
	if err != nil {
		return err
	}
	for id := range b.mem.outbox {
		if tracker, ok := cleaned(id); ok && b.r.recovery.seen[tracker] > 0 {
			b.dropOrder(id) // work may go on in what it would take away
		}
	}
	killed := b.confirmItems(in.c.Kill)
	found.Apart = gap(found.Hosts) || b.r.unseen(b.mem)
	b.reserve(outgrown, found.Apart)
	found.Held, found.Confirmed, found.By = false, new(b.now), in.by.Name
	in.final = &found
	b.mark = new(found)
	b.mark.Items, b.mark.Hosts = nil, slices.DeleteFunc(slices.Clone(found.Hosts), func(h banto.RecoveryHost) bool { return h.Answered && h.Whole })
	b.mark.Hosts = b.mark.Hosts[:min(len(b.mark.Hosts), maxUntold)]
	b.audit(in.by, audit.RecoveryConfirm, cmp.Or(found.Mode, "-"), in.detail(found, killed), in.c.Reason)
	in.done(b)
	return nil
}

// done answers, and lets the rebuild deliver what is to be sent.
func (in *confirmIn) done(b *batch) {
	mark := b.mark
	b.after(func() {
		if mark != nil {
			b.r.lift(*mark)
		}
		b.r.recovery.final = in.final
		b.r.mem = nil
		in.answer(answer{recovery: *in.final})
	})
}

func (in *confirmIn) detail(found banto.Recovery, killed int) string {
	said := []string{"since " + found.Since.UTC().Format(time.RFC3339)}
	for _, what := range sortedKeys(found.Counts) {
		said = append(said, fmt.Sprintf("%d %s", found.Counts[what], what))
	}
	if killed > 0 {
		said = append(said, fmt.Sprintf("%d are killed", killed))
	}
	if silent := untold(found.Hosts, func(h banto.RecoveryHost) bool { return !h.Answered }); len(silent) > 0 {
		said = append(said, "without an answer of "+listed(silent))
	}
	return strings.Join(said, ", ")
}

// untold gives the names of the hosts of which something is missing.
func untold(hosts []banto.RecoveryHost, missing func(banto.RecoveryHost) bool) []string {
	var names []string
	for _, h := range hosts {
		if missing(h) {
			names = append(names, h.Name)
		}
	}
	return names
}

// gap says whether keepers may know attempts that nobody has told of.
func gap(hosts []banto.RecoveryHost) bool {
	return len(untold(hosts, func(h banto.RecoveryHost) bool { return !h.Answered || !h.Whole })) > 0
}

// unseen says whether there are hosts that had not connected yet when the store
// was as it is, and have not since. Nobody waits for them, but they may have come
// and worked in the time that is lost.
func (r *Runner) unseen(m *memory) bool {
	for id, row := range m.hosts {
		if q := r.recovery.hosts[id]; row.ConnectedAt == nil && (q == nil || !q.answered) {
			return true
		}
	}
	return false
}

// cleaned gives the tracker that an order is to clean.
func cleaned(order string) (banto.TrackerID, bool) {
	rest, ok := strings.CutPrefix(order, "clean:")
	id, _, _ := strings.Cut(rest, ":")
	return banto.TrackerID(id), ok
}

// confirmItems does what the list says, and gives how many are killed.
func (b *batch) confirmItems(kill bool) (killed int) {
	var items []banto.RecoveryItem
	b.r.eachFound(b.mem, func(item banto.RecoveryItem, _ bool) { items = append(items, item) })
	slices.SortFunc(items, func(a, b banto.RecoveryItem) int {
		return cmp.Or(cmp.Compare(a.Tracker, b.Tracker), compareAttempts(a.Attempt, b.Attempt))
	})
	var undecided rows[banto.TrackerID, []string]
	decide := func(item banto.RecoveryItem) {
		said, _ := undecided.get(item.Tracker)
		undecided.put(item.Tracker, append(said, became(item)))
	}
	for _, item := range items {
		switch item.Found {
		case banto.FoundRunning:
			b.goesOn(item)
		case banto.FoundEnded:
			b.dropOrder(startOrder(item.Attempt)) // its result follows
		case banto.FoundTold:
			b.endTold(b.r.recovery.hosts[b.mem.names[item.Host]].attempts[item.Attempt].RecalledAttempt)
		case banto.FoundUnknown:
			b.dropOrder(startOrder(item.Attempt)) // it may have been started
			if t := b.mem.trackers[item.Tracker]; t != nil {
				b.mustStep(item.Tracker, t, engine.Lost{Attempt: item.Attempt})
			}
			decide(item)
		case banto.FoundAfter, banto.FoundStranger:
			if item.Running && kill {
				killed++
				b.putOrder(b.mem.names[item.Host], fabric.Order{
					ID: killOrder(item.Attempt), Kill: &fabric.KillOrder{Attempt: item.Attempt, Reason: banto.ReasonKilled},
				})
			}
			if item.Found == banto.FoundAfter {
				decide(item)
			}
		}
	}
	for i, id := range undecided.keys {
		b.holdUndecided(id, undecided.vals[i])
	}
	return killed
}

// goesOn notes that an attempt runs, if its host is connected.
func (b *batch) goesOn(item banto.RecoveryItem) {
	b.dropOrder(startOrder(item.Attempt))
	if _, up := b.mem.shells[b.mem.names[item.Host]]; !up {
		return
	}
	if t := b.mem.trackers[item.Tracker]; t != nil {
		b.mustStep(item.Tracker, t, engine.Found{Attempt: item.Attempt})
	}
}

// endTold ends an attempt with what its keeper remembers of the result.
func (b *batch) endTold(told fabric.RecalledAttempt) {
	id, t := b.mem.trackerOf(told.Attempt)
	if t == nil {
		return
	}
	end := engine.Ended{
		Attempt: told.Attempt, StartedAt: told.StartedAt, At: b.now, Exit: told.Exit, Reason: told.Reason,
		Message: "its result was told to a manager whose store is not this one: only what its keeper remembers of it is known",
	}
	if told.At != nil {
		end.At = *told.At
	}
	b.dropOrder(killOrder(told.Attempt))
	b.mustStep(id, t, end)
}

// maxUndecided is how many attempts the reason of a hold names.
const maxUndecided = 5

// holdUndecided holds a tracker until a person has decided what became of it.
func (b *batch) holdUndecided(id banto.TrackerID, said []string) {
	t := b.mem.trackers[id]
	if t == nil {
		return // it has ended
	}
	more := ""
	if n := len(said) - maxUndecided; n > 0 {
		said, more = said[:maxUndecided], fmt.Sprintf(" and %d more", n)
	}
	reason := fmt.Sprintf("what was done after %s is not in the store: %s%s; skip, force-end or rerun those parts, then release it",
		b.r.recovery.rec.Since.UTC().Format(time.RFC3339), strings.Join(said, "; "), more)
	if err := b.stepTracker(id, t, engine.Hold{By: ourselves().Name, Reason: clean(reason, maxMessage)}); err != nil {
		b.r.log.Warn("a tracker with attempts that the store does not know cannot be held", "tracker", id, "error", err)
	}
}

// outgrown gives the trackers of which keepers know more attempts than the store.
func (b *batch) outgrown() (map[banto.TrackerID]*engine.Tracker, error) {
	out := make(map[banto.TrackerID]*engine.Tracker)
	for id := range b.r.recovery.seen {
		t, _, err := b.tracker(id)
		if err != nil && !errors.Is(err, errUnusable) {
			return nil, err
		}
		if t != nil && !b.mem.isUnusable(id) {
			out[id] = t
		}
	}
	return out, nil
}

// reserve sees to it that no attempt gets a number that a keeper knows already.
func (b *batch) reserve(outgrown map[banto.TrackerID]*engine.Tracker, gap bool) {
	for _, id := range sortedKeys(outgrown) {
		b.carry(id, outgrown[id].Reserve(b.r.recovery.seen[id], b.now))
	}
	if !gap {
		return
	}
	for _, id := range sortedKeys(b.mem.trackers) {
		t := b.mem.trackers[id]
		b.carry(id, t.Reserve(t.Row().Attempts+numbersApart, b.now))
	}
}

// reserveLate does the same for a tracker that had ended before and runs again.
func (b *batch) reserveLate(id banto.TrackerID, t *engine.Tracker, endedAt *time.Time) {
	q := b.r.recovery
	if q == nil || !q.rec.Apart || endedAt == nil || endedAt.After(*q.rec.Confirmed) {
		return
	}
	b.carry(id, t.Reserve(t.Row().Attempts+numbersApart, b.now))
}
