package dispatch

import (
	"cmp"
	"container/list"
	"fmt"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// lift takes the wants that name a target out of where they wait, oldest first.
func (b *Board) lift(target string) []*want {
	l := b.targets[target]
	if l == nil {
		return nil
	}
	out := make([]*want, 0, l.Len())
	for e := l.Front(); e != nil; e = e.Next() {
		if w := e.Value.(*want); w.placed == nil {
			b.unline(w)
			out = append(out, w)
		}
	}
	return out
}

// unline takes a want out of where it waits.
func (b *Board) unline(w *want) {
	if w.turn != nil {
		b.leave(w)
	} else {
		w.stand()
	}
}

func (b *Board) resolveAll(wants []*want) {
	for _, w := range wants {
		b.resolve(w)
	}
}

// resolve finds out where a want waits. A group goes before a host of that
// name: whoever joins under it must not get what is meant for the group.
func (b *Board) resolve(w *want) {
	w.kept = false
	p := b.groups[w.Host]
	if p == nil && strings.Contains(w.Host, "=") {
		if labels, ok := jobnet.ParseLabels(w.Host); ok {
			p = b.poolOf(w.Host, labels)
		}
	}
	if p != nil {
		b.resolveIn(p, w)
		return
	}
	h := b.names[w.Host]
	if w.Host == "" {
		if h = b.local; h == nil {
			return // until there is one
		}
	}
	if h == nil {
		w.setAside(&b.unknown)
		return
	}
	if !able(h.OS, w.Shell) {
		w.setAside(&b.unknown)
		return
	}
	b.enter(&h.own, w, 0)
}

// resolveIn finds out where a want for a pool waits: on the host that was
// chosen for its tracker if that is known, else with all that want a choice.
func (b *Board) resolveIn(p *pool, w *want) {
	all := jobnet.Pick(p.Pick) == jobnet.PickAll
	if id := b.choice(w, all); id != "" {
		h := b.hosts[id]
		switch {
		case h == nil || !h.known:
			w.setAside(&b.unknown) // it may be learnt before the next decision
		case !able(h.OS, w.Shell):
			w.kept = true
			w.setAside(&b.unknown)
		default:
			w.kept = true
			b.enter(&h.own, w, 0)
		}
		return
	}
	b.choose(p, w)
}

// choose lines a want up with those that want any host of a pool.
func (b *Board) choose(p *pool, w *want) {
	if jobnet.Pick(p.Pick) == jobnet.PickAll {
		w.setAside(&b.fans)
		return
	}
	l := b.lineOf(p, w.Shell)
	b.enter(l, w, 0)
	b.doubt(l)
}

// choice gives the host that was chosen for a want's tracker; empty if it must
// be chosen now. The engine may not have heard yet of what was chosen for a
// part beside it. An item of all hosts has its host in any case.
func (b *Board) choice(w *want, all bool) banto.HostID {
	if all {
		return w.Chosen
	}
	if w.PerPart {
		return ""
	}
	choices := b.of(w.Tracker).choices
	if w.Chosen != "" {
		if h := b.hosts[w.Chosen]; h != nil && h.known || choices[w.Host] == "" {
			return w.Chosen
		}
	}
	if h := b.hosts[choices[w.Host]]; h != nil && h.known {
		return h.ID
	}
	return w.Chosen
}

// follow keeps the choice of a host for a tracker, and takes the tracker's other
// wants for that pool to the host.
func (b *Board) follow(w *want, h *host) {
	t := b.of(w.Tracker)
	if t.choices == nil {
		t.choices = map[string]banto.HostID{}
	}
	t.choices[w.Host] = h.ID
	if w.turn != nil || len(t.wants) == 1 {
		return
	}
	var others []*want
	for _, o := range t.wants {
		if o != w && o.turn != nil && o.turn.line.pool != nil && o.Host == w.Host && !o.PerPart {
			others = append(others, o)
		}
	}
	b.seq++
	for _, o := range byArrival(others) {
		b.unline(o)
		o.kept = true
		if able(h.OS, o.Shell) {
			b.enter(&h.own, o, b.seq)
		} else {
			o.setAside(&b.unknown)
		}
	}
}

// refuse decides what can never get a place. What was not known when it came
// is looked at once more.
func (b *Board) refuse(out []Placement) []Placement {
	var left list.List
	left.PushBackList(&b.unknown)
	for e := left.Front(); e != nil; e = e.Next() {
		w := e.Value.(*want)
		w.stand()
		b.resolve(w)
		if w.aside == &b.unknown {
			out = b.refuseOne(out, w)
		}
	}
	for e := b.fans.Front(); e != nil; e = b.fans.Front() {
		w := e.Value.(*want)
		p := b.groups[w.Host]
		if len(p.members) == 0 {
			out = append(out, Placement{Want: w.Want, Host: w.Host, Reason: banto.ReasonNoHost, Message: p.nobody()})
		} else {
			out = append(out, Placement{Want: w.Want, Host: w.Host, All: p.refs()})
		}
		b.remove(w)
	}
	stale := b.stale
	b.stale = nil
	for _, l := range stale {
		l.stale = false
		if l.able > 0 {
			continue
		}
		for _, w := range l.all(b.trackers) {
			reason, message := banto.ReasonNoHost, l.pool.nobody()
			if len(l.pool.members) > 0 {
				reason, message = banto.ReasonNotStarted, fmt.Sprintf("no host %s can have the shell %s", l.pool.phrase(), l.shell)
			}
			out = append(out, Placement{Want: w.Want, Host: w.Host, Reason: reason, Message: message})
			b.remove(w)
		}
	}
	return out
}

// refuseOne refuses a want for one host, unless that is one that was chosen and
// is gone: then another is chosen.
func (b *Board) refuseOne(out []Placement, w *want) []Placement {
	p := Placement{Want: w.Want, Host: w.Host, Reason: banto.ReasonNoHost}
	pool := b.groups[w.Host]
	if pool == nil {
		pool = b.labelled[w.Host]
	}
	h := b.names[w.Host]
	if w.Host == "" {
		h = b.local
	}
	all := pool != nil && jobnet.Pick(pool.Pick) == jobnet.PickAll
	if pool != nil {
		h = b.hosts[b.choice(w, all)]
	}
	switch {
	case h != nil && h.known:
		p.HostID, p.Host = h.ID, h.Name
		p.Reason, p.Message = banto.ReasonNotStarted, fmt.Sprintf("%s cannot have the shell %s: it runs %s", h.Name, w.Shell, h.OS)
	case all:
		p.Message = fmt.Sprintf("the host that it was to run on, one of %s, is not known any more", w.Host)
	case pool != nil:
		w.stand()
		b.choose(pool, w)
		return out
	default:
		p.Message = unknownText(w.Host)
	}
	b.remove(w)
	return append(out, p)
}

func unknownText(target string) string {
	if strings.Contains(target, "=") {
		return fmt.Sprintf("%q are no labels", target)
	}
	return fmt.Sprintf("the host %s is not known", target)
}

func byArrival(wants []*want) []*want {
	slices.SortFunc(wants, func(x, y *want) int { return cmp.Compare(x.seq, y.seq) })
	return wants
}
