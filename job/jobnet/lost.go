package jobnet

import (
	"fmt"
	"time"
)

// lost is what is done about a lost attempt, as it is handed down.
type lost struct {
	then  OnLost
	after time.Duration
}

// OnLosts gives the answers to a host that does not come back.
func OnLosts() []string {
	return []string{string(LostWait), string(LostFail), string(LostRerun), string(LostRerunJobnet)}
}

// lost reads an on-lost, and fills in what it does not say.
func (c *compilation) lost(then OnLost, after time.Duration, at place) lost {
	switch then {
	case LostFail, LostRerun, LostRerunJobnet:
		if after == 0 {
			after = DefaultLostAfter
		}
	case LostWait:
		if after != 0 {
			c.report.Add(at.pos, at.path(), "wait waits until the host is back, however long that takes", "leave out after, or write then: fail, rerun or rerun-jobnet")
		}
		return lost{}
	default:
		c.report.Add(at.pos, at.path(), fmt.Sprintf("%q is not an answer to a lost host", clip(string(then))), "write wait, fail, rerun or rerun-jobnet")
		return lost{}
	}
	if after < MinLostAfter || after > MaxLostAfter {
		c.report.Add(at.pos, at.path()+".after", fmt.Sprintf("%s without contact", FormatDuration(after)),
			fmt.Sprintf("from %s to %s; without it, %s", FormatDuration(MinLostAfter), FormatDuration(MaxLostAfter), FormatDuration(DefaultLostAfter)))
	}
	return lost{then, after}
}

// onLost says what is done when the part's host is lost. It acts without a
// person: what a person would have to be asked for, it may not do.
func (c *compilation) onLost(p *Part, to *FlowPart, at func(string) place) {
	rule := c.base.lost
	if p.OnLost != "" {
		rule = c.lost(p.OnLost, p.LostAfter, at("on-lost"))
	}
	to.OnLost, to.LostAfter = rule.then, rule.after
	if rule.then == LostRerun && to.Rerun != "" {
		where := at("on-lost")
		c.report.Add(where.pos, where.path(), fmt.Sprintf("on-lost: rerun would run it again with nobody asked, and it says rerun: %s", to.Rerun),
			"write on-lost: wait or fail, or rerun: yes")
	}
}

// restarts refuses a jobnet that a lost part would start again from its start,
// with parts that may not run again unasked.
func (c *compilation) restarts() {
	by := ""
	for i := range c.flow.Parts {
		if p := &c.flow.Parts[i]; p.OnLost == LostRerunJobnet {
			by = p.Name
			break
		}
	}
	if by == "" {
		return
	}
	for i := range c.flow.Parts {
		to, p := &c.flow.Parts[i], &c.jobnet.Parts[i]
		if to.Rerun == "" {
			continue
		}
		c.report.Add(p.place("rerun"), "parts."+p.Name+".rerun",
			fmt.Sprintf("on-lost: rerun-jobnet of the part %s would run it again with nobody asked, and it says rerun: %s", clip(by), to.Rerun),
			"write on-lost: wait, fail or rerun for "+clip(by)+", or rerun: yes here")
	}
}

// checkKeep looks at what a folder keeps.
func (f *Folder) checkKeep(r *Report) {
	for _, k := range []struct {
		key  string
		time time.Duration
	}{{"keep.trackers", f.Keep.Trackers}, {"keep.output", f.Keep.Output}} {
		if k.time != 0 && (k.time < MinKeep || k.time > MaxKeep) {
			r.Add(f.KeyPos[k.key], k.key, "it is kept for "+FormatDuration(k.time), "from 1d to 36500d; leave it out to keep it for ever")
		}
	}
}
