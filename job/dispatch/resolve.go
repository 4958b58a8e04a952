package dispatch

import (
	"container/list"
	"fmt"
	"strings"

	"github.com/bantoops/banto"
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
	if p := b.poolNamed(w.Host); p != nil {
		b.resolveIn(p, w)
		return
	}
	h := b.names[w.Host]
	if w.Host == "" {
		if h = b.local; h == nil {
			return // until there is one
		}
	}
	if h == nil || !able(h.OS, w.Shell) {
		w.setAside(&b.unknown)
		return
	}
	b.enter(&h.own, w, 0)
}

// resolveIn finds out where a want for a pool waits: on the host that was
// chosen for its tracker if that is known, else with all that want a choice.
func (b *Board) resolveIn(p *pool, w *want) {
	id := b.choice(w, p)
	if id == "" {
		b.choose(p, w)
		return
	}
	h := b.hosts[id]
	if h == nil || !h.known {
		w.setAside(&b.unknown) // it may be learnt before the next decision
		return
	}
	w.kept = true
	if able(h.OS, w.Shell) {
		b.enter(&h.own, w, 0)
	} else {
		w.setAside(&b.unknown)
	}
}

// choose lines a want up with those that want any host of a pool.
func (b *Board) choose(p *pool, w *want) {
	if p.all() {
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
func (b *Board) choice(w *want, p *pool) banto.HostID {
	if p.all() {
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
func (b *Board) follow(w *want, p *pool, h *host) {
	t := b.of(w.Tracker)
	if t.choices == nil {
		t.choices = map[string]banto.HostID{}
	}
	t.choices[w.Host] = h.ID
	var others []*want
	for _, l := range p.lines {
		if mine := l.turns[w.Tracker]; mine != nil {
			others = append(others, mine.all()...)
		}
	}
	b.seq++
	for _, o := range byArrival(others) {
		if o.PerPart {
			continue
		}
		b.unline(o)
		o.kept = true
		if able(h.OS, o.Shell) {
			b.enter(&h.own, o, b.seq)
		} else {
			o.setAside(&b.unknown)
		}
	}
}

// refuse decides what can never get a place, and what runs on all hosts of a
// group. What was not known when it came is looked at once more.
func (b *Board) refuse(out []Placement) []Placement {
	var left list.List
	left.PushBackList(&b.unknown)
	for e := left.Front(); e != nil; e = e.Next() {
		w := e.Value.(*want)
		w.stand()
		b.resolve(w)
		if w.aside == &b.unknown {
			out = b.settleUnknown(out, w)
		}
	}
	for e := b.fans.Front(); e != nil; e = b.fans.Front() {
		w := e.Value.(*want)
		p := b.groups[w.Host]
		if len(p.members) == 0 {
			out = b.refuseOne(out, w, banto.ReasonNoHost, p.nobody())
			continue
		}
		out = append(out, Placement{Want: w.Want, Host: w.Host, All: p.refs()})
		b.remove(w)
	}
	stale := b.stale
	b.stale = nil
	for _, l := range stale {
		l.stale = false
		if l.able > 0 {
			continue
		}
		reason, message := banto.ReasonNoHost, l.pool.nobody()
		if len(l.pool.members) > 0 {
			reason, message = banto.ReasonNotStarted, fmt.Sprintf("no host %s can have the shell %s", l.pool.phrase(), l.shell)
		}
		for _, w := range l.all() {
			out = b.refuseOne(out, w, reason, message)
		}
	}
	return out
}

// settleUnknown refuses a want that still has no line, unless the host that was
// chosen for it is gone: then another is chosen.
func (b *Board) settleUnknown(out []Placement, w *want) []Placement {
	p := b.poolNamed(w.Host)
	h := b.names[w.Host]
	switch {
	case p != nil:
		h = b.hosts[b.choice(w, p)]
	case w.Host == "":
		h = b.local
	}
	switch {
	case h != nil && h.known:
		return b.refuseShell(out, w, h)
	case p == nil:
		return b.refuseOne(out, w, banto.ReasonNoHost, unknownText(w.Host))
	case p.all():
		return b.refuseOne(out, w, banto.ReasonNoHost,
			fmt.Sprintf("the host of %s that it was to run on is not known any more", w.Host))
	}
	w.stand()
	b.choose(p, w)
	return out
}

func (b *Board) refuseShell(out []Placement, w *want, h *host) []Placement {
	text := fmt.Sprintf("%s cannot have the shell %s: it runs %s", h.Name, w.Shell, h.OS)
	if w.kept {
		text += fmt.Sprintf("; the tracker chose it for %s (pick: per-part chooses anew)", w.Host)
	}
	return b.refuseOne(out, w, banto.ReasonNotStarted, text)
}

func (b *Board) refuseOne(out []Placement, w *want, reason banto.Reason, message string) []Placement {
	b.remove(w)
	return append(out, Placement{Want: w.Want, Host: w.Host, Reason: reason, Message: message})
}

func unknownText(target string) string {
	if strings.Contains(target, "=") {
		return fmt.Sprintf("%q are no labels", target)
	}
	return fmt.Sprintf("the host %s is not known", target)
}
