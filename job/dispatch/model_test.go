package dispatch_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/dispatch"
	"github.com/bantoops/banto/job/jobnet"
)

// model knows in the plainest way what may be decided: lists and counts. It
// does not decide itself: it judges each decision of the board as it is made, and
// looks afterwards whether the board has left out one that it could make.
type model struct {
	hosts    map[banto.HostID]dispatch.Host
	groups   map[string]dispatch.Group
	accounts map[string]dispatch.AccountState
	wants    []dispatch.Want // oldest first; not yet placed
	placed   map[dispatch.Want]banto.HostID
	on       map[banto.AttemptID]spot
	choices  map[banto.TrackerID]map[string]banto.HostID // as the engine keeps them
	picked   map[string]map[banto.HostID]int             // by group: when a host was last chosen
	seq      int
}

type spot struct {
	host    banto.HostID
	account string
}

func newModel() *model {
	return &model{
		hosts: map[banto.HostID]dispatch.Host{}, groups: map[string]dispatch.Group{}, accounts: map[string]dispatch.AccountState{},
		placed: map[dispatch.Want]banto.HostID{}, on: map[banto.AttemptID]spot{},
		choices: map[banto.TrackerID]map[string]banto.HostID{}, picked: map[string]map[banto.HostID]int{},
	}
}

func (m *model) used(id banto.HostID) int {
	n := 0
	for _, h := range m.placed {
		if h == id {
			n++
		}
	}
	for _, s := range m.on {
		if s.host == id {
			n++
		}
	}
	return n
}

// gated says whether the account keeps a want from starting.
func (m *model) gated(account string) bool {
	s := m.accounts[account]
	if account == "" || s.Blocked || !s.OneAtATime {
		return account != "" && s.Blocked
	}
	for w := range m.placed {
		if w.Account == account {
			return true
		}
	}
	for _, s := range m.on {
		if s.account == account {
			return true
		}
	}
	return false
}

// members gives the hosts of a group or labels by name; pool is false for
// anything else.
func (m *model) members(target string) (out []dispatch.Host, pool bool) {
	g, ok := m.groups[target]
	if !ok {
		if g.Labels, ok = jobnet.ParseLabels(target); !ok {
			return nil, false
		}
	}
	for _, h := range m.hosts {
		in := len(g.Labels) > 0
		for k, v := range g.Labels {
			in = in && h.Labels[k] == v
		}
		if in || slices.Contains(g.Hosts, h.Name) {
			out = append(out, h)
		}
	}
	slices.SortFunc(out, func(a, b dispatch.Host) int { return cmp.Compare(a.Name, b.Name) })
	return out, true
}

func able(h dispatch.Host, shell string) bool {
	switch shell {
	case "sh":
		return h.OS != "windows"
	case "cmd":
		return h.OS != "linux"
	}
	return true
}

// bound gives the one host that a want is for, if it is for one.
func (m *model) bound(w dispatch.Want) (id banto.HostID, chosen bool) {
	_, pool := m.members(w.Host)
	if !pool {
		for _, h := range m.hosts {
			if h.Name == w.Host || w.Host == "" && h.Local {
				return h.ID, false
			}
		}
		return "", false
	}
	if m.groups[w.Host].Pick == "all" {
		return w.Chosen, true
	}
	if w.PerPart {
		return "", false
	}
	for _, id := range []banto.HostID{w.Chosen, m.choices[w.Tracker][w.Host]} {
		if _, known := m.hosts[id]; known {
			return id, true
		}
	}
	return "", false
}

// hopeless gives the reason for which a want can never get a place, now.
func (m *model) hopeless(w dispatch.Want) banto.Reason {
	members, pool := m.members(w.Host)
	id, _ := m.bound(w)
	h, known := m.hosts[id]
	switch {
	case known && !able(h, w.Shell):
		return banto.ReasonNotStarted
	case known:
		return ""
	case !pool && w.Host == "":
		return "" // until there is one beside the manager
	case !pool, len(members) == 0, id != "":
		return banto.ReasonNoHost
	case m.groups[w.Host].Pick == "all":
		return ""
	case !slices.ContainsFunc(members, func(h dispatch.Host) bool { return able(h, w.Shell) }):
		return banto.ReasonNotStarted
	}
	return ""
}

// candidates gives the hosts on which a want may be placed now.
func (m *model) candidates(w dispatch.Want) []dispatch.Host {
	id, chosen := m.bound(w)
	members, pool := m.members(w.Host)
	if h, ok := m.hosts[id]; ok {
		members, pool = []dispatch.Host{h}, false
	}
	return slices.DeleteFunc(slices.Clone(members), func(h dispatch.Host) bool {
		closed := h.Admission == banto.AdmissionHeld || h.Admission == banto.AdmissionDraining && !chosen
		lacks := pool && w.Shell != "" && len(h.Shells) > 0 && !slices.Contains(h.Shells, w.Shell)
		return !h.Up || closed || lacks || !able(h, w.Shell) || m.used(h.ID) >= h.Slots
	})
}

// best gives the candidate that a group's strategy wants.
func (m *model) best(w dispatch.Want, from []dispatch.Host) banto.HostID {
	g := m.groups[w.Host]
	var before func(a, b dispatch.Host) int
	switch jobnet.Pick(g.Pick) {
	case jobnet.PickRoundRobin:
		before = func(a, b dispatch.Host) int { return cmp.Compare(m.picked[w.Host][a.ID], m.picked[w.Host][b.ID]) }
	case jobnet.PickFirstAlive:
		rank := func(h dispatch.Host) int {
			if i := slices.Index(g.Hosts, h.Name); i >= 0 {
				return i
			}
			return len(g.Hosts)
		}
		before = func(a, b dispatch.Host) int { return cmp.Compare(rank(a), rank(b)) }
	default:
		before = func(a, b dispatch.Host) int {
			return cmp.Compare(float64(m.used(a.ID))/float64(a.Slots), float64(m.used(b.ID))/float64(b.Slots))
		}
	}
	return slices.MinFunc(from, func(a, b dispatch.Host) int {
		return cmp.Or(before(a, b), cmp.Compare(a.Name, b.Name))
	}).ID
}

// judge looks at one decision of the board, and carries it out.
func (m *model) judge(t *rapid.T, p dispatch.Placement) {
	w := p.Want
	i := slices.Index(m.wants, w)
	if i < 0 {
		t.Fatalf("%+v was decided, and nobody wants it", p)
	}
	_, pool := m.members(w.Host)
	id, _ := m.bound(w)
	reason := m.hopeless(w)
	all := pool && m.groups[w.Host].Pick == "all" && id == ""
	if p.Reason != reason || (p.Reason == "") != (p.Message == "") || all && reason == "" != (p.All != nil) {
		t.Fatalf("%+v, want the reason %q", p, reason)
	}
	m.wants = slices.Delete(m.wants, i, i+1)
	if reason != "" || all {
		if got, want := fmt.Sprint(p.All), fmt.Sprint(m.refs(w.Host)); all && reason == "" && got != want {
			t.Fatalf("all of %s: %s, want %s", w.Host, got, want)
		}
		return
	}
	from := m.candidates(w)
	if m.gated(w.Account) || !slices.ContainsFunc(from, func(h dispatch.Host) bool { return h.ID == p.HostID && h.Name == p.Host }) {
		t.Fatalf("%+v must not be: the account is closed (%v), or it is none of %+v", p, m.gated(w.Account), from)
	}
	for _, o := range m.wants[:i] { // first come, first served
		if o.Tracker == w.Tracker && o.Host == w.Host && o.Shell == w.Shell && !m.gated(o.Account) && o.PerPart == w.PerPart && o.Chosen == w.Chosen {
			t.Fatalf("%s was placed before %s, which came first", w.Part, o.Part)
		}
	}
	if pool && id == "" {
		if want := m.best(w, from); want != p.HostID {
			t.Fatalf("%+v, want %s", p, want)
		}
		m.seq++
		if m.picked[w.Host] == nil {
			m.picked[w.Host] = map[banto.HostID]int{}
		}
		m.picked[w.Host][p.HostID] = m.seq
	}
	keep := pool && !w.PerPart && m.groups[w.Host].Pick != "all" && p.HostID != w.Chosen
	if (p.Target == w.Host && w.Host != "") != keep {
		t.Fatalf("%+v: to be kept: %v", p, keep)
	}
	if keep {
		if m.choices[w.Tracker] == nil {
			m.choices[w.Tracker] = map[string]banto.HostID{}
		}
		m.choices[w.Tracker][w.Host] = p.HostID
	}
	m.placed[w] = p.HostID
}

func (m *model) refs(target string) []banto.HostRef {
	var out []banto.HostRef
	hosts, pool := m.members(target)
	for _, h := range m.hosts {
		if !pool && (h.Name == target || target == "" && h.Local) {
			hosts = append(hosts, h)
		}
	}
	for _, h := range hosts {
		out = append(out, banto.HostRef{Name: h.Name, ID: h.ID})
	}
	return out
}

// check lets the board decide, judges that, and looks for what was left out.
func (m *model) check(t *rapid.T, b *dispatch.Board) {
	for _, p := range b.Next() {
		m.judge(t, p)
	}
	if again := b.Next(); len(again) > 0 {
		t.Fatalf("decided later what could be decided at once: %+v", again)
	}
	waiting := map[banto.HostID]int{}
	for _, w := range m.wants {
		if m.hopeless(w) != "" || !m.gated(w.Account) && len(m.candidates(w)) > 0 {
			t.Fatalf("%+v was left out", w)
		}
		if why := b.Waiting(w.Tracker, w.Part); why == "" || strings.Contains(why, "about to") {
			t.Fatalf("%+v waits, and the board says %q", w, why)
		}
		if id, _ := m.bound(w); id != "" {
			waiting[id]++
		}
	}
	for w := range m.placed {
		if why := b.Waiting(w.Tracker, w.Part); why != "" {
			t.Fatalf("%+v has its place, and the board says %q", w, why)
		}
	}
	for id, h := range m.hosts {
		running, line := b.Load(id)
		if running != m.used(id) || line != waiting[id] {
			t.Fatalf("Load(%s) = %d, %d; want %d, %d", h.Name, running, line, m.used(id), waiting[id])
		}
	}
	for _, target := range targets {
		if got, want := fmt.Sprint(b.Members(target)), fmt.Sprint(m.refs(target)); got != want {
			t.Fatalf("Members(%q) = %s, want %s", target, got, want)
		}
	}
}

// forget drops a tracker's wants, or one of them.
func (m *model) forget(of func(dispatch.Want) bool) {
	m.wants = slices.DeleteFunc(m.wants, of)
	maps.DeleteFunc(m.placed, func(w dispatch.Want, _ banto.HostID) bool { return of(w) })
}

func (m *model) has(tracker banto.TrackerID) bool {
	mine := func(w dispatch.Want) bool { return w.Tracker == tracker }
	for a := range m.on {
		if id, _, _ := a.Split(); id == tracker {
			return true
		}
	}
	return slices.ContainsFunc(m.wants, mine) || slices.ContainsFunc(slices.Collect(maps.Keys(m.placed)), mine)
}
