package sim

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/sim/memstore"
	"github.com/bantoops/banto/store"
)

// backup is a picture of the store, and what comes of it. nil: there is none.
type backup struct {
	w         *world
	at        time.Duration
	shelf     *memstore.Shelf
	outputs   map[banto.AttemptID]int64
	answered  map[*submission]bool // by then
	gone      bool                 // the store is lost, and the picture is not yet in its place
	held      bool                 // it is, and waits for its confirmation
	confirmed bool
}

// scheduleRestore has some worlds lose their store, and go on with a backup.
func (w *world) scheduleRestore() {
	if !w.chance(5) {
		return
	}
	at := 5*time.Second + w.some(60*time.Second)
	w.after(at, nil, w.backUp)
	w.after(at+w.some(30*time.Second), nil, w.loseStore)
}

// backUp takes the picture.
func (w *world) backUp() {
	w.note("a backup is made")
	b := &backup{
		w: w, at: w.now, shelf: w.shelf.Copy(w.shelf.Incarnation() + "-restored"),
		outputs: maps.Clone(w.outputs.sizes), answered: map[*submission]bool{},
	}
	for _, s := range w.operators.all {
		b.answered[s] = s.answered
	}
	w.backup = b
}

// lost says that there is no store now.
func (b *backup) lost() bool { return b != nil && b.gone }

// loseStore takes the store away, and the managers with it.
func (w *world) loseStore() {
	w.note("the store is lost")
	w.backup.gone = true
	for _, m := range w.managers {
		if !m.life.dead {
			m.end()
		}
	}
	w.after(w.some(20*time.Second), nil, w.restore)
}

// restore puts the backup in the store's place, as banto restore does.
func (w *world) restore() {
	b := w.backup
	if !b.lost() {
		return
	}
	w.note("the backup is restored")
	b.gone, b.held = false, true
	mark, err := json.Marshal(banto.Recovery{Held: true, Mode: "restore", Since: begin.Add(b.at)})
	s := memstore.Open(b.shelf, memstore.Options{Clock: w.clock, Now: func() time.Time { return begin.Add(w.now) }})
	if err == nil {
		_, err = s.Begin(w.ctx, "restore", begin.Add(w.now))
	}
	if err == nil {
		err = s.Write(w.ctx, func(tx store.Tx) error { return tx.PutMark(runner.RecoveryMark, string(mark)) })
	}
	if err == nil {
		err = s.Release(w.ctx, "")
	}
	if err != nil {
		w.err = err
		return
	}
	w.shelf, w.outputs.sizes = b.shelf, b.outputs
	w.truth.restored()
	w.operators.forgotten(b)
	for _, m := range w.managers {
		m.start()
	}
	w.after(3*time.Second+w.some(25*time.Second), nil, b.confirm)
}

// restored goes on with what the backup knows.
func (t *truth) restored() {
	t.look = memstore.Open(t.w.shelf, memstore.Options{Clock: t.w.clock})
	t.epoch = 1
	was := t.rows
	t.rows = map[banto.AttemptID]banto.Attempt{}
	for id, f := range t.fates {
		f.before = true
		row, err := t.look.Attempt(t.w.ctx, id)
		if err == nil && row.State.Ended() {
			t.rows[id] = row
		}
		if _, ended := was[id]; err == nil && ended && !row.State.Ended() {
			f.lost = "its result was told to a manager that is no more"
		}
	}
}

// forgotten submits anew what was answered after the backup.
func (o *operators) forgotten(b *backup) {
	for _, s := range o.all {
		if !s.answered {
			continue
		}
		if b.answered[s] {
			o.w.truth.answered(s.tracker) // it is there
			continue
		}
		s.answered, s.tracker = false, ""
		o.open++
		o.w.after(o.w.some(5*time.Second), nil, func() { o.submit(s) })
	}
}

// sends looks at a frame that a manager sends: before the confirmation nobody is
// told to do anything.
func (b *backup) sends(data []byte) {
	if b == nil || !b.held {
		return
	}
	if mark, err := b.w.truth.look.Mark(b.w.ctx, runner.RecoveryMark); err == nil {
		var rec banto.Recovery
		if json.Unmarshal([]byte(mark), &rec) == nil && rec.Confirmed != nil {
			return // it is written, and the answer on its way
		}
	}
	if d, err := fabric.DecodeDown(data); err == nil && len(d.Orders) > 0 {
		b.w.broken(8, "before the confirmation %s is sent", d.Orders[0].ID)
	}
}

// confirm is what the operator does: look, wait for the hosts or not, confirm.
func (b *backup) confirm() {
	w := b.w
	if b.confirmed {
		return
	}
	w.after(2*time.Second+w.some(3*time.Second), nil, b.confirm)
	m := w.operators.someManager()
	if m == nil {
		return
	}
	c := banto.RecoveryConfirm{Kill: w.chance(2), Unanswered: w.chance(4), Reason: "after the fire"}
	err := m.run.PostConfirm(somebody, c, func(rec banto.Recovery, err error) {
		w.note("the recovery is confirmed (%+v): %v, found %v", c, err, rec.Counts)
		if err == nil {
			b.decide(rec)
		}
	})
	if err == nil {
		m.poke()
	}
}

// decide takes what the confirmation says. What nobody can know is the
// operator's to decide, who lets it go on.
func (b *backup) decide(rec banto.Recovery) {
	w := b.w
	b.held, b.confirmed = false, true
	silent := slices.ContainsFunc(rec.Hosts, func(h banto.RecoveryHost) bool { return !h.Answered || !h.Whole })
	for id, f := range w.truth.fates {
		if tracker, _, err := id.Split(); err == nil && silent && f.before {
			w.truth.givenUp[tracker] = true
		}
	}
	for _, item := range rec.Items {
		switch item.Found {
		case banto.FoundAfter, banto.FoundStranger, banto.FoundUnknown:
			w.truth.givenUp[item.Tracker] = true
		}
		if item.Found == banto.FoundUnknown {
			b.forceEnd(item)
		}
	}
}

// forceEnd gives up a part of which nobody knows what became of it: it stays
// lost until somebody does.
func (b *backup) forceEnd(item banto.RecoveryItem) {
	w := b.w
	w.after(5*time.Second+w.some(20*time.Second), nil, func() {
		row, err := w.truth.look.Attempt(w.ctx, item.Attempt)
		if err == nil && row.State.Ended() {
			return
		}
		if m := w.operators.someManager(); err == nil && m != nil && row.State == banto.AttemptLost {
			w.operators.make(m, &submission{tracker: item.Tracker}, banto.MoveRequest{
				Move: banto.MoveForceEnd, Parts: []banto.PartKey{item.Part}, Outcome: banto.OK, Reason: "nobody knows",
			})
		}
		b.forceEnd(item)
	})
}
