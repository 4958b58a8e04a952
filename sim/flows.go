package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

// group is a group of all hosts, of which a part runs on the first that lives.
const group = "all"

// putGroup puts it into the store.
func (w *world) putGroup(tx store.Tx) error {
	text := "group: " + group + "\nhosts: ["
	for i, h := range w.hosts {
		if i > 0 {
			text += ", "
		}
		text += h.name
	}
	_, err := tx.PutDefinition(store.Definition{
		Kind: store.KindGroup, Path: group, Source: text + "]\npick: first-alive\n", AppliedAt: begin, AppliedBy: "setup",
	})
	return err
}

var outlets = []jobnet.Outlet{jobnet.OutletDone, jobnet.OutletDone, jobnet.OutletEnded, jobnet.OutletError, jobnet.OutletOK}

// flow makes a random jobnet.
func (w *world) flow(n int) *jobnet.Flow {
	j := &jobnet.Jobnet{Path: fmt.Sprintf("sim/flow%d", n)}
	if w.chance(4) {
		j.OnError = jobnet.OnErrorWait
	}
	for i := range 1 + w.rand.IntN(5) {
		j.Parts = append(j.Parts, w.part(i, j.Parts))
	}
	f, problems := jobnet.Compile(j, nil)
	if len(problems) > 0 {
		w.err = fmt.Errorf("cannot compile a random flow: %+v", problems)
	}
	return f
}

func (w *world) part(i int, before []jobnet.Part) jobnet.Part {
	p := jobnet.Part{Name: fmt.Sprintf("p%d", i), Kind: jobnet.KindJob, Script: "work"}
	for range min(len(before), w.rand.IntN(3)) {
		a := jobnet.After{Part: before[w.rand.IntN(len(before))].Name, Outlet: outlets[w.rand.IntN(len(outlets))]}
		if !slices.ContainsFunc(p.After, func(b jobnet.After) bool { return a.Part == b.Part && a.Outlet == b.Outlet }) {
			p.After = append(p.After, a)
		}
	}
	switch w.rand.IntN(4) {
	case 0, 1:
		p.Host = group
	case 2:
		p.Host = w.hosts[w.rand.IntN(len(w.hosts))].name
	}
	if w.chance(3) {
		p.Retry = &jobnet.Retry{Attempts: 1 + w.rand.IntN(2), Wait: w.some(4 * time.Second).Truncate(time.Second)}
	}
	switch w.rand.IntN(5) {
	case 0:
		p.OnLost, p.LostAfter = jobnet.LostFail, jobnet.MinLostAfter
	case 1, 2:
		p.OnLost, p.LostAfter = jobnet.LostRerun, jobnet.MinLostAfter+w.some(10*time.Second).Truncate(time.Second)
	case 3:
		if w.chance(3) {
			p.OnLost, p.LostAfter = jobnet.LostRerunJobnet, jobnet.MinLostAfter
		}
	}
	w.suits(&p)
	return p
}
