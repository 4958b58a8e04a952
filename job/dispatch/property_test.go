package dispatch_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/dispatch"
)

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
