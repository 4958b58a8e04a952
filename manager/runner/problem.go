package runner

import "github.com/bantoops/banto"

// hostProblemIn says what keeps a host from taking anything new; empty when
// nothing does any more.
type hostProblemIn struct {
	id      banto.HostID
	problem string
}

// HostProblem says what keeps a connected host from taking anything new, such
// as a full disk; empty when nothing does any more. The host tells it again in
// every session while it lasts.
func (r *Runner) HostProblem(id banto.HostID, problem string) {
	r.inbox.report(hostProblemIn{id: id, problem: clean(problem, maxHostText)})
}

func (hostProblemIn) droppable() bool       { return false }
func (hostProblemIn) refuse(error)          {}
func (in hostProblemIn) from() banto.HostID { return in.id }

// step lets nothing be placed on the host while it is in trouble. Nothing is
// written: a manager that starts anew is told again.
func (in hostProblemIn) step(b *batch) error {
	row, ok := b.mem.hosts[in.id]
	if !ok || b.mem.problems[in.id] == in.problem {
		return nil
	}
	if in.problem == "" {
		delete(b.mem.problems, in.id)
		b.event(Event{Kind: HostWell, Host: row.Name})
	} else {
		b.mem.problems[in.id] = in.problem
		b.event(Event{Kind: HostProblem, Host: row.Name, Text: in.problem})
		b.r.log.Warn("a host can take nothing new", "host", row.Name, "problem", in.problem)
	}
	_, up := b.mem.shells[in.id]
	b.mem.setHost(row, up, in.id == b.r.opt.LocalHost)
	return nil
}
