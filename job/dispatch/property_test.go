package dispatch_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/dispatch"
)

// model says the same as the board in the plainest way: one list of wants and
// a count for each host.
type model struct {
	hosts  map[string]dispatch.Host // by name; the name is the ID as well
	wants  []dispatch.Want          // oldest first
	placed map[dispatch.Want]string // not yet bound: on which host
	on     map[banto.AttemptID]string
	seq    int
}

func (m *model) local() string {
	for name, h := range m.hosts {
		if h.Local {
			return name
		}
	}
	return ""
}

// resolve gives the host that a want is for; ok is false if it must wait for
// the local host to be known.
func (m *model) resolve(w dispatch.Want) (string, bool) {
	if w.Host == "" {
		return m.local(), m.local() != ""
	}
	return w.Host, true
}

func (m *model) used(host string) int {
	n := 0
	for _, h := range m.placed {
		if h == host {
			n++
		}
	}
	for _, h := range m.on {
		if h == host {
			n++
		}
	}
	return n
}

// next gives what must be decided now: per host in order of arrival.
func (m *model) next() map[string][]banto.PartKey {
	out := map[string][]banto.PartKey{}
	var left []dispatch.Want
	for _, w := range m.wants {
		name, ok := m.resolve(w)
		h, known := m.hosts[name]
		switch {
		case !ok:
			left = append(left, w)
		case !known:
			out["refused"] = append(out["refused"], w.Part)
		case h.Up && m.used(name) < h.Slots:
			m.placed[w] = name
			out[name] = append(out[name], w.Part)
		default:
			left = append(left, w)
		}
	}
	m.wants = left
	return out
}

// find gives a want of the part, waiting or placed.
func (m *model) find(part banto.PartKey) (waiting int, placed *dispatch.Want) {
	for w := range m.placed {
		if w.Part == part {
			return -1, &w
		}
	}
	return slices.IndexFunc(m.wants, func(w dispatch.Want) bool { return w.Part == part }), nil
}

func TestBoardIsItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := dispatch.New()
		m := &model{hosts: map[string]dispatch.Host{}, placed: map[dispatch.Want]string{}, on: map[banto.AttemptID]string{}}
		names := []string{"db01", "db02", "here"}
		part := rapid.Map(rapid.IntRange(0, 12), func(i int) banto.PartKey { return banto.PartKey(fmt.Sprint("p", i)) })
		attempt := rapid.Map(rapid.IntRange(1, 30), func(i int) banto.AttemptID { return banto.NewAttemptID(t1, i) })
		t.Repeat(map[string]func(*rapid.T){
			"host": func(t *rapid.T) {
				h := dispatch.Host{
					Name:  rapid.SampledFrom(names).Draw(t, "name"),
					Slots: rapid.IntRange(0, 3).Draw(t, "slots"),
					Up:    rapid.Bool().Draw(t, "up"),
				}
				h.ID, h.Local = banto.HostID(h.Name), h.Name == "here"
				b.SetHost(h)
				m.hosts[h.Name] = h
			},
			"add": func(t *rapid.T) {
				w := dispatch.Want{
					Tracker: t1, Part: part.Draw(t, "part"),
					Host: rapid.SampledFrom(append(names, "")).Draw(t, "host"),
				}
				b.Add(w)
				i, placed := m.find(w.Part)
				if placed != nil || (i >= 0 && m.wants[i].Host == w.Host) {
					return
				}
				if i >= 0 {
					m.wants = slices.Delete(m.wants, i, i+1)
				}
				m.wants = append(m.wants, w)
			},
			"withdraw": func(t *rapid.T) {
				p := part.Draw(t, "part")
				b.Withdraw(t1, p)
				i, placed := m.find(p)
				if placed != nil {
					delete(m.placed, *placed)
				} else if i >= 0 {
					m.wants = slices.Delete(m.wants, i, i+1)
				}
			},
			"bind": func(t *rapid.T) {
				p := part.Draw(t, "part")
				m.seq++
				a := banto.NewAttemptID(t1, 100+m.seq)
				b.Bind(t1, p, a)
				if _, placed := m.find(p); placed != nil {
					m.on[a] = m.placed[*placed]
					delete(m.placed, *placed)
				}
			},
			"occupy": func(t *rapid.T) {
				a, h := attempt.Draw(t, "attempt"), rapid.SampledFrom(names).Draw(t, "host")
				b.Occupy(a, banto.HostID(h))
				m.on[a] = h
			},
			"free": func(t *rapid.T) {
				all := []banto.AttemptID{attempt.Draw(t, "any")}
				for a := range m.on {
					all = append(all, a)
				}
				slices.Sort(all)
				a := rapid.SampledFrom(all).Draw(t, "attempt")
				b.Free(a)
				delete(m.on, a)
			},
			"": func(t *rapid.T) { m.check(t, b) },
		})
	})
}

// check decides on both sides and compares: what was decided, in which order
// for each host, the places taken and the lines.
func (m *model) check(t *rapid.T, b *dispatch.Board) {
	got := map[string][]banto.PartKey{}
	for _, p := range b.Next() {
		name := p.Host
		if p.Reason != "" {
			name = "refused"
		}
		got[name] = append(got[name], p.Want.Part)
	}
	want := m.next()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("decided %v, want %v", got, want)
	}
	for name, h := range m.hosts {
		running, waiting := b.Load(h.ID)
		line := 0
		for _, w := range m.wants {
			if on, ok := m.resolve(w); ok && on == name {
				line++
			}
			if b.Waiting(w.Tracker, w.Part) == "" {
				t.Fatalf("%s waits, and the board does not say why", w.Part)
			}
		}
		if running != m.used(name) || waiting != line {
			t.Fatalf("Load(%s) = %d, %d; want %d, %d", name, running, waiting, m.used(name), line)
		}
	}
}
