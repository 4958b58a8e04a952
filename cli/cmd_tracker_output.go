package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/spf13/cobra"
)

func newTrackerOutputCommand(e *env) *cobra.Command {
	o := outputCommand{e: e}
	cmd := e.command("output TRACKER [PART]", e.say("Print what jobs printed"), func(cmd *cobra.Command, args []string) error {
		id, err := e.trackerID(cmd, args[0])
		if err != nil {
			return err
		}
		part := banto.PartKey("")
		if len(args) > 1 {
			part = banto.PartKey(args[1])
		}
		switch {
		case part == "" && (o.follow || o.number > 0):
			return e.wrongUse(cmd, e.say("--follow and --attempt need the name of a part"))
		case o.follow && o.json:
			return e.wrongUse(cmd, e.say("--follow and --json do not go together"))
		case o.raw && o.json:
			return e.wrongUse(cmd, e.say("--raw and --json do not go together"))
		}
		if o.m, err = e.manager(); err != nil {
			return err
		}
		return o.run(cmd.Context(), id, part)
	})
	cmd.Long = e.say("Prints what jobs printed: what they printed in another encoding as UTF-8, with --raw byte for byte. On a\nterminal what could move the cursor or change colours is made visible. Without PART: of all parts.")
	cmd.Example = "  banto tracker output 20261121-7k3mq0x archive\n  banto tracker output 20261121-7k3mq0x archive --attempt 1 > archive.log\n  banto tracker output 20261121-7k3mq0x archive --follow"
	cmd.Args = e.takes(1, 2, "TRACKER [PART]")
	trackers, parts := e.completeTrackers(), e.completeOutputs(1)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return trackers(cmd, args, typed)
		}
		return parts(cmd, args, typed)
	}
	f := cmd.Flags()
	f.IntVar(&o.number, "attempt", 0, e.say("`number` of the part's attempt; the last one if left out"))
	f.BoolVar(&o.follow, "follow", false, e.say("go on until the attempt has ended"))
	f.BoolVar(&o.raw, "raw", false, e.say("the bytes as they were printed"))
	f.BoolVar(&o.json, "json", false, e.say("write one JSON document"))
	return cmd
}

// outputCommand is one run of banto tracker output.
type outputCommand struct {
	e            *env
	m            *client.Client
	number       int
	follow, json bool
	raw          bool // the bytes as they are
}

// outputDocument is what programs read of an attempt's output.
type outputDocument struct {
	Attempt banto.AttemptID    `json:"attempt"`
	Part    banto.PartKey      `json:"part"`
	Number  int                `json:"number"`
	State   banto.AttemptState `json:"state"`
	Size    int64              `json:"size"`
	Lost    int64              `json:"lost,omitempty"` // bytes cut away at the limit
	Text    string             `json:"text"`           // what is no UTF-8 is replaced
}

func (o *outputCommand) run(ctx context.Context, id banto.TrackerID, part banto.PartKey) error {
	attempts, err := o.attempts(ctx, id, part)
	if err != nil {
		return err
	}
	if o.json {
		return o.documents(ctx, attempts)
	}
	out := o.e.std.Out
	var clean *harmlessWriter
	if _, _, ok := o.e.terminal(); ok {
		clean = &harmlessWriter{out: out}
		out = clean
	}
	for i, a := range attempts {
		if part == "" {
			title := o.e.say("==> %s, attempt %d: %s <==", plain(string(a.Part)), a.Number, o.e.partState(banto.PartState(a.State)))
			if i > 0 {
				title = "\n" + title
			}
			if err := o.e.print(title + "\n"); err != nil {
				return err
			}
		}
		if err := o.one(ctx, a, out); err != nil {
			return err
		}
		if clean != nil {
			if err := clean.flush(); err != nil {
				return o.e.written(err)
			}
		}
	}
	return nil
}

// attempts gives the attempts to print: the one that was asked for, or the
// last one of each part.
func (o *outputCommand) attempts(ctx context.Context, id banto.TrackerID, part banto.PartKey) ([]banto.Attempt, error) {
	if part != "" {
		// The manager knows best what it does not know.
		parts, err := o.m.Parts(ctx, id)
		if err != nil {
			return nil, err
		}
		if items := itemsOf(parts, part); len(items) > 0 {
			return nil, banto.Fail(banto.KindNotFound, o.e.say("cannot show the output of %s", string(part)),
				o.e.say("%s runs on every host: %s", string(part), someOf(items)), o.e.say("name one of them"))
		}
		if _, ok := newView(banto.Tracker{}, parts).index[part]; !ok {
			return nil, banto.Fail(banto.KindNotFound, o.e.say("cannot show the output of %s", string(part)),
				o.e.say("tracker %s has no such part", id), o.e.say("banto tracker show %s lists them", id))
		}
	}
	if o.follow {
		if err := o.begun(ctx, id, part); err != nil {
			return nil, err
		}
	}
	all, err := o.m.Attempts(ctx, id, part)
	if err != nil {
		return nil, err
	}
	var chosen []banto.Attempt
	place := map[banto.PartKey]int{}
	for _, a := range all {
		if o.number > 0 && a.Number != o.number {
			continue
		}
		if i, ok := place[a.Part]; ok {
			chosen[i] = a
			continue
		}
		place[a.Part] = len(chosen)
		chosen = append(chosen, a)
	}
	if part == "" || len(chosen) > 0 {
		return chosen, nil
	}
	why := o.e.say("it has not been started yet")
	if o.number > 0 {
		why = o.e.say("it has no attempt %d", o.number)
	}
	return nil, banto.Fail(banto.KindNotFound, o.e.say("cannot show the output of %s", string(part)), why,
		o.e.say("banto tracker show %s --attempts lists them", id))
}

// itemsOf gives the names of what a part runs on each of several hosts.
func itemsOf(parts []banto.PartView, part banto.PartKey) []string {
	var all []string
	for _, p := range parts {
		if strings.HasPrefix(string(p.Key), string(part)+"[") {
			all = append(all, string(p.Key))
		}
	}
	return all
}

// someOf lists names, some of them if there are many.
func someOf(names []string) string {
	const shown = 8
	if len(names) > shown {
		names = append(slices.Clone(names[:shown]), "…")
	}
	return strings.Join(names, ", ")
}

// begun waits until a part has an attempt, or can have none any more.
func (o *outputCommand) begun(ctx context.Context, id banto.TrackerID, part banto.PartKey) error {
	return o.m.Watch(ctx, id, func(ev banto.TrackerEvent) error {
		for _, p := range ev.Parts {
			if p.Key == part && (p.AttemptID != "" || p.State.Ended()) {
				return client.ErrStop
			}
		}
		return nil
	})
}

// followFor is how long one call waits for more output.
const followFor = 20 * time.Second

// one copies the output of an attempt.
func (o *outputCommand) one(ctx context.Context, a banto.Attempt, out io.Writer) error {
	wait := time.Duration(0)
	if o.follow {
		wait = followFor
	}
	get := o.m.OutputText
	if o.raw || plainEncoding(a.Encoding) {
		get = o.m.Output
	}
	for offset := int64(0); ; {
		piece, err := get(ctx, a.ID, offset, wait)
		if err != nil {
			return err
		}
		if _, err := out.Write(piece.Data); err != nil {
			return o.e.written(err)
		}
		offset = piece.Next
		if offset >= piece.Size && (piece.Ended || !o.follow) || len(piece.Data) == 0 && !o.follow {
			break
		}
	}
	last, err := o.m.Attempt(ctx, a.ID)
	if err != nil {
		return err
	}
	if last.OutputLost > 0 {
		// The output itself is whole without this note.
		_, _ = fmt.Fprintln(o.e.std.Err, o.e.say("note: %s more were printed and are cut away", size(last.OutputLost)))
	}
	return nil
}

// plainEncoding says whether what was printed is taken for UTF-8 anyway. Then
// its bytes are passed on, whatever they are.
func plainEncoding(name string) bool {
	return name == "" || strings.EqualFold(name, "utf-8") || strings.EqualFold(name, "utf8")
}

func (o *outputCommand) documents(ctx context.Context, attempts []banto.Attempt) error {
	items := []outputDocument{}
	for _, a := range attempts {
		var b strings.Builder
		if err := o.one(ctx, a, &b); err != nil {
			return err
		}
		items = append(items, outputDocument{a.ID, a.Part, a.Number, a.State, int64(b.Len()), a.OutputLost, strings.ToValidUTF8(b.String(), "�")})
	}
	return o.e.document(listOf(items))
}
