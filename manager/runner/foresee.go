package runner

import (
	"maps"
	"slices"

	"github.com/bantoops/banto"
)

// foresee asks the store for all submissions of a batch at once whether their keys
// have made a tracker, and for IDs that no tracker has. What it cannot learn is
// asked for each of them, and told to its caller.
func (b *batch) foresee(ins []input) {
	var news []*submitIn
	for _, in := range ins {
		if s, ok := in.(*submitIn); ok && s.id == "" {
			news = append(news, s)
		}
	}
	if len(news) < 2 {
		return
	}
	keys := make(map[string][]string) // by principal
	var ids []banto.TrackerID
	drawn := make(map[banto.TrackerID]bool)
	for _, s := range news {
		if id := b.r.opt.IDs.Tracker(); b.mem.trackers[id] == nil && !drawn[id] {
			drawn[id] = true
			ids = append(ids, id)
		}
		if s.Key != "" {
			keys[s.By.Name] = append(keys[s.By.Name], s.Key)
		}
	}
	b.asked = make(map[submitKey]submitted, len(ids))
	for _, who := range slices.Sorted(maps.Keys(keys)) {
		b.askKeys(who, keys[who])
	}
	there, err := b.r.opt.Store.TrackersThere(b.ctx, ids)
	if err != nil {
		return
	}
	for _, id := range there {
		delete(drawn, id)
	}
	b.free = slices.DeleteFunc(ids, func(id banto.TrackerID) bool { return !drawn[id] })
}

// askKeys learns what keys of a principal have made.
func (b *batch) askKeys(who string, keys []string) {
	slices.Sort(keys)
	keys = slices.Compact(keys)
	made, err := b.r.opt.Store.SubmittedKeys(b.ctx, who, keys)
	if err != nil {
		return
	}
	for _, key := range keys {
		b.asked[submitKey{who, key}] = submitted{}
	}
	for _, m := range made {
		b.asked[submitKey{who, m.Key}] = submitted{hash: m.RequestHash, id: m.Tracker}
	}
}
