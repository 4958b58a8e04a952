package jobnet

import "slices"

// use is an expression of a part that names a value of another part.
type use struct {
	part, of int
	at       place
	ref      *ref
	src      string // the text that the expression stands in
	offset   int    // and where
}

// checkUses reports the uses of parts that are not before the part that uses
// them: their values would be a matter of luck.
func (c *compilation) checkUses(order []int) {
	far := c.farUses()
	if len(far) == 0 {
		return
	}
	rank := make([]int, len(order))
	for n, i := range order {
		rank[i] = n
	}
	slices.SortStableFunc(far, func(a, b use) int { return rank[a.of] - rank[b.of] })
	before := make([]uint64, len(order))
	edges := 0
	for i := range c.flow.Parts {
		edges += len(c.flow.Parts[i].After)
	}
	const most = 1 << 31
	for work := 0; len(far) > 0; work += len(order) + edges {
		if work > most {
			c.report.Add(far[0].at.pos, far[0].at.path(), "the jobnet uses too many values of parts far before to check them all", "add the parts to after where their values are used")
			return
		}
		far = far[c.checkSome(far, order, rank, before):]
	}
}

// farUses gives the uses of parts that are not in after themselves. The uses
// of one part stand together.
func (c *compilation) farUses() []use {
	var far []use
	var direct map[int]bool // of a part with many edges
	last := -1
	for _, u := range c.uses {
		if c.unsure(u.part) {
			continue
		}
		after := c.flow.Parts[u.part].After
		if u.part != last && len(after) > 32 {
			direct = make(map[int]bool, len(after))
			for _, e := range after {
				direct[e.From] = true
			}
		}
		last = u.part
		if len(after) > 32 && direct[u.of] || len(after) <= 32 && slices.ContainsFunc(after, func(e Edge) bool { return e.From == u.of }) {
			continue
		}
		far = append(far, u)
	}
	return far
}

// unsure says whether it is not known what a part is behind, for faults that
// have been told.
func (c *compilation) unsure(i int) bool {
	p := &c.jobnet.Parts[i]
	return p.Faulty || len(p.After) != len(c.flow.Parts[i].After)
}

// checkSome checks the uses of the next 64 parts that are used, one bit for
// each: a part is behind all that the parts before it are behind. It gives the
// number of uses done.
func (c *compilation) checkSome(uses []use, order, rank []int, before []uint64) int {
	clear(before)
	last, targets, n := 0, 0, 0
	bits := make([]uint64, 0, len(uses))
	for ; n < len(uses); n++ {
		if n == 0 || uses[n].of != uses[n-1].of {
			if targets == 64 {
				break
			}
			targets++
		}
		bits = append(bits, 1<<(targets-1))
		last = max(last, rank[uses[n].part])
	}
	own := make(map[int]uint64, targets)
	for k, u := range uses[:n] {
		own[u.of] = bits[k]
	}
	for r := rank[uses[0].of]; r <= last; r++ {
		i := order[r]
		var mask uint64
		if c.unsure(i) {
			mask = ^mask
		}
		for _, e := range c.flow.Parts[i].After {
			mask |= before[e.From]
		}
		before[i] = mask
		// Whoever is behind i is behind what i is behind, and behind i.
		if bit, ok := own[i]; ok {
			before[i] |= bit
		}
	}
	for k, u := range uses[:n] {
		if u.part == u.of || before[u.part]&bits[k] == 0 {
			c.notBefore(u)
		}
	}
	return n
}

func (c *compilation) notBefore(u use) {
	if c.report.Full() {
		c.report.Add(u.at.pos, "", u.ref.String(), "")
		return
	}
	pos := u.at.pos.inside(u.src, runes(u.src, u.offset)+u.ref.at)
	name, of := c.flow.Parts[u.part].Name, c.flow.Parts[u.of].Name
	if name == of {
		c.report.Add(pos, u.at.path(), u.ref.String()+": a part cannot use its own values", "they are there only when it has ended")
		return
	}
	c.report.Add(pos, u.at.path(), u.ref.String()+": "+of+" is not before "+name+", so its value would be a matter of luck", "add it to after: "+of)
}
