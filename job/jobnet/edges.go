package jobnet

import (
	"fmt"
	"slices"
	"strings"
)

// standardOutlets lists the outlets of parts that run something.
func standardOutlets() []Outlet {
	return []Outlet{OutletDone, OutletOK, OutletWarning, OutletError, OutletEnded}
}

// outlets lists the outlets of the part, those of its own first. Nothing can be
// behind an end.
func (p *Part) outlets() []Outlet {
	switch p.Kind {
	case KindBranch:
		return append(wayNames(p.Ways), OutletDone, OutletError, OutletEnded)
	case KindEnd:
		return nil
	}
	return standardOutlets()
}

// ParseAfter reads an edge as it is written: archive, or copy.error.
func ParseAfter(s string) After {
	part, outlet, found := strings.Cut(s, ".")
	if !found {
		outlet = string(OutletDone)
	}
	return After{Part: Normal(part), Outlet: Outlet(outlet)}
}

// String writes the edge as ParseAfter reads it.
func (a After) String() string {
	if a.Outlet == OutletDone {
		return a.Part
	}
	return a.Part + "." + string(a.Outlet)
}

// edges resolves what a part is behind.
func (c *compilation) edges(p *Part, to *FlowPart) {
	at := "parts." + p.Name + ".after"
	for i, a := range p.After {
		from := c.flow.Part(a.Part)
		switch {
		case from < 0:
			c.report.Add(a.Pos, at, fmt.Sprintf("there is no part %q", clip(a.Part)), c.partHint(a.Part))
			continue
		case !c.jobnet.Parts[from].has(a.Outlet):
			if before := &c.jobnet.Parts[from]; !before.Faulty { // or it may have that outlet
				c.report.Add(a.Pos, at, before.noOutlet(a.Outlet), before.outletHint(a.Outlet))
			}
			continue
		case len(p.After) <= 64 && slices.ContainsFunc(p.After[:i], a.same), len(p.After) > 64 && c.twice(i, p.After):
			c.report.Add(a.Pos, at, fmt.Sprintf("%s stands here twice", a), "leave out one of the two")
			continue
		}
		to.After = append(to.After, Edge{From: from, Outlet: a.Outlet})
	}
	late := func(e Edge) bool { return e.Outlet == OutletError || e.Outlet == OutletEnded }
	if p.Heals && !p.Faulty && !slices.ContainsFunc(to.After, late) && len(to.After) == len(p.After) {
		c.report.Add(p.place("heals"), "parts."+p.Name+".heals", "heals without an edge from an error", "write after: name.error, or name.ended")
	}
	if p.Join != "" && p.Join != JoinAll && p.Join != JoinAny {
		c.report.Add(p.place("join"), "parts."+p.Name+".join", fmt.Sprintf("%q is not a join", clip(string(p.Join))), "write all or any")
	}
}

func (a After) same(b After) bool { return a.Part == b.Part && a.Outlet == b.Outlet }

// twice says whether the i-th of many edges has stood before.
func (c *compilation) twice(i int, edges []After) bool {
	if i == 0 {
		c.seen = make(map[After]bool, len(edges))
	}
	key := After{Part: edges[i].Part, Outlet: edges[i].Outlet}
	if c.seen[key] {
		return true
	}
	c.seen[key] = true
	return false
}

func (c *compilation) partHint(name string) string {
	if c.report.Full() {
		return ""
	}
	return didYouMean(name, c.names.all(), "it names a part of this jobnet")
}

func (p *Part) has(o Outlet) bool {
	if p.Kind == KindBranch || p.Kind == KindEnd {
		return slices.Contains(p.outlets(), o)
	}
	switch o { // most edges come by here
	case OutletDone, OutletOK, OutletWarning, OutletError, OutletEnded:
		return true
	}
	return false
}

func (p *Part) noOutlet(o Outlet) string {
	if p.Kind == KindEnd {
		return fmt.Sprintf("%s ends the jobnet, so nothing can be behind it", p.Name)
	}
	return fmt.Sprintf("%s has no outlet %q", p.Name, clip(string(o)))
}

func (p *Part) outletHint(o Outlet) string {
	if p.Kind == KindEnd {
		return "what runs beside it finishes; what waits is not taken"
	}
	names := make([]string, 0, 5)
	for _, known := range p.outlets() {
		names = append(names, string(known))
	}
	return didYouMean(string(o), names, "outlets are "+strings.Join(names, ", "))
}

// order sorts the parts so that each stands behind all that are before it,
// and reports the cycles that make this impossible.
func (c *compilation) order() ([]int, bool) {
	parts := c.flow.Parts
	left := make([]int, len(parts))
	order := make([]int, 0, len(parts))
	for i := range parts {
		if left[i] = len(parts[i].After); left[i] == 0 {
			order = append(order, i)
		}
	}
	for n := 0; n < len(order); n++ {
		for _, e := range parts[order[n]].Next {
			if left[e.To]--; left[e.To] == 0 {
				order = append(order, e.To)
			}
		}
	}
	if len(order) == len(parts) {
		return order, true
	}
	c.cycles(left)
	return nil, false
}

// cycles names cycles. Each part that is left has one before it that is left
// too; who follows these back from anywhere comes round in a circle.
func (c *compilation) cycles(left []int) {
	visit := make([]int, len(left)) // by which walk
	for start := range left {
		if left[start] == 0 || visit[start] != 0 {
			continue
		}
		i := start
		for visit[i] == 0 {
			visit[i] = start + 1
			i = c.leftBefore(i, left)
		}
		if visit[i] != start+1 {
			continue // ran into an earlier walk
		}
		ring := []int{i}
		for j := c.leftBefore(i, left); j != i; j = c.leftBefore(j, left) {
			ring = append(ring, j)
		}
		slices.Reverse(ring)
		c.reportCycle(ring)
	}
}

func (c *compilation) leftBefore(i int, left []int) int {
	for _, e := range c.flow.Parts[i].After {
		if left[e.From] > 0 {
			return e.From
		}
	}
	return i
}

// reportCycle tells a cycle from its first part on, at that part's after.
func (c *compilation) reportCycle(ring []int) {
	at := slices.Index(ring, slices.Min(ring))
	ring = append(ring[at:], ring[:at]...)
	names := make([]string, 0, 12)
	for i, n := range ring {
		if i == 8 && len(ring) > 10 {
			names = append(names, fmt.Sprintf("… %d more …", len(ring)-9))
			names = append(names, c.flow.Parts[ring[len(ring)-1]].Name)
			break
		}
		names = append(names, c.flow.Parts[n].Name)
	}
	first := c.flow.Parts[ring[0]].Name
	names = append(names, first)
	part, before := &c.jobnet.Parts[ring[0]], c.flow.Parts[ring[len(ring)-1]].Name
	pos := part.Pos
	for _, a := range part.After {
		if a.Part == before {
			pos = a.Pos
		}
	}
	c.report.Add(pos, "parts."+first+".after", "the parts go round in a circle: "+strings.Join(names, " → "), "take one of these edges away")
}
