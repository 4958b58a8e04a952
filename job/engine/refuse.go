package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bantoops/banto"
)

// maxRefused is how many parts a refusal names.
const maxRefused = 20

// refusals gathers why parts cannot be moved, so that all are told at once.
type refusals struct {
	whys []string
	hint string // of the first
}

// add notes one.
func (r *refusals) add(why, hint string) {
	if len(r.whys) == 0 {
		r.hint = hint
	}
	r.whys = append(r.whys, why)
}

// refuse says that a move makes no sense.
func (t *Tracker) refuse(move banto.Move, kind banto.Kind, why, hint string) *banto.ErrorInfo {
	verb := map[banto.Move]string{
		banto.MoveHold: "hold", banto.MoveRelease: "release", banto.MoveSkip: "skip parts of",
		banto.MoveForceEnd: "force-end parts of", banto.MoveKill: "kill what runs in", banto.MoveRerun: "rerun",
		banto.MoveCancel: "cancel",
	}[move]
	return banto.Fail(kind, fmt.Sprintf("cannot %s tracker %s", verb, t.row.ID), why, hint)
}

// refuseAll makes one refusal of those that were gathered; nil if there are none.
func (t *Tracker) refuseAll(move banto.Move, r refusals) error {
	if len(r.whys) == 0 {
		return nil
	}
	whys := r.whys
	if more := len(whys) - maxRefused; more > 0 {
		whys = append(slices.Clone(whys[:maxRefused]), fmt.Sprintf("and %d more", more))
	}
	return t.refuse(move, banto.KindConflict, strings.Join(whys, "; "), r.hint)
}

// going refuses a move for a tracker that starts nothing any more.
func (t *Tracker) going(move banto.Move) error {
	switch {
	case t.row.State.Ended():
		return t.refuse(move, banto.KindConflict, fmt.Sprintf("it has already ended (%s)", t.row.State), "")
	case t.row.Cancelling:
		return t.refuse(move, banto.KindConflict, "it is being cancelled", "")
	}
	return nil
}

// named gives the parts that a move names, each once, in the order of the
// definition.
func (t *Tracker) named(move banto.Move, keys []banto.PartKey) ([]*part, error) {
	var out []*part
	for _, k := range keys {
		p := t.part(k)
		if p == nil {
			return nil, t.unknown(move, k, t.row.Jobnet)
		}
		out = append(out, p)
	}
	slices.SortFunc(out, before)
	return slices.Compact(out), nil
}

// unknown says that there is no such part.
func (t *Tracker) unknown(move banto.Move, k banto.PartKey, jobnet string) *banto.ErrorInfo {
	if name, host := split(k); host != "" && t.root.part(name) != nil {
		return t.refuse(move, banto.KindNotFound, fmt.Sprintf("%s is not on a host %s", name, host), "")
	}
	return t.refuse(move, banto.KindNotFound, fmt.Sprintf("%s has no part %s", jobnet, k), "")
}

// said writes who did what and why.
func said(what, by, reason string) string {
	s := what + " by " + by
	if reason != "" {
		s += ": " + reason
	}
	return s
}

// is writes how a part stands, for a refusal.
func (p *part) is() string {
	switch s := p.state(); {
	case p.toSkip():
		return fmt.Sprintf("%s is to be skipped", p.key())
	case p.gone():
		return fmt.Sprintf("%s is lost, and the tracker is about to start again from its start", p.key())
	case s.Ended():
		return fmt.Sprintf("%s has ended (%s)", p.key(), s)
	case p.of != nil && s == banto.PartWaiting:
		return fmt.Sprintf("%s waits for %s", p.key(), p.of.key())
	default:
		return fmt.Sprintf("%s is %s", p.key(), s)
	}
}
