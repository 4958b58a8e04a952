package dispatch

import (
	"cmp"
	"container/list"
	"maps"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// idlePools is how many sets of labels the board keeps at hand that nothing
// waits for: to find their hosts again costs a look at every host.
const idlePools = 16

// pool is a group, or a set of labels that wants name, with the hosts that are
// in it.
type pool struct {
	Group
	labels  bool           // a set of labels, not a group; Name is its text
	rank    map[string]int // place of a host in the group's list, from 1
	members map[*host]*member
	lines   []*line // one for each shell that was ever wanted
	idle    *list.Element
}

// member is a host in a pool.
type member struct {
	pool   *pool
	host   *host
	picked int64   // when it was last chosen, for turns
	seats  []*seat // as pool.lines
}

// seat is a member as one line sees it.
type seat struct {
	*member
	level int
	able  bool
	pos   int // in line.free
}

// The levels of a seat: what a host lacks to be chosen.
const (
	levelDown    = iota // is not connected
	levelNoShell        // does not have the shell
	levelClosed         // takes nothing new
	levelFull           // has no place
	levelFree
)

// SetGroup makes a group known, or says what has changed of it. Wants that
// wait for it are lined up anew.
func (b *Board) SetGroup(g Group) {
	old := b.groups[g.Name]
	if old != nil && old.Pick == g.Pick && slices.Equal(old.Hosts, g.Hosts) && maps.Equal(old.Labels, g.Labels) {
		return
	}
	g.Hosts, g.Labels = slices.Clone(g.Hosts), maps.Clone(g.Labels)
	p := &pool{Group: g, rank: map[string]int{}, members: map[*host]*member{}}
	for i, name := range slices.Backward(g.Hosts) {
		p.rank[name] = i + 1
	}
	wants := b.lift(g.Name)
	if old != nil {
		b.dissolve(old)
	}
	b.groups[g.Name] = p
	b.gather(p)
	if old != nil {
		for h, m := range p.members {
			if was := old.members[h]; was != nil {
				m.picked = was.picked
			}
		}
	}
	b.resolveAll(wants)
}

// RemoveGroup forgets a group.
func (b *Board) RemoveGroup(name string) {
	p := b.groups[name]
	if p == nil {
		return
	}
	wants := b.lift(name)
	b.dissolve(p)
	delete(b.groups, name)
	b.resolveAll(wants)
}

// Members gives the hosts that a target means, by name: the group of that
// name, the host, those that have the labels, or the host beside the manager
// for the empty one.
func (b *Board) Members(target string) []banto.HostRef {
	p := b.groups[target]
	if p == nil {
		p = b.labelled[target]
	}
	if p != nil {
		return p.refs()
	}
	h := b.names[target]
	if target == "" {
		h = b.local
	}
	if h != nil {
		return []banto.HostRef{{Name: h.Name, ID: h.ID}}
	}
	labels, ok := jobnet.ParseLabels(target)
	if !ok {
		return nil
	}
	var out []banto.HostRef
	for _, h := range b.names {
		if has(h.Labels, labels) {
			out = append(out, banto.HostRef{Name: h.Name, ID: h.ID})
		}
	}
	return byName(out)
}

func (p *pool) refs() []banto.HostRef {
	out := make([]banto.HostRef, 0, len(p.members))
	for h := range p.members {
		out = append(out, banto.HostRef{Name: h.Name, ID: h.ID})
	}
	return byName(out)
}

func byName(refs []banto.HostRef) []banto.HostRef {
	slices.SortFunc(refs, func(x, y banto.HostRef) int { return cmp.Compare(x.Name, y.Name) })
	return refs
}

// has says whether there are all of the wanted labels.
func has(labels, wanted map[string]string) bool {
	for name, value := range wanted {
		if got, ok := labels[name]; !ok || got != value {
			return false
		}
	}
	return true
}

// holds says whether a host belongs to the pool.
func (p *pool) holds(h *host) bool {
	return p.rank[h.Name] > 0 || len(p.Labels) > 0 && has(h.Labels, p.Labels)
}

// all says whether parts run on every host of the pool.
func (p *pool) all() bool { return jobnet.Pick(p.Pick) == jobnet.PickAll }

// poolNamed gives the group of a name, or the pool of a set of labels, which is
// made if need be; nil if the target is neither.
func (b *Board) poolNamed(target string) *pool {
	if p := b.groups[target]; p != nil {
		return p
	}
	if p := b.labelled[target]; p != nil || !strings.Contains(target, "=") {
		return p
	}
	labels, ok := jobnet.ParseLabels(target)
	if !ok {
		return nil
	}
	p := &pool{Group: Group{Name: target, Labels: labels}, labels: true, members: map[*host]*member{}}
	b.labelled[target] = p
	b.gather(p)
	b.rest(p)
	return p
}

// gather finds the members of a new pool.
func (b *Board) gather(p *pool) {
	if len(p.Labels) == 0 {
		for name := range p.rank {
			if h := b.names[name]; h != nil {
				b.join(p, h)
			}
		}
		return
	}
	for _, h := range b.names {
		if p.holds(h) {
			b.join(p, h)
		}
	}
}

func (b *Board) join(p *pool, h *host) {
	m := &member{pool: p, host: h}
	p.members[h] = m
	h.pools = append(h.pools, m)
	for _, l := range p.lines {
		b.sit(l, m)
	}
}

// sit gives a member its seat in a line.
func (b *Board) sit(l *line, m *member) {
	s := &seat{member: m, able: able(m.host.OS, l.shell)}
	m.seats = append(m.seats, s)
	l.counts[levelDown]++
	if s.able {
		l.able++
	}
	b.look(l, s)
}

func (b *Board) part(m *member) {
	delete(m.pool.members, m.host)
	m.host.pools = slices.DeleteFunc(m.host.pools, func(o *member) bool { return o == m })
	for i, l := range m.pool.lines {
		s := m.seats[i]
		l.free.drop(s)
		l.counts[s.level]--
		if s.able {
			l.able--
		}
		b.doubt(l)
		b.touch(l)
	}
}

// dissolve takes all members out of a pool that nothing stands in.
func (b *Board) dissolve(p *pool) {
	for h := range p.members {
		h.pools = slices.DeleteFunc(h.pools, func(m *member) bool { return m.pool == p })
	}
	for _, l := range p.lines {
		b.ripe.drop(l)
	}
}

// busy and rest say that something stands in a set of labels, or nothing.
func (b *Board) busy(p *pool) {
	if p.idle != nil {
		b.idle.Remove(p.idle)
		p.idle = nil
	}
}

func (b *Board) rest(p *pool) {
	if !p.labels || p.idle != nil || slices.ContainsFunc(p.lines, func(l *line) bool { return l.n > 0 }) {
		return
	}
	p.idle = b.idle.PushBack(p)
	if b.idle.Len() > idlePools {
		oldest := b.idle.Remove(b.idle.Front()).(*pool)
		b.dissolve(oldest)
		delete(b.labelled, oldest.Name)
	}
}

// lineOf gives the pool's line for a shell, made if need be.
func (b *Board) lineOf(p *pool, shell string) *line {
	for _, l := range p.lines {
		if l.shell == shell {
			return l
		}
	}
	l := b.newLine()
	l.pool, l.shell = p, shell
	l.free = heap[*seat]{before: order(p.Pick), pos: func(s *seat) *int { return &s.pos }}
	p.lines = append(p.lines, l)
	for _, m := range p.members {
		b.sit(l, m)
	}
	return l
}

// order says which of two hosts that can be chosen comes first.
func order(pick string) func(x, y *seat) bool {
	name := func(x, y *seat) int {
		return cmp.Or(cmp.Compare(x.host.Name, y.host.Name), cmp.Compare(x.host.ID, y.host.ID))
	}
	switch jobnet.Pick(pick) {
	case jobnet.PickRoundRobin:
		return func(x, y *seat) bool { return cmp.Or(cmp.Compare(x.picked, y.picked), name(x, y)) < 0 }
	case jobnet.PickFirstAlive:
		return func(x, y *seat) bool {
			// Those of the list come before those by labels.
			rank := func(s *seat) int { return s.pool.rank[s.host.Name] - 1 }
			return cmp.Or(cmp.Compare(uint(rank(x)), uint(rank(y))), name(x, y)) < 0 //nolint:gosec // -1 becomes the last
		}
	}
	return func(x, y *seat) bool {
		return cmp.Or(cmp.Compare(x.host.used*y.host.Slots, y.host.used*x.host.Slots), name(x, y)) < 0
	}
}

// refresh looks again at a host whose state or load has changed.
func (b *Board) refresh(h *host) {
	b.touch(&h.own)
	for _, m := range h.pools {
		for i, l := range m.pool.lines {
			b.look(l, m.seats[i])
		}
	}
}

// look brings a seat up to date.
func (b *Board) look(l *line, s *seat) {
	if can := able(s.host.OS, l.shell); can != s.able {
		s.able = can
		if can {
			l.able++
		} else {
			l.able--
			b.doubt(l)
		}
	}
	l.counts[s.level]--
	s.level = s.host.level(l.shell)
	l.counts[s.level]++
	if s.level == levelFree {
		l.free.put(s)
	} else {
		l.free.drop(s)
	}
	b.touch(l)
}

// doubt notes that what stands in a line may never get a place.
func (b *Board) doubt(l *line) {
	if l.able == 0 && l.n > 0 && !l.stale {
		l.stale = true
		b.stale = append(b.stale, l)
	}
}
