package cli

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

// mover is a command that moves a tracker or parts of it.
type mover struct {
	e       *env
	req     banto.MoveRequest
	json    bool
	wait    waiting
	guard   guard
	guarded bool // it cannot be undone
}

// flags gives the command what every move takes.
func (v *mover) flags(cmd *cobra.Command) {
	e, f := v.e, cmd.Flags()
	f.StringVar(&v.req.Reason, "reason", "", e.say("why, in your `words`; kept with the tracker"))
	f.BoolVar(&v.req.DryRun, "dry-run", false, e.say("say what would change, and change nothing"))
	f.BoolVar(&v.json, "json", false, e.say("write one JSON document"))
}

// undone adds what a move takes that cannot be undone.
func (v *mover) undone(cmd *cobra.Command) {
	v.guarded = true
	v.guard.flag(v.e, cmd)
}

// parts reads the names of parts.
func (v *mover) parts(names []string) {
	for _, name := range names {
		v.req.Parts = append(v.req.Parts, banto.PartKey(name))
	}
}

// run makes the move on the tracker that is the first argument.
func (v *mover) run(cmd *cobra.Command, tracker string) error {
	e, ctx := v.e, cmd.Context()
	id, err := e.trackerID(cmd, tracker)
	if err != nil {
		return err
	}
	if !utf8.ValidString(v.req.Reason) {
		return e.wrongUse(cmd, e.say("the reason is not UTF-8"))
	}
	if err := e.fits(cmd, v.req.Reason, v.req.Move); err != nil {
		return err
	}
	m, err := e.acting(ctx, v.json)
	if err != nil {
		return err
	}
	if v.guarded && !v.req.DryRun {
		sense := func() error {
			dry := v.req
			dry.DryRun, dry.Yes = true, dry.Move == banto.MoveRerun // whether parts may run again is asked later
			_, err := m.Move(ctx, id, dry)
			return err
		}
		if err := e.confirmed(ctx, m, cmd, v.guard, string(id), sense); err != nil {
			return err
		}
	}
	result, err := v.move(ctx, m, id)
	if err != nil {
		return err
	}
	return v.tell(ctx, m, result)
}

// move asks the manager. A rerun of parts that want to be asked for is asked
// for, where somebody is there to answer.
func (v *mover) move(ctx context.Context, m *client.Client, id banto.TrackerID) (banto.MoveResult, error) {
	result, err := m.Move(ctx, id, v.req)
	if v.req.Move != banto.MoveRerun || v.req.Yes || banto.KindOf(err) != banto.KindConflict || !v.e.asks() {
		return result, err
	}
	asked := v.req
	asked.Yes, asked.DryRun = true, true
	if _, again := m.Move(ctx, id, asked); again != nil {
		return result, err // it is refused for something else
	}
	v.e.tell(err)
	text, lineErr := v.e.ask(v.e.say("Run them all the same? [y/N]") + " ")
	if lineErr != nil || !yes(text) {
		return result, exit(banto.KindConflict.ExitCode())
	}
	v.req.Yes = true
	return m.Move(ctx, id, v.req)
}

// longestReason is how many characters a reason or a comment may have.
const longestReason = 1000

// fits refuses a reason that is longer than the manager keeps.
func (e *env) fits(cmd *cobra.Command, reason string, move banto.Move) error {
	switch {
	case utf8.RuneCountInString(reason) <= longestReason:
		return nil
	case move == banto.MoveComment:
		return e.wrongUse(cmd, e.say("the comment is longer than %d characters", longestReason))
	}
	return e.wrongUse(cmd, e.say("the reason is longer than %d characters", longestReason))
}

// yes says whether a line is a yes.
func yes(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "y", "yes", "はい":
		return true
	}
	return false
}

// tell says what the move did, or would do, and waits if that was asked for.
func (v *mover) tell(ctx context.Context, m *client.Client, r banto.MoveResult) error {
	e := v.e
	// A tracker that goes on from here is told as a submission is.
	goesOn := r.Move == banto.MoveRerun || r.Move == banto.MoveCancel || v.wait.wait || v.wait.blocked
	if v.json && (r.DryRun || !goesOn) {
		return e.document(r)
	}
	if !v.json {
		var b strings.Builder
		if !r.DryRun {
			b.WriteString(e.moved(r) + "\n")
		}
		if r.DryRun || r.Move != banto.MoveRerun && r.Move != banto.MoveCancel {
			e.writeChanges(&b, r.Changes, e.pen(), e.width())
		}
		if r.DryRun {
			b.WriteString(e.say("nothing was changed (--dry-run); parts that would change: %d", len(r.Changes)) + "\n")
		}
		if err := e.print(b.String()); err != nil {
			return err
		}
	}
	if r.DryRun || !goesOn {
		return nil
	}
	return e.afterwards(ctx, m, r.Tracker, v.wait, v.json)
}

// moved says in a line what a move has done.
func (e *env) moved(r banto.MoveResult) string {
	t := r.Tracker
	switch r.Move {
	case banto.MoveHold:
		if len(r.Changes) == 0 && t.Held {
			return e.say("tracker %s: held; nothing new starts until it is released", t.ID)
		}
		return e.say("tracker %s: held parts: %d", t.ID, len(r.Changes))
	case banto.MoveRelease:
		return e.say("tracker %s: released", t.ID)
	case banto.MoveSkip:
		return e.say("tracker %s: skipped parts: %d", t.ID, len(r.Changes))
	case banto.MoveForceEnd:
		return e.forced(r)
	case banto.MoveKill:
		return e.say("tracker %s: being killed: %d", t.ID, len(r.Changes))
	case banto.MoveRerun:
		return e.say("tracker %s: rerun %d of %s", t.ID, t.Rerun, plain(t.Jobnet))
	case banto.MoveComment:
		return e.say("tracker %s: the comment is kept", t.ID)
	}
	if t.State.Ended() {
		return e.say("tracker %s: %s", t.ID, e.trackerState(t.State))
	}
	return e.say("tracker %s: what runs is being killed, and nothing more is started", t.ID)
}

// forced says what a force-end has done. A part that still runs is killed first
// and has its outcome after that.
func (e *env) forced(r banto.MoveResult) string {
	killed := 0
	for _, c := range r.Changes {
		if !c.To.Ended() {
			killed++
		}
	}
	ended := len(r.Changes) - killed
	switch {
	case killed == 0:
		return e.say("tracker %s: ended by your word: %d", r.Tracker.ID, ended)
	case ended == 0:
		return e.say("tracker %s: to be ended by your word: %d (being killed)", r.Tracker.ID, killed)
	}
	return e.say("tracker %s: ended by your word: %d; to be ended: %d (being killed)", r.Tracker.ID, ended, killed)
}

// changesMost is how many parts are told after a move; all of them are in
// banto tracker show.
const changesMost = 200

// writeChanges tells what a move changes at once.
func (e *env) writeChanges(b *strings.Builder, changes []banto.MoveChange, p pen, width int) {
	if len(changes) == 0 {
		return
	}
	t := table{columns: []column{
		{title: e.say("PART"), least: 10},
		{title: e.say("FROM")},
		{},
		{title: e.say("TO")},
		{title: e.say("NOTE"), least: 10, drop: 1},
	}}
	for _, c := range changes[:min(len(changes), changesMost)] {
		_, from := partLook(c.From)
		_, to := partLook(c.To)
		t.add(cell{text: plain(string(c.Part))}, cell{e.partState(c.From), from}, cell{text: "→"}, cell{e.partState(c.To), to}, cell{text: plain(c.Note)})
	}
	// Writing to a strings.Builder cannot fail.
	_ = t.write(b, p, width)
	if rest := len(changes) - changesMost; rest > 0 {
		b.WriteString(e.say("… and %d more", rest) + "\n")
	}
}

// completeMove offers trackers, then parts in a state that the move is for.
func (e *env) completeMove(fits func(banto.PartState) bool, states ...banto.TrackerState) completer {
	trackers := e.completeTrackers(states...)
	parts := e.completesFrom(1, func(ctx context.Context, m *client.Client, args []string) ([]cobra.Completion, error) {
		all, err := m.Parts(ctx, banto.TrackerID(args[0]))
		var offered []cobra.Completion
		for _, p := range all {
			if fits(p.State) {
				offered = append(offered, cobra.CompletionWithDesc(string(p.Key), e.partState(p.State)))
			}
		}
		return offered, err
	})
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return trackers(cmd, args, typed)
		}
		return parts(cmd, args, typed)
	}
}

// open are the states of trackers that have not ended.
func open() []banto.TrackerState {
	return []banto.TrackerState{banto.TrackerRunning, banto.TrackerBlocked, banto.TrackerQueued, banto.TrackerHeld, banto.TrackerPlanned}
}

func notEnded(s banto.PartState) bool { return !s.Ended() }

// params reads name=value flags.
func (e *env) params(cmd *cobra.Command, given []string) (map[string]string, error) {
	all := map[string]string{}
	for _, p := range given {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return nil, e.wrongUse(cmd, e.say("%q is not a parameter; write it as name=value", p))
		}
		if !utf8.ValidString(value) {
			return nil, e.wrongUse(cmd, e.say("the value of parameter %q is not UTF-8", name))
		}
		if _, twice := all[name]; twice {
			return nil, e.wrongUse(cmd, e.say("parameter %q is given twice", name))
		}
		all[name] = value
	}
	return all, nil
}

// examples lays out the examples of a command.
func examples(lines ...string) string { return fmt.Sprintf("  %s", strings.Join(lines, "\n  ")) }
