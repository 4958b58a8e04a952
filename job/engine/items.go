package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

// items are the items of a part that runs on several hosts. One that is not
// taken is on a host that the part is not on now; its row is kept.
type items struct {
	list   []*part // by host
	counts map[banto.PartState]int
	live   int
	due    bool // the sum is to be made
}

// count notes that n more items are in a state.
func (its *items) count(s banto.PartState, n int) {
	if s.Live() {
		its.live += n
	}
	its.counts[s] += n
}

// recount reckons the counts anew.
func (its *items) recount() {
	its.live, its.counts = 0, map[banto.PartState]int{}
	for _, i := range its.list {
		its.count(i.state(), 1)
	}
}

// fanned says whether the part is on several hosts now: it has items.
func (p *part) fanned() bool {
	return p.items != nil && p.items.counts[banto.PartNotTaken] < len(p.items.list)
}

// spread says whether the part is now what its items are: one of them is live
// or held.
func (p *part) spread() bool {
	return p.items != nil && (p.items.live > 0 || p.items.counts[banto.PartHeld] > 0)
}

// any says whether something is so of an item.
func (p *part) any(so func(*part) bool) bool {
	return p.items != nil && slices.ContainsFunc(p.items.list, so)
}

// each calls f for every item that the part has or had.
func (p *part) each(f func(*part)) {
	if p.items == nil {
		return
	}
	for _, i := range p.items.list {
		f(i)
	}
}

// item gives the item on a host, or nil.
func (p *part) item(host string) *part {
	if p.items == nil {
		return nil
	}
	n, ok := slices.BinarySearchFunc(p.items.list, host, func(i *part, host string) int { return strings.Compare(i.host, host) })
	if !ok {
		return nil
	}
	return p.items.list[n]
}

// addItem gives the part a further item, to be sorted in.
func (p *part) addItem(host string) *part {
	if p.items == nil {
		p.items = &items{}
	}
	i := &part{in: p.in, at: p.at, of: p, host: host}
	p.items.list = append(p.items.list, i)
	return i
}

// sortItems brings added items into their order.
func (p *part) sortItems() {
	slices.SortFunc(p.items.list, before)
	p.items.recount()
}

// fanOut puts a ready part on several hosts.
func (t *Tracker) fanOut(in FanOut) {
	p := t.part(in.Part)
	if p == nil || p.of != nil || p.state() != banto.PartReady || t.still() || len(in.Hosts) == 0 {
		return
	}
	wanted, there := map[string]bool{}, map[string]bool{}
	p.each(func(i *part) { there[i.host] = true })
	for _, h := range in.Hosts {
		wanted[h.Name] = true
		if !there[h.Name] {
			there[h.Name] = true
			p.addItem(h.Name)
		}
	}
	p.sortItems()
	t.clear(t.set(p, banto.PartRunning))
	for _, i := range p.items.list {
		if wanted[i.host] {
			t.ready(i)
		} else if i.row.Message == "" {
			t.edit(i).Message = "its host is not in the group any more"
		}
	}
}

// resume starts the items of a part that are to run again.
func (t *Tracker) resume(p *part) {
	t.set(p, banto.PartRunning)
	t.startItems(p)
}

// startItems makes the items ready that wait to run again.
func (t *Tracker) startItems(p *part) {
	for _, i := range p.items.list {
		if i.state() == banto.PartWaiting {
			t.ready(i)
		}
	}
}

// sum makes of a part what its items are: it is live while one of them is, and
// has the worst of their outcomes when all have ended.
func (t *Tracker) sum(p *part) {
	p.items.due = false
	switch s := p.state(); {
	case s.Ended() && (s != banto.PartError || p.row.Forced != ""):
		return // a person's word on the part itself
	case s == banto.PartWaiting || p.items.counts[banto.PartWaiting] > 0:
		return // it has yet to run again
	case p.items.live > 0:
		if p.state() != banto.PartRunning {
			r := t.set(p, banto.PartRunning) // items of it were held
			r.Reason, r.Message = "", ""
		}
	case p.items.counts[banto.PartHeld] > 0:
		r := t.set(p, banto.PartHeld)
		n := slices.IndexFunc(p.items.list, func(i *part) bool { return i.state() == banto.PartHeld })
		held := p.items.list[n]
		r.Message = held.host + " is " + held.row.Message
	default:
		t.total(p)
	}
}

// total ends a part all of whose items have ended.
func (t *Tracker) total(p *part) {
	state := banto.PartSkipped
	for _, s := range []banto.PartState{banto.PartError, banto.PartCancelled, banto.PartWarning, banto.PartOK} {
		if p.items.counts[s] > 0 {
			state = s
			break
		}
	}
	var first *part
	var names []string
	var end time.Time
	for _, i := range p.items.list {
		if i.state() == banto.PartNotTaken {
			continue
		}
		if e := i.row.EndedAt; e != nil && e.After(end) {
			end = *e
		}
		if i.state() != state {
			continue
		}
		if names = append(names, i.host); first == nil {
			first = i
		}
	}
	r := p.row
	if r.Forced != "" {
		state = banto.PartState(r.Forced)
	}
	t.set(p, state)
	r.EndedAt = t.orNow(end)
	if r.Forced == "" {
		r.Reason, r.Message = "", ""
		switch state {
		case banto.PartError:
			r.Reason, r.Message = first.row.Reason, "failed on "+list(names, maxNames)
		case banto.PartWarning, banto.PartCancelled:
			r.Reason, r.Message = first.row.Reason, fmt.Sprintf("%s on %s", state, list(names, maxNames))
		case banto.PartSkipped:
			r.Message = first.row.Message
		}
	}
	r.Healed = r.Healed && state == banto.PartError
	t.heal(p)
}

// maxNames is how many hosts or parts a message names.
const maxNames = 10

// list writes names, and how many more there are.
func list(names []string, limit int) string {
	if len(names) <= limit {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:limit], ", "), len(names)-limit)
}
