package dispatch_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

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

var (
	hostNames = []string{"db01", "db02", "web01", "here"}
	targets   = []string{"", "db01", "db02", "web01", "here", "nowhere", "g1", "g2", "role=db", "area=east,role=web", "role=none"}
	trackers  = []banto.TrackerID{t1, t2, "20261121-0000003"}
)

func TestBoardIsLawful(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &run{b: dispatch.New(), m: newModel(), removed: map[string]int{}}
		for range 3 {
			r.host(t)
			r.group(t)
		}
		t.Repeat(map[string]func(*rapid.T){
			"host": r.host, "remove host": r.removeHost, "group": r.group, "remove group": r.removeGroup, "account": r.account,
			"add": r.add, "add more": r.add, "add still more": r.add, "withdraw": r.withdraw, "bind": r.bind, "bind more": r.bind,
			"occupy": r.occupy, "free": r.free, "forget": r.forget,
			"": func(t *rapid.T) {
				r.m.check(t, r.b)
				for _, id := range trackers { // a choice is remembered as long as the tracker is on the board
					if !r.m.has(id) {
						delete(r.m.choices, id)
					}
				}
			},
		})
	})
}

// run is a board and its model, and what can be done to both.
type run struct {
	b       *dispatch.Board
	m       *model
	n       int
	removed map[string]int
}

func (r *run) host(t *rapid.T) {
	name := rapid.SampledFrom(hostNames).Draw(t, "name")
	h := dispatch.Host{
		ID: r.id(name), Name: name, Local: name == "here",
		Slots:     rapid.IntRange(0, 3).Draw(t, "slots"),
		Up:        rapid.SampledFrom([]bool{true, true, false}).Draw(t, "up"),
		OS:        rapid.SampledFrom([]string{"linux", "linux", "windows", ""}).Draw(t, "os"),
		Admission: rapid.SampledFrom([]banto.Admission{"", banto.AdmissionOpen, banto.AdmissionDraining, banto.AdmissionHeld}).Draw(t, "admission"),
		Shells:    rapid.SampledFrom([][]string{nil, {"sh", "cmd"}, {"sh", "cmd", "pwsh"}}).Draw(t, "shells"),
		Labels: rapid.SampledFrom([]map[string]string{
			nil, {"role": "db"}, {"role": "web", "area": "east"}, {"role": "web"},
		}).Draw(t, "labels"),
	}
	r.b.SetHost(h)
	was := r.m.pools()
	r.m.hosts[h.ID] = h
	r.left(was)
}

// pools gives the members of each group, by ID.
func (m *model) pools() map[string]map[banto.HostID]bool {
	out := map[string]map[banto.HostID]bool{}
	for name := range m.groups {
		out[name] = map[banto.HostID]bool{}
		hosts, _ := m.members(name)
		for _, h := range hosts {
			out[name][h.ID] = true
		}
	}
	return out
}

// left forgets when a host was chosen last for a group that it has left.
func (r *run) left(was map[string]map[banto.HostID]bool) {
	for name, now := range r.m.pools() {
		for id := range was[name] {
			if !now[id] {
				delete(r.m.picked[name], id)
			}
		}
	}
}

// id gives the ID of the host of a name: one that was removed and comes back
// is another.
func (r *run) id(name string) banto.HostID {
	return banto.HostID(fmt.Sprint("h-", name, "-", r.removed[name]))
}

func (r *run) removeHost(t *rapid.T) {
	name := rapid.SampledFrom(hostNames).Draw(t, "host")
	r.b.RemoveHost(r.id(name))
	delete(r.m.hosts, r.id(name))
	r.removed[name]++
}

func (r *run) group(t *rapid.T) {
	g := dispatch.Group{
		Name:   rapid.SampledFrom([]string{"g1", "g2"}).Draw(t, "name"),
		Hosts:  rapid.SliceOfNDistinct(rapid.SampledFrom(hostNames), 0, 4, rapid.ID).Draw(t, "hosts"),
		Labels: rapid.SampledFrom([]map[string]string{nil, nil, {"role": "web"}}).Draw(t, "labels"),
		Pick:   rapid.SampledFrom([]string{"", "least-loaded", "round-robin", "first-alive", "all"}).Draw(t, "pick"),
	}
	r.b.SetGroup(g)
	was := r.m.pools()
	r.m.groups[g.Name] = g
	r.left(was)
}

func (r *run) removeGroup(t *rapid.T) {
	name := rapid.SampledFrom([]string{"g1", "g2"}).Draw(t, "name")
	r.b.RemoveGroup(name)
	delete(r.m.groups, name)
	delete(r.m.picked, name)
}

func (r *run) account(t *rapid.T) {
	name := rapid.SampledFrom([]string{"nightly", "batch"}).Draw(t, "name")
	s := dispatch.AccountState{
		Blocked: rapid.Bool().Draw(t, "blocked"), Why: "why", OneAtATime: rapid.Bool().Draw(t, "one at a time"),
	}
	r.b.SetAccount(name, s)
	r.m.accounts[name] = s
}

func (r *run) part(t *rapid.T) (banto.TrackerID, banto.PartKey) {
	return rapid.SampledFrom(trackers).Draw(t, "tracker"), banto.PartKey(fmt.Sprint("p", rapid.IntRange(0, 9).Draw(t, "part")))
}

func (r *run) add(t *rapid.T) {
	w := dispatch.Want{
		Host:    rapid.SampledFrom(targets).Draw(t, "target"),
		PerPart: rapid.SampledFrom([]bool{false, false, true}).Draw(t, "per part"),
		Account: rapid.SampledFrom([]string{"", "", "nightly", "batch"}).Draw(t, "account"),
		Shell:   rapid.SampledFrom([]string{"", "", "sh", "cmd", "pwsh"}).Draw(t, "shell"),
	}
	w.Tracker, w.Part = r.part(t)
	w.Chosen = r.m.choices[w.Tracker][w.Host] // what the engine would say
	if r.m.groups[w.Host].Pick == "all" {
		w.Chosen = rapid.SampledFrom([]banto.HostID{"", r.id("db01"), r.id("web01"), "h-none"}).Draw(t, "item on")
	}
	r.b.Add(w)
	same := func(o dispatch.Want) bool { return o.Tracker == w.Tracker && o.Part == w.Part }
	if slices.Contains(r.m.wants, w) || slices.ContainsFunc(slices.Collect(maps.Keys(r.m.placed)), same) {
		return
	}
	r.m.forget(same)
	r.m.wants = append(r.m.wants, w)
}

func (r *run) withdraw(t *rapid.T) {
	tracker, part := r.part(t)
	r.b.Withdraw(tracker, part)
	r.m.forget(func(w dispatch.Want) bool { return w.Tracker == tracker && w.Part == part })
}

func (r *run) bind(t *rapid.T) {
	tracker, part := r.part(t)
	if rapid.Bool().Draw(t, "one that is placed") && len(r.m.placed) > 0 {
		w := slices.MinFunc(slices.Collect(maps.Keys(r.m.placed)), func(x, y dispatch.Want) int {
			return cmp.Or(cmp.Compare(x.Tracker, y.Tracker), cmp.Compare(x.Part, y.Part))
		})
		tracker, part = w.Tracker, w.Part
	}
	r.n++
	a := banto.NewAttemptID(tracker, 100+r.n)
	r.b.Bind(tracker, part, a)
	for w, id := range r.m.placed {
		if w.Tracker == tracker && w.Part == part {
			r.m.on[a] = spot{id, w.Account}
			delete(r.m.placed, w)
		}
	}
}

func (r *run) occupy(t *rapid.T) {
	a := banto.NewAttemptID(rapid.SampledFrom(trackers).Draw(t, "tracker"), rapid.IntRange(1, 5).Draw(t, "attempt"))
	s := spot{r.id(rapid.SampledFrom(hostNames).Draw(t, "host")), rapid.SampledFrom([]string{"", "nightly"}).Draw(t, "account")}
	r.b.Occupy(a, s.host)
	r.b.Under(a, s.account)
	r.m.on[a] = s
}

func (r *run) free(t *rapid.T) {
	all := slices.Sorted(maps.Keys(r.m.on))
	all = append(all, "20261121-0000001.99")
	a := rapid.SampledFrom(all).Draw(t, "attempt")
	r.b.Free(a)
	delete(r.m.on, a)
}

func (r *run) forget(t *rapid.T) {
	id := rapid.SampledFrom(trackers).Draw(t, "tracker")
	r.b.Forget(id)
	r.m.forget(func(w dispatch.Want) bool { return w.Tracker == id })
	maps.DeleteFunc(r.m.on, func(a banto.AttemptID, _ spot) bool {
		of, _, _ := a.Split()
		return of == id
	})
}
