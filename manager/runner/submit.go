package runner

import (
	"errors"
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// submitIn is a Submit that waits for the loop. id is set once it was tried: a
// transaction whose answer was lost may have been written all the same.
type submitIn struct {
	caller
	Submit
	what string
	id   banto.TrackerID
	let  bool // it has met no limit
}

// step makes the tracker, unless the key has made one before.
func (in *submitIn) step(b *batch) error {
	if in.id != "" {
		if made, err := in.tried(b); made || err != nil {
			return err
		}
	}
	if in.Key != "" {
		first, found, err := b.submitted(in.By.Name, in.Key)
		if err != nil {
			return err
		}
		if found {
			return in.repeat(b, first)
		}
	}
	if b.r.held() {
		b.refuse(in, unconfirmed(in.what))
		return nil
	}
	if !in.let {
		if refusal := b.tooMany(in.what, in.jobnet(), in.By.Name); refusal != nil {
			b.refuse(in, refusal)
			return nil
		}
		in.let = true
	}
	if in.id == "" {
		id, err := b.newID()
		if err != nil {
			return err
		}
		in.id = id
	}
	id, sub := in.id, in.Submission
	sub.ID, sub.By = id, in.By.Name
	if known := b.r.flows.get(sub.FlowHash); known != nil {
		sub.Flow = known
	} else {
		b.flows.put(sub.FlowHash, newFlow{flow: sub.Flow, body: in.FlowBody})
	}
	var err error
	if sub.Calls, err = b.keepCalls(in.Calls); err != nil {
		return err
	}
	detail := fmt.Sprintf("%s version %d", sub.Flow.Jobnet, sub.Version)
	if in.Hold { // before anything of it begins
		sub.Hold = &engine.Hold{By: in.By.Name, Reason: sub.Reason}
		detail += ", held"
	}
	t, effects := engine.New(sub, b.now)
	b.mem.keep(id, t)
	b.carry(id, effects)
	b.counted()
	if in.Key != "" {
		b.keys.put(submitKey{in.By.Name, in.Key}, submitted{hash: in.RequestHash, id: id})
	}
	b.audit(in.By, audit.TrackerSubmit, string(id), detail, sub.Reason)
	b.after(func() { in.answer(answer{tracker: t.Row()}) })
	return nil
}

// tried answers a submission that an earlier transaction has written.
func (in *submitIn) tried(b *batch) (made bool, err error) {
	if t := b.mem.trackers[in.id]; t != nil {
		b.after(func() { in.answer(answer{tracker: t.Row()}) })
		return true, nil
	}
	row, err := b.r.opt.Store.Tracker(b.ctx, in.id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot read the tracker %s: %w", in.id, err)
	}
	b.after(func() { in.answer(answer{tracker: row}) })
	return true, nil
}

// repeat answers a submission whose key was seen before.
func (in *submitIn) repeat(b *batch, first submitted) error {
	if first.hash != in.RequestHash {
		err := banto.Fail(banto.KindConflict, in.what,
			fmt.Sprintf("the idempotency key was used for another request, which made %s", first.id),
			"use a new key for a new request")
		b.after(func() { in.refuse(err) })
		return nil
	}
	if t := b.mem.trackers[first.id]; t != nil {
		b.after(func() { in.answer(answer{tracker: t.Row(), exists: true}) })
		return nil
	}
	row, err := b.r.opt.Store.Tracker(b.ctx, first.id)
	if err != nil {
		return fmt.Errorf("cannot read the tracker %s: %w", first.id, err)
	}
	b.after(func() { in.answer(answer{tracker: row, exists: true}) })
	return nil
}

// submitted looks a key up in this batch and in the store.
func (b *batch) submitted(principal, key string) (submitted, bool, error) {
	if s, ok := b.keys.get(submitKey{principal, key}); ok {
		return s, true, nil
	}
	if s, asked := b.asked[submitKey{principal, key}]; asked {
		return s, s.id != "", nil
	}
	id, hash, err := b.r.opt.Store.Submitted(b.ctx, principal, key)
	if errors.Is(err, store.ErrNotFound) {
		return submitted{}, false, nil
	}
	if err != nil {
		return submitted{}, false, fmt.Errorf("cannot look up the idempotency key: %w", err)
	}
	return submitted{hash: hash, id: id}, true, nil
}

// newID gives a tracker ID that was never used.
func (b *batch) newID() (banto.TrackerID, error) {
	for len(b.free) > 0 {
		id := b.free[0]
		b.free = b.free[1:]
		if b.mem.trackers[id] == nil {
			return id, nil
		}
	}
	for range 20 {
		id := b.r.opt.IDs.Tracker()
		if b.mem.trackers[id] != nil {
			continue
		}
		if _, ok := b.trackers.get(id); ok {
			continue
		}
		_, err := b.r.opt.Store.Tracker(b.ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return id, nil
		}
		if err != nil {
			return "", fmt.Errorf("cannot check the tracker ID %s: %w", id, err)
		}
	}
	return "", errors.New("cannot find a tracker ID that is not used")
}
